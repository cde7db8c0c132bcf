"""Clients: pages and counts, filtered and sorted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select

from dcrserver.db.queries import Queries
from dcrserver.db.tables import clients
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.queries.keyset import Order, Place, page
from dcrserver.repositories.rows import records

# Of one page of all clients: 500 are 6 ms of the event loop, in which nobody else is served.
_BATCH = 200

NEWEST = Order([clients.c.issued_at, clients.c.client_id], is_descending=True)
_BY_KEY = Order([clients.c.tenant, clients.c.client_id])
_COLUMNS = [clients.c[name] for name in ClientRecord._fields]
# Of one tenant.
_BY_ID = Order([clients.c.client_id])


@dataclass(frozen=True, slots=True)
class ClientFilters:
    """Which clients are meant: those for which everything holds that is not None.

    ``contains``: a text of the registration, in whatever case.
    """

    contains: str | None = None
    owner: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """What holds for the clients that are meant."""
        made = []
        if self.contains is not None:
            made.append(clients.c.metadata.icontains(self.contains, autoescape=True))
        if self.owner is not None:
            made.append(clients.c.owner == self.owner)
        return made


ALL = ClientFilters()


class ClientLists:
    """Lists of clients, filtered and sorted, and how many there are."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    async def page(
        self,
        tenant: str | None,
        filters: ClientFilters = ALL,
        order: Order = NEWEST,
        after: Place | None = None,
        *,
        limit: int,
    ) -> list[ClientRecord]:
        """Of the ``tenant``, or of all; those that come after ``after`` in this ``order``."""
        chosen = select(*_COLUMNS).where(*_conditions(tenant, filters))
        found = await self._queries.all(page(chosen, order, after, limit))
        return records(ClientRecord, found)

    async def every(
        self, tenant: str | None, filters: ClientFilters = ALL
    ) -> AsyncIterator[Sequence[ClientRecord]]:
        """All of them, a page at a time; nothing is held meanwhile, however long it takes."""
        order = _BY_KEY if tenant is None else _BY_ID
        after: Place | None = None
        while found := await self.page(tenant, filters, order, after, limit=_BATCH):
            yield found
            after = order.place_of(found[-1])

    async def count(self, tenant: str | None, filters: ClientFilters = ALL) -> int:
        """How many of the ``tenant``, or of all."""
        conditions = _conditions(tenant, filters)
        found = await self._queries.all(
            select(func.count()).select_from(clients).where(*conditions)
        )
        return found[0][0]


def _conditions(tenant: str | None, filters: ClientFilters) -> list[ColumnElement[bool]]:
    return [*([clients.c.tenant == tenant] if tenant is not None else []), *filters.conditions()]
