"""How many clients there are of each kind, and when they were registered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import Column, ColumnElement, FromClause, and_, case, func, literal_column, select

from dcrserver.db.queries import Queries
from dcrserver.db.tables import client_facets, clients
from dcrserver.names import ClientStatus
from dcrserver.repositories.queries.clients.filters import has_ended

# Values that are told of one kind; of software there may be any number.
MOST = 100
_C, _F = clients.c, client_facets.c


class Kind(StrEnum):
    """What clients are told apart by."""

    ORIGIN = "origin"
    STATUS = "status"
    METHOD = "method"
    SOFTWARE = "software"


_OF_FACETS: Mapping[Kind, Column[Any]] = MappingProxyType(
    {Kind.ORIGIN: _F.origin, Kind.METHOD: _F.auth_method, Kind.SOFTWARE: _F.software_id}
)


def _status() -> ColumnElement[str]:
    return case(
        (_C.suspended_at > literal_column("0"), func.coalesce(_C.approval, ClientStatus.SUSPENDED)),
        (has_ended(), ClientStatus.EXPIRED),
        else_=ClientStatus.ACTIVE,
    )


class Share(NamedTuple):
    """So many clients have this value; None: they have none."""

    value: str | None
    clients: int


class Registrations(NamedTuple):
    """So many clients with this value were registered in the time that begins ``at``."""

    at: int
    value: str | None
    clients: int


class ClientStatistics:
    """Of clients that are there: those that were deleted are not counted.

    ``owner``: those of this owner only. Raises, from every method: QueryTooLong.
    """

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    async def shares(self, tenant: str, kind: Kind, owner: str | None) -> Sequence[Share]:
        """The most frequent values first."""
        value, source, conditions = _values(tenant, kind, owner)
        number = func.count()
        chosen = (
            select(value, number)
            .select_from(source)
            .where(*conditions)
            .group_by(value)
            .order_by(number.desc(), value)
            .limit(MOST)
        )
        return [Share(*row) for row in await self._queries.all(chosen)]

    async def registrations(
        self, tenant: str, kind: Kind, owner: str | None, *, since: int, until: int, step: int
    ) -> Sequence[Registrations]:
        """Between two moments, in times of ``step`` seconds that begin at multiples of it."""
        value, source, conditions = _values(tenant, kind, owner)
        at = (_C.issued_at - _C.issued_at % literal_column(str(int(step)))).label("at")
        chosen = (
            select(at, value, func.count())
            .select_from(source)
            .where(*conditions, _C.issued_at >= since, _C.issued_at < until)
            .group_by(at, value)
            .order_by(at, value)
        )
        return [Registrations(*row) for row in await self._queries.all(chosen)]


def _values(
    tenant: str, kind: Kind, owner: str | None
) -> tuple[ColumnElement[Any], FromClause, list[ColumnElement[bool]]]:
    """Facets are of one tenant, so that an index of them is all that is read."""
    owned = [] if owner is None else [_C.owner == owner]
    if kind is Kind.STATUS:
        return _status().label("value"), clients, [_C.tenant == tenant, *owned]
    joined = client_facets.join(clients, and_(_C.facets_id == _F.id))
    return _OF_FACETS[kind].label("value"), joined, [_F.tenant == tenant, *owned]
