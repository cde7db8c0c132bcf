"""Facets that no client has any more: retired first, and removed when they were so for long enough.

Nobody who registers a client is asked or waited for. Whoever writes facets that are retired takes
them back into service by it; whoever knows that they are there, and writes nothing, knows it from
before they were retired and not for longer than a minute (``repositories.facets.KnownFacets``). So
those that were retired for much longer, and still are, are nobody's, unless a client has them.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import (
    ColumnElement,
    Integer,
    and_,
    bindparam,
    case,
    delete,
    exists,
    literal_column,
    or_,
    select,
    tuple_,
    update,
)

from dcrserver.db.protocol.session import Session
from dcrserver.db.tables import client_facets, clients
from dcrserver.repositories.expiry import AT_ONCE

_F = client_facets.c
_ONE: ColumnElement[int] = literal_column("1")
_NONE: ColumnElement[int] = literal_column("0")
_IS_USED = case((exists(select(_ONE).where(clients.c.facets_id == _F.id)), _ONE), else_=_NONE)
_SOME = (
    select(_F.tenant, _F.id, _F.retired_at, _IS_USED.label("is_used"))
    .where(
        # Said twice, so that every planner finds its index: queries.keyset.
        tuple_(_F.tenant, _F.id) > tuple_(bindparam("b_tenant"), bindparam("b_id")),
        or_(
            _F.tenant > bindparam("b_tenant"),
            and_(_F.tenant == bindparam("b_tenant"), _F.id > bindparam("b_id")),
        ),
    )
    .order_by(_F.tenant, _F.id)
    .limit(bindparam("b_limit", type_=Integer))
)
# As it was read: who took it back into service was faster.
_ROW = and_(
    _F.tenant == bindparam("b_tenant"),
    _F.id == bindparam("b_id"),
    _F.retired_at == bindparam("b_retired_at"),
)
_RETIRE = update(client_facets).where(_ROW).values(retired_at=bindparam("b_now"))
_DELETE = delete(client_facets).where(_ROW)


class Place(NamedTuple):
    """Up to where facets were looked at."""

    tenant: str = ""
    id: str = ""


class RetiredFacetsRepository:
    """Goes through all facets, some at a time."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def tidy(self, after: Place, now: int, before: int) -> Place | None:
        """Of some that come after a place: retires what no client has, and removes what was retired
        ``before`` and no client has; the place it came to, None at the end.

        Times in seconds since 1970.
        """
        values = {"b_tenant": after.tenant, "b_id": after.id, "b_limit": AT_ONCE}
        found = (await self._session.execute(_SOME, values)).all()
        unused = [row for row in found if not row["is_used"]]
        rows = [
            {f"b_{name}": row[name] for name in (*Place._fields, "retired_at")} for row in unused
        ]
        new = [row | {"b_now": now} for row in rows if not row["b_retired_at"]]
        old = [row for row in rows if 0 < row["b_retired_at"] < before]
        for statement, some in ((_RETIRE, new), (_DELETE, old)):
            if some:
                await self._session.execute_many(statement, some)
        if len(found) < AT_ONCE:
            return None
        return Place(found[-1]["tenant"], found[-1]["id"])
