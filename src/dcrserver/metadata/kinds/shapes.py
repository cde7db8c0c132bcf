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
    """``value``, which must be a string.

    Raises:
        Unacceptable: another type.
    """
    if not isinstance(value, str):
        raise Unacceptable("must be a string")
    return value


def strings(value: JsonValue, terms: Terms) -> list[str]:
    """``value``, which must be an array of strings, not longer than the policy allows.

    Raises:
        Unacceptable: another type, or more elements than the policy allows.
    """
    found = any_strings(value)
    if len(found) > terms.policy.array.max_count:
        raise Unacceptable(f"must not have more than {terms.policy.array.max_count} elements")
    return found


def any_strings(value: JsonValue) -> list[str]:
    """As ``strings``, as many as there are."""
    if isinstance(value, list):
        found = [item for item in value if isinstance(item, str)]
        if len(found) == len(value):
            return found
    raise Unacceptable("must be an array of strings")


def without_repetition(values: Sequence[str], terms: Terms) -> list[str]:
    """Each of ``values`` once, in their order (POL-23).

    Raises:
        Unacceptable: one is named twice, and the policy refuses that.
    """
    unique = list(dict.fromkeys(values))
    if len(unique) != len(values) and terms.policy.array.duplicates == "reject":
        raise Unacceptable("must not name a value twice")
    return unique


def listed(values: Sequence[str]) -> str:
    """``values`` for a sentence; ASCII, because they are the server's own names."""
    return ", ".join(values)
