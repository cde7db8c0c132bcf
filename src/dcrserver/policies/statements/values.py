"""What a key of ``when`` has to be: a value, one of several, no other, a beginning, a pattern.

Values are compared as JSON has them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Any, TypeAlias

from pydantic import Field, field_validator, model_validator
from pydantic_core import SchemaError, SchemaValidator, core_schema

from dcrserver.policies.switches.group import Brief
from dcrserver.strict_json import JsonValue, dumps

Test: TypeAlias = Callable[[JsonValue], bool]

_MAX_PATTERN = 500
_MAX_VALUES = 10_000


class Condition(Brief):
    """What one key of ``when`` has to be; of several tests all must hold of the same value."""

    any_of: tuple[Any, ...] | None = Field(default=None, alias="in")
    none_of: tuple[Any, ...] | None = Field(default=None, alias="not")
    prefix: tuple[Any, ...] | None = None
    pattern: str | None = Field(default=None, max_length=_MAX_PATTERN)
    since: str | int | None = Field(default=None, alias="from")
    until: str | int | None = None

    @property
    def tests(self) -> frozenset[str]:
        """The keys of those that were written."""
        fields = type(self).model_fields
        return frozenset(fields[name].alias or name for name in self.model_fields_set)

    @model_validator(mode="before")
    @classmethod
    def _with_one_test(cls, given: object) -> object:
        """A value, or a list of values of which it is one, stand for themselves."""
        if not isinstance(given, dict):
            given = {"in": given}
        if not given:
            raise ValueError("must hold one of in, not, prefix, pattern")
        return given

    @field_validator("since", "until", mode="before")
    @classmethod
    def _as_json_has_it(cls, given: object) -> object:
        """TOML has moments, JSON has their texts."""
        return given.isoformat() if isinstance(given, date) else given

    @field_validator("any_of", "none_of", "prefix", mode="before")
    @classmethod
    def _listed(cls, given: object) -> object:
        values = [*given] if isinstance(given, list | tuple) else [given]
        if not values or len(values) > _MAX_VALUES:
            raise ValueError(f"must be a value, or a list of 1 to {_MAX_VALUES}")
        if not all(isinstance(each, str | int | float) for each in values):
            raise ValueError("must be a text, a number, true or false, or a list of these")
        return tuple(values)

    @field_validator("prefix")
    @classmethod
    def _texts(cls, value: tuple[Any, ...] | None) -> tuple[Any, ...] | None:
        if value is not None and not all(isinstance(each, str) and each for each in value):
            raise ValueError("must be a text, or a list of texts")
        return value

    @field_validator("pattern")
    @classmethod
    def _regular(cls, value: str | None) -> str | None:
        if value is not None:
            _pattern(value)
        return value

    @property
    def excludes_all_it_names(self) -> bool:
        """Whether what is named by ``in`` is named by ``not`` as well."""
        return self.any_of is not None and {*map(comparable, self.any_of)} <= {
            *map(comparable, self.none_of or ())
        }


def comparable(value: JsonValue) -> str | tuple[str]:
    """Equal for values that are equal in JSON: true is not 1."""
    return value if isinstance(value, str) else (dumps(value),)


def all_of(tests: Iterator[Test]) -> Test:
    """Whether all of ``tests``, of which there is at least one, hold."""
    first, *others = tests
    if not others:
        return first
    return lambda value: first(value) and all(test(value) for test in others)


def only(condition: Condition, *allowed: str) -> None:
    """Lets through a condition of ``allowed`` tests.

    Raises:
        ValueError: another test was given, or one as if there were none.
    """
    if not condition.tests <= {*allowed}:
        *others, last = allowed
        one = "a value, a list, or " if "in" in allowed else ""
        raise ValueError(f"takes {one}a table of {', '.join(others)} and {last} here")


def tests_of(condition: Condition, one_of: Callable[[Sequence[Any]], Test]) -> Iterator[Test]:
    """What has to hold of each value, at least one test."""
    only(condition, "in", "not", "prefix", "pattern")
    if condition.any_of is not None:
        yield one_of(condition.any_of)
    if condition.none_of is not None:
        yield _negated(one_of(condition.none_of))
    if condition.prefix is not None:
        yield _prefixed(condition.prefix)
    if condition.pattern is not None:
        yield _pattern(condition.pattern)


def among_values(values: Sequence[Any]) -> Test:
    """Whether a value is one of ``values``."""
    wanted = {*map(comparable, values)}
    return lambda value: (value if isinstance(value, str) else comparable(value)) in wanted


def _negated(test: Test) -> Test:
    return lambda value: not test(value)


def _prefixed(prefixes: tuple[Any, ...]) -> Test:
    return lambda value: isinstance(value, str) and value.startswith(prefixes)


def _pattern(text: str) -> Test:
    """Found anywhere in the value, as JSON Schema says, in time linear in its length.

    Raises:
        ValueError: it is no regular expression that can be found so: none looks around or back.
    """
    try:
        found = SchemaValidator(core_schema.str_schema(pattern=text, strict=True))
    except SchemaError as error:
        reason = str(error).strip().rpartition("\n")[2].removeprefix("error: ")
        raise ValueError(f"is no pattern that is safe to look for: {reason}") from None
    return lambda value: isinstance(value, str) and found.isinstance_python(value)
