"""/api/identity/oauth2/dcr/v1.1/register: registration as Asgardeo's API documents it.

By the services of /register: what is judged, stored and told is the same. Beside the names of
members (``members``), two things differ: a client_name is of one client that administrators made,
and who has no token of theirs registers only where they said so, by a software statement.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

from starlette.requests import Request
from starlette.responses import Response

from dcrserver.api.asgardeo import members
from dcrserver.api.asgardeo.openapi import CREATE, DELETE, FIND, READ, UPDATE
from dcrserver.edge import asgardeo
from dcrserver.edge.body import json_octets
from dcrserver.edge.dependencies import administrator, bearer_token, origin, runtime, tenant
from dcrserver.edge.limits import registrant
from dcrserver.edge.responses import NO_STORE, Credentials
from dcrserver.edge.routers import Router
from dcrserver.edge.routing import ProtocolRoute
from dcrserver.errors import InvalidClientMetadata, RegistrationError
from dcrserver.limits import Stage
from dcrserver.metadata import Policy
from dcrserver.rate_limit import UNCOUNTED, Registrant
from dcrserver.services.access.client_access import ClientPermit
from dcrserver.services.audit.actors import ANONYMOUS, Actor
from dcrserver.services.registration.judgement import parse_object
from dcrserver.services.tenants.dcr_configuration import Door
from dcrserver.strict_json import JsonObject, dumps
from dcrserver.tenants import Tenant

router = Router(ProtocolRoute, asgardeo.REGISTRATION, tag="asgardeo")
_NAME = "client_name"


def _offered(here: Tenant) -> bool:
    return here.asgardeo


@router.post(
    "/register",
    access="administrator_or_statement",
    offered=_offered,
    status_code=201,
    **CREATE,
)
async def create(request: Request) -> Response:
    """Registers a client; what administrators make is called as no other client of theirs."""
    doors = runtime(request).dcr_configuration
    if bearer_token(request) is None:
        door = await doors.door(tenant(request))
        if door.is_for_anybody:
            async with registrant(request, None, is_open=True) as who:
                await who.charge(Stage.OPEN_MADE)
                return await _register(request, door, ANONYMOUS, who)
    owner = await administrator(request, "clients:create")
    return await _register(request, await doors.door(tenant(request)), owner)


async def _register(
    request: Request, door: Door, actor: Actor, by: Registrant = UNCOUNTED
) -> Response:
    here, permit = runtime(request), door.permit(actor)
    sent = await _sent(request, permit.terms.policy)
    async with _in_their_names(sent):
        asked = members.read(sent)
        door.check(asked)
        name = _name_in(asked)
        kept = here.client_names.kept(door.tenant, name) if permit.is_administrator_s else None
        async with kept or nullcontext():
            octets = dumps(asked).encode()
            asks = origin(request, actor)
            made = await here.registration.register(permit, octets, asks, by=by)
    return _answer(made.information, 201, (b"location", _location(request, made.information)))


@router.get("/register", access="administrator", offered=_offered, **FIND)
async def find(request: Request) -> Response:
    """The one client of the name that the query holds, to the letter."""
    here, asks = runtime(request), await administrator(request, "clients:read")
    names = [value for name, value in request.query_params.multi_items() if name == _NAME]
    if len(names) != 1 or not names[0]:
        raise InvalidClientMetadata(f"exactly one {_NAME} is required in the query")
    record = await here.client_names.find(asks, tenant(request), names[0])
    return _answer(await here.management.describe(ClientPermit(tenant(request), record, "", asks)))


@router.get("/register/{client_id}", access="administrator", offered=_offered, **READ)
async def read(request: Request) -> Response:
    """A registration, without its secret."""
    permit = await _permit(request, "clients:read")
    return _answer(await runtime(request).management.describe(permit))


@router.put("/register/{client_id}", access="administrator", offered=_offered, **UPDATE)
async def update(request: Request) -> Response:
    """Replaces a registration: what is left out is gone (RFC 7592 2.2)."""
    here, permit = runtime(request), await _permit(request, "clients:update")
    sent = await _sent(request, permit.terms.policy)
    async with _in_their_names(sent):
        client_id = permit.record.client_id
        asked = members.read_update(client_id, sent)
        octets, by = dumps(asked).encode(), origin(request, permit.actor)
        async with here.client_names.kept(permit.tenant, _name_in(asked), client_id):
            return _answer(await here.management.update(permit, octets, by))


@router.delete(
    "/register/{client_id}", access="administrator", offered=_offered, status_code=204, **DELETE
)
async def delete(request: Request) -> Response:
    """Ends a registration, with all that the client was given."""
    permit = await _permit(request, "clients:delete")
    await runtime(request).management.delete(permit, origin(request, permit.actor))
    return Response(status_code=204, headers=NO_STORE)


async def _permit(request: Request, scope: str) -> ClientPermit:
    asks = await administrator(request, scope)
    return await runtime(request).client_access.by_administrator(
        tenant(request), request.path_params["client_id"], asks
    )


async def _sent(request: Request, policy: Policy) -> JsonObject:
    return parse_object(await json_octets(request, policy), policy.json_)


@asynccontextmanager
async def _in_their_names(sent: JsonObject) -> AsyncIterator[None]:
    """Around what judges: mistakes are told by the names by which members were ``sent``."""
    try:
        yield
    except RegistrationError as error:
        raise members.in_their_names(error, sent) from None


def _name_in(asked: JsonObject) -> str:
    """
    Raises:
        InvalidClientMetadata: there is no name, by which clients are told apart here.
    """
    name = asked.get(_NAME)
    if not isinstance(name, str) or not name:
        raise InvalidClientMetadata(f"{_NAME} is required")
    return name


def _answer(information: str, status: int = 200, *others: tuple[bytes, bytes]) -> Response:
    return Credentials(dumps(members.told(json.loads(information))), status, *others)


def _location(request: Request, information: str) -> bytes:
    client_id = str(json.loads(information)["client_id"])
    return f"{tenant(request).root}{asgardeo.REGISTRATION}/register/{client_id}".encode()
