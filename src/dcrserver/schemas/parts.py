"""What schemas are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dcrserver.metadata import PARAMETERS, SERVER_ASSIGNED, VERIFIED, Parameter
from dcrserver.strict_json import JsonObject, JsonValue

EXAMPLE_ID = "3f1c0b7e9d2a4c58a6b1e0d4f7c29b83"

REQUEST_EXAMPLE: JsonObject = {
    "redirect_uris": ["https://client.example.org/callback"],
    "client_name": "Example client",
    "client_name#fr": "Exemple de client",
    "grant_types": ["authorization_code", "client_credentials"],
    "token_endpoint_auth_method": "client_secret_basic",
    "scope": "openid profile",
    "contacts": ["admin@client.example.org"],
}
_TIMES = frozenset({"client_id_issued_at", "client_secret_expires_at"})


def metadata_property(row: Parameter) -> JsonObject:
    """What OpenAPI says of a member of client metadata."""
    made: JsonObject = dict(row.kind.schema)
    made["description"] = f"{row.description} ({row.specification})"
    if row.default is not None:
        made["default"] = row.default
    if row.example is not None:
        made["example"] = row.example
    return made


# Every parameter of the catalogue.
METADATA: JsonObject = {row.name: metadata_property(row) for row in PARAMETERS.values()}


# Where statements are not read, it may be anything, as any member that is not known.
SENT_STATEMENT: JsonObject = {
    "software_statement": {"description": VERIFIED["software_statement"]},
}
TOLD_STATEMENT: JsonObject = {
    name: {"type": "string", "description": text} for name, text in VERIFIED.items()
}


def server_members(*names: str) -> dict[str, JsonValue]:
    return {
        name: {
            "type": "integer" if name in _TIMES else "string",
            "description": SERVER_ASSIGNED[name],
        }
        for name in names
    }


def object_of(
    texts: Mapping[str, str], required: Iterable[str], example: JsonObject | None = None
) -> JsonObject:
    return {
        **({"example": example} if example else {}),
        "type": "object",
        "required": list(required),
        "properties": {
            name: {"type": "string", "description": text} for name, text in texts.items()
        },
    }
