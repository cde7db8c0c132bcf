"""What is stored for each tenant, whether or not it is still configured."""

from __future__ import annotations

from sqlalchemy import func, select

from dcrserver.db.protocol.session import Session
from dcrserver.db.tables import admin_tokens, clients, initial_access_tokens, signing_keys

_COUNTS = {
    table.name: select(table.c.tenant, func.count().label("count")).group_by(table.c.tenant)
    for table in (clients, initial_access_tokens, admin_tokens, signing_keys)
}


class TenantRepository:
    """What the tables hold of each tenant."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def counts(self) -> dict[str, dict[str, int]]:
        """Tenant -> table -> rows, of all that have any."""
        made: dict[str, dict[str, int]] = {}
        for table, statement in _COUNTS.items():
            for row in (await self._session.execute(statement, {})).all():
                made.setdefault(row["tenant"], {})[table] = int(row["count"])
        return made
