"""Admin tokens: credentials of authorization servers and administrators, found by digest."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import bindparam, delete, insert, select

from dcrserver.db.protocol.session import Session
from dcrserver.db.tables import admin_tokens as tokens
from dcrserver.repositories.rows import row_of

_INSERT = insert(tokens)
_SELECT = select(tokens).where(
    tokens.c.tenant == bindparam("b_tenant"), tokens.c.digest == bindparam("b_digest")
)
_DELETE = delete(tokens).where(
    tokens.c.tenant == bindparam("b_tenant"), tokens.c.id == bindparam("b_id")
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


class AdminTokenRepository:
    """Tokens of administrators and of authorization servers, by digest."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, record: AdminTokenRecord) -> None:
        self._session.insert(_INSERT, record._asdict())

    async def find(self, tenant: str, digest: str) -> AdminTokenRecord | None:
        """The token of this digest, expired or not."""
        found = await self._session.execute(_SELECT, {"b_tenant": tenant, "b_digest": digest})
        row = found.one_or_none()
        return None if row is None else AdminTokenRecord(**row)

    async def revoke(self, tenant: str, token_id: str) -> bool:
        """Deletes a token; False when there was none."""
        done = await self._session.execute(_DELETE, {"b_tenant": tenant, "b_id": token_id})
        return done.rowcount == 1
