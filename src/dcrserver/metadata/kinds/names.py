"""Names out of a list: algorithms, methods, grant and response types, bounded by the server."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dcrserver.metadata.kinds.shapes import (
    TEXT_SCHEMA,
    TEXTS_SCHEMA,
    listed,
    string,
    strings,
    without_repetition,
)
from dcrserver.metadata.model import Kind, Parameter, Terms, Unacceptable
from dcrserver.metadata.roles import Role
from dcrserver.strict_json import JsonObject, JsonValue

# The words of a response type have no order (RFC 6749 3.1.1); this one is stored.
_RESPONSE_WORDS = ("code", "vp_token", "id_token", "token", "none")


def _bounded(value: str, terms: Terms, parameter: Parameter, known: Sequence[str]) -> str:
    """``value`` if the server supports it; by POL-33 another one, or a refusal.

    ``known``: what this project understands; a server may support more than that.
    """
    supported = terms.server.supported(parameter.bounded_by or "")
    if supported is None or value in supported:
        return value
    usable = [name for name in supported if name in known] if known else list(supported)
    if usable and terms.policy.algorithms.unsupported == "substitute":
        return usable[0]
    raise Unacceptable(f"must be one that this server supports: {listed(usable) or '(none)'}")


@dataclass(frozen=True, slots=True)
class _OneOf:
    values: tuple[str, ...]

    def __call__(self, value: JsonValue, terms: Terms, parameter: Parameter) -> JsonValue:
        if string(value) not in self.values:
            raise Unacceptable(f"must be one of: {listed(self.values)}")
        return _bounded(string(value), terms, parameter, self.values)


@dataclass(frozen=True, slots=True)
class _SomeOf:
    values: tuple[str, ...]

    def __call__(self, value: JsonValue, terms: Terms, _: Parameter) -> JsonValue:
        found = strings(value, terms)
        if not found or not set(found) <= set(self.values):
            raise Unacceptable(f"must be a non-empty array of: {listed(self.values)}")
        return list[JsonValue](dict.fromkeys(found))


def choice(*values: str, rule: str = "CF-51", roles: Iterable[Role] = ()) -> Kind:
    """One of ``values`` that the server supports."""
    schema: JsonObject = {"type": "string", "enum": list(values)}
    return Kind("choice", _OneOf(values), schema, rule, listed(values), frozenset(roles))


def choices(*values: str) -> Kind:
    """A non-empty array of ``values`` (OpenID for Verifiable Presentations 5.1)."""
    schema: JsonValue = {"type": "string", "enum": list(values)}
    return Kind(
        "choices", _SomeOf(values), {"type": "array", "items": schema, "minItems": 1}, "VP-5.1-01",
        f"a non-empty array of {listed(values)}",
    )  # fmt: skip


def _check_application_type(value: JsonValue, terms: Terms, parameter: Parameter) -> JsonValue:
    """UK Open Banking says mobile for native; the policy may translate."""
    aliases = terms.policy.registration.application_type_aliases
    return _WEB_OR_NATIVE.check(aliases.get(string(value), string(value)), terms, parameter)


def _check_name(value: JsonValue, terms: Terms, parameter: Parameter) -> JsonValue:
    return _bounded(string(value), terms, parameter, ())


def _supported_part(wanted: list[str], supported: Sequence[str] | None, terms: Terms) -> JsonValue:
    """``wanted`` without repetition and, by policy, without what the server does not support.

    Clients in use register everything they could do (six response types with all grants);
    RFC 7591 2 lets a server register less, and the answer says what was registered.
    """
    unique = without_repetition(wanted, terms)
    kept = [value for value in unique if supported is None or value in supported]
    if len(kept) == len(unique) or (kept and terms.policy.grants.unsupported == "trim"):
        return list[JsonValue](kept)
    raise Unacceptable(f"must only hold what this server supports: {listed(supported or ())}")


def _check_names(value: JsonValue, terms: Terms, parameter: Parameter) -> JsonValue:
    supported = terms.server.supported(parameter.bounded_by or "")
    return _supported_part(strings(value, terms), supported, terms)


def _check_response_types(value: JsonValue, terms: Terms, parameter: Parameter) -> JsonValue:
    """Sets of words (RFC 6749 3.1.1, CF-16)."""
    wanted = [canonical_response_type(text) for text in strings(value, terms)]
    supported = terms.server.supported(parameter.bounded_by or "")
    if supported is not None:
        supported = tuple(canonical_response_type(text) for text in supported)
    return _supported_part(wanted, supported, terms)


def canonical_response_type(text: str) -> str:
    """``text`` with its words in the order of OAuth 2.0 Multiple Response Types."""
    if " " not in text:
        return text
    return " ".join(
        sorted(
            text.split(" "),
            key=lambda word: (
                _RESPONSE_WORDS.index(word) if word in _RESPONSE_WORDS else len(_RESPONSE_WORDS)
            ),
        )
    )


def _check_all_supported(value: JsonValue, terms: Terms, parameter: Parameter) -> JsonValue:
    """Nothing is left out: less than what was asked for would not do (RFC 9396 10)."""
    found = strings(value, terms)
    supported = terms.server.supported(parameter.bounded_by or "")
    if supported is not None and not set(found) <= set(supported):
        raise Unacceptable(f"must only hold what this server supports: {listed(supported)}")
    return list[JsonValue](dict.fromkeys(found))


def _check_possibilities(value: JsonValue, terms: Terms, _: Parameter) -> JsonValue:
    found = strings(value, terms)
    if not found:
        raise Unacceptable("must be a non-empty array of strings")
    return list[JsonValue](found)


_WEB_OR_NATIVE = choice("web", "native")

APPLICATION_TYPE = Kind(
    "application type", _check_application_type, _WEB_OR_NATIVE.schema, "OIDR-2-10", "web, native"
)
NAME = Kind("name", _check_name, TEXT_SCHEMA, "CF-30", "one that the server supports")
NAMES = Kind(
    "names", _check_names, TEXTS_SCHEMA, "CF-10", "an array of what the server supports",
)  # fmt: skip
ALL_SUPPORTED = Kind(
    "supported names", _check_all_supported, TEXTS_SCHEMA, "CF-64",
    "an array; the server supports every element",
)  # fmt: skip
RESPONSE_TYPES = Kind(
    "response types", _check_response_types, TEXTS_SCHEMA, "CF-16",
    "an array of what the server supports; the words of one have no order",
)  # fmt: skip
POSSIBILITIES = Kind(
    "possibilities", _check_possibilities, {**TEXTS_SCHEMA, "minItems": 1}, "CF-85",
    "a non-empty array of values that the client can handle",
)  # fmt: skip
