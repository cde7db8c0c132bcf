"""How the client authenticates, and with which keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dcrserver.metadata import algorithms, jwks
from dcrserver.metadata.catalogue import members
from dcrserver.metadata.model import Draft, Finding, Rule, Terms
from dcrserver.metadata.roles import Role
from dcrserver.metadata.rules.definition import rule

_SUBJECTS = members(Role.CERTIFICATE_SUBJECT)


def jwks_and_jwks_uri_are_exclusive(draft: Draft, _: Terms) -> Iterator[Finding]:
    if draft.has("jwks") and draft.has("jwks_uri"):
        yield "jwks", "and jwks_uri must not both be given"


def private_key_jwt_needs_a_key(draft: Draft, terms: Terms) -> Iterator[Finding]:
    registered = draft.text("token_endpoint_auth_signing_alg") or None
    if not draft.has("jwks"):
        if not draft.has("jwks_uri") and not draft.has("signed_jwks_uri"):
            yield "jwks", "or jwks_uri is required for private_key_jwt"
        return
    if not terms.policy.jwks.require_usable_key:
        return
    # What is registered must be able to work: by an algorithm that is accepted at the door.
    supported = terms.server.supported("token_endpoint_auth_signing_alg_values_supported")
    accepted = algorithms.of_assertions("private_key_jwt", registered, supported)
    if not any(jwks.has_key_for(draft.members["jwks"], "sig", each) for each in accepted):
        names = " or ".join(each for each in algorithms.SIGNATURE if each in accepted)
        what = f" for {names}" if accepted != set(algorithms.SIGNATURE) else ""
        yield "jwks", f"must hold a signing key{what} for private_key_jwt"


def assertion_algorithm_fits_the_method(draft: Draft, _: Terms) -> Iterator[Finding]:
    """With other methods the member means nothing; clients in use send it all the same."""
    method = draft.text("token_endpoint_auth_method")
    fitting = algorithms.OF_METHOD.get(method, ())
    if draft.text("token_endpoint_auth_signing_alg") not in fitting:
        reason = f"must be one of {', '.join(fitting)} with {method}"
        yield "token_endpoint_auth_signing_alg", reason


def tls_client_auth_needs_one_subject(draft: Draft, terms: Terms) -> Iterator[Finding]:
    allowed = terms.policy.mtls.subject_params
    given = [name for name in _SUBJECTS if draft.has(name)]
    for name in given:
        if name not in allowed:
            yield name, f"is not accepted here; use {' or '.join(sorted(allowed))}"
    if len(given) > 1:
        yield given[1], f"and {given[0]} must not both be given"
    elif not given:
        choices = [name for name in _SUBJECTS if name in allowed]
        yield choices[0], f"is required for tls_client_auth{_or_another(choices[1:])}"


def _or_another(names: Sequence[str]) -> str:
    return f", or one of {', '.join(names)}" if names else ""


def subjects_are_for_tls_client_auth(draft: Draft, terms: Terms) -> Iterator[Finding]:
    method = draft.text("token_endpoint_auth_method")
    if method == "tls_client_auth" or terms.policy.mtls.stray_subject_params != "reject":
        return
    for name in _SUBJECTS:
        if draft.has(name):
            yield name, "needs the token_endpoint_auth_method tls_client_auth"


def self_signed_certificates_come_in_the_jwks(draft: Draft, _: Terms) -> Iterator[Finding]:
    if not draft.has("jwks"):
        if not draft.has("jwks_uri"):
            yield "jwks", "or jwks_uri is required for self_signed_tls_client_auth"
    elif not jwks.has_certificate(draft.members["jwks"]):
        yield "jwks", "must hold a key with x5c for self_signed_tls_client_auth"


def tokens_are_bound(draft: Draft, terms: Terms) -> Iterator[Finding]:
    if not terms.policy.fapi.sender_constraint:
        return
    names = ("dpop_bound_access_tokens", "tls_client_certificate_bound_access_tokens")
    if not any(draft.members.get(name) is True for name in names):
        yield names[0], f"or {names[1]} must be true"


RULES: tuple[Rule, ...] = (
    rule(
        jwks_and_jwks_uri_are_exclusive,
        "CF-40",
        "RFC 7591 2",
        "jwks and jwks_uri are not both given",
        about=["jwks", "jwks_uri"],
    ),
    rule(
        private_key_jwt_needs_a_key,
        "CF-33",
        "OpenID Connect Core 9",
        "private_key_jwt has a public key to be verified with",
        uses=["token_endpoint_auth_signing_alg", "jwks", "jwks_uri", "signed_jwks_uri"],
        methods=["private_key_jwt"],
    ),
    rule(
        assertion_algorithm_fits_the_method,
        "CF-34..35",
        "OpenID Connect Core 9",
        "token_endpoint_auth_signing_alg fits the method that signs assertions",
        about=["token_endpoint_auth_signing_alg"],
        methods=algorithms.OF_METHOD,
    ),
    rule(
        tls_client_auth_needs_one_subject,
        "CF-36",
        "RFC 8705 2.1.2",
        "tls_client_auth comes with exactly one tls_client_auth_* member",
        uses=_SUBJECTS,
        methods=["tls_client_auth"],
    ),
    rule(
        subjects_are_for_tls_client_auth,
        "CF-38",
        "RFC 8705 2.1.2",
        "tls_client_auth_* members stand beside tls_client_auth only",
        uses=["token_endpoint_auth_method"],
        about=_SUBJECTS,
    ),
    rule(
        self_signed_certificates_come_in_the_jwks,
        "CF-37",
        "RFC 8705 2.2.2",
        "self_signed_tls_client_auth has a certificate in jwks, or jwks_uri",
        uses=["jwks", "jwks_uri"],
        methods=["self_signed_tls_client_auth"],
    ),
    rule(
        tokens_are_bound,
        "CF-58",
        "FAPI 2.0 Security Profile 5.3.2.1",
        "access tokens are bound by DPoP or certificate, where the policy demands it",
        uses=["dpop_bound_access_tokens", "tls_client_certificate_bound_access_tokens"],
    ),
)
