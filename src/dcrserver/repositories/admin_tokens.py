"""Admin tokens: credentials of authorization servers and administrators, found by digest."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import bindparam, insert, or_, select

from dcrserver.db.tables import admin_tokens as tokens
from dcrserver.names import ALL_TENANTS
from dcrserver.repositories.rows import row_of
from dcrserver.repositories.tokens import TokenRepository, named, revoking

_INSERT = insert(tokens)
_SELECT = select(tokens).where(
    or_(
        tokens.c.tenant == bindparam("b_tenant"),
        tokens.c.tenant == bindparam("b_beside"),
        tokens.c.tenant == ALL_TENANTS,
    ),
    tokens.c.digest == bindparam("b_digest"),
)
_NAMED, _REVOKE = named(tokens), revoking(tokens)


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


class AdminTokenRepository(TokenRepository[AdminTokenRecord]):
    """Tokens of administrators and of authorization servers, by digest."""

    record = AdminTokenRecord
    insert, find_named, revoke_named = _INSERT, _NAMED, _REVOKE

    async def find(self, tenant: str, beside: str, digest: str) -> AdminTokenRecord | None:
        """The token of this digest, of either tenant or of all; also one that has ended."""
        values = {"b_tenant": tenant, "b_beside": beside, "b_digest": digest}
        return await self._one(_SELECT, values)
