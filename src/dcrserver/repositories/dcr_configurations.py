"""What administrators configure at run time for registration by Asgardeo's API, by tenant."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import bindparam, func, insert, select, update

from dcrserver.db.protocol.session import Session
from dcrserver.db.tables import dcr_configurations as configurations
from dcrserver.names import ALL_TENANTS
from dcrserver.repositories.rows import holding, row_of

_KEY = configurations.c.tenant == bindparam("b_tenant")
_SELECT = select(configurations).where(_KEY)
_COUNT = select(func.count().label("count")).where(
    configurations.c.settings.like(bindparam("b_text"), escape="/"),
    configurations.c.settings.like(bindparam("b_further"), escape="/"),
)
_COUNT_OF_ONE = _COUNT.where(_KEY)
_INSERT = insert(configurations)
_WRITE = (
    update(configurations)
    .where(_KEY)
    .values(
        {
            each.name: bindparam(f"b_{each.name}")
            for each in configurations.c
            if not each.primary_key
        }
    )
)


@row_of(configurations)
class DcrConfigurationRecord(NamedTuple):
    """A row of ``dcr_configurations``; ``settings`` is JSON."""

    tenant: str
    settings: str
    version: int
    updated_at: int


class DcrConfigurationRepository:
    """Reads and writes it, within a transaction that counts as a change."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def find(self, tenant: str) -> DcrConfigurationRecord | None:
        """None where nothing was configured."""
        found = await self._session.execute(_SELECT, {"b_tenant": tenant})
        row = found.one_or_none()
        return None if row is None else DcrConfigurationRecord(**row)

    async def count(self, scope: str, text: str, further: str) -> int:
        """How many there are, of a tenant or of all, with both texts in their settings."""
        values = {"b_text": holding(text), "b_further": holding(further)}
        if scope == ALL_TENANTS:
            found = await self._session.execute(_COUNT, values)
        else:
            found = await self._session.execute(_COUNT_OF_ONE, values | {"b_tenant": scope})
        return int(found.one()["count"])

    async def write(self, record: DcrConfigurationRecord) -> None:
        """Replaces the row of its tenant, or makes one."""
        values = {f"b_{name}": value for name, value in record._asdict().items()}
        if (await self._session.execute(_WRITE, values)).rowcount == 0:
            await self._session.execute(_INSERT, record._asdict())
