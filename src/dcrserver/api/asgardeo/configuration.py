"""/api/server/v1/configs/dcr: what is configured for registration, as Asgardeo's API has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import NamedTuple, TypeAlias

from starlette.requests import Request
from starlette.responses import Response

from dcrserver.api.asgardeo.openapi import CHANGE_CONFIGURATION, READ_CONFIGURATION
from dcrserver.edge import asgardeo
from dcrserver.edge.body import JSON, strict_json
from dcrserver.edge.dependencies import administrator, origin, runtime, tenant
from dcrserver.edge.responses import NO_STORE, json_response
from dcrserver.edge.routers import Router
from dcrserver.edge.routing import ProtocolRoute
from dcrserver.errors import InvalidInput
from dcrserver.services.tenants.dcr_configuration import DcrConfiguration
from dcrserver.strict_json import JsonObject, JsonValue
from dcrserver.tenants import Tenant

router = Router(ProtocolRoute, asgardeo.CONFIGURATION, tag="asgardeo")
_JSON_PATCH = "application/json-patch+json"
_DEFAULT = DcrConfiguration()
_Value: TypeAlias = "bool | str | None"


class _Member(NamedTuple):
    theirs: str
    ours: str
    is_flag: bool


_MEMBERS = (
    _Member("authenticationRequired", "authentication_required", is_flag=True),
    _Member("mandateSSA", "mandate_ssa", is_flag=True),
    _Member("ssaJwks", "ssa_jwks", is_flag=False),
    _Member("enableFapiEnforcement", "enable_fapi_enforcement", is_flag=True),
    _Member("fapiProfile", "fapi_profile", is_flag=False),
)
_BY_PATH = {f"/{member.theirs}": member for member in _MEMBERS} | {
    "/clientAuthenticationRequired": _MEMBERS[0]  # so their documentation spells it
}
# Those of RFC 6902 that mean something where all members are there and have no parts.
_VERBS = ("add", "replace", "remove", "test")
_FLAGS = {"true": True, "false": False}


def _offered(here: Tenant) -> bool:
    return here.asgardeo


@router.get("/dcr", access="administrator", offered=_offered, **READ_CONFIGURATION)
async def read(request: Request) -> Response:
    """What is configured now."""
    await administrator(request, "policies:read")
    found = await runtime(request).dcr_configuration.read(tenant(request))
    return json_response(_told(found), headers=NO_STORE)


@router.patch("/dcr", access="administrator", offered=_offered, **CHANGE_CONFIGURATION)
async def change(request: Request) -> Response:
    """All of the changes, or none; by their operations, or by those of RFC 6902."""
    asks = await administrator(request, "policies:write")
    _, operations = await strict_json(request, (JSON, _JSON_PATCH))
    if not isinstance(operations, list):
        raise InvalidInput("the body must be a list of operations")

    def changed(before: DcrConfiguration) -> DcrConfiguration:
        values: dict[str, _Value] = asdict(before)
        for number, operation in enumerate(operations):
            _apply(operation, values, f"operation {number}")
        return DcrConfiguration(**values)  # type: ignore[arg-type]

    by = origin(request, asks)
    await runtime(request).dcr_configuration.change(tenant(request), changed, by)
    return Response(status_code=200, headers=NO_STORE)


def _told(configuration: DcrConfiguration) -> JsonObject:
    values: Mapping[str, _Value] = asdict(configuration)
    made: JsonObject = {member.theirs: values[member.ours] for member in _MEMBERS}
    return {name: value for name, value in made.items() if value is not None}


def _apply(operation: JsonValue, values: dict[str, _Value], where: str) -> None:
    """
    Raises:
        InvalidInput: it is no operation, or what it tests does not hold.
    """
    if not isinstance(operation, dict):
        raise InvalidInput(f"{where}: must be an object")
    member = _BY_PATH.get(str(operation.get("path")))
    if member is None:
        raise InvalidInput(f"{where}: path must be one of {', '.join(sorted(_BY_PATH))}")
    verb = _verb(operation, where)
    if verb == "remove":
        values[member.ours] = getattr(_DEFAULT, member.ours)
        return
    if "value" not in operation:
        raise InvalidInput(f"{where}: needs a value")
    value = _value(operation["value"], member, where)
    if verb == "test":
        if values[member.ours] != value:
            raise InvalidInput(f"{where}: {member.theirs} has another value")
        return
    values[member.ours] = value


def _verb(operation: JsonObject, where: str) -> str:
    """What of RFC 6902 is meant; of theirs there is REPLACE alone, under another name.

    Raises:
        InvalidInput: nothing that can be done here.
    """
    if operation.get("op") in _VERBS:
        return str(operation["op"])
    if "op" in operation or operation.get("operation") != "REPLACE":
        raise InvalidInput(f"{where}: must be REPLACE, or {', '.join(_VERBS)} of RFC 6902")
    return "replace"


def _value(given: JsonValue, member: _Member, where: str) -> _Value:
    """Their values are texts, whatever they mean."""
    if member.is_flag:
        meant = _FLAGS.get(given, given) if isinstance(given, str) else given
        if not isinstance(meant, bool):
            raise InvalidInput(f"{where}: {member.theirs} must be true or false")
        return meant
    if given is not None and not isinstance(given, str):
        raise InvalidInput(f"{where}: {member.theirs} must be a text")
    return given or None
