"""What a filter comes to in SQL: conditions, and the facets of those that are meant.

Facets are looked for first: where there are none nobody need be looked for, where there are few
their clients are found by an index, and where there are very many each client in turn is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Select, any_, false, func, literal, literal_column, select
from sqlalchemy.types import ARRAY, Text

from dcrserver.db.queries import Queries
from dcrserver.db.tables import client_facets, clients
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.queries.clients.filters import CLIENT_FILTERS, TAG, Condition, Filter

COLUMNS = [clients.c[name] for name in ClientRecord._fields]
# So many facets are told to the database by their ids.
_MANY = 2000
# So many clients are all looked at and sorted; of more a page soon has enough, in any order.
_DENSE = 5000


@dataclass(frozen=True, slots=True)
class Scope:
    """Conditions for clients, for what they registered, and for facets; ``ids`` of the facets
    unless they are too many.

    ``ids`` None and ``facets`` empty: whatever facets they have. ``is_dense``: those of ``ids`` are
    the facets of many clients.
    """

    dialect: str
    tenant: str | None
    conditions: Sequence[Condition]
    documents: Sequence[Condition]
    facets: Sequence[Condition]
    ids: Sequence[str] | None = None
    is_dense: bool = False

    @property
    def is_empty(self) -> bool:
        """Nobody has such facets."""
        return self.ids is not None and not self.ids

    @property
    def reads_many(self) -> bool:
        """Whether very many clients may have to be read for one that is meant."""
        return bool(self.documents) and (not self.ids or self.is_dense)

    def clients(self, *more: ColumnElement[Any]) -> Select[Any]:
        """Their rows, with ``more`` columns."""
        return self.of_any_facets(*more).where(*self._by_facets())

    def of_any_facets(self, *more: ColumnElement[Any]) -> Select[Any]:
        """The same, whatever facets they have."""
        return self._any(*more).where(*self.documents)

    def candidates(self) -> Select[Any]:
        """Those that are read in the order of a list, for their facets and what they registered."""
        return self._any()

    def _any(self, *more: ColumnElement[Any]) -> Select[Any]:
        return select(*COLUMNS, *more).where(*of_tenant(clients, self.tenant), *self.conditions)

    def count(self, limit: int | None) -> Select[Any]:
        """A row for each, up to a limit; facets by facets, of which an index has the clients."""
        chosen: Select[Any] = select(literal_column("1").label("one")).select_from(clients)
        table: Any = client_facets if self.facets else clients
        joined = [clients.c.facets_id == client_facets.c.id] if self.facets else []
        conditions = [*of_tenant(table, self.tenant), *joined, *self.conditions, *self.documents]
        return chosen.where(*conditions, *self.facets).limit(limit)

    def of_facets(self, facets_id: str) -> Select[Any]:
        """Those of them that have these facets."""
        return self.of_any_facets().where(clients.c.facets_id == facets_id)

    def _by_facets(self) -> list[Condition]:
        if self.ids is not None:
            # An expression: the index that has the order of the list is the one to go by.
            column = clients.c.facets_id + "" if self.is_dense else clients.c.facets_id
            return [is_one_of(self.dialect, column, self.ids)]
        if not self.facets:
            return []
        has: Select[Any] = select(literal_column("1")).where(
            client_facets.c.tenant == clients.c.tenant,
            client_facets.c.id == clients.c.facets_id,
            *self.facets,
        )
        # A value, not EXISTS: it is asked of one client after the other, in the order of the list,
        # and never joined, which would read all before the first is told.
        return [has.scalar_subquery().is_not(None)]


async def scope_of(
    queries: Queries, tenant: str | None, wanted: Filter, *, has_ids: bool = True
) -> Scope:
    """What ``wanted`` comes to; ``has_ids``: the facets are looked for."""
    facets = wanted.about_facets()
    conditions = [*wanted.about_clients(), *await _tag_sets(queries, tenant, wanted)]
    made = partial(
        Scope,
        queries.dialect,
        tenant,
        conditions,
        wanted.about_documents(queries.dialect),
        facets,
    )
    if not facets or not has_ids:
        return made()
    chosen = select(client_facets.c.id).where(*of_tenant(client_facets, tenant), *facets)
    found = [row.id for row in await queries.all(chosen.limit(_MANY + 1))]
    if not found or len(found) > _MANY:
        return made(None if found else ())
    some: Select[Any] = select(literal_column("1").label("one")).where(
        is_one_of(queries.dialect, clients.c.facets_id, found)
    )
    counted = select(func.count()).select_from(some.limit(_DENSE + 1).subquery())
    return made(found, is_dense=(await queries.all(counted))[0][0] > _DENSE)


async def _tag_sets(queries: Queries, tenant: str | None, wanted: Filter) -> list[Condition]:
    """Which sets of tags have the one that is asked for: an index tells them by itself, and who has
    one of these; of a part of a column it would have every client with any tag be read.
    """
    if TAG not in wanted.values:
        return []
    has = CLIENT_FILTERS[TAG](wanted.values[TAG])
    chosen = select(clients.c.tags).where(*of_tenant(clients, tenant), has).distinct()
    found = [row.tags for row in await queries.all(chosen.limit(_MANY + 1))]
    return [is_one_of(queries.dialect, clients.c.tags, found)] if len(found) <= _MANY else []


async def are_few(queries: Queries, scope: Scope) -> bool:
    """Whether so few are meant that all are looked at and sorted: to come to them in the order of a
    list may take looking at very many others.
    """
    if scope.documents or not (scope.conditions or scope.facets):
        return False
    counted = select(func.count()).select_from(scope.count(_DENSE + 1).subquery())
    return bool((await queries.all(counted))[0][0] <= _DENSE)


def of_tenant(table: Any, tenant: str | None) -> list[Condition]:  # noqa: ANN401 - a table
    """That a row is the tenant's; None: of all."""
    return [] if tenant is None else [table.c.tenant == tenant]


def is_one_of(dialect: str, column: ColumnElement[str], values: Sequence[str]) -> Condition:
    """One parameter for all ``values`` where the database has such."""
    if not values:
        return false()
    if len(values) == 1:
        return column == values[0]
    if dialect == "postgresql":
        return column == any_(literal(list(values), ARRAY(Text())))
    return column.in_(values)
