"""How many clients there are that are alike, counted so that nobody comes in between."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Integer,
    Select,
    and_,
    bindparam,
    func,
    literal_column,
    select,
)
from sqlalchemy.sql import ClauseElement

from dcrserver.db.protocol.session import Session
from dcrserver.db.tables import client_facets, client_quotas, clients
from dcrserver.metadata.comparing import exact
from dcrserver.repositories.upsert import upsert
from dcrserver.security import token_digest

_VALUE: ColumnElement[str] = bindparam("b_value")


def _counted(source: FromClause, *conditions: ColumnElement[bool]) -> Select[Any]:
    """No further than it has to be known: a thousandth of a second for each few thousand."""
    found = (
        select(literal_column("1").label("one"))
        .select_from(source)
        .where(*conditions)
        .limit(bindparam("b_limit", type_=Integer))
        .subquery("found")
    )
    return select(func.count().label("count")).select_from(found)


_TENANT = clients.c.tenant == bindparam("b_tenant")
_FACETS = client_facets.c
# By what all copies of one program have: the program's row, then the copies.
_COPIES = client_facets.join(
    clients, and_(clients.c.facets_id == _FACETS.id, clients.c.tenant == _FACETS.tenant)
)
_OF_TENANT = _FACETS.tenant == bindparam("b_tenant")
_COUNTS: Mapping[str, Select[Any]] = MappingProxyType(
    {
        "tenant": _counted(clients, _TENANT),
        "owner": _counted(clients, _TENANT, clients.c.owner == _VALUE),
        "origin": _counted(_COPIES, _OF_TENANT, _FACETS.origin == _VALUE),
        "software_id": _counted(_COPIES, _OF_TENANT, _FACETS.software_id == _VALUE),
    }
)


@cache
def _hold(dialect: str) -> ClauseElement:
    return upsert(dialect, client_quotas)


class ClientQuotaRepository:
    """Counts clients of a tenant that are alike ``by`` something: its name is in ``_COUNTS``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def hold(self, tenant: str, by: str, value: str) -> None:
        """Until the transaction ends, nobody else comes further who holds the same."""
        values = {
            "tenant": tenant,
            "counted_by": by,
            "digest": token_digest(value),
            "held_at": int(time.time()),
        }
        await self._session.execute(_hold(self._session.dialect), values)

    async def count(self, tenant: str, by: str, value: str, limit: int) -> int:
        """How many there are, suspended ones too and those that wait; ``limit`` at most."""
        values = {"b_tenant": tenant, "b_value": exact(value), "b_limit": limit}
        return int((await self._session.execute(_COUNTS[by], values)).one()["count"])
