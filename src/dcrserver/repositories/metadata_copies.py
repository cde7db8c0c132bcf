"""Copies of the metadata documents of authorization servers, one for a tenant."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from sqlalchemy import bindparam, delete, select
from sqlalchemy.sql import ClauseElement

from dcrserver.db.protocol.session import Session
from dcrserver.db.tables import authorization_server_metadata as copies
from dcrserver.repositories.rows import row_of
from dcrserver.repositories.upsert import upsert

_SELECT_ALL = select(copies)
_DELETE = delete(copies).where(copies.c.tenant == bindparam("b_tenant"))


@cache
def _upsert(dialect: str) -> ClauseElement:
    """Who writes last has read it last, or nearly."""
    return upsert(dialect, copies)


@row_of(copies)
class MetadataCopyRecord(NamedTuple):
    """A row of ``authorization_server_metadata``; ``document`` is JSON."""

    tenant: str
    location: str
    document: str
    fetched_at: int


class MetadataCopyRepository:
    """Reads and writes the copies, within a transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def all(self) -> list[MetadataCopyRecord]:
        """The copies of all tenants."""
        found = await self._session.execute(_SELECT_ALL, {})
        return [MetadataCopyRecord(**row) for row in found.all()]

    async def write(self, records: Sequence[MetadataCopyRecord]) -> None:
        """Writes copies, in one order everywhere, so that writers do not deadlock."""
        rows = [each._asdict() for each in sorted(records, key=lambda each: each.tenant)]
        if rows:
            await self._session.execute_many(_upsert(self._session.dialect), rows)

    async def delete(self, tenant: str) -> None:
        """Forgets the copy of a tenant, if there is one."""
        await self._session.execute(_DELETE, {"b_tenant": tenant})
