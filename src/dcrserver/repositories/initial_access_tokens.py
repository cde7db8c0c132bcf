"""Initial access tokens: found by digest, counted down by one conditional statement."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import and_, bindparam, insert, or_, select, update

from dcrserver.db.tables import initial_access_token_uses as uses
from dcrserver.db.tables import initial_access_tokens as tokens
from dcrserver.repositories.rows import row_of
from dcrserver.repositories.tokens import TokenRepository, named, revoking

_VALID = and_(
    tokens.c.tenant == bindparam("b_tenant"),
    tokens.c.digest == bindparam("b_digest"),
    tokens.c.revoked_at == 0,
    or_(tokens.c.expires_at == 0, tokens.c.expires_at > bindparam("b_now")),
)
_ALIVE = and_(_VALID, or_(tokens.c.uses_left.is_(None), tokens.c.uses_left > 0))
_INSERT = insert(tokens)
_SELECT = select(tokens).where(_ALIVE)
_SELECT_SPENT_TOO = select(tokens).where(_VALID)
# NULL - 1 stays NULL: a token without limit is left as it is.
_REDEEM = update(tokens).where(_ALIVE).values(uses_left=tokens.c.uses_left - 1)
_NAMED, _REVOKE = named(tokens), revoking(tokens)
_INSERT_USE = insert(uses)


@row_of(tokens)
class InitialAccessTokenRecord(NamedTuple):
    """A row of ``initial_access_tokens``; ``uses_left`` None: without limit."""

    tenant: str
    digest: str
    id: str
    uses_left: int | None
    expires_at: int
    issued_at: int
    issuer: str = ""
    label: str = ""
    bounds: str | None = None
    revoked_at: int = 0


@row_of(uses)
class InitialAccessTokenUse(NamedTuple):
    """A row of ``initial_access_token_uses``."""

    tenant: str
    token_id: str
    client_id: str
    used_at: int
    address: str | None


class InitialAccessTokenRepository(TokenRepository[InitialAccessTokenRecord]):
    """Tokens that let a client register (RFC 7591 1.2), by digest."""

    record = InitialAccessTokenRecord
    insert, find_named, revoke_named = _INSERT, _NAMED, _REVOKE

    async def find(
        self, tenant: str, digest: str, now: int, *, spent_too: bool = False
    ) -> InitialAccessTokenRecord | None:
        """A token that is neither expired, revoked nor, unless ``spent_too``, used up."""
        values = {"b_tenant": tenant, "b_digest": digest, "b_now": now}
        wanted = _SELECT_SPENT_TOO if spent_too else _SELECT
        return await self._one(wanted, values)

    async def redeem(self, tenant: str, digest: str, now: int) -> bool:
        """Takes one use; False when there is none left, whoever took the last."""
        values = {"b_tenant": tenant, "b_digest": digest, "b_now": now}
        return (await self._session.execute(_REDEEM, values)).rowcount == 1

    def add_use(self, use: InitialAccessTokenUse) -> None:
        self._session.insert(_INSERT_USE, use._asdict())
