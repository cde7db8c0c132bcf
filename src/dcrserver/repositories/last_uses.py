"""When clients and their secrets were last used."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple, TypeAlias

from sqlalchemy import ColumnElement, bindparam, case, select
from sqlalchemy.sql import ClauseElement

from dcrserver.db.protocol.session import Session
from dcrserver.db.tables import last_uses
from dcrserver.repositories.rows import row_of
from dcrserver.repositories.upsert import upsert

# Of a row: tenant, client_id, secret_id.
Key: TypeAlias = tuple[str, str, str]

_BY_CLIENT = select(last_uses.c.secret_id, last_uses.c.used_at).where(
    last_uses.c.tenant == bindparam("b_tenant"),
    last_uses.c.client_id == bindparam("b_client_id"),
)


@cache
def _upsert(dialect: str) -> ClauseElement:
    """Instances write when they come to it: the latest stays."""
    return upsert(dialect, last_uses, _later)


def _later(new: ColumnElement[int]) -> ColumnElement[int]:
    stored = last_uses.c.used_at
    return case((new > stored, new), else_=stored)


@row_of(last_uses)
class LastUse(NamedTuple):
    """A row of ``last_uses``; ``secret_id`` is empty where another credential was used."""

    tenant: str
    client_id: str
    secret_id: str
    used_at: int


class LastUseRepository:
    """When each credential of a client was last used."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def write(self, uses: Mapping[Key, int]) -> None:
        """Writes seconds since 1970 by key, in one order, so that writers do not deadlock."""
        rows = [LastUse(*key, uses[key])._asdict() for key in sorted(uses)]
        if rows:
            await self._session.execute_many(_upsert(self._session.dialect), rows)

    async def of_client(self, tenant: str, client_id: str) -> dict[str, int]:
        """secret_id -> seconds since 1970; the empty id is any other credential."""
        values = {"b_tenant": tenant, "b_client_id": client_id}
        rows = (await self._session.execute(_BY_CLIENT, values)).all()
        return {row["secret_id"]: row["used_at"] for row in rows}
