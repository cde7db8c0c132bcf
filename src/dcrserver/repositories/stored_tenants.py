"""Tenants that were made at run time."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import bindparam, delete, insert, select, update

from dcrserver.db.protocol.session import Session
from dcrserver.db.tables import stored_tenants as tenants
from dcrserver.repositories.rows import row_of

_KEY = tenants.c.tenant == bindparam("b_tenant")
_SELECT = select(tenants).where(_KEY)
_INSERT = insert(tenants)
_WRITE = (
    update(tenants)
    .where(_KEY)
    .values({each.name: bindparam(f"b_{each.name}") for each in tenants.c if not each.primary_key})
)
_PROGRESS = update(tenants).where(_KEY).values(progress=bindparam("b_progress"))
_DELETE = delete(tenants).where(_KEY)
# Those that a job has something to do with.
_ENDING = (
    select(tenants).where(tenants.c.status.in_(("deleting", "deleted"))).order_by(tenants.c.tenant)
)


@row_of(tenants)
class StoredTenantRecord(NamedTuple):
    """A row of ``stored_tenants``; ``settings`` and ``progress`` are JSON."""

    tenant: str
    settings: str
    status: str
    progress: str | None
    version: int
    created_at: int
    updated_at: int


class StoredTenantRepository:
    """Reads and writes stored tenants, within a transaction that counts as a change."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def find(self, tenant: str) -> StoredTenantRecord | None:
        """The tenant of this name, whatever its status is."""
        found = await self._session.execute(_SELECT, {"b_tenant": tenant})
        row = found.one_or_none()
        return None if row is None else StoredTenantRecord(**row)

    async def ending(self) -> list[StoredTenantRecord]:
        """Those that are being deleted, or whose name is not free yet."""
        found = await self._session.execute(_ENDING, {})
        return [StoredTenantRecord(**row) for row in found.all()]

    async def add(self, record: StoredTenantRecord) -> None:
        """Writes a new row.

        Raises:
            AlreadyThere: there is one of its name.
        """
        await self._session.execute(_INSERT, record._asdict())

    async def write(self, record: StoredTenantRecord) -> bool:
        """Replaces the row of its name; False when there is none."""
        values = {f"b_{name}": value for name, value in record._asdict().items()}
        return (await self._session.execute(_WRITE, values)).rowcount == 1

    async def note(self, tenant: str, progress: str) -> None:
        """Writes how far its deletion is; no change that others look at."""
        await self._session.execute(_PROGRESS, {"b_tenant": tenant, "b_progress": progress})

    async def delete(self, tenant: str) -> None:
        """Deletes the tenant: its name is free."""
        await self._session.execute(_DELETE, {"b_tenant": tenant})
