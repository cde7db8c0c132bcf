"""Initial access tokens: found by digest, counted down by one conditional statement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, bindparam, delete, insert, or_, select, update

from dcrserver.db.tables import initial_access_tokens as tokens
from dcrserver.repositories.rows import as_row

if TYPE_CHECKING:
    from dcrserver.repositories.transaction import Transaction

_ALIVE = and_(
    tokens.c.tenant == bindparam("b_tenant"),
    tokens.c.digest == bindparam("b_digest"),
    or_(tokens.c.expires_at == 0, tokens.c.expires_at > bindparam("b_now")),
    or_(tokens.c.uses_left.is_(None), tokens.c.uses_left > 0),
)
_INSERT = insert(tokens)
_SELECT = select(tokens).where(_ALIVE)
# NULL - 1 stays NULL: a token without limit is left as it is.
_REDEEM = update(tokens).where(_ALIVE).values(uses_left=tokens.c.uses_left - 1)
_LIST = (
    select(tokens)
    .where(tokens.c.tenant == bindparam("b_tenant"))
    .order_by(tokens.c.issued_at, tokens.c.id)
)
_DELETE = delete(tokens).where(
    tokens.c.tenant == bindparam("b_tenant"), tokens.c.id == bindparam("b_id")
)


@dataclass(frozen=True, slots=True)
class InitialAccessTokenRecord:
    """A row of ``initial_access_tokens``; ``uses_left`` None: without limit."""

    tenant: str
    digest: str
    id: str
    uses_left: int | None
    expires_at: int
    issued_at: int


class InitialAccessTokenRepository:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def add(self, record: InitialAccessTokenRecord) -> None:
        self._tx.insert(_INSERT, as_row(record))

    async def find(self, tenant: str, digest: str, now: int) -> InitialAccessTokenRecord | None:
        """A token that is neither expired nor used up."""
        values = {"b_tenant": tenant, "b_digest": digest, "b_now": now}
        row = (await self._tx.execute(_SELECT, values)).mappings().one_or_none()
        return None if row is None else InitialAccessTokenRecord(**row)

    async def redeem(self, tenant: str, digest: str, now: int) -> bool:
        """Takes one use; False when there is none left, whoever took the last."""
        values = {"b_tenant": tenant, "b_digest": digest, "b_now": now}
        return (await self._tx.execute(_REDEEM, values)).rowcount == 1

    async def all(self, tenant: str) -> list[InitialAccessTokenRecord]:
        found = await self._tx.execute(_LIST, {"b_tenant": tenant})
        return [InitialAccessTokenRecord(**row) for row in found.mappings()]

    async def revoke(self, tenant: str, token_id: str) -> bool:
        done = await self._tx.execute(_DELETE, {"b_tenant": tenant, "b_id": token_id})
        return done.rowcount == 1
