"""What schemas are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dcrserver.metadata import PARAMETERS, SERVER_ASSIGNED, VERIFIED, Parameter
from dcrserver.strict_json import JsonObject, JsonValue

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
