"""JSON types that several kinds are made of, and how they are told."""

from __future__ import annotations

from collections.abc import Sequence

from dcrserver.metadata.model import Terms, Unacceptable
from dcrserver.strict_json import JsonObject, JsonValue

TEXT_SCHEMA: JsonObject = {"type": "string"}
TEXTS_SCHEMA: JsonObject = {"type": "array", "items": {"type": "string"}}
URI_SCHEMA: JsonObject = {"type": "string", "format": "uri"}
URIS_SCHEMA: JsonObject = {"type": "array", "items": {"type": "string", "format": "uri"}}


def string(value: JsonValue) -> str:
    """
    Raises:
        Unacceptable: another type.
    """
    if not isinstance(value, str):
        raise Unacceptable("must be a string")
    return value


def strings(value: JsonValue, terms: Terms) -> list[str]:
    """
    Raises:
        Unacceptable: another type, or more elements than the policy allows.
    """
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise Unacceptable("must be an array of strings")
    if len(value) > terms.policy.array.max_count:
        raise Unacceptable(f"must not have more than {terms.policy.array.max_count} elements")
    return [str(item) for item in value]


def listed(values: Sequence[str]) -> str:
    """``values`` for a sentence; ASCII, because they are the server's own names."""
    return ", ".join(values)
