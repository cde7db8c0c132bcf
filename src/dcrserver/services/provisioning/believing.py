"""Step: what a target says that it made of a client, as far as a client can be so.

The target may replace what was asked for (RFC 7591 3.2.1), and its word is written here and told to
other targets. So it is looked at as a stranger's is, and what administrators decide stays theirs.
"""

from __future__ import annotations

from collections.abc import Mapping

from dcrserver.metadata.catalogue import PARAMETERS
from dcrserver.metadata.model import Parameter, Terms, Unacceptable, Who
from dcrserver.strict_json import JsonObject, JsonValue

_ANY = Terms()
_TYPES: Mapping[str, type] = {
    "string": str, "array": list, "object": dict, "integer": int, "boolean": bool,
}  # fmt: skip
_MAX_TEXT = 8192


def believed(changed: Mapping[str, JsonValue], before: Mapping[str, JsonValue]) -> JsonObject:
    """Of ``changed``, what a target may say of a client that is ``before``.

    Raises:
        ValueError: no client can be so; the message is the name of the member.
    """
    made: JsonObject = {}
    for name, value in changed.items():
        row = PARAMETERS.get(name.partition("#")[0])
        if value is None:
            made[name] = None
        elif row is not None and row.set_by is Who.EVERYBODY:
            if not _fits(row, value, before.get(name)):
                raise ValueError(name[:64])
            made[name] = value
    return made


def _fits(row: Parameter, value: JsonValue, before: JsonValue) -> bool:
    if not _is_of(row.kind.schema, value):
        return False
    new = _new_locations(row, value, before)
    try:
        return new is None or row.kind.check(new, _ANY, row) is not None
    except Unacceptable:
        return False


def _is_of(schema: Mapping[str, JsonValue], value: JsonValue) -> bool:
    kind = str(schema.get("type"))
    if kind in _TYPES and type(value) is not _TYPES[kind]:
        return False
    if isinstance(value, str):
        return len(value) <= _MAX_TEXT
    items = schema.get("items")
    if isinstance(value, list) and isinstance(items, dict):
        return all(_is_of(items, each) for each in value)
    return True


def _new_locations(row: Parameter, value: JsonValue, before: JsonValue) -> JsonValue:
    """URLs of which nobody here has said yet that they may be; None: there are none."""
    items = row.kind.schema.get("items")
    if isinstance(value, list) and isinstance(items, dict) and items.get("format") == "uri":
        known = before if isinstance(before, list) else []
        return [each for each in value if each not in known] or None
    is_new = row.kind.schema.get("format") == "uri" and value != before
    return value if is_new else None
