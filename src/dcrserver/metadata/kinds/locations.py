"""URIs, each kind under its own rules, and keys."""

from __future__ import annotations

from dcrserver.metadata import jwks as key_sets
from dcrserver.metadata import redirect_uris, uris
from dcrserver.metadata.addresses import is_local_name, is_special
from dcrserver.metadata.kinds.shapes import (
    URI_SCHEMA,
    URIS_SCHEMA,
    any_strings,
    string,
    strings,
    without_repetition,
)
from dcrserver.metadata.model import Kind, Parameter, Terms, Unacceptable, check_each
from dcrserver.metadata.roles import Role
from dcrserver.strict_json import JsonObject, JsonValue

_MAX_URI_LENGTH = 2000


def parse_uri(value: JsonValue) -> uris.Uri:
    """The parts of a URI member of any kind.

    Raises:
        Unacceptable: no string, too long, or not a URI.
    """
    raw = string(value)
    if len(raw) > _MAX_URI_LENGTH:
        raise Unacceptable(f"must not be longer than {_MAX_URI_LENGTH} characters")
    try:
        return uris.parse(raw)
    except uris.BadUri as error:
        raise Unacceptable(str(error)) from None


def _web_uri(value: JsonValue, *schemes: str) -> uris.Uri:
    uri = parse_uri(value)
    if uri.scheme not in schemes or uri.host is None:
        raise Unacceptable(f"must be an {schemes[0]} URL")
    if uri.userinfo:
        raise Unacceptable("must not hold user information")
    return uri


def _without_fragment(uri: uris.Uri) -> uris.Uri:
    if uri.fragment is not None:
        raise Unacceptable("must not hold a fragment")
    return uri


def _refuse_local(uri: uris.Uri, terms: Terms) -> None:
    """POL-49: nobody who reads it must be led into a private network (CF-80)."""
    if uri.authority not in terms.allowed_hosts and (
        is_local_name(uri.host or "") or (uri.address is not None and is_special(uri.address))
    ):
        raise Unacceptable("must not point to a local or special-purpose address")


def _check_uri(value: JsonValue, _terms: Terms, _: Parameter) -> JsonValue:
    parse_uri(value)
    return value


def _check_display_uri(value: JsonValue, terms: Terms, parameter: Parameter) -> JsonValue:
    """A page or an image for people (CF-60). Shown, never fetched by us."""
    https_only = terms.policy.uris.require_https_display
    uri = _web_uri(value, "https") if https_only else _web_uri(value, "https", "http")
    if parameter.fetched:
        _refuse_local(uri, terms)
    return value


def _check_page_uri(value: JsonValue, terms: Terms, parameter: Parameter) -> JsonValue:
    """A page that nobody fetches: http on the local machine is for a rule to judge, which knows
    where the client redirects to.
    """
    if _web_uri(value, "https", "http").is_loopback:
        return value
    return _check_display_uri(value, terms, parameter)


def _check_https_uri(value: JsonValue, _terms: Terms, _: Parameter) -> JsonValue:
    _web_uri(value, "https")
    return value


def _check_fetched_uri(value: JsonValue, terms: Terms, _: Parameter) -> JsonValue:
    """An https URL we or the authorization server will read (CF-80): no special address."""
    _refuse_local(_without_fragment(_web_uri(value, "https")), terms)
    return value


def _check_logout_uri(value: JsonValue, terms: Terms, parameter: Parameter) -> JsonValue:
    """Http may be let through for confidential clients, which a rule decides (CF-66)."""
    uri = _without_fragment(_web_uri(value, "https", "http"))
    if parameter.fetched:
        _refuse_local(uri, terms)
    return value


def _check_request_uris(value: JsonValue, terms: Terms, _: Parameter) -> JsonValue:
    """A fragment is legal here: it carries the hash of the request object (CF-63)."""
    check_each(
        strings(value, terms), lambda item: _refuse_local(_web_uri(item, "https", "http"), terms)
    )
    return value


def _check_redirect_uris(value: JsonValue, terms: Terms, _: Parameter) -> JsonValue:
    found = any_strings(value)
    redirect_uris.check_all(found, terms.policy.redirect)
    return list[JsonValue](without_repetition(found, terms))


def _check_logout_redirect_uris(value: JsonValue, terms: Terms, _: Parameter) -> JsonValue:
    """As redirection URIs; http is let through here for a rule to decide (CF-66)."""
    found = any_strings(value)
    redirect_uris.check_all(found, terms.policy.redirect, plain_http=True)
    return list[JsonValue](without_repetition(found, terms))


def _check_jwks(value: JsonValue, terms: Terms, _: Parameter) -> JsonValue:
    if not terms.policy.jwks.by_value:
        raise Unacceptable("must not be given; this server takes keys by jwks_uri")
    key_sets.check(value, terms.policy.jwks)
    return value


_JWKS_SCHEMA: JsonObject = {
    "type": "object",
    "required": ["keys"],
    "properties": {"keys": {"type": "array", "items": {"type": "object"}}},
}

URI = Kind(
    "URI", _check_uri, URI_SCHEMA, "R8705-2.1.2-01", "a URI", frozenset({Role.CERTIFICATE_SUBJECT})
)
DISPLAY_URI = Kind(
    "display URL", _check_display_uri, URI_SCHEMA, "CF-60", "an https URL that people may be shown",
)  # fmt: skip
PAGE_URI = Kind(
    "page URL", _check_page_uri, URI_SCHEMA, "CF-60",
    "as a display URL; http on the local machine beside redirect_uris that are all there",
    frozenset({Role.PAGE}),
)  # fmt: skip
HTTPS_URI = Kind("https URL", _check_https_uri, URI_SCHEMA, "CF-62", "an https URL")
FETCHED_URI = Kind(
    "fetched https URL", _check_fetched_uri, URI_SCHEMA, "CF-80",
    "an https URL without fragment, on a public address",
)  # fmt: skip
LOGOUT_URI = Kind(
    "logout URL", _check_logout_uri, URI_SCHEMA, "CF-66", "an https URL without fragment",
    frozenset({Role.LOGOUT}),
)  # fmt: skip
REQUEST_URIS = Kind(
    "request URLs", _check_request_uris, URIS_SCHEMA, "CF-63",
    "an array of https URLs on public addresses; fragments are allowed",
)  # fmt: skip
REDIRECT_URIS = Kind(
    "redirect URIs", _check_redirect_uris, URIS_SCHEMA, "CF-01",
    "an array of absolute URIs without fragment: https, http on the local machine, or an app's own"
    " scheme",
)  # fmt: skip
LOGOUT_REDIRECT_URIS = Kind(
    "logout redirect URIs", _check_logout_redirect_uris, URIS_SCHEMA, "CF-66",
    "as redirect_uris",
)  # fmt: skip
JWKS = Kind("JWK Set", _check_jwks, _JWKS_SCHEMA, "CF-43", "a JWK Set of public keys")
