"""Events: by what they are about, filtered, and in the order in which they happened."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Table, select

from dcrserver.db.queries import Queries
from dcrserver.db.tables import admin_tokens, events, initial_access_tokens
from dcrserver.names import ALL_TENANTS
from dcrserver.repositories.events import EventRecord
from dcrserver.repositories.queries.keyset import Order, Place, page
from dcrserver.repositories.rows import records

_BATCH = 500
# An event's id sorts by time.
OLDEST, NEWEST = Order([events.c.id]), Order([events.c.id], is_descending=True)


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events are meant: those for which everything holds that is not None, and not empty.

    ``since`` and ``until``: seconds since 1970, from the one and before the other.
    """

    types: Sequence[str] = ()
    actor_kind: str | None = None
    actor_id: str | None = None
    subject_kind: str | None = None
    subject_id: str | None = None
    request_id: str | None = None
    since: int | None = None
    until: int | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """What holds for the events that are meant."""
        names = ("actor_kind", "actor_id", "subject_kind", "subject_id", "request_id")
        wanted = {name: getattr(self, name) for name in names}
        made = [events.c[name] == value for name, value in wanted.items() if value is not None]
        if self.types:
            made.append(events.c.type.in_(self.types))
        if self.since is not None:
            made.append(events.c.id >= _first_id(self.since))
        if self.until is not None:
            made.append(events.c.id < _first_id(self.until))
        return made


ALL = EventFilter()


def _first_id(seconds: int) -> str:
    """No event of that moment, or of a later one, has an id before this; see ``services.audit``."""
    return f"{seconds * 1000:012x}"


class EventLists:
    """Lists of what happened."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    async def page(
        self,
        tenant: str | None,
        wanted: EventFilter = ALL,
        order: Order = NEWEST,
        after: Place | None = None,
        *,
        limit: int,
    ) -> list[EventRecord]:
        """Of the ``tenant``, or of all; those that come after ``after`` in this ``order``."""
        chosen = select(events).where(*wanted.conditions())
        if tenant is not None:
            chosen = chosen.where(events.c.tenant == tenant)
        return records(EventRecord, await self._queries.all(page(chosen, order, after, limit)))

    async def of_subject(self, tenant: str, kind: str, subject_id: str) -> list[EventRecord]:
        """All that happened to one thing, however many, oldest first, by pages."""
        wanted = EventFilter(subject_kind=kind, subject_id=subject_id)
        made: list[EventRecord] = []
        after: Place | None = None
        while found := await self.page(tenant, wanted, OLDEST, after, limit=_BATCH):
            made += found
            after = OLDEST.place_of(found[-1])
        return made

    async def labels(self, found: Iterable[EventRecord]) -> dict[str, str]:
        """By its id, the label of each token that did something of what was ``found``."""
        made: dict[str, str] = {}
        for kinds, table in _TOKENS:
            acted = [each for each in found if each.actor_kind in kinds]
            if acted:
                made |= await self._labels(table, acted)
        return made

    async def _labels(self, table: Table, acted: Sequence[EventRecord]) -> dict[str, str]:
        chosen = select(table.c.id, table.c.label).where(
            table.c.tenant.in_({ALL_TENANTS, *(each.tenant for each in acted)}),
            table.c.id.in_({each.actor_id for each in acted}),
        )
        return {token_id: label for token_id, label in await self._queries.all(chosen) if label}


# By the kinds of actors that have them.
_TOKENS = (
    (frozenset({"administrator", "authorization_server"}), admin_tokens),
    (frozenset({"initial_access_token"}), initial_access_tokens),
)
