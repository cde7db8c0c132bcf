"""What is stored for each tenant, whether or not it is still configured."""

from __future__ import annotations

from sqlalchemy import func, select

from dcrserver.db.queries import Queries
from dcrserver.db.tables import admin_tokens, clients, initial_access_tokens, signing_keys
from dcrserver.names import ALL_TENANTS

_COUNTS = {
    table.name: select(table.c.tenant, func.count())
    .where(table.c.tenant != ALL_TENANTS)
    .group_by(table.c.tenant)
    for table in (clients, initial_access_tokens, admin_tokens, signing_keys)
}


class TenantLists:
    """What the tables hold of each tenant."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    async def holds(self, tenant: str) -> bool:
        """Whether anything is stored of ``tenant``."""
        for table in (clients, initial_access_tokens, admin_tokens, signing_keys):
            found = select(table.c.tenant).where(table.c.tenant == tenant).limit(1)
            if await self._queries.all(found):
                return True
        return False

    async def counts(self) -> dict[str, dict[str, int]]:
        """Tenant -> table -> rows, of all that have any."""
        made: dict[str, dict[str, int]] = {}
        for table, statement in _COUNTS.items():
            for tenant, count in await self._queries.all(statement):
                made.setdefault(tenant, {})[table] = count
        return made
