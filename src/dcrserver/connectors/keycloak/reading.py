"""Clients of Keycloak as they are told of: in its words and in ours, with no secret."""

from __future__ import annotations

from collections.abc import Mapping

from dcrserver.connectors.client import RemoteClient
from dcrserver.connectors.keycloak.mapping import mark_of, without_secrets
from dcrserver.connectors.keycloak.paths import attributes
from dcrserver.connectors.keycloak.rows import STORED
from dcrserver.connectors.keycloak.scopes import Facts
from dcrserver.metadata.catalogue import PARAMETERS
from dcrserver.moving import keycloak
from dcrserver.moving.keycloak_names import BUILT_IN
from dcrserver.strict_json import BadJson, JsonObject, JsonValue, loads

_NEEDED = frozenset({"basic", "acr", "web-origins"})


def remote(there: JsonObject, scope: str) -> RemoteClient:
    """A client as Keycloak shows it; ``scope``: which it may ask for. A copy of one of ours that
    somebody made has our attributes, and is not ours.
    """
    mark = mark_of(there)
    if mark is not None and mark.client_id != there.get("clientId"):
        mark = None
    return RemoteClient(
        str(there["id"]),
        str(there.get("clientId")),
        mark.mark if mark else None,
        without_secrets(there),
        _metadata(there) | {"scope": scope},
        there.get("enabled") is not False,
        mark.tenant if mark else None,
    )


def _metadata(there: JsonObject) -> JsonObject:
    """As an import would take it, and what we stored beside."""
    stored: JsonObject = {
        (member := name.removeprefix(STORED)): _as_registered(member, str(each))
        for name, each in attributes(there).items()
        if name.startswith(STORED)
    }
    return keycloak.metadata(there) | stored


def _as_registered(member: str, text: str) -> JsonValue:
    """A text as it is, and anything else of its JSON; somebody may have changed it by hand."""
    row = PARAMETERS.get(member.partition("#")[0])
    if row is None or row.kind.schema.get("type") == "string":
        return text
    try:
        return loads(text.encode())
    except BadJson:
        return text


def is_of_keycloak(there: Mapping[str, JsonValue], account: str) -> bool:
    """A part of Keycloak's own, our account, or a client of another protocol."""
    return (
        there.get("clientId") in BUILT_IN | {account}
        or attributes(there).get("realm_client") == "true"
        or there.get("protocol", "openid-connect") != "openid-connect"
        or there.get("bearerOnly") is True
    )


def lacks(realm: str, facts: Facts) -> list[str]:
    """What the realm does not give to new clients, though tokens need it."""
    return [
        f"realm {realm}: the client scope {name} is not given to new clients by default"
        for name in sorted(_NEEDED - facts.needed())
    ]
