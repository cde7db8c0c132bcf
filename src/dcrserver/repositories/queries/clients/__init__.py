"""Clients: pages and counts, filtered and sorted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence

from sqlalchemy import ColumnElement, Table, func, select

from dcrserver.db.queries import Queries
from dcrserver.db.tables import clients, deleted_clients
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.queries.clients import counting
from dcrserver.repositories.queries.clients.counting import Count
from dcrserver.repositories.queries.clients.filters import ALL, Filter
from dcrserver.repositories.queries.clients.scope import scope_of
from dcrserver.repositories.queries.clients.search import Found, Match, Search
from dcrserver.repositories.queries.clients.sorts import NEWEST_FIRST, Sort
from dcrserver.repositories.queries.keyset import Order, Place, page
from dcrserver.repositories.rows import records

__all__ = ["ALL", "NEWEST_FIRST", "ClientLists", "Count", "Filter", "Found", "Match", "Sort"]

# Of one page of all clients: 3 ms of the event loop, in which nobody else is served.
_BATCH = 400
# So long a page is looked for where each client has to be read.
_SECONDS = 0.1
_BY_KEY = Order([clients.c.tenant, clients.c.client_id])
# Of one tenant.
_BY_ID = Order([clients.c.client_id])


class ClientLists:
    """Lists of clients, filtered and sorted, and how many there are.

    ``owner``: those of this owner only. Raises, from every method: QueryTooLong.
    """

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    async def first(
        self,
        tenant: str | None,
        wanted: Filter = ALL,
        sort: Sort = NEWEST_FIRST,
        after: Place | None = None,
        *,
        limit: int,
        owner: str | None = None,
    ) -> list[Match]:
        """Of the ``tenant``, or of all; the first of those that come after ``after`` in this order,
        however long it takes.

        Raises:
            InvalidInput: ``after`` is no place in this list.
        """
        search = Search(self._queries, tenant, wanted.of_owner(owner), sort)
        return (await search.page(after, limit)).matches

    async def part(
        self,
        tenant: str | None,
        wanted: Filter = ALL,
        sort: Sort = NEWEST_FIRST,
        after: Place | None = None,
        *,
        limit: int,
        owner: str | None = None,
    ) -> Found:
        """As ``first``, and where the list goes on: it may do so though fewer were found, as it is
        not looked for them for long.

        Raises:
            InvalidInput: ``after`` is no place in this list.
        """
        search = Search(self._queries, tenant, wanted.of_owner(owner), sort)
        return await search.page(after, limit, _SECONDS)

    async def page(
        self, tenant: str | None, wanted: Filter = ALL, after: Place | None = None, *, limit: int
    ) -> list[ClientRecord]:
        """As ``first``, newest first, and without their places."""
        return [each.record for each in await self.first(tenant, wanted, after=after, limit=limit)]

    async def stream(
        self,
        tenant: str | None,
        wanted: Filter = ALL,
        sort: Sort = NEWEST_FIRST,
        after: Place | None = None,
        *,
        owner: str | None = None,
    ) -> AsyncIterator[Sequence[Match]]:
        """All of them, a page at a time; who was interrupted goes on after the last place.

        The database looks for the next page while this one is used.

        Raises:
            InvalidInput: ``after`` is no place in this list.
        """
        search = Search(self._queries, tenant, wanted.of_owner(owner), sort)

        def page(place: Place | None) -> asyncio.Task[Found]:
            return asyncio.create_task(search.page(place, _BATCH, _SECONDS))

        coming: asyncio.Task[Found] | None = page(after)
        try:
            while coming is not None:
                found = await coming
                coming = None if found.next is None else page(found.next)
                if found.matches:
                    yield found.matches
        finally:  # somebody may want no more
            if coming is not None:
                coming.cancel()
                await asyncio.gather(coming, return_exceptions=True)

    async def every(self, tenant: str | None) -> AsyncIterator[Sequence[ClientRecord]]:
        """All of them, by client_id, so that each comes once, whatever becomes of it meanwhile."""
        order = _BY_KEY if tenant is None else _BY_ID
        scope = await scope_of(self._queries, tenant, ALL)
        place: Place | None = None
        while rows := await self._queries.all(page(scope.clients(), order, place, _BATCH)):
            found = records(ClientRecord, rows)
            yield found
            place = order.place_of(found[-1])

    async def place_of(self, tenant: str, client_id: str, owner: str | None) -> Place | None:
        """Where a client stands among all, by when they were created, also one that was deleted and
        can be restored; None: there is none, or it is another owner's.
        """
        found = await self._queries.all(
            select(clients.c.issued_at, clients.c.owner).where(*_of(clients, tenant, client_id))
        )
        if found:
            issued_at, held_by = found[0]
        else:
            kept = await self._queries.all(
                select(deleted_clients.c.record, deleted_clients.c.owner)
                .where(*_of(deleted_clients, tenant, client_id))
                .limit(1)
            )
            if not kept:
                return None
            issued_at, held_by = json.loads(kept[0][0])["issued_at"], kept[0][1]
        return (issued_at, client_id) if owner in {None, held_by} else None

    async def count(
        self, tenant: str | None, wanted: Filter = ALL, *, owner: str | None = None
    ) -> Count:
        """How many of the ``tenant``, or of all; estimated where they are many."""
        return await counting.count(self._queries, tenant, wanted.of_owner(owner))

    async def total(self, tenant: str | None, wanted: Filter = ALL) -> int:
        """How many of the ``tenant``, or of all, counted one by one."""
        scope = await scope_of(self._queries, tenant, wanted, has_ids=False)
        found = await self._queries.all(
            select(func.count()).select_from(scope.count(None).subquery())
        )
        return found[0][0]


def _of(table: Table, tenant: str, client_id: str) -> list[ColumnElement[bool]]:
    return [table.c.tenant == tenant, table.c.client_id == client_id]
