"""Tokens of a tenant, oldest first, and what initial access tokens were used for."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, Table, select

from dcrserver.db.queries import Queries
from dcrserver.db.tables import admin_tokens, initial_access_token_uses, initial_access_tokens
from dcrserver.repositories.admin_tokens import AdminTokenRecord
from dcrserver.repositories.initial_access_tokens import (
    InitialAccessTokenRecord,
    InitialAccessTokenUse,
)
from dcrserver.repositories.queries.keyset import Order, Place, page
from dcrserver.repositories.rows import records

NEWEST_INITIAL = Order(
    [initial_access_tokens.c.issued_at, initial_access_tokens.c.id], is_descending=True
)
NEWEST_ADMIN = Order([admin_tokens.c.issued_at, admin_tokens.c.id], is_descending=True)
# Of one token; who registered more with one looks for clients by it.
_MAX_USES = 1000


def _of(table: Table, tenant: str, token_id: str | None) -> Select[Any]:
    chosen = select(table).where(table.c.tenant == tenant)
    return chosen if token_id is None else chosen.where(table.c.id == token_id)


class TokenLists:
    """Lists of initial access tokens and admin tokens."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    async def initial_access_tokens(self, tenant: str) -> list[InitialAccessTokenRecord]:
        """All initial access tokens that were ever issued."""
        columns = initial_access_tokens.c
        found = await self._queries.all(
            select(initial_access_tokens)
            .where(columns.tenant == tenant)
            .order_by(columns.issued_at, columns.id)
        )
        return records(InitialAccessTokenRecord, found)

    async def initial_page(
        self, tenant: str, after: Place | None, limit: int, token_id: str | None = None
    ) -> list[InitialAccessTokenRecord]:
        """Initial access tokens, newest first; of one id alone, if it is given."""
        chosen = _of(initial_access_tokens, tenant, token_id)
        found = await self._queries.all(page(chosen, NEWEST_INITIAL, after, limit))
        return records(InitialAccessTokenRecord, found)

    async def admin_page(
        self, tenant: str, after: Place | None, limit: int, token_id: str | None = None
    ) -> list[AdminTokenRecord]:
        """Admin tokens, newest first; of one id alone, if it is given."""
        chosen = _of(admin_tokens, tenant, token_id)
        found = await self._queries.all(page(chosen, NEWEST_ADMIN, after, limit))
        return records(AdminTokenRecord, found)

    async def uses_of(self, tenant: str, token_id: str) -> list[InitialAccessTokenUse]:
        """The clients that were registered with a token, oldest first."""
        columns = initial_access_token_uses.c
        found = await self._queries.all(
            select(initial_access_token_uses)
            .where(columns.tenant == tenant, columns.token_id == token_id)
            .order_by(columns.used_at, columns.client_id)
            .limit(_MAX_USES)
        )
        return records(InitialAccessTokenUse, found)

    async def admin_tokens(self, tenant: str) -> list[AdminTokenRecord]:
        """All admin tokens that are alive, or have expired."""
        columns = admin_tokens.c
        found = await self._queries.all(
            select(admin_tokens)
            .where(columns.tenant == tenant)
            .order_by(columns.issued_at, columns.id)
        )
        return records(AdminTokenRecord, found)
