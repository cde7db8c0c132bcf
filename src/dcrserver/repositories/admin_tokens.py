"""Admin tokens: credentials of authorization servers and administrators, found by digest."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import bindparam, insert, or_, select, update

from dcrserver.db.protocol.session import Session
from dcrserver.db.tables import admin_tokens as tokens
from dcrserver.names import ALL_TENANTS
from dcrserver.repositories.rows import row_of

_INSERT = insert(tokens)
_SELECT = select(tokens).where(
    or_(
        tokens.c.tenant == bindparam("b_tenant"),
        tokens.c.tenant == bindparam("b_beside"),
        tokens.c.tenant == ALL_TENANTS,
    ),
    tokens.c.digest == bindparam("b_digest"),
)
_NAMED = select(tokens).where(
    tokens.c.tenant == bindparam("b_tenant"), tokens.c.id == bindparam("b_id")
)
# The row stays: what was done with the token is still told.
_REVOKE = (
    update(tokens)
    .where(
        tokens.c.tenant == bindparam("b_tenant"),
        tokens.c.id == bindparam("b_id"),
        tokens.c.revoked_at == 0,
    )
    .values(revoked_at=bindparam("b_now"))
)


@row_of(tokens)
class AdminTokenRecord(NamedTuple):
    """A row of ``admin_tokens``; ``scopes`` separated by spaces, ``audiences`` a JSON list."""

    tenant: str
    digest: str
    id: str
    scopes: str
    issuer: str
    label: str
    expires_at: int
    issued_at: int
    audiences: str | None = None
    revoked_at: int = 0
    owner: str | None = None


class AdminTokenRepository:
    """Tokens of administrators and of authorization servers, by digest."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, record: AdminTokenRecord) -> None:
        self._session.insert(_INSERT, record._asdict())

    async def find(self, tenant: str, beside: str, digest: str) -> AdminTokenRecord | None:
        """The token of this digest, of either tenant or of all; also one that has ended."""
        values = {"b_tenant": tenant, "b_beside": beside, "b_digest": digest}
        row = (await self._session.execute(_SELECT, values)).one_or_none()
        return None if row is None else AdminTokenRecord(**row)

    async def named(self, tenant: str, token_id: str) -> AdminTokenRecord | None:
        """The token of this id, also one that has ended."""
        found = await self._session.execute(_NAMED, {"b_tenant": tenant, "b_id": token_id})
        row = found.one_or_none()
        return None if row is None else AdminTokenRecord(**row)

    async def revoke(self, tenant: str, token_id: str, now: int) -> bool:
        """Revokes a token; False when there is none, or it was revoked before."""
        values = {"b_tenant": tenant, "b_id": token_id, "b_now": now}
        return (await self._session.execute(_REVOKE, values)).rowcount == 1
