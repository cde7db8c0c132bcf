"""Redirection URIs, grant types and response types."""

from __future__ import annotations

from collections.abc import Iterator

from dcrserver.errors import InvalidRedirectUri
from dcrserver.metadata import uris
from dcrserver.metadata.catalogue import members
from dcrserver.metadata.model import Draft, Finding, Rule, Terms
from dcrserver.metadata.redirect_uris import problem_for_native, problem_for_web
from dcrserver.metadata.roles import Role
from dcrserver.metadata.rules.definition import rule

CIBA_GRANT = "urn:openid:params:grant-type:ciba"
# The client acts for itself, or is trusted to ask a person elsewhere.
_CONFIDENTIAL_GRANTS = ("client_credentials", CIBA_GRANT)
REDIRECT_GRANTS = frozenset({"authorization_code", "implicit"})
# OpenID Connect Registration 2 and RFC 7591 2.1: what each response type needs.
GRANTS_OF_RESPONSE_TYPE = {
    "code": frozenset({"authorization_code"}),
    "token": frozenset({"implicit"}),
    "id_token": frozenset({"implicit"}),
    "id_token token": frozenset({"implicit"}),
    "code id_token": frozenset({"authorization_code", "implicit"}),
    "code token": frozenset({"authorization_code", "implicit"}),
    "code id_token token": frozenset({"authorization_code", "implicit"}),
}
_NONE: frozenset[str] = frozenset()


def _grants_of(response_type: str, terms: Terms) -> frozenset[str]:
    needed = GRANTS_OF_RESPONSE_TYPE.get(response_type, _NONE)
    if "authorization_code" in needed and not terms.policy.grants.hybrid_needs_implicit:
        return GRANTS_OF_RESPONSE_TYPE["code"]
    return needed


def redirect_grants_need_redirect_uris(draft: Draft, terms: Terms) -> Iterator[Finding]:
    if draft.members.get("redirect_uris"):
        return
    if terms.policy.redirect.always_required:
        yield "redirect_uris", "is required"
    elif needing := sorted(REDIRECT_GRANTS.intersection(draft.texts("grant_types"))):
        yield "redirect_uris", f"is required for the grant type {' and '.join(needing)}"


def redirect_uris_fit_the_application_type(draft: Draft, terms: Terms) -> Iterator[Finding]:
    """All URIs are looked at, not the first (OIDR-2-10)."""
    policy = terms.policy.redirect
    implicit = "implicit" in draft.texts("grant_types")
    native = draft.text("application_type") == "native"
    for position, value in enumerate(draft.texts("redirect_uris")):
        problem = (
            problem_for_native(value, policy, public=draft.is_public)
            if native
            else problem_for_web(value, policy, implicit=implicit)
        )
        if problem:
            yield "redirect_uris", f"element {position} {problem}"


def response_types_have_their_grants(draft: Draft, terms: Terms) -> Iterator[Finding]:
    granted = draft.texts("grant_types")
    for response_type in draft.texts("response_types"):
        missing = _grants_of(response_type, terms).difference(granted)
        if missing:
            reason = f"'{response_type}' needs the grant types {' and '.join(sorted(missing))}"
            yield "response_types", reason


def redirect_grants_have_a_response_type(draft: Draft, terms: Terms) -> Iterator[Finding]:
    wanting = REDIRECT_GRANTS.intersection(draft.texts("grant_types"))
    for response_type in draft.texts("response_types"):
        wanting -= _grants_of(response_type, terms)
    for grant in sorted(wanting):
        yield "grant_types", f"'{grant}' needs a response type that uses it, such as code"


def some_grants_are_for_confidential_clients(draft: Draft, _: Terms) -> Iterator[Finding]:
    for grant in _CONFIDENTIAL_GRANTS:
        if grant in draft.texts("grant_types"):
            reason = f"'{grant}' needs a token_endpoint_auth_method other than none"
            yield "grant_types", reason


def refresh_tokens_come_from_another_grant(draft: Draft, _: Terms) -> Iterator[Finding]:
    if draft.members.get("grant_types") == ["refresh_token"]:
        reason = "'refresh_token' needs another grant type that yields refresh tokens"
        yield "grant_types", reason


def pairwise_needs_one_sector(draft: Draft, _: Terms) -> Iterator[Finding]:
    hosts = {uris.parse(value).host for value in draft.texts("redirect_uris")} - {None}
    if (
        draft.text("subject_type") == "pairwise"
        and len(hosts) > 1
        and not draft.has("sector_identifier_uri")
    ):
        reason = "is required for subject_type pairwise with redirect_uris on several hosts"
        yield "sector_identifier_uri", reason


def plain_request_uris_need_signed_objects(draft: Draft, _: Terms) -> Iterator[Finding]:
    signed = draft.text("request_object_signing_alg") not in {"", "none"}
    for position, value in enumerate(draft.texts("request_uris")):
        if uris.parse(value).scheme != "https" and not signed:
            reason = f"element {position} must use https, or request_object_signing_alg be set"
            yield "request_uris", reason


_PAGES = members(Role.PAGE)
_DISPLAYED = members(Role.PAGE, Role.IMAGE)


def displayed_pages_share_the_redirect_host(draft: Draft, terms: Terms) -> Iterator[Finding]:
    if not terms.policy.uris.same_host:
        return
    hosts = {uris.parse(value).host for value in draft.texts("redirect_uris")}
    for name in draft.members:
        page = name.partition("#")[0] in _DISPLAYED
        if page and hosts and uris.parse(draft.text(name)).host not in hosts:
            yield name, "must be on the host of a redirect URI"


def http_pages_are_of_local_clients(draft: Draft, terms: Terms) -> Iterator[Finding]:
    """A program under development shows pages of the machine that it runs on."""
    if not terms.policy.uris.require_https_display:
        return
    targets = [uris.parse(value) for value in draft.texts("redirect_uris")]
    if targets and all(target.is_loopback for target in targets):
        return
    for name in draft.members:
        page = name.partition("#")[0] in _PAGES
        if page and uris.parse(draft.text(name)).scheme == "http":
            yield name, "must be an https URL"


RULES: tuple[Rule, ...] = (
    rule(
        redirect_grants_need_redirect_uris,
        "CF-06",
        "RFC 7591 2 and 5",
        "redirect_uris is there for the grant types authorization_code and implicit",
        uses=["redirect_uris", "grant_types"],
        error=InvalidRedirectUri,
    ),
    rule(
        redirect_uris_fit_the_application_type,
        "CF-02..04",
        "OpenID Connect Registration 2, RFC 8252 7",
        "redirect_uris fit the application_type: https for web; an app's own scheme, the local"
        " machine or claimed https for native",
        uses=["redirect_uris", "grant_types", "application_type", "token_endpoint_auth_method"],
        error=InvalidRedirectUri,
    ),
    rule(
        response_types_have_their_grants,
        "CF-10",
        "RFC 7591 2.1",
        "each response type has the grant types that it needs",
        uses=["grant_types", "response_types"],
    ),
    rule(
        redirect_grants_have_a_response_type,
        "CF-11",
        "RFC 7591 2.1",
        "each redirect grant has a response type that uses it",
        uses=["grant_types", "response_types"],
    ),
    rule(
        some_grants_are_for_confidential_clients,
        "CF-12",
        "RFC 6749 4.4, CIBA 4",
        "client_credentials and the CIBA grant are for confidential clients",
        uses=["grant_types"],
        methods=["none"],
    ),
    rule(
        refresh_tokens_come_from_another_grant,
        "CF-13",
        "RFC 6749 6",
        "refresh_token stands beside another grant type",
        uses=["grant_types"],
    ),
    rule(
        pairwise_needs_one_sector,
        "CF-21",
        "OpenID Connect Core 8.1",
        "pairwise subjects with redirect_uris on several hosts need sector_identifier_uri",
        uses=["redirect_uris", "sector_identifier_uri"],
        about=["subject_type"],
    ),
    rule(
        plain_request_uris_need_signed_objects,
        "CF-63",
        "OpenID Connect Registration 2",
        "request_uris use https unless the request objects are signed",
        uses=["request_object_signing_alg"],
        about=["request_uris"],
    ),
    rule(
        http_pages_are_of_local_clients,
        "CF-60-LOCAL",
        "RFC 7591 2",
        "pages shown to people use https, or http on the local machine where all redirect_uris are"
        " there",
        uses=["redirect_uris", *_PAGES],
    ),
    rule(
        displayed_pages_share_the_redirect_host,
        "CF-61",
        "RFC 7591 5",
        "pages shown to people are on the host of a redirect URI, where the policy says so",
        uses=["redirect_uris", *_DISPLAYED],
    ),
)
