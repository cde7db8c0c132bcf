"""A kind that an operator declares by a JSON Schema: a part of it, and nothing that is not read.

The part is what one value needs: types, lists of values, bounds, patterns, elements and members.
References, conditions and formats are refused: what is ignored would look as if it were checked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from dcrserver.metadata.model import Kind, Parameter, Terms, Unacceptable, check_each
from dcrserver.metadata.text import hostile_character
from dcrserver.strict_json import JsonObject, JsonValue, dumps

_Check: TypeAlias = Callable[[JsonValue, Terms], None]
_MAX_INTEGER = 2**53 - 1
_MAX_PATTERN = 200
_TYPES: Mapping[str, Callable[[JsonValue], bool]] = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: _is_number(value) and float(str(value)).is_integer(),
    "number": lambda value: _is_number(value),  # noqa: PLW0108 - it is defined below
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}
_WORDS = frozenset({"title", "description", "examples"})


class BadSchema(ValueError):
    """The schema is none that is understood here; the message says where and why."""


def declared(schema: JsonObject) -> Kind:
    """The kind of values that ``schema`` allows.

    Raises:
        BadSchema: it holds something that is not understood here.
    """
    check = _compiled(schema, "schema")

    def checked(value: JsonValue, terms: Terms, _: Parameter) -> JsonValue:
        check(value, terms)
        return value

    return Kind("declared", checked, schema, "EXT-03", "what the operator declared")


def _compiled(schema: JsonValue, place: str) -> _Check:
    """
    Raises:
        BadSchema: at ``place``.
    """
    if not isinstance(schema, dict):
        raise BadSchema(f"{place} must be a table")
    kind = schema.get("type")
    if not isinstance(kind, str) or kind not in _TYPES:
        raise BadSchema(f"{place}.type must be one of {', '.join(_TYPES)}")
    checks = [
        _KEYWORDS[kind][name](value, f"{place}.{name}")
        for name, value in schema.items()
        if _is_read(name, kind, place)
    ]

    def check(value: JsonValue, terms: Terms) -> None:
        if not _TYPES[kind](value):
            raise Unacceptable(f"must be {_article(kind)}")
        _bounded(value, schema, terms)
        for each in checks:
            each(value, terms)

    if kind == "object":
        return _with_members(schema, check, place)
    return check


def _is_read(name: str, kind: str, place: str) -> bool:
    if name in _WORDS or name in {"type", "properties", "required", "additionalProperties"}:
        if kind != "object" and name not in _WORDS | {"type"}:
            raise BadSchema(f"{place}.{name} means nothing of {_article(kind)}")
        return False
    if name not in _KEYWORDS[kind]:
        raise BadSchema(f"{place}.{name} is not understood of {_article(kind)}")
    return True


def _article(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aio" else f"a {kind}"


def _is_number(value: JsonValue) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _bounded(value: JsonValue, schema: JsonObject, terms: Terms) -> None:
    """What holds of every value that is stored and shown, unless the schema sets another bound.

    Raises:
        Unacceptable: too long or large, or not fit to be shown.
    """
    if isinstance(value, str):
        if "maxLength" not in schema and len(value) > terms.policy.text.max_length:
            raise Unacceptable(f"must not be longer than {terms.policy.text.max_length} characters")
        if character := hostile_character(value):
            raise Unacceptable(f"must not hold the character {character}")
    elif isinstance(value, list):
        if "maxItems" not in schema and len(value) > terms.policy.array.max_count:
            raise Unacceptable(f"must not have more than {terms.policy.array.max_count} elements")
    elif isinstance(value, int | float) and abs(value) > _MAX_INTEGER:
        raise Unacceptable("must not be larger than 2^53")


def _with_members(schema: JsonObject, check: _Check, place: str) -> _Check:
    """
    Raises:
        BadSchema: at ``place``.
    """
    given, required = schema.get("properties", {}), schema.get("required", [])
    if not isinstance(given, dict):
        raise BadSchema(f"{place}.properties must be a table")
    if not isinstance(required, list) or not all(name in given for name in map(str, required)):
        raise BadSchema(f"{place}.required must be a list of names of properties")
    if schema.get("additionalProperties", False) is not False:
        raise BadSchema(f"{place}.additionalProperties must be false: all members are named")
    members = {name: _compiled(each, f"{place}.properties.{name}") for name, each in given.items()}

    def checked(value: JsonValue, terms: Terms) -> None:
        check(value, terms)
        assert isinstance(value, dict)  # noqa: S101 - by its type, which was looked at
        told = [*_missing(value, required), *_wrong(value, members, terms)]
        if told:
            raise Unacceptable(", ".join(told[:10]))

    return checked


def _missing(value: JsonObject, required: list[JsonValue]) -> Iterator[str]:
    yield from (f"needs {name}" for name in required if name not in value)


def _wrong(value: JsonObject, members: Mapping[str, _Check], terms: Terms) -> Iterator[str]:
    if value.keys() - members.keys():
        yield f"must not hold others than {', '.join(members) or 'none'}"
    for name, check in members.items():
        if name in value:
            try:
                check(value[name], terms)
            except Unacceptable as error:
                yield f"{name} {error}"


def _any_of(values: JsonValue, place: str) -> _Check:
    if not isinstance(values, list) or not values:
        raise BadSchema(f"{place} must be a list of values")
    texts = {_canonical(each) for each in values}

    def check(value: JsonValue, _: Terms) -> None:
        if _canonical(value) not in texts:
            raise Unacceptable("must be one of the values that are allowed")

    return check


def _canonical(value: JsonValue) -> str:
    """1 and 1.0 are one value of JSON Schema."""
    is_whole = isinstance(value, float) and value.is_integer()
    return dumps(int(value)) if is_whole else dumps(value)  # type: ignore[arg-type]


def _pattern(text: JsonValue, place: str) -> _Check:
    """Found anywhere in the value, as JSON Schema says."""
    try:
        if not isinstance(text, str) or len(text) > _MAX_PATTERN:
            raise BadSchema(f"{place} must be a text of at most {_MAX_PATTERN} characters")
        compiled = re.compile(text)
    except re.error as error:
        raise BadSchema(f"{place} is no regular expression: {error}") from None

    def check(value: JsonValue, _: Terms) -> None:
        if not compiled.search(str(value)):
            raise Unacceptable("must match the pattern that is declared")

    return check


def _limit(measure: Callable[[JsonValue], float], *, is_least: bool, noun: str) -> _Compile:
    def compiled(bound: JsonValue, place: str) -> _Check:
        if isinstance(bound, bool) or not isinstance(bound, int | float):
            raise BadSchema(f"{place} must be a number")

        verb = "have" if noun else "be"
        told = f"must {verb} {'at least' if is_least else 'at most'} {bound}{noun}"

        def check(value: JsonValue, _: Terms) -> None:
            if measure(value) < bound if is_least else measure(value) > bound:
                raise Unacceptable(told)

        return check

    return compiled


def _items(schema: JsonValue, place: str) -> _Check:
    each = _compiled(schema, place)

    def check(value: JsonValue, terms: Terms) -> None:
        assert isinstance(value, list)  # noqa: S101 - by its type, which was looked at
        check_each(value, lambda item: each(item, terms))

    return check


def _unique(wanted: JsonValue, place: str) -> _Check:
    if wanted is not True:
        raise BadSchema(f"{place} must be true, or left out")

    def check(value: JsonValue, _: Terms) -> None:
        assert isinstance(value, list)  # noqa: S101 - by its type, which was looked at
        if len({_canonical(each) for each in value}) < len(value):
            raise Unacceptable("must not name a value twice")

    return check


_Compile: TypeAlias = Callable[[JsonValue, str], _Check]


def _length(value: JsonValue) -> float:
    return len(value) if isinstance(value, str | list) else 0


def _number(value: JsonValue) -> float:
    return value if isinstance(value, int | float) else 0


_OF_ANY: Mapping[str, _Compile] = {"enum": _any_of}
_OF_NUMBERS: Mapping[str, _Compile] = {
    "minimum": _limit(_number, is_least=True, noun=""),
    "maximum": _limit(_number, is_least=False, noun=""),
}
_KEYWORDS: Mapping[str, Mapping[str, _Compile]] = {
    "boolean": _OF_ANY,
    "integer": {**_OF_ANY, **_OF_NUMBERS},
    "number": {**_OF_ANY, **_OF_NUMBERS},
    "string": {
        **_OF_ANY,
        "minLength": _limit(_length, is_least=True, noun=" characters"),
        "maxLength": _limit(_length, is_least=False, noun=" characters"),
        "pattern": _pattern,
    },
    "array": {
        "minItems": _limit(_length, is_least=True, noun=" elements"),
        "maxItems": _limit(_length, is_least=False, noun=" elements"),
        "uniqueItems": _unique,
        "items": _items,
    },
    "object": {},
}
