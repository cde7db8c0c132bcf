"""Texts, numbers and flags: kinds that stand for themselves."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from dcrserver.metadata import uris
from dcrserver.metadata.kinds.shapes import TEXT_SCHEMA, TEXTS_SCHEMA, listed, string, strings
from dcrserver.metadata.lifetimes import MAX_TOKEN_LIFETIME
from dcrserver.metadata.model import Kind, Parameter, Terms, Unacceptable, check_each
from dcrserver.metadata.roles import Role
from dcrserver.metadata.text import hostile_character
from dcrserver.strict_json import JsonObject, JsonValue

# RFC 6749 3.3
_SCOPE = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]+(?: [\x21\x23-\x5B\x5D-\x7E]+)*+")
_MAX_INTEGER = 2**53 - 1
_MAX_LIFETIME = 10 * 366 * 86_400
# RFC 4514 2; a space behind a comma is tolerated, as RFC 2253 4 did.
_ATTRIBUTE = (
    r"(?:[A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)*)="
    r'(?:#(?:[0-9A-Fa-f]{2})+|(?:[^#"+,;<>\\]|\\(?:[\\ "#+,;<=>]|[0-9A-Fa-f]{2}))'
    r'(?:[^"+,;<>\\]|\\(?:[\\ "#+,;<=>]|[0-9A-Fa-f]{2}))*)'
)
_DISTINGUISHED_NAME = re.compile(rf"{_ATTRIBUTE}(?:(?:\+|, ?){_ATTRIBUTE})*")
_EMAIL = re.compile(r"[!#-'*+/-9=?A-Z^-~.-]+@([A-Za-z0-9.-]+)")


def check_text(value: JsonValue, terms: Terms, _: Parameter) -> str:
    """``value``, which must be a text that can be shown to people."""
    text = string(value)
    if len(text) > terms.policy.text.max_length:
        raise Unacceptable(f"must not be longer than {terms.policy.text.max_length} characters")
    if character := hostile_character(text):
        raise Unacceptable(f"must not hold the character {character}")
    return text


def _check_texts(value: JsonValue, terms: Terms, parameter: Parameter) -> JsonValue:
    texts = strings(value, terms)
    check_each(texts, lambda item: check_text(item, terms, parameter))
    return list[JsonValue](texts)


def _check_boolean(value: JsonValue, _terms: Terms, _: Parameter) -> JsonValue:
    if not isinstance(value, bool):
        raise Unacceptable("must be true or false")
    return value


def _check_seconds(value: JsonValue, _terms: Terms, _: Parameter) -> JsonValue:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MAX_INTEGER:
        raise Unacceptable("must be a non-negative integer")
    return value


@dataclass(frozen=True, slots=True)
class _Lifetime:
    longest: int

    def __call__(self, value: JsonValue, _terms: Terms, _: Parameter) -> JsonValue:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= self.longest:
            raise Unacceptable(f"must be a number of seconds from 1 to {self.longest}")
        return value


def _lifetime(longest: int) -> Kind:
    schema: JsonObject = {"type": "integer", "minimum": 1, "maximum": longest}
    return Kind(
        "lifetime", _Lifetime(longest), schema, "EXT-02", f"a number of seconds from 1 to {longest}"
    )


def _check_scope(value: JsonValue, terms: Terms, parameter: Parameter) -> JsonValue:
    """RFC 6749 3.3; what the server does not know is dropped or refused (POL-46)."""
    if not _SCOPE.fullmatch(string(value)):
        raise Unacceptable("must be scope tokens separated by single spaces")
    words = dict.fromkeys(string(value).split(" "))
    if len(words) > terms.policy.scope.max_count:
        raise Unacceptable(f"must not have more than {terms.policy.scope.max_count} scope tokens")
    supported = terms.server.supported(parameter.bounded_by or "")
    if supported is None:
        return " ".join(words)
    known = frozenset(supported)
    kept = [word for word in words if word in known]
    if len(kept) < len(words) and terms.policy.scope.unknown == "reject":
        raise Unacceptable(f"must only hold scopes of this server: {listed(supported)}")
    return " ".join(kept) or None


def _check_distinguished_name(value: JsonValue, terms: Terms, parameter: Parameter) -> JsonValue:
    """The text form only; names are compared by distinguishedNameMatch, not as texts."""
    text = check_text(value, terms, parameter)
    if not _DISTINGUISHED_NAME.fullmatch(text):
        raise Unacceptable("must be a distinguished name such as CN=client,O=Example (RFC 4514)")
    return text


def _check_dns_name(value: JsonValue, _terms: Terms, _: Parameter) -> JsonValue:
    if not uris.is_dns_name(string(value)):
        raise Unacceptable("must be a DNS name")
    return value


def _check_ip_address(value: JsonValue, _terms: Terms, _: Parameter) -> JsonValue:
    try:
        ipaddress.ip_address(string(value) if "%" not in string(value) else "")
    except ValueError:
        raise Unacceptable("must be an IPv4 or IPv6 address such as 192.0.2.7") from None
    return value


def _check_email(value: JsonValue, _terms: Terms, _: Parameter) -> JsonValue:
    found = _EMAIL.fullmatch(string(value))
    if found is None or not uris.is_dns_name(found.group(1)):
        raise Unacceptable("must be an e-mail address such as client@example.org")
    return value


def _check_object(value: JsonValue, _terms: Terms, _: Parameter) -> JsonValue:
    if not isinstance(value, dict):
        raise Unacceptable("must be a JSON object")
    return value


def _check_formats(value: JsonValue, terms: Terms, parameter: Parameter) -> JsonValue:
    """OpenID for Verifiable Presentations 11.1: credential format -> what is supported of it."""
    formats = _check_object(value, terms, parameter)
    if not isinstance(formats, dict) or not all(isinstance(v, dict) for v in formats.values()):
        raise Unacceptable("must be a JSON object of JSON objects, one for each credential format")
    return value


_FLAG: JsonObject = {"type": "boolean"}
_SUBJECT = frozenset({Role.CERTIFICATE_SUBJECT})
_FORMATS: JsonObject = {"type": "object", "additionalProperties": {"type": "object"}}

TEXT = Kind(
    "text", check_text, TEXT_SCHEMA, "CF-72",
    "a text without control or bidirectional override characters",
)  # fmt: skip
TEXTS = Kind("texts", _check_texts, TEXTS_SCHEMA, "CF-76", "an array of texts")
BOOLEAN = Kind("boolean", _check_boolean, _FLAG, "CF-79", "true or false")
SECONDS = Kind(
    "seconds", _check_seconds, {"type": "integer", "minimum": 0}, "CF-78",
    "a number of seconds, 0 or more",
)  # fmt: skip
LIFETIME = _lifetime(_MAX_LIFETIME)
ACCESS_TOKEN_LIFETIME = _lifetime(MAX_TOKEN_LIFETIME)
SCOPE = Kind(
    "scope", _check_scope, TEXT_SCHEMA, "CF-75", "scope tokens separated by single spaces",
)  # fmt: skip
DISTINGUISHED_NAME = Kind(
    "distinguished name", _check_distinguished_name, TEXT_SCHEMA, "R8705-2.1.2-01",
    "a distinguished name in text form (RFC 4514)", _SUBJECT,
)  # fmt: skip
DNS_NAME = Kind("DNS name", _check_dns_name, TEXT_SCHEMA, "R8705-2.1.2-01", "a DNS name", _SUBJECT)
IP_ADDRESS = Kind(
    "IP address", _check_ip_address, TEXT_SCHEMA, "R8705-2.1.2-01", "an IPv4 or IPv6 address",
    _SUBJECT,
)  # fmt: skip
EMAIL = Kind(
    "e-mail address", _check_email, TEXT_SCHEMA, "R8705-2.1.2-01", "an e-mail address",
    _SUBJECT,
)  # fmt: skip
FORMATS = Kind(
    "credential formats", _check_formats, _FORMATS, "VP-11.1-01",
    "a JSON object with a JSON object for each credential format",
)  # fmt: skip
