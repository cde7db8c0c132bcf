"""Clients: rows in and out, by primary key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    and_,
    bindparam,
    delete,
    insert,
    select,
    update,
)

from dcrserver.db.protocol import batches
from dcrserver.db.protocol.session import Session
from dcrserver.db.protocol.statements import Change, Lookup, Values
from dcrserver.db.tables import clients
from dcrserver.repositories import events
from dcrserver.repositories.events import EventRecord
from dcrserver.repositories.rows import row_of
from dcrserver.security import is_client_id

_INSERT = insert(clients)
_KEY = clients.primary_key.columns.keys()
# No new version: nothing that anybody registered or was given changes.
_END_GRACE = (
    update(clients)
    .where(
        clients.c.tenant == bindparam("b_tenant"),
        clients.c.client_id == bindparam("b_client_id"),
        clients.c.registration_access_token_digest == bindparam("b_digest"),
        clients.c.previous_registration_access_token_digest.is_not(None),
    )
    .values(previous_registration_access_token_digest=None)
)
_KNOWN = select(clients.c.client_id).where(
    clients.c.tenant == bindparam("b_tenant"),
    clients.c.client_id.in_(bindparam("b_client_ids", expanding=True)),
)


_PRESENT = Lookup([clients.c.client_id], [clients.c.tenant, clients.c.client_id])


@row_of(clients)
class ClientRecord(NamedTuple):
    """A row of ``clients``; ``metadata``, ``client_secrets`` and ``bounds`` are JSON text."""

    tenant: str
    client_id: str
    metadata: str
    registration_access_token_digest: str
    issued_at: int
    updated_at: int
    version: int
    registration_access_token_expires_at: int = 0
    previous_registration_access_token_digest: str | None = None
    previous_registration_access_token_expires_at: int = 0
    client_secrets: str | None = None
    bounds: str | None = None
    access_token_lifetime: int | None = None
    access_token_format: str | None = None
    suspended_at: int = 0
    tokens_ended_at: int = 0
    owner: str | None = None


# Of a client that is changed all but what it was born with is written.
_UPDATED = [name for name in ClientRecord._fields if name not in {*_KEY, "issued_at"}]
_BY_KEY = Lookup(
    [clients.c[name] for name in ClientRecord._fields], [clients.c[name] for name in _KEY]
)


def _held(value: Callable[[str], ColumnElement[Any]]) -> ColumnElement[bool]:
    """The digest is the lock: of two writers with the same token one finds no row."""
    return and_(
        clients.c.tenant == value("b_tenant"),
        clients.c.client_id == value("b_client_id"),
        clients.c.registration_access_token_digest == value("b_digest"),
        clients.c.version == value("b_version"),
    )


_HELD = {
    "b_tenant": clients.c.tenant,
    "b_client_id": clients.c.client_id,
    "b_digest": clients.c.registration_access_token_digest,
    "b_version": clients.c.version,
}
_UPDATE = Change(
    _HELD | {name: clients.c[name] for name in _UPDATED},
    lambda value: update(clients).where(_held(value)).values({n: value(n) for n in _UPDATED}),
)
_DELETE = Change(_HELD, lambda value: delete(clients).where(_held(value)))


class ClientRepository:
    """The registered clients, by tenant and client_id."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, record: ClientRecord) -> None:
        self._session.insert(_INSERT, record._asdict())

    async def find(self, tenant: str, client_id: str) -> ClientRecord | None:
        """The client of this id; None if there is none."""
        if not is_client_id(client_id):
            return None  # PostgreSQL would refuse to look for a NUL
        key = {"b_tenant": tenant, "b_client_id": client_id}
        record = ClientRecord._make(await self._session.look_up(_BY_KEY, key))
        return record if record.client_id == client_id else None

    async def replace(
        self, old: ClientRecord, new: ClientRecord, event: EventRecord | None = None
    ) -> bool:
        """Writes ``new`` over ``old``, with its event.

        False, and nothing is written, when ``old`` is no longer what is stored.
        """
        values = {name: getattr(new, name) for name in _UPDATED}
        return await self._change(_UPDATE, _values_held(old) | values, event)

    async def delete(self, record: ClientRecord, event: EventRecord | None = None) -> bool:
        """As ``replace``."""
        return await self._change(_DELETE, _values_held(record), event)

    async def _change(self, change: Change, values: Values, event: EventRecord | None) -> bool:
        if event is None:
            return (await self._session.execute(change.statement, values)).rowcount == 1
        return await self._session.change(change, values, [(events.INSERT, event._asdict())])

    async def end_grace(self, record: ClientRecord) -> None:
        """The registration access token before the current one works no longer."""
        await self._session.execute(
            _END_GRACE,
            {
                "b_tenant": record.tenant,
                "b_client_id": record.client_id,
                "b_digest": record.registration_access_token_digest,
            },
        )

    async def known(self, tenant: str, client_ids: Sequence[str]) -> set[str]:
        """Those of ``client_ids`` that are there."""
        if self._session.dialect == "postgresql":
            # Without statistics it would read the tenant's whole index for a long list.
            keys = [{"b_tenant": tenant, "b_client_id": client_id} for client_id in client_ids]
            found = await self._session.execute(
                batches.lookup_all(_PRESENT), {"keys": batches.placed(enumerate(keys))}
            )
        else:
            values = {"b_tenant": tenant, "b_client_ids": list(client_ids)}
            found = await self._session.execute(_KNOWN, values)
        return {row["client_id"] for row in found.all()} - {None}


def _values_held(record: ClientRecord) -> dict[str, str | int]:
    return {
        "b_tenant": record.tenant,
        "b_client_id": record.client_id,
        "b_digest": record.registration_access_token_digest,
        "b_version": record.version,
    }
