"""Cross-field rules: one function each, with its place in the specifications.

``RULES`` at the end is the order in which they are asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from dcrserver.errors import InvalidClientMetadata, InvalidRedirectUri, RegistrationError
from dcrserver.metadata import algorithms, jwks, uris
from dcrserver.metadata.model import ClientMetadata, Draft, Finding, Rule, Terms
from dcrserver.metadata.redirect_uris import problem_for_native, problem_for_web
from dcrserver.strict_json import JsonValue

REDIRECT_GRANTS = frozenset({"authorization_code", "implicit"})
SECRET_METHODS = frozenset({"client_secret_basic", "client_secret_post", "client_secret_jwt"})

# OpenID Connect Registration 2 and RFC 7591 2.1: what each response type needs.
GRANTS_OF_RESPONSE_TYPE = {
    "code": {"authorization_code"},
    "token": {"implicit"},
    "id_token": {"implicit"},
    "id_token token": {"implicit"},
    "code id_token": {"authorization_code", "implicit"},
    "code token": {"authorization_code", "implicit"},
    "code id_token token": {"authorization_code", "implicit"},
}
_SIGNING_MEMBERS = (
    "id_token_signed_response_alg",
    "userinfo_signed_response_alg",
    "request_object_signing_alg",
)
_RESPONSE_ENCRYPTION = ("id_token_encrypted_response", "userinfo_encrypted_response")
_ENCRYPTION = (*_RESPONSE_ENCRYPTION, "request_object_encryption")

_Check = Callable[[Draft, Terms], Iterable[Finding]]
_RULES: list[Rule] = []


def _rule(
    rule_id: str,
    specification: str,
    *uses: str,
    error: type[RegistrationError] = InvalidClientMetadata,
) -> Callable[[_Check], _Check]:
    """Lists the function as a rule about the members ``uses``."""

    def add(check: _Check) -> _Check:
        _RULES.append(Rule(rule_id, specification, frozenset(uses), check, error))
        return check

    return add


@_rule("CF-06", "RFC 7591 2 and 5", "redirect_uris", "grant_types", error=InvalidRedirectUri)
def redirect_grants_need_redirect_uris(draft: Draft, terms: Terms) -> Iterator[Finding]:
    if draft.texts("redirect_uris"):
        return
    if terms.policy.redirect.always_required:
        yield "redirect_uris", "is required"
    elif REDIRECT_GRANTS.intersection(draft.texts("grant_types")):
        reason = "is required for the grant types authorization_code and implicit"
        yield "redirect_uris", reason


@_rule(
    "CF-02..04",
    "OpenID Connect Registration 2",
    "redirect_uris",
    "grant_types",
    "application_type",
    error=InvalidRedirectUri,
)
def redirect_uris_fit_the_application_type(draft: Draft, terms: Terms) -> Iterator[Finding]:
    """All URIs are looked at, not the first (OIDR-2-10)."""
    policy = terms.policy.redirect
    implicit = "implicit" in draft.texts("grant_types")
    native = draft.text("application_type") == "native"
    for position, value in enumerate(draft.texts("redirect_uris")):
        problem = (
            problem_for_native(value, policy)
            if native
            else problem_for_web(value, policy, implicit=implicit)
        )
        if problem:
            reason = f"element {position} {problem}"
            yield "redirect_uris", reason


@_rule("CF-10", "RFC 7591 2.1", "grant_types", "response_types")
def response_types_have_their_grants(draft: Draft, _: Terms) -> Iterator[Finding]:
    granted = set(draft.texts("grant_types"))
    for response_type in draft.texts("response_types"):
        missing = GRANTS_OF_RESPONSE_TYPE.get(response_type, set()) - granted
        if missing:
            reason = f"'{response_type}' needs the grant types {' and '.join(sorted(missing))}"
            yield "response_types", reason


@_rule("CF-11", "RFC 7591 2.1", "grant_types", "response_types")
def redirect_grants_have_a_response_type(draft: Draft, _: Terms) -> Iterator[Finding]:
    served: set[str] = set()
    for response_type in draft.texts("response_types"):
        served |= GRANTS_OF_RESPONSE_TYPE.get(response_type, set())
    for grant in sorted(REDIRECT_GRANTS.intersection(draft.texts("grant_types")) - served):
        reason = f"'{grant}' needs a response type that uses it, such as code"
        yield "grant_types", reason


@_rule("CF-12", "RFC 6749 4.4", "grant_types", "token_endpoint_auth_method")
def client_credentials_are_for_confidential_clients(draft: Draft, _: Terms) -> Iterator[Finding]:
    if "client_credentials" in draft.texts("grant_types") and _is_public(draft):
        reason = "'client_credentials' needs a token_endpoint_auth_method other than none"
        yield "grant_types", reason


@_rule("CF-13", "RFC 6749 6", "grant_types")
def refresh_tokens_come_from_another_grant(draft: Draft, _: Terms) -> Iterator[Finding]:
    if draft.texts("grant_types") == ["refresh_token"]:
        reason = "'refresh_token' needs another grant type that yields refresh tokens"
        yield "grant_types", reason


@_rule("CF-40", "RFC 7591 2", "jwks", "jwks_uri")
def jwks_and_jwks_uri_are_exclusive(draft: Draft, _: Terms) -> Iterator[Finding]:
    if draft.has("jwks") and draft.has("jwks_uri"):
        yield "jwks", "and jwks_uri must not both be given"


@_rule(
    "CF-33",
    "OpenID Connect Core 9",
    "token_endpoint_auth_method",
    "token_endpoint_auth_signing_alg",
    "jwks",
    "jwks_uri",
)
def private_key_jwt_needs_a_key(draft: Draft, terms: Terms) -> Iterator[Finding]:
    if draft.text("token_endpoint_auth_method") != "private_key_jwt":
        return
    algorithm = draft.text("token_endpoint_auth_signing_alg") or None
    if not draft.has("jwks") and not draft.has("jwks_uri"):
        yield "jwks", "or jwks_uri is required for private_key_jwt"
    elif (
        draft.has("jwks")
        and terms.policy.jwks.require_usable_key
        and not jwks.has_key_for(draft.members["jwks"], "sig", algorithm)
    ):
        what = f"a signing key for {algorithm}" if algorithm else "a signing key"
        yield "jwks", f"must hold {what} for private_key_jwt"


@_rule(
    "CF-34..35",
    "OpenID Connect Core 9",
    "token_endpoint_auth_method",
    "token_endpoint_auth_signing_alg",
)
def assertion_algorithm_fits_the_method(draft: Draft, _: Terms) -> Iterator[Finding]:
    """With other methods the member means nothing; clients in use send it all the same."""
    fitting = {
        "private_key_jwt": algorithms.SIGNATURE,
        "client_secret_jwt": algorithms.MAC,
    }.get(draft.text("token_endpoint_auth_method"))
    algorithm = draft.text("token_endpoint_auth_signing_alg")
    if fitting and algorithm and algorithm not in fitting:
        method = draft.text("token_endpoint_auth_method")
        reason = f"must be one of {', '.join(fitting)} with {method}"
        yield "token_endpoint_auth_signing_alg", reason


@_rule(
    "CF-21",
    "OpenID Connect Core 8.1",
    "subject_type",
    "redirect_uris",
    "sector_identifier_uri",
)
def pairwise_needs_one_sector(draft: Draft, _: Terms) -> Iterator[Finding]:
    hosts = {uris.parse(value).host for value in draft.texts("redirect_uris")} - {None}
    if (
        draft.text("subject_type") == "pairwise"
        and len(hosts) > 1
        and not draft.has("sector_identifier_uri")
    ):
        reason = "is required for subject_type pairwise with redirect_uris on several hosts"
        yield "sector_identifier_uri", reason


@_rule(
    "CF-50",
    "OpenID Connect Registration 2",
    "id_token_signed_response_alg",
    "response_types",
)
def unsigned_id_tokens_stay_off_the_front_channel(draft: Draft, terms: Terms) -> Iterator[Finding]:
    if draft.text("id_token_signed_response_alg") != "none":
        return
    if not terms.policy.id_token.allow_none:
        yield "id_token_signed_response_alg", "must not be none"
    elif any("id_token" in value.split() for value in draft.texts("response_types")):
        reason = "must not be none when a response type returns an ID Token"
        yield "id_token_signed_response_alg", reason


@_rule("CF-51", "OpenID Connect Core 10.1", *_SIGNING_MEMBERS, "token_endpoint_auth_method")
def mac_algorithms_need_a_secret(draft: Draft, _: Terms) -> Iterator[Finding]:
    for name in _SIGNING_MEMBERS:
        if draft.text(name) in algorithms.MAC and _is_public(draft):
            reason = f"'{draft.text(name)}' needs a client secret, which method none has not"
            yield name, reason


@_rule(
    "CF-52",
    "OpenID Connect Registration 2",
    *(f"{stem}_{part}" for stem in _ENCRYPTION for part in ("alg", "enc")),
)
def content_encryption_needs_key_management(draft: Draft, _: Terms) -> Iterator[Finding]:
    for stem in _ENCRYPTION:
        if draft.has(f"{stem}_enc") and not draft.has(f"{stem}_alg"):
            reason = f"needs {stem}_alg beside it"
            yield f"{stem}_enc", reason


@_rule(
    "CF-53",
    "OpenID Connect Core 10.2",
    *(f"{stem}_alg" for stem in _RESPONSE_ENCRYPTION),
    "jwks",
    "jwks_uri",
)
def encrypted_responses_need_a_client_key(draft: Draft, _: Terms) -> Iterator[Finding]:
    for stem in _RESPONSE_ENCRYPTION:
        algorithm = draft.text(f"{stem}_alg")
        if not algorithm or algorithm in algorithms.SYMMETRIC_ENCRYPTION:
            continue
        if not draft.has("jwks_uri") and not jwks.has_key_for(
            draft.members.get("jwks"), "enc", algorithm
        ):
            reason = f"'{algorithm}' needs an encryption key in jwks or jwks_uri"
            yield f"{stem}_alg", reason


@_rule(
    "CF-54",
    "OpenID Connect Core 10.2",
    *(f"{stem}_alg" for stem in _ENCRYPTION),
    "token_endpoint_auth_method",
)
def symmetric_encryption_needs_a_secret(draft: Draft, _: Terms) -> Iterator[Finding]:
    for stem in _ENCRYPTION:
        algorithm = draft.text(f"{stem}_alg")
        if algorithm in algorithms.SYMMETRIC_ENCRYPTION and _is_public(draft):
            reason = f"'{algorithm}' needs a client secret, which method none has not"
            yield f"{stem}_alg", reason


@_rule(
    "CF-63",
    "OpenID Connect Registration 2",
    "request_uris",
    "request_object_signing_alg",
)
def plain_request_uris_need_signed_objects(draft: Draft, _: Terms) -> Iterator[Finding]:
    signed = draft.text("request_object_signing_alg") not in {"", "none"}
    for position, value in enumerate(draft.texts("request_uris")):
        if uris.parse(value).scheme != "https" and not signed:
            reason = f"element {position} must use https, or request_object_signing_alg be set"
            yield "request_uris", reason


@_rule(
    "CF-61",
    "RFC 7591 5",
    "redirect_uris",
    "client_uri",
    "logo_uri",
    "tos_uri",
    "policy_uri",
)
def displayed_pages_share_the_redirect_host(draft: Draft, terms: Terms) -> Iterator[Finding]:
    hosts = {uris.parse(value).host for value in draft.texts("redirect_uris")}
    if not terms.policy.uris.same_host or not hosts:
        return
    for name in draft.members:
        if name.partition("#")[0] in {
            "client_uri",
            "logo_uri",
            "tos_uri",
            "policy_uri",
        } and (uris.parse(draft.text(name)).host not in hosts):
            yield name, "must be on the host of a redirect URI"


@_rule(
    "CF-96",
    "OpenID Connect Core 16.19",
    "token_endpoint_auth_method",
    *_SIGNING_MEMBERS,
    *(f"{stem}_alg" for stem in _ENCRYPTION),
)
def readable_secrets_need_a_configured_key(draft: Draft, terms: Terms) -> Iterator[Finding]:
    """Only a digest of a secret is kept; a MAC key has to be readable, hence encrypted at rest."""
    member = _member_that_reads_the_secret(draft.members)
    if member and not _is_public(draft) and not terms.readable_secrets:
        reason = f"'{draft.text(member)}' is not available: no secret encryption key is configured"
        yield member, reason


RULES: tuple[Rule, ...] = tuple(_RULES)


def needs_secret(metadata: ClientMetadata) -> bool:
    """Whether a client_secret is issued (RFC 7591 3.2.1, OpenID Connect Registration 2).

    The method decides; a symmetric algorithm asks for one whatever the method (OIDR-2-26).
    """
    return metadata.auth_method in SECRET_METHODS or needs_readable_secret(metadata)


def needs_readable_secret(metadata: ClientMetadata) -> bool:
    """Whether the authorization server will need the secret itself as a MAC or encryption key."""
    return metadata.auth_method != "none" and bool(_member_that_reads_the_secret(metadata.members))


def _member_that_reads_the_secret(values: Mapping[str, JsonValue]) -> str | None:
    if values.get("token_endpoint_auth_method") == "client_secret_jwt":
        return "token_endpoint_auth_method"
    for name in _SIGNING_MEMBERS:
        if values.get(name) in algorithms.MAC:
            return name
    for stem in _ENCRYPTION:
        if values.get(f"{stem}_alg") in algorithms.SYMMETRIC_ENCRYPTION:
            return f"{stem}_alg"
    return None


def _is_public(draft: Draft) -> bool:
    return draft.text("token_endpoint_auth_method") == "none"
