"""Events: written with the change they tell of, never changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import bindparam, insert, select

from dcrserver.db.tables import events

if TYPE_CHECKING:
    from dcrserver.repositories.transaction import Transaction

INSERT = insert(events)
_OF_CLIENT = (
    select(events)
    .where(
        events.c.tenant == bindparam("b_tenant"),
        events.c.client_id == bindparam("b_client_id"),
    )
    .order_by(events.c.id)
)


class EventRecord(NamedTuple):
    """A row of ``events``; ``changes`` is JSON text."""

    id: str
    tenant: str
    type: str
    at_milliseconds: int
    actor: str
    client_id: str | None
    address: str | None
    request_id: str | None
    changes: str


class EventRepository:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def add(self, record: EventRecord) -> None:
        self._tx.insert(INSERT, record._asdict())

    async def of_client(self, tenant: str, client_id: str) -> list[EventRecord]:
        """Oldest first."""
        found = await self._tx.execute(_OF_CLIENT, {"b_tenant": tenant, "b_client_id": client_id})
        return [EventRecord(**row) for row in found.all()]
