"""Members that operators declare: the part of JSON Schema that is understood, against the library
that knows all of it.
"""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcrserver.errors import InvalidClientMetadata
from dcrserver.metadata import Parameter, Terms, Who, for_administrators, validate
from dcrserver.metadata.kinds.declared import BadSchema, declared
from dcrserver.metadata.model import Unacceptable
from dcrserver.strict_json import JsonObject, JsonValue
from harness.cases import each
from harness.properties import examples
from metadata.strategies import JSON
from metadata.support import MINIMAL

ROW = Parameter("x", declared({"type": "string"}), "test", "test")
WORDS = st.text("ab1 ", max_size=4)
NUMBERS = st.integers(-3, 3) | st.sampled_from([-1.5, 0.0, 1.0, 2.5])


def _of(kind: str, **keywords: st.SearchStrategy[Any]) -> st.SearchStrategy[JsonObject]:
    return st.fixed_dictionaries({"type": st.just(kind)}, optional=keywords)


SCALARS = st.one_of(
    _of("boolean", enum=st.lists(st.booleans(), min_size=1)),
    _of("integer", minimum=NUMBERS, maximum=NUMBERS, enum=st.lists(NUMBERS, min_size=1)),
    _of("number", minimum=NUMBERS, maximum=NUMBERS),
    _of(
        "string", minLength=st.integers(0, 3), maxLength=st.integers(0, 3),
        pattern=st.sampled_from(["a", "^a", "b$", "[ab]1", "^$"]), title=WORDS,
    ),
)  # fmt: skip


def _composed(inner: st.SearchStrategy[JsonObject]) -> st.SearchStrategy[JsonObject]:
    members = st.dictionaries(st.sampled_from("pqr"), inner, max_size=3)
    return st.one_of(
        _of(
            "array", items=inner, minItems=st.integers(0, 2), maxItems=st.integers(0, 3),
            uniqueItems=st.sampled_from([True]),
        ),
        members.flatmap(
            lambda found: st.fixed_dictionaries(
                {
                    "type": st.just("object"),
                    "properties": st.just(found),
                    "additionalProperties": st.sampled_from([False]),
                    "required": st.lists(st.sampled_from([*found]), unique=True)
                    if found
                    else st.just([]),
                }
            )
        ),
    )  # fmt: skip


SCHEMAS = st.recursive(SCALARS, _composed, max_leaves=4)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.booleans() | NUMBERS | WORDS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("pqr"), inner, max_size=3)
    ),
    max_leaves=5,
)


def accepts(schema: JsonObject, value: JsonValue) -> bool:
    try:
        declared(schema).check(value, Terms(), ROW)
    except Unacceptable:
        return False
    return True


@examples(600)
@given(schema=SCHEMAS, value=VALUES)
def test_it_says_what_json_schema_says(schema: JsonObject, value: Any) -> None:
    assert accepts(schema, value) is jsonschema.Draft202012Validator(schema).is_valid(value)


@each(
    "schema, value, told",
    [
        ({"type": "string", "pattern": "^[0-9]{4}$"}, "12", "must match the pattern"),
        ({"type": "string"}, 1, "must be a string"),
        ({"type": "string"}, "a\x00", "must not hold the character U+0000"),
        ({"type": "string"}, "\u202e", "must not hold the character U+202E"),
        ({"type": "string"}, "x" * 257, "must not be longer than 256 characters"),
        ({"type": "string", "maxLength": 2}, "abc", "must have at most 2 characters"),
        ({"type": "integer"}, 2**60, "must not be larger than 2^53"),
        ({"type": "integer", "minimum": 3}, 2, "must be at least 3"),
        ({"type": "integer"}, True, "must be an integer"),
        ({"type": "string", "enum": ["a"]}, "b", "must be one of the values that are allowed"),
        ({"type": "array", "items": {"type": "boolean"}}, [True, 1], "element 1 must be a boolean"),
        ({"type": "array"}, [0] * 51, "must not have more than 50 elements"),
        (
            {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
            {"b": 1},
            "needs a, must not hold others than a",
        ),
    ],
)
def test_what_is_wrong_is_told(schema: JsonObject, value: JsonValue, told: str) -> None:
    with pytest.raises(Unacceptable) as caught:
        declared(schema).check(value, Terms(), ROW)
    assert told in str(caught.value)


@each(
    "schema, told",
    [
        ({}, "schema.type must be one of"),
        ({"type": ["string", "null"]}, "schema.type must be one of"),
        ({"type": "null"}, "schema.type must be one of"),
        ({"type": "string", "format": "uri"}, "schema.format is not understood of a string"),
        ({"type": "string", "$ref": "https://a.example/"}, "schema.$ref is not understood"),
        ({"type": "string", "minimum": 1}, "schema.minimum is not understood of a string"),
        ({"type": "string", "properties": {}}, "schema.properties means nothing of a string"),
        ({"type": "string", "pattern": "("}, "schema.pattern is no regular expression"),
        ({"type": "string", "pattern": "a" * 201}, "schema.pattern must be a text of at most"),
        ({"type": "string", "maxLength": "1"}, "schema.maxLength must be a number"),
        ({"type": "string", "enum": []}, "schema.enum must be a list"),
        ({"type": "array", "items": {"type": "x"}}, "schema.items.type must be one of"),
        ({"type": "array", "items": 1}, "schema.items must be a table"),
        ({"type": "array", "uniqueItems": False}, "schema.uniqueItems must be true"),
        ({"type": "object", "properties": []}, "schema.properties must be a table"),
        ({"type": "object", "properties": {"a": {}}}, "schema.properties.a.type must be one of"),
        ({"type": "object", "required": ["a"]}, "schema.required must be a list of names"),
        ({"type": "object", "additionalProperties": True}, "schema.additionalProperties must be"),
    ],
)
def test_what_would_be_ignored_is_refused(schema: JsonObject, told: str) -> None:
    with pytest.raises(BadSchema) as caught:
        declared(schema)
    assert told in str(caught.value)


def _terms(set_by: Who) -> Terms:
    row = Parameter(
        "cost_center", declared({"type": "string", "pattern": "^[0-9]{4}$"}),
        "members.cost_center", "Who pays", set_by=set_by,
    )  # fmt: skip
    return Terms(members={row.name: row})


def test_a_declared_member_is_one_of_the_catalogue() -> None:
    terms = _terms(Who.EVERYBODY)
    made = validate(MINIMAL | {"cost_center": "1234", "other": "1234"}, terms).members
    assert made["cost_center"] == "1234"
    assert "other" not in made
    with pytest.raises(InvalidClientMetadata, match=r"^cost_center must match the pattern"):
        validate(MINIMAL | {"cost_center": "x"}, terms)


@pytest.mark.finding("E1")
@examples(300)
@given(value=JSON)
def test_a_declared_member_of_administrators_is_unknown_to_others(value: Any) -> None:
    terms = _terms(Who.ADMINISTRATOR)
    made = validate(MINIMAL | {"cost_center": value}, terms).members
    assert made == validate(MINIMAL, terms).members
    mine = validate(MINIMAL | {"cost_center": "1234"}, for_administrators(terms)).members
    assert mine["cost_center"] == "1234"
