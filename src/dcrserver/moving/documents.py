"""Which server a client comes from is seen by its members; ours are taken as they are."""

from __future__ import annotations

from collections.abc import Mapping

from dcrserver.moving import hydra, keycloak
from dcrserver.moving.record import Moved
from dcrserver.strict_json import JsonObject, JsonValue

# What a document of one value keeps its clients in: Hydra's list, Keycloak's exports.
_LISTS = ("items", "clients")


def moved(given: JsonObject, hashes: Mapping[str, JsonObject] | None = None) -> Moved:
    """``given`` as a registration of ours; ``hashes`` are the rows of a table by client_id."""
    if keycloak.recognises(given):
        return keycloak.move(given)
    client_id = given.get("client_id")
    known = client_id if isinstance(client_id, str) else None
    if hydra.recognises(given):
        return hydra.move(given, (hashes or {}).get(known) if known is not None else None)
    return Moved(known, given)


def clients_of(document: JsonValue) -> list[JsonValue]:
    """The clients in a document of one value: an array, a list, an export, or a client alone."""
    if isinstance(document, list):
        # Keycloak's command writes an array of realms when it is asked for more than one.
        return [client for each in document for client in clients_of(each)]
    if isinstance(document, dict):
        for name in _LISTS:
            inside = document.get(name)
            if isinstance(inside, list):
                return inside
    return [document]
