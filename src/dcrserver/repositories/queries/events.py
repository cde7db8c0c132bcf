"""Events, oldest first."""

from __future__ import annotations

from sqlalchemy import select

from dcrserver.db.queries import Queries
from dcrserver.db.tables import events
from dcrserver.repositories.events import EventRecord
from dcrserver.repositories.queries.keyset import Order, Place, page
from dcrserver.repositories.rows import records

_BATCH = 500
# An event's id sorts by time.
_BY_ID = Order([events.c.id])


class EventLists:
    """Lists of what happened."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    async def of_subject(self, tenant: str, kind: str, subject_id: str) -> list[EventRecord]:
        """All that happened to one thing, however many, by pages."""
        chosen = select(events).where(
            events.c.tenant == tenant,
            events.c.subject_kind == kind,
            events.c.subject_id == subject_id,
        )
        made: list[EventRecord] = []
        after: Place | None = None
        while found := await self._queries.all(page(chosen, _BY_ID, after, _BATCH)):
            made += records(EventRecord, found)
            after = _BY_ID.place_of(found[-1])
        return made
