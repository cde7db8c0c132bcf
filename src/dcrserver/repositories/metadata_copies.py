"""Copies of the metadata documents of authorization servers, one for a tenant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, select
from sqlalchemy.sql import ClauseElement

from dcrserver.db.tables import authorization_server_metadata as copies
from dcrserver.repositories.rows import as_row
from dcrserver.repositories.upsert import upsert

if TYPE_CHECKING:
    from dcrserver.repositories.transaction import Transaction

_SELECT_ALL = select(copies)
_DELETE = delete(copies).where(copies.c.tenant == bindparam("b_tenant"))
_CHANGING = ("location", "document", "fetched_at")


@cache
def _upsert(dialect: str) -> ClauseElement:
    """Who writes last has read it last, or nearly."""
    return upsert(dialect, copies, ["tenant"], lambda new: {name: new[name] for name in _CHANGING})


@dataclass(frozen=True, slots=True)
class MetadataCopyRecord:
    """A row of ``authorization_server_metadata``; ``document`` is JSON."""

    tenant: str
    location: str
    document: str
    fetched_at: int


class MetadataCopyRepository:
    """Reads and writes the copies, within a transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def all(self) -> list[MetadataCopyRecord]:
        """Those of all tenants."""
        found = await self._tx.execute(_SELECT_ALL)
        return [MetadataCopyRecord(**row) for row in found.all()]

    async def write(self, records: Sequence[MetadataCopyRecord]) -> None:
        """In one order everywhere, so that writers do not deadlock."""
        rows = [as_row(each) for each in sorted(records, key=lambda each: each.tenant)]
        if rows:
            await self._tx.execute_many(_upsert, rows)

    async def delete(self, tenant: str) -> None:
        """Forgets the copy of a tenant, if there is one."""
        await self._tx.execute(_DELETE, {"b_tenant": tenant})
