"""Signing and encryption: what an algorithm needs to be of use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dcrserver.metadata import algorithms, jwks
from dcrserver.metadata.catalogue import PARAMETERS, members
from dcrserver.metadata.model import ClientMetadata, Draft, Finding, Rule, Terms
from dcrserver.metadata.roles import Role
from dcrserver.metadata.rules.definition import rule
from dcrserver.strict_json import JsonValue

SECRET_METHODS = frozenset({"client_secret_basic", "client_secret_post", "client_secret_jwt"})
# The members whose algorithm may be a MAC, which makes the secret the key.
_SIGNING = tuple(
    name
    for name in members(Role.REQUEST_SIGNATURE, Role.RESPONSE_SIGNATURE)
    if PARAMETERS[name].kind.lists(algorithms.MAC[0])
)
_ENCRYPTION = members(Role.REQUEST_ENCRYPTION, Role.RESPONSE_ENCRYPTION)
_REQUESTS = members(Role.REQUEST_SIGNATURE)
_ANSWERS = members(Role.RESPONSE_ENCRYPTION)
# The member that says how a key is encrypted -> the one beside it, for what is under that key.
CONTENT_ENCRYPTION = {
    f"{name.removesuffix('enc')}alg": name for name in members(Role.CONTENT_ENCRYPTION)
}

# Members that make the authorization server use the secret as a key, and by which values.
_READERS = {
    "token_endpoint_auth_method": ("client_secret_jwt",),
    **dict.fromkeys(_SIGNING, algorithms.MAC),
    **dict.fromkeys(_ENCRYPTION, algorithms.SYMMETRIC_ENCRYPTION),
}


def unsigned_id_tokens_stay_off_the_front_channel(draft: Draft, terms: Terms) -> Iterator[Finding]:
    if draft.text("id_token_signed_response_alg") != "none":
        return
    if not terms.policy.id_token.allow_none:
        yield "id_token_signed_response_alg", "must not be none"
    elif any("id_token" in value.split() for value in draft.texts("response_types")):
        reason = "must not be none when a response type returns an ID Token"
        yield "id_token_signed_response_alg", reason


def mac_algorithms_need_a_secret(draft: Draft, _: Terms) -> Iterator[Finding]:
    for name in _SIGNING:
        if draft.text(name) in algorithms.MAC:
            reason = f"'{draft.text(name)}' needs a client secret, which method none has not"
            yield name, reason


def content_encryption_needs_key_management(draft: Draft, _: Terms) -> Iterator[Finding]:
    for alg, enc in CONTENT_ENCRYPTION.items():
        if draft.has(enc) and not draft.has(alg):
            yield enc, f"needs {alg} beside it"


def encrypted_responses_need_a_client_key(draft: Draft, _: Terms) -> Iterator[Finding]:
    for name in _ANSWERS:
        algorithm = draft.text(name)
        if not algorithm or algorithm in algorithms.SYMMETRIC_ENCRYPTION:
            continue
        if not draft.has("jwks_uri") and not jwks.has_key_for(
            draft.members.get("jwks"), "enc", algorithm
        ):
            yield name, f"'{algorithm}' needs an encryption key in jwks or jwks_uri"


def symmetric_encryption_needs_a_secret(draft: Draft, _: Terms) -> Iterator[Finding]:
    if not draft.is_public:
        return
    for name in _ENCRYPTION:
        if draft.text(name) in algorithms.SYMMETRIC_ENCRYPTION:
            reason = f"'{draft.text(name)}' needs a client secret, which method none has not"
            yield name, reason


def required_signatures_are_not_none(draft: Draft, _: Terms) -> Iterator[Finding]:
    if (
        draft.members.get("require_signed_request_object") is True
        and draft.text("request_object_signing_alg") == "none"
    ):
        reason = "must not be none where require_signed_request_object is true"
        yield "request_object_signing_alg", reason


def signed_requests_need_a_client_key(draft: Draft, terms: Terms) -> Iterator[Finding]:
    keys = {"jwks_uri", "signed_jwks_uri"}
    if not terms.policy.jwks.require_request_key or not draft.members.keys().isdisjoint(keys):
        return
    for name in _REQUESTS:
        algorithm = draft.text(name)
        if algorithm in algorithms.SIGNATURE and not jwks.has_key_for(
            draft.members.get("jwks"), "sig", algorithm
        ):
            yield name, f"'{algorithm}' needs a signing key in jwks or jwks_uri"


def readable_secrets_need_a_configured_key(draft: Draft, terms: Terms) -> Iterator[Finding]:
    """Only a digest of a secret is kept; a MAC key has to be readable, hence encrypted at rest."""
    if terms.readable_secrets or draft.is_public:
        return
    if member := _member_that_reads_the_secret(draft.members):
        reason = f"'{draft.text(member)}' is not available: no secret encryption key is configured"
        yield member, reason


def needs_secret(metadata: ClientMetadata) -> bool:
    """Whether a client_secret is issued (RFC 7591 3.2.1, OpenID Connect Registration 2).

    The method decides; a symmetric algorithm asks for one whatever the method (OIDR-2-26).
    """
    return metadata.auth_method in SECRET_METHODS or needs_readable_secret(metadata)


def needs_readable_secret(metadata: ClientMetadata) -> bool:
    """Whether the authorization server will need the secret itself as a MAC or encryption key."""
    return metadata.auth_method != "none" and bool(_member_that_reads_the_secret(metadata.members))


def _member_that_reads_the_secret(values: Mapping[str, JsonValue]) -> str | None:
    for name, algorithms_ in _READERS.items():
        if name in values and values[name] in algorithms_:
            return name
    return None


RULES: tuple[Rule, ...] = (
    rule(
        unsigned_id_tokens_stay_off_the_front_channel,
        "CF-50",
        "OpenID Connect Registration 2",
        "ID Tokens are signed, unless the policy allows none and none comes by the front channel",
        uses=["response_types"],
        about=["id_token_signed_response_alg"],
    ),
    rule(
        mac_algorithms_need_a_secret,
        "CF-51",
        "OpenID Connect Core 10.1",
        "HMAC algorithms need a client secret",
        about=_SIGNING,
        methods=["none"],
    ),
    rule(
        content_encryption_needs_key_management,
        "CF-52",
        "OpenID Connect Registration 2, RFC 9701 6, JARM 3",
        "NAME_enc stands beside NAME_alg",
        uses=CONTENT_ENCRYPTION.keys(),
        about=CONTENT_ENCRYPTION.values(),
    ),
    rule(
        encrypted_responses_need_a_client_key,
        "CF-53",
        "OpenID Connect Core 10.2",
        "answers are encrypted to a key of the client",
        uses=["jwks", "jwks_uri"],
        about=_ANSWERS,
    ),
    rule(
        symmetric_encryption_needs_a_secret,
        "CF-54",
        "OpenID Connect Core 10.2",
        "symmetric encryption needs a client secret",
        uses=["token_endpoint_auth_method"],
        about=_ENCRYPTION,
    ),
    rule(
        required_signatures_are_not_none,
        "CF-55",
        "RFC 9101 10.5",
        "require_signed_request_object and request_object_signing_alg none exclude each other",
        uses=["require_signed_request_object"],
        about=["request_object_signing_alg"],
    ),
    rule(
        signed_requests_need_a_client_key,
        "CF-56",
        "OpenID Connect Core 6.1, CIBA 4",
        "signed requests are verified with a key of the client, where the policy demands it",
        uses=["jwks", "jwks_uri", "signed_jwks_uri"],
        about=_REQUESTS,
    ),
    rule(
        readable_secrets_need_a_configured_key,
        "OIDC-16.19-01",
        "OpenID Connect Core 16.19",
        "a secret that serves as a key is kept readable, which needs a configured encryption key",
        uses=["token_endpoint_auth_method", *_SIGNING, *_ENCRYPTION],
    ),
)
