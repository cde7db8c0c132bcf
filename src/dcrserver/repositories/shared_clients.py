"""Which client a registration leads to that many share."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import bindparam, insert, select, update

from dcrserver.db.protocol.session import Session
from dcrserver.db.tables import shared_clients as shared
from dcrserver.repositories.rows import row_of

_INSERT = insert(shared)
_BY_FINGERPRINT = (shared.c.tenant == bindparam("b_tenant")) & (
    shared.c.fingerprint == bindparam("b_fingerprint")
)
_FIND = select(shared).where(_BY_FINGERPRINT)
# The client is the lock: whoever read another one changes nothing.
_HELD = _BY_FINGERPRINT & (shared.c.client_id == bindparam("b_client_id"))
_COUNT = (
    update(shared)
    .where(_HELD)
    .values(registrations=shared.c.registrations + 1, last_registered_at=bindparam("b_now"))
)
_MOVE = (
    update(shared)
    .where(_HELD)
    .values(client_id=bindparam("b_new"), registrations=1, last_registered_at=bindparam("b_now"))
)
_OF_CLIENT = select(shared).where(
    shared.c.tenant == bindparam("b_tenant"), shared.c.client_id == bindparam("b_client_id")
)


@row_of(shared)
class SharedClientRecord(NamedTuple):
    """A row of ``shared_clients``; ``last_registered_at`` in seconds since 1970."""

    tenant: str
    fingerprint: str
    client_id: str
    registrations: int
    last_registered_at: int


class SharedClientRepository:
    """Clients that many share, by the fingerprint of what was registered."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, record: SharedClientRecord) -> None:
        """Whoever adds the same fingerprint second finds the row there."""
        self._session.insert(_INSERT, record._asdict())

    async def find(self, tenant: str, fingerprint: str) -> SharedClientRecord | None:
        """Where the registration of this fingerprint leads, also to a client that is gone."""
        values = {"b_tenant": tenant, "b_fingerprint": fingerprint}
        row = (await self._session.execute(_FIND, values)).one_or_none()
        return None if row is None else SharedClientRecord(**row)

    async def count(self, record: SharedClientRecord, now: int) -> bool:
        """It was registered once more; False when it leads to another client by now."""
        return (await self._session.execute(_COUNT, _held(record, now))).rowcount == 1

    async def move(self, record: SharedClientRecord, client_id: str, now: int) -> bool:
        """It leads to the new client of ``client_id``; False as with ``count``."""
        values = _held(record, now) | {"b_new": client_id}
        return (await self._session.execute(_MOVE, values)).rowcount == 1

    async def of_client(self, tenant: str, client_id: str) -> SharedClientRecord | None:
        """The row that leads to this client; None where nobody shares it."""
        values = {"b_tenant": tenant, "b_client_id": client_id}
        row = (await self._session.execute(_OF_CLIENT, values)).one_or_none()
        return None if row is None else SharedClientRecord(**row)


def _held(record: SharedClientRecord, now: int) -> dict[str, str | int]:
    return {
        "b_tenant": record.tenant,
        "b_fingerprint": record.fingerprint,
        "b_client_id": record.client_id,
        "b_now": now,
    }
