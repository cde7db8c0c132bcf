"""A registration request that is a JWT (UK Open Banking Dynamic Client Registration 3.3). Pure.

The software statement within it names the keys that must have signed it; nothing else does.
"""

from __future__ import annotations

from collections.abc import Iterator

from dcrserver import jose
from dcrserver.errors import InvalidClientMetadata
from dcrserver.metadata.algorithms import SIGNATURE
from dcrserver.policies import Policy
from dcrserver.services.software_statements.verification import Statement
from dcrserver.strict_json import JsonObject
from dcrserver.tenants import Tenant

PURPOSE = "registration_request"
_OF_THE_JWT = frozenset({"iss", "sub", "aud", "exp", "nbf", "iat", "jti"})
_TYPES = frozenset({"", "jwt", "jose", "application/jwt", "application/jose"})
_MAX_JTI = 256
_SKEW = 30


def is_signed(octets: bytes, tenant: Tenant, policy: Policy) -> bool:
    """Whether a body is, or has to be, a signed request: JSON begins otherwise."""
    if not tenant.reads_statements(policy):  # whose keys would have signed it?
        return False
    how = policy.software_statements.signed_requests
    if how == "allowed":
        return not octets.lstrip().startswith(b"{")
    return how == "required"


def parsed(octets: bytes, tenant: Tenant, policy: Policy, now: float) -> jose.Jws:
    """What the request says, but for its signature; ``now`` in seconds since 1970.

    Raises:
        InvalidClientMetadata: it is none, or cannot be accepted whoever signed it.
    """
    try:
        jws = jose.parse(octets.decode("ascii").strip())
    except (UnicodeDecodeError, jose.BadJws):
        raise InvalidClientMetadata("the body must be a JWT, a compact JWS") from None
    audience = policy.software_statements.request_audience or tenant.issuer
    if problems := [*_problems(jws, policy, audience, now)]:
        raise InvalidClientMetadata("; ".join(f"the request {each}" for each in problems))
    return jws


def members_of(jws: jose.Jws) -> JsonObject:
    """The metadata of the request."""
    return {name: value for name, value in jws.claims.items() if name not in _OF_THE_JWT}


def check_sender(jws: jose.Jws, statement: Statement) -> None:
    """UKOB-03: who is said to send it is the software that the statement is about.

    Raises:
        InvalidClientMetadata: it is somebody else.
    """
    if not statement.software_id or jws.text("iss") != statement.software_id:
        raise InvalidClientMetadata(
            "the iss of the request is not the software_id of its statement"
        )


def refused_after(jws: jose.Jws) -> int:
    """When it would be refused for its age, in seconds since 1970."""
    return int(jws.number("exp") or 0) + _SKEW + 1


def _problems(jws: jose.Jws, policy: Policy, audience: str, now: float) -> Iterator[str]:
    said = jws.header.get("typ", "")
    if not isinstance(said, str) or said.lower() not in _TYPES:
        yield "has another typ than JWT"
    if jws.algorithm not in (policy.software_statements.algorithms or SIGNATURE):
        yield "is signed by an alg that is not accepted here"
    named = jws.claims.get("aud")
    if audience not in (named if isinstance(named, list) else [named]):
        yield "is for another audience (aud)"
    expires_at, issued_at = jws.number("exp"), jws.number("iat")
    if expires_at is None or issued_at is None:
        yield "needs an exp and an iat, times in seconds"
    elif expires_at <= now - _SKEW:
        yield "has expired"
    elif expires_at > now + policy.software_statements.request_lifetime + _SKEW:
        yield f"is good for longer than {policy.software_statements.request_lifetime} seconds (exp)"
    elif max(issued_at, jws.number("nbf") or 0) > now + _SKEW:
        yield "is not good yet"
    if not 0 < len(jws.text("jti")) <= _MAX_JTI:
        yield f"needs a jti, a text of at most {_MAX_JTI} characters"
