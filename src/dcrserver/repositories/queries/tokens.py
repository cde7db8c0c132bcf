"""Tokens of a tenant, oldest first, and what initial access tokens were used for."""

from __future__ import annotations

from sqlalchemy import select

from dcrserver.db.queries import Queries
from dcrserver.db.tables import admin_tokens, initial_access_token_uses, initial_access_tokens
from dcrserver.repositories.admin_tokens import AdminTokenRecord
from dcrserver.repositories.initial_access_tokens import (
    InitialAccessTokenRecord,
    InitialAccessTokenUse,
)
from dcrserver.repositories.rows import records


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

    async def uses(self, tenant: str) -> dict[str, list[InitialAccessTokenUse]]:
        """By the token's id: the clients that were registered with it, oldest first."""
        columns = initial_access_token_uses.c
        found = await self._queries.all(
            select(initial_access_token_uses)
            .where(columns.tenant == tenant)
            .order_by(columns.used_at, columns.client_id)
        )
        made: dict[str, list[InitialAccessTokenUse]] = {}
        for use in records(InitialAccessTokenUse, found):
            made.setdefault(use.token_id, []).append(use)
        return made

    async def admin_tokens(self, tenant: str) -> list[AdminTokenRecord]:
        """All admin tokens that are alive, or have expired."""
        columns = admin_tokens.c
        found = await self._queries.all(
            select(admin_tokens)
            .where(columns.tenant == tenant)
            .order_by(columns.issued_at, columns.id)
        )
        return records(AdminTokenRecord, found)
