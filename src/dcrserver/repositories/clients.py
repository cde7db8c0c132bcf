"""Clients: rows in and out, by primary key."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, bindparam, delete, func, insert, select, update

from dcrserver.db.tables import clients
from dcrserver.repositories.rows import as_row

if TYPE_CHECKING:
    from dcrserver.repositories.transaction import Transaction

_KEY = and_(
    clients.c.tenant == bindparam("b_tenant"),
    clients.c.client_id == bindparam("b_client_id"),
)
# The digest in the condition is the lock: of two writers with the same token one finds no row.
_HELD = and_(
    _KEY,
    clients.c.registration_access_token_digest == bindparam("b_digest"),
    clients.c.version == bindparam("b_version"),
)
_IDENTIFIER = re.compile(r"[\x21-\x7E]{1,64}")
_INSERT = insert(clients)
_SELECT = select(clients).where(_KEY)
_DELETE = delete(clients).where(_HELD)
_COUNT = select(func.count()).select_from(clients).where(clients.c.tenant == bindparam("b_tenant"))
_LIST = (
    select(clients)
    .where(clients.c.tenant == bindparam("b_tenant"))
    .order_by(clients.c.issued_at.desc(), clients.c.client_id)
    .limit(bindparam("b_limit"))
)
_UPDATED = (
    "metadata",
    "registration_access_token_digest",
    "client_secret_digest",
    "client_secret_ciphertext",
    "client_secret_expires_at",
    "updated_at",
    "version",
)
_UPDATE = update(clients).where(_HELD).values({name: bindparam(name) for name in _UPDATED})


@dataclass(frozen=True, slots=True)
class ClientRecord:
    """A row of ``clients``; ``metadata`` is JSON text."""

    tenant: str
    client_id: str
    metadata: str
    registration_access_token_digest: str
    client_secret_digest: str | None
    client_secret_ciphertext: str | None
    client_secret_expires_at: int
    issued_at: int
    updated_at: int
    version: int


class ClientRepository:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def add(self, record: ClientRecord) -> None:
        self._tx.insert(_INSERT, as_row(record))

    async def find(self, tenant: str, client_id: str) -> ClientRecord | None:
        if not _IDENTIFIER.fullmatch(client_id):
            return None  # PostgreSQL would refuse to look for a NUL
        found = await self._tx.execute(_SELECT, {"b_tenant": tenant, "b_client_id": client_id})
        row = found.mappings().one_or_none()
        return None if row is None else ClientRecord(**row)

    async def replace(self, old: ClientRecord, new: ClientRecord) -> bool:
        """Writes ``new`` over ``old``; False when ``old`` is no longer what is stored."""
        values = {name: getattr(new, name) for name in _UPDATED}
        done = await self._tx.execute(_UPDATE, _held(old) | values)
        return done.rowcount == 1

    async def delete(self, record: ClientRecord) -> bool:
        """False when ``record`` is no longer what is stored."""
        done = await self._tx.execute(_DELETE, _held(record))
        return done.rowcount == 1

    async def latest(self, tenant: str, limit: int) -> list[ClientRecord]:
        found = await self._tx.execute(_LIST, {"b_tenant": tenant, "b_limit": limit})
        return [ClientRecord(**row) for row in found.mappings()]

    async def count(self, tenant: str) -> int:
        found = await self._tx.execute(_COUNT, {"b_tenant": tenant})
        return int(found.scalar_one())


def _held(record: ClientRecord) -> dict[str, str | int]:
    return {
        "b_tenant": record.tenant,
        "b_client_id": record.client_id,
        "b_digest": record.registration_access_token_digest,
        "b_version": record.version,
    }
