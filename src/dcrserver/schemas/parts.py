"""What schemas are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dcrserver.metadata import PARAMETERS, SERVER_ASSIGNED
from dcrserver.strict_json import JsonObject, JsonValue

_TIMES = frozenset({"client_id_issued_at", "client_secret_expires_at"})


def metadata_members() -> JsonObject:
    """Every parameter of the catalogue."""
    return {row.name: _property(row.name) for row in PARAMETERS.values()}


def server_members(*names: str) -> dict[str, JsonValue]:
    return {
        name: {
            "type": "integer" if name in _TIMES else "string",
            "description": SERVER_ASSIGNED[name],
        }
        for name in names
    }


def object_of(texts: Mapping[str, str], required: Iterable[str]) -> JsonObject:
    return {
        "type": "object",
        "required": list(required),
        "properties": {
            name: {"type": "string", "description": text} for name, text in texts.items()
        },
    }


def _property(name: str) -> JsonObject:
    row = PARAMETERS[name]
    made: JsonObject = dict(row.kind.schema)
    made["description"] = f"{row.description} ({row.specification})"
    if row.default is not None:
        made["default"] = row.default
    if row.example is not None:
        made["example"] = row.example
    return made
