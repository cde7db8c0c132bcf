"""All rows of a tenant, whatever they are: what ends with it."""

from __future__ import annotations

from functools import cache

from sqlalchemy import and_, bindparam, delete, select
from sqlalchemy.sql import ClauseElement

from dcrserver.db.protocol.session import Session
from dcrserver.db.tables import metadata

# However many there are, nobody waits for long: neither for a lock nor, with SQLite, for us.
AT_ONCE = 500
# The tenant itself, which ends last, what is of no tenant, and links: targets are to remove its
# clients first.
KEPT = frozenset(
    {"stored_tenants", "configuration_changes", "leases", "connector_reports", "client_links"}
)
# Every other table, one that is new tomorrow as well: its rows name their tenant.
TABLES = tuple(name for name in metadata.tables if name not in KEPT)


@cache
def _statements(name: str) -> tuple[ClauseElement, ClauseElement]:
    """What finds some of a tenant's rows, and what deletes one of them."""
    table = metadata.tables[name]
    key = list(table.primary_key)
    return (
        select(*(column.label(f"b_{column.name}") for column in key))
        .where(table.c.tenant == bindparam("b_of"))
        .limit(AT_ONCE),
        delete(table).where(and_(*(column == bindparam(f"b_{column.name}") for column in key))),
    )


class TenantRowRepository:
    """Deletes what is stored of a tenant, a part at a time."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def purge(self, table: str, tenant: str) -> int:
        """Removes some rows of ``table``; how many, 0 when there were none."""
        find, remove = _statements(table)
        found = (await self._session.execute(find, {"b_of": tenant})).all()
        if found:
            # In one order everywhere, so that processes do not deadlock.
            rows = sorted((dict(row) for row in found), key=lambda row: [*map(str, row.values())])
            await self._session.execute_many(remove, rows)
        return len(found)
