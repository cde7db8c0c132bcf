"""Step: DPoP proofs at the token endpoint (RFC 9449 4.3 and 5)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from urllib.parse import urlsplit

from dcrserver import jose
from dcrserver.errors import InvalidDpopProof
from dcrserver.metadata import jwks
from dcrserver.metadata.capabilities import OWN_DPOP_ALGORITHMS
from dcrserver.metadata.model import Unacceptable
from dcrserver.policies import JwksPolicy
from dcrserver.repositories.transaction import Database
from dcrserver.services.authentication import replay
from dcrserver.strict_json import JsonObject
from dcrserver.tenants import Tenant

# How old a proof may be; a nonce is not asked for (RFC 9449 8 leaves it to the server).
_SECONDS = 60
_MAX_JTI = 256


async def thumbprint_of(
    database: Database, tenant: Tenant, proofs: Sequence[str], url: str
) -> str | None:
    """The jkt that a token is to be bound to; None without a proof. A proof is good once.

    Raises:
        InvalidDpopProof: it is not acceptable, or was used before.
    """
    if not proofs:
        return None
    if len(proofs) > 1:
        raise InvalidDpopProof("DPoP must be sent once")
    try:
        jws = jose.parse(proofs[0])
    except jose.BadJws as error:
        raise InvalidDpopProof(f"the DPoP proof cannot be accepted: {error}") from None
    key = _key(jws)
    _check(jws, url)
    if not jose.verify(jws, key, jws.algorithm):
        raise InvalidDpopProof("the signature of the DPoP proof is not that of its jwk")
    jkt = jose.thumbprint(key)
    expires_at = int(time.time()) + 2 * _SECONDS + 1
    if not await replay.spend(database, tenant.name, f"dpop:{jkt}", jws.text("jti"), expires_at):
        raise InvalidDpopProof("the DPoP proof was used before")
    return jkt


def _key(jws: jose.Jws) -> JsonObject:
    """RFC 9449 4.2: an asymmetric algorithm and the public key itself, never a private one."""
    if jws.header.get("typ") != "dpop+jwt":
        raise InvalidDpopProof("the typ of the DPoP proof must be dpop+jwt")
    if jws.algorithm not in OWN_DPOP_ALGORITHMS:
        served = ", ".join(OWN_DPOP_ALGORITHMS)
        raise InvalidDpopProof(f"the alg of the DPoP proof must be one of {served}")
    keys: JsonObject = {"keys": [jws.header.get("jwk")]}
    try:
        jwks.check(keys, JwksPolicy())
    except Unacceptable:
        raise InvalidDpopProof("the jwk of the DPoP proof must be a sound public key") from None
    usable = jwks.keys_for(keys, "sig", jws.algorithm)
    if not usable:
        raise InvalidDpopProof("the jwk of the DPoP proof does not fit its alg")
    return usable[0]


def _check(jws: jose.Jws, url: str) -> None:
    issued_at = jws.number("iat")
    if jws.claims.get("htm") != "POST":
        raise InvalidDpopProof("the htm of the DPoP proof must be POST")
    if _without_query(jws.text("htu")) != _without_query(url):
        raise InvalidDpopProof(f"the htu of the DPoP proof must be {url}")
    if issued_at is None or not abs(time.time() - issued_at) <= _SECONDS:
        raise InvalidDpopProof(f"the iat of the DPoP proof must be within {_SECONDS} s of now")
    if not 0 < len(jws.text("jti")) <= _MAX_JTI:
        raise InvalidDpopProof("the DPoP proof needs a jti, a text of at most 256 characters")


def _without_query(url: str) -> tuple[str, str, int | None, str]:
    """RFC 9449 4.3: without query and fragment, normalized as RFC 3986 6.2.2 and 6.2.3 say."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    except ValueError:
        return ("", "", None, "")
    return (parts.scheme.lower(), (parts.hostname or "").lower(), port, parts.path or "/")
