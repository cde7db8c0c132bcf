"""Where a value is in a representation of Keycloak's: a field, or an attribute of its texts."""

from __future__ import annotations

from collections.abc import Mapping

from dcrserver.strict_json import JsonObject, JsonValue

_ATTRIBUTE = "attributes/"
# Lists that Keycloak keeps in no order.
_SETS = frozenset({"redirectUris", "webOrigins"})


def attribute(name: str) -> str:
    """The path of the attribute ``name``."""
    return f"{_ATTRIBUTE}{name}"


def document(values: Mapping[str, JsonValue]) -> JsonObject:
    """The representation that has ``values``, by their paths."""
    fields = {path: each for path, each in values.items() if not path.startswith(_ATTRIBUTE)}
    attributes: JsonObject = {
        path.removeprefix(_ATTRIBUTE): each
        for path, each in values.items()
        if path.startswith(_ATTRIBUTE)
    }
    return fields | {"attributes": attributes}


def value(representation: Mapping[str, JsonValue], path: str) -> JsonValue:
    """What is at ``path``, to be compared; nothing is as good as empty."""
    if path.startswith(_ATTRIBUTE):
        return attributes(representation).get(path.removeprefix(_ATTRIBUTE)) or ""
    found = representation.get(path)
    if path in _SETS:
        return [*sorted(map(str, found))] if isinstance(found, list) else []
    return "" if found is None else found


def attributes(representation: Mapping[str, JsonValue]) -> JsonObject:
    """All of its attributes."""
    found = representation.get("attributes")
    return found if isinstance(found, dict) else {}
