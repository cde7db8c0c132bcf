"""Jobs that administrators had begun, the newest first."""

from __future__ import annotations

from sqlalchemy import select

from dcrserver.db.queries import Queries
from dcrserver.db.tables import jobs
from dcrserver.repositories.jobs import JobRecord
from dcrserver.repositories.queries.keyset import Order, Place, page
from dcrserver.repositories.rows import records

# An id sorts by time.
NEWEST_FIRST = Order([jobs.c.id], is_descending=True)


class JobLists:
    """Lists of jobs."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    async def page(
        self, tenant: str, owner: str | None, state: str | None, after: Place | None, limit: int
    ) -> list[JobRecord]:
        """Of the ``tenant``, of the ``owner`` if there is one, and in this ``state`` if it is
        given.
        """
        chosen = select(jobs).where(jobs.c.tenant == tenant)
        if owner is not None:
            chosen = chosen.where(jobs.c.owner == owner)
        if state is not None:
            chosen = chosen.where(jobs.c.state == state)
        found = await self._queries.all(page(chosen, NEWEST_FIRST, after, limit))
        return records(JobRecord, found)
