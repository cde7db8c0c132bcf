"""Events: written with the change they tell of, never changed."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import insert

from dcrserver.db.protocol.session import Session
from dcrserver.db.tables import events
from dcrserver.repositories.rows import row_of

INSERT = insert(events)


@row_of(events)
class EventRecord(NamedTuple):
    """A row of ``events``; ``changes`` is JSON text."""

    id: str
    tenant: str
    type: str
    at_milliseconds: int
    actor_kind: str
    actor_id: str | None
    subject_kind: str
    subject_id: str
    address: str | None
    request_id: str | None
    changes: str


class EventRepository:
    """The audit events: written in the transaction of what they tell of, never changed."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, record: EventRecord) -> None:
        self._session.insert(INSERT, record._asdict())
