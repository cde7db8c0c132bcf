"""JSON as RFC 8259 would have it: what a lenient parser would let through is refused here.

The standard parser keeps the last of duplicate members, takes NaN, a byte order mark and lone
surrogates, and answers deep nesting with RecursionError; each of these would let two readers of
one registration see different clients (or one of the databases refuse it).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cache
from typing import NoReturn, TypeAlias

import orjson

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"
JsonObject: TypeAlias = dict[str, JsonValue]

# Possessive, and the end of the body ends a string too: an unterminated one must not be tried
# from each of its quotes again.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_BOM = b"\xef\xbb\xbf"
# Python refuses to parse longer integers by default; nothing in a registration needs a tenth.
_MAX_INTEGER_DIGITS = 4300
# For integers of more than 64 bits, which the fast encoder leaves to others.
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


class BadJson(ValueError):
    """The text is not acceptable JSON; the message says why in ASCII."""


def loads(raw: bytes, *, max_depth: int = 16, max_members: int = 256) -> JsonValue:
    """The value of ``raw`` (UTF-8).

    ``max_depth`` counts nested arrays and objects, ``max_members`` the members of one object.

    Raises:
        BadJson: malformed, duplicate members, NaN, too deep, too many members, not UTF-8.
    """
    if raw.startswith(_BOM):
        raise BadJson("the body starts with a byte order mark")
    if raw.count(b"[") + raw.count(b"{") > max_depth and _depth(raw) > max_depth:
        raise BadJson(f"the body is nested deeper than {max_depth} levels")

    try:
        value: JsonValue = _decoder(max_members).decode(raw.decode("utf-8"))
    except UnicodeDecodeError:
        raise BadJson("the body is not valid UTF-8") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise BadJson(f"the body is not valid JSON ({place})") from None
    # Only an escape can bring a lone surrogate into text that was decoded from UTF-8.
    if b"\\u" in raw and _SURROGATE.search(dumps(value)):
        raise BadJson("the body holds a lone surrogate")
    return value


@cache
def _decoder(max_members: int) -> json.JSONDecoder:
    """To make one takes as long as to read a short text."""

    def members(pairs: list[tuple[str, JsonValue]]) -> JsonObject:
        if len(pairs) > max_members:
            raise BadJson(f"an object has more than {max_members} members")
        made = dict(pairs)
        if len(made) != len(pairs):
            raise BadJson("an object has two members of the same name")
        return made

    return json.JSONDecoder(
        object_pairs_hook=members,
        parse_constant=_constant,
        parse_float=_number,
        parse_int=_integer,
    )


def loads_object(raw: bytes, *, max_depth: int = 16, max_members: int = 256) -> JsonObject:
    """As ``loads``, and the value is an object (RFC 7591 3.1)."""
    value = loads(raw, max_depth=max_depth, max_members=max_members)
    if not isinstance(value, dict):
        raise BadJson("the body is not a JSON object")
    return value


def dumps(value: object) -> str:
    """Compact JSON text; non-ASCII characters stay as they are."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return _ENCODER.encode(value)


def dumps_lines(values: Iterable[object]) -> bytes:
    """``values`` as JSON lines, each with its end."""
    return "".join([f"{dumps(each)}\n" for each in values]).encode()


def stored(text: str) -> JsonObject:
    """What ``dumps`` made, to be read and never written again: large integers may be rounded."""
    made: JsonObject = orjson.loads(text)
    return made


def stored_exactly(text: str) -> JsonObject:
    """As ``stored``, and may be written again: the fast parser has it where it loses nothing."""
    made: JsonObject = orjson.loads(text)
    return made if dumps(made) == text else json.loads(text)


def joined(members: JsonObject, text: str) -> str:
    """One object of ``members``, of which there is at least one, and of those in ``text``."""
    return dumps(members) if text == "{}" else f"{dumps(members)[:-1]},{text[1:]}"


def _depth(raw: bytes) -> int:
    """How deep the brackets outside of strings nest, before a recursive parser sees them."""
    deepest = depth = 0
    for byte in _STRING.sub(b"", raw).translate(None, _NO_BRACKETS):
        if byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        else:
            depth -= 1
    return deepest


def _constant(name: str) -> NoReturn:
    raise BadJson(f"{name} is not JSON")


def _number(text: str) -> float:
    number = float(text)
    if number in {float("inf"), float("-inf")}:
        raise BadJson("a number is out of range")
    return number


def _integer(text: str) -> int:
    if len(text) > _MAX_INTEGER_DIGITS:
        raise BadJson("a number is out of range")
    return int(text)
