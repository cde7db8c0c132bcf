"""Changes of a JSON document: JSON Merge Patch (RFC 7396) and JSON Patch (RFC 6902).

A document is never changed in place, and what a patch may write is bounded: a list of copies of
copies doubles the document with each, and a copy into its own end doubles how deep it is.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote

from dcrserver.strict_json import JsonObject, JsonValue, dumps

MAX_OPERATIONS = 200
# Octets that all operations together write, and levels of arrays and objects: more than any policy
# lets a body have, and fewer than a recursive reader can take.
_MAX_WRITTEN = 1_000_000
_MAX_DEPTH = 210
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")
_NEEDS: Mapping[str, tuple[str, ...]] = {
    "add": ("value",),
    "remove": (),
    "replace": ("value",),
    "move": ("from",),
    "copy": ("from",),
    "test": ("value",),
}


class BadPatch(ValueError):
    """A patch that cannot be applied; ``index`` of the operation, None: the whole."""

    def __init__(self, reason: str, index: int | None = None) -> None:
        super().__init__(reason)
        self.index = index


class NotAsTested(BadPatch):
    """The document is not what an operation of the patch demands."""


def pointer(parts: Iterable[object]) -> str:
    """Where a member of a document is, as RFC 6901 6 writes it into a URI."""
    escaped = (str(part).replace("~", "~0").replace("/", "~1") for part in parts)
    return "#" + "".join(f"/{quote(part, safe='~')}" for part in escaped)


def merged(document: JsonValue, patch: JsonValue) -> JsonValue:
    """``document`` with ``patch`` merged in (RFC 7396 2): null removes a member."""
    if not isinstance(patch, dict):
        return patch
    made = dict(document) if isinstance(document, dict) else {}
    for name, value in patch.items():
        if value is None:
            made.pop(name, None)
        else:
            made[name] = merged(made.get(name), value)
    return made


def patched(document: JsonValue, patch: JsonValue) -> JsonValue:
    """``document`` after all operations of ``patch`` (RFC 6902 3), or none of them.

    Raises:
        BadPatch: one of them cannot be done.
    """
    if not isinstance(patch, list) or len(patch) > MAX_OPERATIONS:
        raise BadPatch(f"must be an array of at most {MAX_OPERATIONS} operations")
    made, left = copy.deepcopy(document), _MAX_WRITTEN
    for index, operation in enumerate(patch):
        try:
            made, left = _applied(made, operation, left)
        except BadPatch as error:
            raise type(error)(str(error), index) from None
    return made


def _applied(document: JsonValue, operation: JsonValue, left: int) -> tuple[JsonValue, int]:
    """The document after ``operation``, and of the octets ``left`` those that others may write."""
    name, given = _read(operation)
    path, value = _parts(given.get("path")), given.get("value")
    if name == "test":
        if not _equal(_at(document, path), value):
            raise NotAsTested("the value is another one")
        return document, left
    if name in {"move", "copy"}:
        document, value = _taken(document, _parts(given["from"]), path, is_move=name == "move")
    if name in {"remove", "replace"}:
        _at(document, path)
    if name == "remove":
        return _removed(document, path), left
    if len(path) + _depth(value) > _MAX_DEPTH:
        raise BadPatch("makes the document too deep")
    left -= len(dumps(value))
    if left < 0:
        raise BadPatch("makes the document too large")
    return _put(document, path, copy.deepcopy(value), is_new=name != "replace"), left


def _depth(value: JsonValue) -> int:
    """Levels of arrays and objects; none for a text or a number."""
    levels, layer = 0, [value]
    while layer := [each for each in layer if isinstance(each, dict | list)]:
        levels += 1
        layer = [part for each in layer for part in _parts_of(each)]
    return levels


def _parts_of(value: JsonObject | list[JsonValue]) -> Iterable[JsonValue]:
    return value.values() if isinstance(value, dict) else value


def _read(operation: JsonValue) -> tuple[str, JsonObject]:
    if not isinstance(operation, dict):
        raise BadPatch("must be an object")
    name = operation.get("op")
    if not isinstance(name, str) or name not in _NEEDS:
        raise BadPatch(f"op must be one of {', '.join(_NEEDS)}")
    for member in _NEEDS[name]:
        if member not in operation:
            raise BadPatch(f"{member} is missing")
    return name, operation


def _taken(
    document: JsonValue, source: list[str], path: list[str], *, is_move: bool
) -> tuple[JsonValue, JsonValue]:
    """The document without what is moved, and that, or a copy."""
    value = _at(document, source)
    if not is_move:
        return document, value
    if source == path[: len(source)] and source != path:
        raise BadPatch("nothing can be moved into itself")
    return _removed(document, source), value


def _parts(pointer: JsonValue) -> list[str]:
    """The parts of a JSON Pointer (RFC 6901)."""
    if not isinstance(pointer, str) or (pointer and not pointer.startswith("/")):
        raise BadPatch("path and from must be JSON Pointers")
    if re.search("~(?![01])", pointer):
        raise BadPatch("~ must be followed by 0 or 1")
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def _at(document: JsonValue, parts: list[str]) -> JsonValue:
    for part in parts:
        if isinstance(document, dict) and part in document:
            document = document[part]
        elif isinstance(document, list):
            document = document[_index(part, len(document) - 1)]
        else:
            raise BadPatch("there is nothing at this place")
    return document


def _removed(document: JsonValue, parts: list[str]) -> JsonValue:
    if not parts:
        return None
    parent = _at(document, parts[:-1])
    if isinstance(parent, dict):
        del parent[parts[-1]]
    elif isinstance(parent, list):
        del parent[_index(parts[-1], len(parent) - 1)]
    return document


def _put(document: JsonValue, parts: list[str], value: JsonValue, *, is_new: bool) -> JsonValue:
    if not parts:
        return value
    parent, last = _at(document, parts[:-1]), parts[-1]
    if isinstance(parent, dict):
        parent[last] = value
    elif isinstance(parent, list) and is_new:
        parent.insert(len(parent) if last == "-" else _index(last, len(parent)), value)
    elif isinstance(parent, list):
        parent[_index(last, len(parent) - 1)] = value
    else:
        raise BadPatch("there is nothing at this place")
    return document


def _index(part: str, highest: int) -> int:
    if not _INDEX.fullmatch(part) or int(part) > highest:
        raise BadPatch("there is nothing at this place")
    return int(part)


def _equal(one: JsonValue, other: JsonValue) -> bool:
    """As RFC 6902 4.6 compares: true is no number, 1 is 1.0, members have no order."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(one[k], other[k]) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    return one == other
