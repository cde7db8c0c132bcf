"""What an access token of an OpenID provider must say, and what it lets an administrator do here
(RFC 9068). Pure: nothing is asked of anybody.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from dcrserver import jose
from dcrserver.errors import InsufficientScope, InvalidToken
from dcrserver.names import ALL_TENANTS
from dcrserver.services.access.scopes import ROLES, SCOPES, expanded, known
from dcrserver.services.audit.actors import Actor, ActorKind
from dcrserver.settings import AdminProviderSettings
from dcrserver.strict_json import JsonObject, JsonValue

# RFC 9068 4; names of media types know no case, and may leave out application/ (RFC 7515 4.1.9).
_ACCESS_TOKEN_TYPES = frozenset({"at+jwt", "application/at+jwt"})
_PLAIN_TYPES = frozenset({"", "jwt", "application/jwt"})
# What no access token has (OpenID Connect Core 2, 3.1.3.6, 3.3.2.11).
_OF_ID_TOKENS = ("nonce", "at_hash", "c_hash", "s_hash")
# Keycloak says by a claim what its tokens are: Bearer, ID, Refresh, Logout.
_KINDS = frozenset({"", "bearer"})
# Who the client is, where a provider does not speak RFC 9068.
_CLIENT_CLAIMS = ("client_id", "azp", "appid")
# OpenID Connect Core 2: of a subject. Owners are kept in a column of as many.
_SUBJECT = re.compile(r"[!-~](?:[ -~]{0,253}[!-~])?")
_MAX_OWNER = 255
_OF_OWNERS = expanded(ROLES["owner"])
_MAX_NAME = 128


def check_header(jws: jose.Jws, provider: AdminProviderSettings) -> None:
    """Before any key is looked for: its type, its algorithm, and that it names its key.

    Raises:
        InvalidToken: one of them cannot be accepted.
    """
    said = jws.header.get("typ", "")
    token_type = said.lower() if isinstance(said, str) else "?"
    accepted = _ACCESS_TOKEN_TYPES
    if not provider.require_at_jwt:
        accepted = _ACCESS_TOKEN_TYPES | _PLAIN_TYPES
    if token_type not in accepted:
        raise InvalidToken("the typ of the token must be at+jwt (RFC 9068 2.1)")
    if jws.algorithm not in provider.algorithms:
        raise InvalidToken("the alg of the token is not one that is accepted here")
    if not jws.kid:
        raise InvalidToken("the token must name its key by kid")


def check_claims(jws: jose.Jws, provider: AdminProviderSettings, now: float) -> None:
    """What RFC 9068 4 demands; ``now`` in seconds since 1970.

    Raises:
        InvalidToken: a claim is missing or cannot be accepted.
    """
    if jws.claims.get("iss") != provider.issuer:
        raise InvalidToken("the iss of the token is not that of its provider")
    audience = jws.claims.get("aud")
    if provider.audience not in (audience if isinstance(audience, list) else [audience]):
        raise InvalidToken("the token is for another audience")
    _check_times(jws, provider.clock_skew, now)
    if not _SUBJECT.fullmatch(jws.text("sub")):
        raise InvalidToken("the token needs a sub, a text of 1 to 255 ASCII characters")
    if not client_of(jws, provider):
        raise InvalidToken("the token needs a client_id (RFC 9068 2.2)")
    if not provider.require_at_jwt and _is_other_kind(jws):
        raise InvalidToken("the token is no access token")
    if "cnf" in jws.claims:
        # RFC 7800 3: whoever presents it has to prove that the key is theirs.
        raise InvalidToken("the token is bound to a key (cnf); nothing here takes a proof of it")


def client_of(jws: jose.Jws, provider: AdminProviderSettings) -> str:
    """By which client the token was asked for; empty where it does not say."""
    names = _CLIENT_CLAIMS[:1] if provider.require_at_jwt else _CLIENT_CLAIMS
    return next((found for name in names if (found := jws.text(name))), "")


def actor_of(jws: jose.Jws, name: str, provider: AdminProviderSettings, tenant: str) -> Actor:
    """Whom a verified token of the provider ``name`` lets in at ``tenant``, and to do what.

    Its id begins with the provider's name: a subject is somebody else at another provider.

    Raises:
        InsufficientScope: it is for other tenants, or names no owner and would have to.
    """
    scopes, unbound = _granted(jws.claims, provider)
    owner = None
    if not scopes <= unbound:
        # Owning clients is no reason to issue tokens, or to write policies.
        owner, scopes = _owner(jws.claims, provider), scopes & (unbound | _OF_OWNERS)
    shown = jws.text("name") or jws.text("preferred_username") or client_of(jws, provider)
    return Actor(
        ActorKind.ADMINISTRATOR,
        f"{name}:{jws.text('sub')}",
        _tenant(jws.claims, provider, tenant),
        scopes,
        "".join(each for each in shown[:_MAX_NAME] if each.isprintable()),
        owner,
        expires_at=int(jws.number("exp") or 0),
    )


def _check_times(jws: jose.Jws, skew: int, now: float) -> None:
    expires_at, issued_at = jws.number("exp"), jws.number("iat")
    if expires_at is None or issued_at is None:
        raise InvalidToken("the token needs an exp and an iat, times in seconds")
    if expires_at <= now - skew:
        raise InvalidToken("the token has expired")
    not_before = jws.number("nbf") if "nbf" in jws.claims else issued_at
    if not_before is None or max(issued_at, not_before) > now + skew:
        raise InvalidToken("the token is not good yet")


def _is_other_kind(jws: jose.Jws) -> bool:
    """An ID token, or whatever else may come with the typ of any JWT."""
    said = jws.claims.get("typ", "")
    kind = said.lower() if isinstance(said, str) else "?"
    return kind not in _KINDS or any(name in jws.claims for name in _OF_ID_TOKENS)


def _granted(
    claims: JsonObject, provider: AdminProviderSettings
) -> tuple[frozenset[str], frozenset[str]]:
    """All that a token lets do; and what of it, by roles other than owner, with all clients."""
    scopes = _words(_claim(claims, provider.scope_claim), split=True)
    others = _words(_claim(claims, provider.roles_claim or ""), split=False)
    given = {each for value in (*scopes, *others) for each in provider.scopes.get(value, ())}
    roles = given & ROLES.keys()
    own = known((*scopes, *(given - roles)))
    return (
        expanded({*own, *_scopes_of(roles)}),
        # Without owners nothing binds.
        expanded(SCOPES if provider.owner_claim is None else _scopes_of(roles - {"owner"})),
    )


def _scopes_of(roles: Iterable[str]) -> Iterator[str]:
    return (scope for role in roles for scope in ROLES[role])


def _owner(claims: JsonObject, provider: AdminProviderSettings) -> str:
    owner = _claim(claims, provider.owner_claim or "")
    if not isinstance(owner, str) or not 0 < len(owner) <= _MAX_OWNER or not owner.isprintable():
        raise InsufficientScope("the token names no owner whose clients it is for")
    return owner


def _tenant(claims: JsonObject, provider: AdminProviderSettings, tenant: str) -> str | None:
    """``tenant``, or None for a token that is for all of them."""
    named: Iterable[str] = provider.tenants
    if provider.tenant_claim is not None:
        named = _words(_claim(claims, provider.tenant_claim), split=False)
    allowed = {
        each for each in named if ALL_TENANTS in provider.tenants or each in provider.tenants
    }
    if ALL_TENANTS in allowed:
        return None
    if tenant not in allowed:
        raise InsufficientScope("the token is not for this tenant")
    return tenant


def _claim(claims: JsonObject, path: str) -> JsonValue:
    """The claim of this name, or at this path; names hold dots where they are URLs."""
    if path in claims:
        return claims[path]
    found: JsonValue = claims
    for part in path.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _words(value: JsonValue, *, split: bool) -> list[str]:
    """The texts of a claim that is a list, or a text: ``split`` at its spaces (RFC 8693 4.2)."""
    if isinstance(value, str):
        return value.split(" ") if split else [value]
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
