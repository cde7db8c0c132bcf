"""Deleted clients that can still be restored."""

from __future__ import annotations

from sqlalchemy import select

from dcrserver.db.queries import Queries
from dcrserver.db.tables import deleted_clients as deleted
from dcrserver.repositories.deleted_clients import DeletedClientRecord
from dcrserver.repositories.queries.keyset import Order, Place, page
from dcrserver.repositories.rows import records

BY_CLIENT_ID = Order([deleted.c.client_id, deleted.c.deleted_at_milliseconds])


class DeletedClientLists:
    """Lists of deleted clients."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    async def page(
        self, tenant: str, owner: str | None, now: int, after: Place | None, limit: int
    ) -> list[DeletedClientRecord]:
        """Of the ``tenant``, and of the ``owner`` if there is one; those whose time is not over at
        ``now`` (seconds since 1970).
        """
        chosen = select(deleted).where(deleted.c.tenant == tenant, deleted.c.purge_at > now)
        if owner is not None:
            chosen = chosen.where(deleted.c.owner == owner)
        found = await self._queries.all(page(chosen, BY_CLIENT_ID, after, limit))
        return records(DeletedClientRecord, found)
