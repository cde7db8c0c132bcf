"""What came of comparing targets with what is here: the last report of each connector."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from sqlalchemy import bindparam, select
from sqlalchemy.sql import ClauseElement

from dcrserver.db.protocol.session import Session
from dcrserver.db.tables import connector_reports as reports
from dcrserver.repositories.rows import row_of
from dcrserver.repositories.upsert import upsert

# Connectors are of the server, not of one of its tenants.
_TENANT = ""
_FIND = select(reports).where(
    reports.c.tenant == _TENANT, reports.c.connector == bindparam("b_connector")
)


@row_of(reports)
class ConnectorReportRecord(NamedTuple):
    """A row of ``connector_reports``; ``report`` is JSON text, ``written_at`` in seconds."""

    connector: str
    written_at: int
    report: str
    tenant: str = _TENANT


@cache
def _write(dialect: str) -> ClauseElement:
    return upsert(dialect, reports)


class ConnectorReportRepository:
    """Reads and writes reports, by the name of the connector."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def find(self, connector: str) -> ConnectorReportRecord | None:
        """The last report; None where there was none."""
        row = (await self._session.execute(_FIND, {"b_connector": connector})).one_or_none()
        return None if row is None else ConnectorReportRecord(**row)

    async def write(self, record: ConnectorReportRecord) -> None:
        """Writes it in place of the one before."""
        await self._session.execute(_write(self._session.dialect), record._asdict())
