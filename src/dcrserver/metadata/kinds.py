"""What one value may be. Each kind returns the value to register or raises ``Unacceptable``."""

from __future__ import annotations

import re
from collections.abc import Sequence

from dcrserver.metadata import jwks as key_sets
from dcrserver.metadata import redirect_uris, uris
from dcrserver.metadata.addresses import is_local_name, is_special
from dcrserver.metadata.model import Kind, Parameter, Terms, Unacceptable
from dcrserver.metadata.text import hostile_character
from dcrserver.strict_json import JsonObject, JsonValue

# RFC 6749 3.3
_SCOPE = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]+")
_MAX_INTEGER = 2**53 - 1
_MAX_URI_LENGTH = 2000
# The words of a response type have no order (RFC 6749 3.1.1); this one is stored.
_RESPONSE_WORDS = ("code", "vp_token", "id_token", "token", "none")

TEXT_SCHEMA: JsonObject = {"type": "string"}
TEXTS_SCHEMA: JsonObject = {"type": "array", "items": {"type": "string"}}
URI_SCHEMA: JsonObject = {"type": "string", "format": "uri"}
URIS_SCHEMA: JsonObject = {
    "type": "array",
    "items": {"type": "string", "format": "uri"},
}


def _string(value: JsonValue) -> str:
    if not isinstance(value, str):
        raise Unacceptable("must be a string")
    return value


def _strings(value: JsonValue, terms: Terms) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise Unacceptable("must be an array of strings")
    if len(value) > terms.policy.array.max_count:
        raise Unacceptable(f"must not have more than {terms.policy.array.max_count} elements")
    return [str(item) for item in value]


def listed(values: Sequence[str]) -> str:
    """``values`` for a sentence; ASCII, because they are the server's own names."""
    return ", ".join(values)


def _check_text(value: JsonValue, terms: Terms, _: Parameter) -> JsonValue:
    text = _string(value)
    if len(text) > terms.policy.text.max_length:
        raise Unacceptable(f"must not be longer than {terms.policy.text.max_length} characters")
    if character := hostile_character(text):
        raise Unacceptable(f"must not hold the character {character}")
    return text


def _check_texts(value: JsonValue, terms: Terms, parameter: Parameter) -> JsonValue:
    return [_check_text(item, terms, parameter) for item in _strings(value, terms)]


def _check_boolean(value: JsonValue, _terms: Terms, _: Parameter) -> JsonValue:
    if not isinstance(value, bool):
        raise Unacceptable("must be true or false")
    return value


def _check_seconds(value: JsonValue, _terms: Terms, _: Parameter) -> JsonValue:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MAX_INTEGER:
        raise Unacceptable("must be a non-negative integer")
    return value


def _check_scope(value: JsonValue, terms: Terms, parameter: Parameter) -> JsonValue:
    """RFC 6749 3.3; what the server does not know is dropped or refused (POL-46)."""
    words = list(dict.fromkeys(_string(value).split(" ")))
    if not all(_SCOPE.fullmatch(word) for word in words):
        raise Unacceptable("must be scope tokens separated by single spaces")
    known = terms.server.supported(parameter.bounded_by or "")
    unknown = [word for word in words if known is not None and word not in known]
    if unknown and terms.policy.scope.unknown == "reject":
        raise Unacceptable(f"must only hold scopes of this server: {listed(known or ())}")
    return " ".join(word for word in words if word not in unknown) or None


def _bounded(value: str, terms: Terms, parameter: Parameter, known: Sequence[str]) -> str:
    """``value`` if the server supports it; by POL-33 another one, or a refusal.

    ``known``: what this project understands; a server may support more than that.
    """
    supported = terms.server.supported(parameter.bounded_by or "")
    if supported is None or value in supported:
        return value
    usable = [name for name in supported if name in known] if known else list(supported)
    if usable and terms.policy.alg.unsupported == "substitute":
        return usable[0]
    raise Unacceptable(f"must be one that this server supports: {listed(usable) or '(none)'}")


def choice(*values: str) -> Kind:
    """One of ``values`` that the server supports."""

    def check(value: JsonValue, terms: Terms, parameter: Parameter) -> JsonValue:
        if _string(value) not in values:
            raise Unacceptable(f"must be one of: {listed(values)}")
        return _bounded(_string(value), terms, parameter, values)

    return Kind("choice", check, {"type": "string", "enum": list(values)})


def _check_name(value: JsonValue, terms: Terms, parameter: Parameter) -> JsonValue:
    return _bounded(_string(value), terms, parameter, ())


def _supported_part(wanted: list[str], supported: Sequence[str] | None, terms: Terms) -> JsonValue:
    """``wanted`` without repetition and, by policy, without what the server does not support.

    Clients in use register everything they could do (six response types with all grants);
    RFC 7591 2 lets a server register less, and the answer says what was registered.
    """
    wanted = list(dict.fromkeys(wanted))
    kept = [value for value in wanted if supported is None or value in supported]
    if len(kept) == len(wanted) or (kept and terms.policy.grants.unsupported == "trim"):
        return list[JsonValue](kept)
    raise Unacceptable(f"must only hold what this server supports: {listed(supported or ())}")


def _check_names(value: JsonValue, terms: Terms, parameter: Parameter) -> JsonValue:
    supported = terms.server.supported(parameter.bounded_by or "")
    return _supported_part(_strings(value, terms), supported, terms)


def _check_response_types(value: JsonValue, terms: Terms, parameter: Parameter) -> JsonValue:
    """Sets of words (RFC 6749 3.1.1, CF-16)."""
    wanted = [canonical_response_type(text) for text in _strings(value, terms)]
    supported = terms.server.supported(parameter.bounded_by or "")
    if supported is not None:
        supported = tuple(canonical_response_type(text) for text in supported)
    return _supported_part(wanted, supported, terms)


def canonical_response_type(text: str) -> str:
    """``text`` with its words in the order of OAuth 2.0 Multiple Response Types."""
    words = text.split(" ")
    return " ".join(
        sorted(
            words,
            key=lambda word: (
                _RESPONSE_WORDS.index(word) if word in _RESPONSE_WORDS else len(_RESPONSE_WORDS)
            ),
        )
    )


def parse_uri(value: JsonValue) -> uris.Uri:
    """The parts of a URI member of any kind.

    Raises:
        Unacceptable: no string, too long, or not a URI.
    """
    raw = _string(value)
    if len(raw) > _MAX_URI_LENGTH:
        raise Unacceptable(f"must not be longer than {_MAX_URI_LENGTH} characters")
    try:
        return uris.parse(raw)
    except uris.BadUri as error:
        raise Unacceptable(str(error)) from None


def _web_uri(value: JsonValue, schemes: tuple[str, ...]) -> uris.Uri:
    uri = parse_uri(value)
    if uri.scheme not in schemes or uri.host is None:
        raise Unacceptable(f"must be an {schemes[0]} URL")
    if uri.userinfo:
        raise Unacceptable("must not hold user information")
    return uri


def _refuse_local(uri: uris.Uri, terms: Terms) -> None:
    """POL-49: nobody who reads it must be led into a private network (CF-80)."""
    if uri.authority not in terms.allowed_hosts and (
        is_local_name(uri.host or "") or (uri.address is not None and is_special(uri.address))
    ):
        raise Unacceptable("must not point to a local or special-purpose address")


def _check_display_uri(value: JsonValue, terms: Terms, parameter: Parameter) -> JsonValue:
    """A page or an image for people (CF-60). Shown, never fetched by us."""
    https_only = terms.policy.uris.require_https_display
    uri = _web_uri(value, ("https",) if https_only else ("https", "http"))
    if parameter.fetched:
        _refuse_local(uri, terms)
    return value


def _check_https_uri(value: JsonValue, _terms: Terms, _: Parameter) -> JsonValue:
    _web_uri(value, ("https",))
    return value


def _check_fetched_uri(value: JsonValue, terms: Terms, _: Parameter) -> JsonValue:
    """An https URL we or the authorization server will read (CF-80): no special address."""
    uri = _web_uri(value, ("https",))
    if uri.fragment is not None:
        raise Unacceptable("must not hold a fragment")
    _refuse_local(uri, terms)
    return value


def _check_request_uris(value: JsonValue, terms: Terms, _: Parameter) -> JsonValue:
    """A fragment is legal here: it carries the hash of the request object (CF-63)."""
    for item in _strings(value, terms):
        _refuse_local(_web_uri(item, ("https", "http")), terms)
    return value


def _check_redirect_uris(value: JsonValue, terms: Terms, _: Parameter) -> JsonValue:
    items = _strings(value, terms) if not isinstance(value, list) else value
    if not all(isinstance(item, str) for item in items):
        raise Unacceptable("must be an array of strings")
    redirect_uris.check_all([str(item) for item in items], terms.policy.redirect)
    return value


def _check_jwks(value: JsonValue, terms: Terms, _: Parameter) -> JsonValue:
    key_sets.check(value, terms.policy.jwks)
    return value


TEXT = Kind("text", _check_text, TEXT_SCHEMA, empty_is_omitted=True)
TEXTS = Kind("texts", _check_texts, TEXTS_SCHEMA, empty_is_omitted=True)
BOOLEAN = Kind("boolean", _check_boolean, {"type": "boolean"})
SECONDS = Kind("seconds", _check_seconds, {"type": "integer", "minimum": 0})
SCOPE = Kind("scope", _check_scope, TEXT_SCHEMA, empty_is_omitted=True)
NAME = Kind("name", _check_name, TEXT_SCHEMA)
NAMES = Kind("names", _check_names, TEXTS_SCHEMA, empty_is_omitted=True)
RESPONSE_TYPES = Kind("response types", _check_response_types, TEXTS_SCHEMA, empty_is_omitted=True)
DISPLAY_URI = Kind("display URL", _check_display_uri, URI_SCHEMA, empty_is_omitted=True)
HTTPS_URI = Kind("https URL", _check_https_uri, URI_SCHEMA, empty_is_omitted=True)
FETCHED_URI = Kind("fetched https URL", _check_fetched_uri, URI_SCHEMA, empty_is_omitted=True)
REQUEST_URIS = Kind("request URLs", _check_request_uris, URIS_SCHEMA, empty_is_omitted=True)
REDIRECT_URIS = Kind("redirect URIs", _check_redirect_uris, URIS_SCHEMA, empty_is_omitted=True)
JWKS = Kind(
    "JWK Set",
    _check_jwks,
    {
        "type": "object",
        "required": ["keys"],
        "properties": {"keys": {"type": "array", "items": {"type": "object"}}},
    },
)
