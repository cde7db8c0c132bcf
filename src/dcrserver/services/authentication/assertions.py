"""JWT assertions that authenticate a client (RFC 7523 2.2 and 3, OpenID Connect Core 9)."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence

from dcrserver import jose, security
from dcrserver.errors import InvalidClient
from dcrserver.metadata import ClientMetadata, Policy, Terms, algorithms
from dcrserver.policies import AuthenticationPolicy
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.transaction import Database
from dcrserver.services.authentication import replay
from dcrserver.services.authentication.client_keys import ClientKeys
from dcrserver.services.secrets.client_secrets import SecretIssuer
from dcrserver.services.secrets.kept import ClientSecret

FAILED = "client authentication failed"
_MAX_JTI = 256


def allowed_algorithms(client: ClientMetadata, terms: Terms) -> Collection[str]:
    """The registered one, or else what the server says it takes; only what fits the method."""
    registered = client.text("token_endpoint_auth_signing_alg")
    supported = terms.server.supported("token_endpoint_auth_signing_alg_values_supported")
    return algorithms.of_assertions(client.auth_method, registered, supported)


async def signed_by_key(
    jws: jose.Jws, client: ClientMetadata, policy: Policy, keys: ClientKeys
) -> bool:
    """private_key_jwt: by one of the client's registered keys."""
    candidates = await keys.candidates(client, policy, jws.algorithm, jws.kid)
    return any(jose.verify(jws, key, jws.algorithm) for key in candidates)


def signed_by_secret(
    jws: jose.Jws,
    record: ClientRecord,
    held: Sequence[ClientSecret],
    secrets: SecretIssuer,
    *,
    guessable: bool,
) -> ClientSecret | None:
    """client_secret_jwt: by one of the client's secrets, which one.

    ``guessable``: one that a person may have chosen counts, too.
    """
    for kept in held:
        value = secrets.readable(record, kept)
        if value is None or not (guessable or security.looks_generated(value)):
            continue
        if jose.verify(jws, value.encode(), jws.algorithm):
            return kept
    return None


def check_claims(
    jws: jose.Jws, audiences: Collection[str], issuer: str, policy: AuthenticationPolicy
) -> None:
    """RFC 7523 3. The signature was verified, so the client is told what is wrong.

    Raises:
        InvalidClient: a claim is missing or not acceptable.
    """
    now, skew = time.time(), policy.clock_skew
    expires_at = jws.number("exp")
    if not is_for_issuer(jws, issuer):
        if policy.assertion_audience == "issuer":
            raise InvalidClient(f"the aud of client_assertion must be {issuer}")
        if not _is_for_us(jws, audiences):
            raise InvalidClient("the aud of client_assertion is not this server")
    if expires_at is None:
        raise InvalidClient("client_assertion needs an exp, a time in seconds")
    if expires_at <= now - skew:
        raise InvalidClient("client_assertion has expired")
    if expires_at > now + policy.assertion_lifetime + skew:
        raise InvalidClient("the exp of client_assertion is too far ahead")
    for name in ("nbf", "iat"):
        moment = jws.number(name)
        if name in jws.claims and (moment is None or moment > now + skew):
            raise InvalidClient(f"the {name} of client_assertion is not a time that has come")
    if not 0 < len(jws.text("jti")) <= _MAX_JTI:
        raise InvalidClient("client_assertion needs a jti, a text of at most 256 characters")


async def spend(
    jws: jose.Jws, database: Database, tenant: str, client_id: str, policy: AuthenticationPolicy
) -> None:
    """The assertion cannot be used again, here or at another instance (RFC 7523 3, item 7).

    Raises:
        InvalidClient: it was used before.
    """
    expires_at = int((jws.number("exp") or 0) + policy.clock_skew) + 1
    if not await replay.spend(
        database, tenant, f"assertion:{client_id}", jws.text("jti"), expires_at
    ):
        raise InvalidClient("client_assertion was used before")


def is_for_issuer(jws: jose.Jws, issuer: str) -> bool:
    """Whether its aud is the issuer alone (RFC 10070)."""
    return jws.claims.get("aud") in (issuer, [issuer])


def _is_for_us(jws: jose.Jws, audiences: Collection[str]) -> bool:
    audience = jws.claims.get("aud")
    named = audience if isinstance(audience, list) else [audience]
    return any(isinstance(name, str) and name in audiences for name in named)
