"""Pydantic's words for mistakes, in ours: they speak of values, not of a model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

# By the type of the mistake, with what its context says.
_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "missing": "is required",
        "extra_forbidden": "is not known here",
        "bool_type": "must be true or false",
        "bool_parsing": "must be true or false",
        "int_type": "must be a whole number",
        "int_parsing": "must be a whole number",
        "int_from_float": "must be a whole number",
        "string_type": "must be a text",
        "string_too_short": "must have at least {min_length} characters",
        "string_too_long": "must have at most {max_length} characters",
        "string_pattern_mismatch": "must match {pattern}",
        "too_short": "must have at least {min_length} elements",
        "too_long": "must have at most {max_length} elements",
        "dict_type": 'must be an object such as {{"a": "b"}}',
        "model_type": 'must be an object such as {{"a": "b"}}',
        "model_attributes_type": 'must be an object such as {{"a": "b"}}',
        # Whose own words would repeat what was sent.
        "union_tag_invalid": "is of no kind that is known",
    }
)
_LIST = re.compile(r"a valid (?:frozenset|tuple|list|set)")
_ONE = re.compile(r"at (least|most) 1 (character|element)s")


def in_our_words(problem: Mapping[str, Any]) -> str:
    """What is wrong, of one of pydantic's ``errors()``, to follow the name of the value."""
    text = _WORDS.get(problem["type"])
    if text is not None:
        return _ONE.sub(r"at \1 1 \2", text.format(**problem.get("ctx", {})))
    told = str(problem["msg"]).removeprefix("Value error, ").replace("Input should be", "must be")
    return _LIST.sub('a list such as ["a"]', told)
