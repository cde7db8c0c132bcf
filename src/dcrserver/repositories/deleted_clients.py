"""Clients that were deleted, and what is left of them: restored, or purged."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Insert, bindparam, delete, insert, select

from dcrserver.db.protocol.session import Session
from dcrserver.db.tables import (
    client_approvals,
    client_notes,
    clients,
    last_uses,
    shared_clients,
)
from dcrserver.db.tables import deleted_clients as deleted
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.expiry import AT_ONCE
from dcrserver.repositories.rows import row_of
from dcrserver.security import is_client_id
from dcrserver.strict_json import dumps

_INSERT = insert(deleted)
_OF_CLIENT = (deleted.c.tenant == bindparam("b_tenant")) & (
    deleted.c.client_id == bindparam("b_client_id")
)
_FIND = (
    select(deleted).where(_OF_CLIENT).order_by(deleted.c.deleted_at_milliseconds.desc()).limit(1)
)
_RESTORABLE = select(deleted.c.client_id).where(
    deleted.c.tenant == bindparam("b_tenant"),
    deleted.c.client_id.in_(bindparam("b_client_ids", expanding=True)),
    deleted.c.purge_at > bindparam("b_now"),
)
_DUE = select(deleted).where(deleted.c.purge_at <= bindparam("b_now")).limit(AT_ONCE)
_DELETE = delete(deleted).where(
    _OF_CLIENT, deleted.c.deleted_at_milliseconds == bindparam("b_deleted_at")
)
# What else there is of a client, unless there is another one of its name by now.
_ANOTHER = (
    select(clients.c.client_id)
    .where(
        clients.c.tenant == bindparam("b_tenant"), clients.c.client_id == bindparam("b_client_id")
    )
    .exists()
)
_LEFT = [
    delete(table).where(
        table.c.tenant == bindparam("b_tenant"),
        table.c.client_id == bindparam("b_client_id"),
        ~_ANOTHER,
    )
    for table in (client_approvals, client_notes, last_uses, shared_clients)
]


@row_of(deleted)
class DeletedClientRecord(NamedTuple):
    """A row of ``deleted_clients``; ``record`` is JSON text."""

    tenant: str
    client_id: str
    deleted_at_milliseconds: int
    purge_at: int
    owner: str | None
    record: str

    @classmethod
    def of(cls, client: ClientRecord, now: int, purge_at: int) -> DeletedClientRecord:
        """``client`` as it is when it is deleted; ``now`` in milliseconds."""
        kept = dumps(client._asdict())
        return cls(client.tenant, client.client_id, now, purge_at, client.owner, kept)

    @property
    def insertion(self) -> tuple[Insert, dict[str, Any]]:
        """What writes it beside a deletion."""
        return _INSERT, self._asdict()

    @property
    def client(self) -> ClientRecord:
        """The client as it was; of columns that came later, what they are by themselves."""
        kept = json.loads(self.record)
        known = {name: kept[name] for name in ClientRecord._fields if name in kept}
        return ClientRecord(**known)


class DeletedClientRepository:
    """Deleted clients, by tenant and client_id; of several with one name, the last."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, record: DeletedClientRecord) -> None:
        self._session.insert(*record.insertion)

    async def find(self, tenant: str, client_id: str) -> DeletedClientRecord | None:
        """The last that was called so, also if it should be purged by now."""
        if not is_client_id(client_id):
            return None
        found = await self._session.execute(_FIND, {"b_tenant": tenant, "b_client_id": client_id})
        row = found.one_or_none()
        return None if row is None else DeletedClientRecord(**row)

    async def restorable(self, tenant: str, client_ids: Sequence[str], now: int) -> set[str]:
        """Those of ``client_ids`` of which a client can be restored at ``now``."""
        values = {"b_tenant": tenant, "b_client_ids": list(client_ids), "b_now": now}
        found = await self._session.execute(_RESTORABLE, values)
        return {row["client_id"] for row in found.all()}

    async def take(self, record: DeletedClientRecord) -> bool:
        """Removes it, to be restored; False when somebody else was faster."""
        return (await self._session.execute(_DELETE, _key(record))).rowcount == 1

    async def due(self, now: int) -> Sequence[DeletedClientRecord]:
        """Some of those that are to be purged."""
        rows = (await self._session.execute(_DUE, {"b_now": now})).all()
        return [DeletedClientRecord(**row) for row in rows]

    async def purge(self, record: DeletedClientRecord) -> bool:
        """Removes it with all that is left of the client; False when somebody else was faster."""
        if not await self.take(record):
            return False
        await self.forget(record.tenant, record.client_id)
        return True

    async def forget(self, tenant: str, client_id: str) -> None:
        """Removes all that is left of a client that is gone."""
        values = {"b_tenant": tenant, "b_client_id": client_id}
        for statement in _LEFT:
            await self._session.execute(statement, values)


def _key(record: DeletedClientRecord) -> dict[str, str | int]:
    return {
        "b_tenant": record.tenant,
        "b_client_id": record.client_id,
        "b_deleted_at": record.deleted_at_milliseconds,
    }
