"""Searches of clients: pages of those that a filter means, in any order.

Each way of sorting is one or two streams that an index has in order already, so that a page costs
what it shows, however many clients there are.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Row, Select, and_, exists, func, literal, literal_column, or_, select, true
from sqlalchemy import union_all as united
from sqlalchemy.types import ARRAY, Text

from dcrserver.db.queries import Queries
from dcrserver.db.tables import client_facets, clients, last_uses
from dcrserver.errors import InvalidInput, QueryTooLong
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.queries.clients import windows
from dcrserver.repositories.queries.clients.filters import Filter
from dcrserver.repositories.queries.clients.scope import Scope, are_few, of_tenant, scope_of
from dcrserver.repositories.queries.clients.sorts import Sort, SortKey
from dcrserver.repositories.queries.clients.windows import CHANGED, NEVER_CHANGED
from dcrserver.repositories.queries.keyset import Order, Place, page

_C, _F, _U = clients.c, client_facets.c, last_uses.c
# Facets that are looked at for a page that is sorted by name, at a time and in all.
_NAMES, _MAX_NAMES = 100, 5000
_TYPES: dict[SortKey, list[type]] = {
    SortKey.CREATED: [int, str],
    SortKey.UPDATED: [int, str],
    SortKey.LAST_USED: [int, str],
    SortKey.NAME: [str, str, int, str],
}


class Match(NamedTuple):
    """A client that was found, and its place in the list."""

    record: ClientRecord
    place: Place


class Found(NamedTuple):
    """A part of a list, and behind which place it goes on; None: it ends here."""

    matches: list[Match]
    next: Place | None


class Search:
    """One search: ``tenant`` None for all of them."""

    def __init__(self, queries: Queries, tenant: str | None, wanted: Filter, sort: Sort) -> None:
        self._queries = queries
        self._tenant, self._wanted, self._sort = tenant, wanted, sort
        self._scope: Scope | None = None

    async def page(self, after: Place | None, limit: int, seconds: float = math.inf) -> Found:
        """The first ``limit`` of those that come after ``after``; after so many ``seconds`` those
        that were found by then, where each client has to be read.

        Raises:
            InvalidInput: ``after`` is no place in this list.
            QueryTooLong: it would take too much work.
        """
        key = self._sort.key
        if after is not None and [type(value) for value in after] != _TYPES[key]:
            raise InvalidInput("the cursor is not one of this list", parameter="cursor")
        if self._scope is None:
            has_ids = key is not SortKey.NAME
            self._scope = await scope_of(self._queries, self._tenant, self._wanted, has_ids=has_ids)
        scope = self._scope
        if scope.is_empty:
            return Found([], None)
        if not scope.reads_many or not windows.has_windows(self._sort):
            return _cut(await self._up_to(scope, after, limit + 1), limit)
        found: list[Match] = []
        ends_at, size = time.monotonic() + seconds, windows.FIRST
        while True:
            began_at = time.monotonic()
            edge = await windows.edge(self._queries, scope, self._sort, after, size)
            found += await self._up_to(scope, after, limit + 1 - len(found), edge)
            if edge is None or len(found) > limit:
                return _cut(found, limit)
            after = windows.behind(self._sort, edge)
            now = time.monotonic()
            if now + (now - began_at) >= ends_at:  # the next one takes as long
                return Found(found, after)
            size = windows.larger(size)

    async def _up_to(
        self, scope: Scope, after: Place | None, limit: int, edge: int | None = None
    ) -> list[Match]:
        """Up to the moment ``edge``, if there is one."""
        if self._sort.key is SortKey.CREATED:
            return await self._by_creation(scope, after, limit, edge)
        if self._sort.key is SortKey.UPDATED:
            return await self._by_change(scope, after, limit, edge)
        ways = {
            SortKey.NAME: self._by_name,
            SortKey.LAST_USED: self._by_use,
        }
        return await ways[self._sort.key](scope, after, limit)

    async def _by_creation(
        self, scope: Scope, after: Place | None, limit: int, edge: int | None
    ) -> list[Match]:
        order = self._order(_C.issued_at, _C.client_id)
        ids = scope.ids or ()
        chosen = scope.of_facets(ids[0]) if len(ids) == 1 else scope.clients()
        chosen = chosen.where(windows.up_to(self._sort, _C.issued_at, edge))
        return await self._matches(page(chosen, order, after, limit), order)

    async def _by_change(
        self, scope: Scope, after: Place | None, limit: int, edge: int | None
    ) -> list[Match]:
        """Two streams: those that never changed are sorted already, by when they were created."""
        order = self._order(_C.updated_at, _C.client_id)
        created = self._order(_C.issued_at, _C.client_id)
        chosen = scope.clients()
        never = chosen.where(NEVER_CHANGED, windows.up_to(self._sort, _C.issued_at, edge))
        since = chosen.where(CHANGED, windows.up_to(self._sort, _C.updated_at, edge))
        pages = [page(never, created, after, limit), page(since, order, after, limit)]
        both = united(*(select(each.subquery()) for each in pages)).subquery()
        merged = self._order(both.c.updated_at, both.c.client_id)
        return await self._matches(page(select(both), merged, None, limit), order)

    async def _by_use(self, scope: Scope, after: Place | None, limit: int) -> list[Match]:
        """Those that were never used come as if they had been at 0."""
        found: list[Match] = []
        is_used = [True, False] if self._sort.is_descending else [False, True]
        for used in is_used:
            if len(found) == limit or (after is not None and self._is_past(used, after)):
                continue
            here = after if after is not None and bool(after[0]) is used else None
            left = limit - len(found)
            found += await (self._used if used else self._unused)(scope, here, left)
        return found

    def _is_past(self, used: bool, after: Place) -> bool:  # noqa: FBT001
        return bool(after[0]) is not used and used is self._sort.is_descending

    async def _used(self, scope: Scope, after: Place | None, limit: int) -> list[Match]:
        other = last_uses.alias("other")
        is_later = exists(
            select(literal_column("1")).where(
                other.c.tenant == _U.tenant,
                other.c.client_id == _U.client_id,
                or_(
                    other.c.used_at > _U.used_at,
                    and_(other.c.used_at == _U.used_at, other.c.secret_id > _U.secret_id),
                ),
            )
        )
        joined = and_(_U.tenant == _C.tenant, _U.client_id == _C.client_id)
        conditions = [*of_tenant(last_uses, self._tenant), ~is_later]
        order = self._order(_U.used_at, _U.client_id)
        both = clients.join(last_uses, joined)
        chosen = scope.clients(_U.used_at).select_from(both).where(*conditions)
        return await self._matches(page(chosen, order, after, limit), order)

    async def _unused(self, scope: Scope, after: Place | None, limit: int) -> list[Match]:
        used = exists(
            select(literal_column("1")).where(_U.tenant == _C.tenant, _U.client_id == _C.client_id)
        )
        order = self._order(_C.client_id)
        place = None if after is None else after[1:]
        found = await self._matches(page(scope.clients().where(~used), order, place, limit), order)
        return [Match(each.record, (0, *each.place)) for each in found]

    async def _by_name(self, scope: Scope, after: Place | None, limit: int) -> list[Match]:
        """Name by name, and of each the clients by when they were created."""
        if await are_few(self._queries, scope):
            return await self._few_by_name(scope, after, limit)
        order = self._order(_C.issued_at, _C.client_id)
        found: list[Match] = []
        cursor: Place | None = None
        if after is not None:
            cursor = after[:2]
            one = scope.of_facets(cursor[1])
            rest = await self._matches(page(one, order, after[2:], limit), order)
            found = [Match(each.record, (*cursor, *each.place)) for each in rest]
        names = self._order(_F.name_key, _F.id)
        chosen = select(_F.name_key, _F.id).where(
            *of_tenant(client_facets, self._tenant), *scope.facets
        )
        for _ in range(0, _MAX_NAMES, _NAMES):
            if len(found) >= limit:
                return found
            facets = await self._queries.all(page(chosen, names, cursor, _NAMES))
            if facets:
                cursor = tuple(facets[-1])
                found += await self._of_names(scope, facets, order, limit - len(found))
            if len(facets) < _NAMES:
                return found
        if found:
            return found
        raise QueryTooLong("too many names would be looked at: narrow the filter")

    async def _few_by_name(self, scope: Scope, after: Place | None, limit: int) -> list[Match]:
        order = self._order(_F.name_key, _F.id, _C.issued_at, _C.client_id)
        joined = and_(_F.tenant == _C.tenant, _F.id == _C.facets_id, *scope.facets)
        chosen = scope.of_any_facets(_F.name_key, _F.id).where(joined)
        return await self._matches(page(chosen, order, after, limit), order)

    async def _of_names(
        self, scope: Scope, facets: Sequence[Row[Any]], order: Order, limit: int
    ) -> list[Match]:
        keys = {row.id: row.name_key for row in facets}
        if scope.dialect == "postgresql":
            each = self._of_each(scope, list(keys), order, limit)
            chosen = each.order_by(each.selected_columns.number).limit(limit)
        else:
            joined = and_(_F.tenant == _C.tenant, _F.id == _C.facets_id, _F.id.in_(list(keys)))
            by = self._order(_F.name_key, _F.id, *order.columns)
            chosen = page(
                scope.of_any_facets(_F.id.label("facets_id")).where(joined), by, None, limit
            )
        rows = await self._queries.all(chosen)
        return [
            Match(_record(row), (keys[row.facets_id], row.facets_id, *order.place_of(row)))
            for row in rows
        ]

    def _of_each(self, scope: Scope, ids: Sequence[str], order: Order, limit: int) -> Select[Any]:
        """The first of each facets, by an index that has them in this order (PostgreSQL)."""
        given = (
            func.unnest(literal(list(ids), ARRAY(Text())))
            .table_valued("facets_id", with_ordinality="number")
            .render_derived()
        )
        one = scope.of_any_facets().where(_C.facets_id == given.c.facets_id)
        first = page(one, order, None, limit).lateral("first")
        columns = [*first.c, given.c.facets_id, given.c.number]
        return select(*columns).select_from(given.join(first, true()))

    def _order(self, *columns: Any) -> Order:  # noqa: ANN401 - columns
        return Order(columns, self._sort.is_descending)

    async def _matches(self, chosen: Select[Any], order: Order) -> list[Match]:
        rows = await self._queries.all(chosen)
        return [
            Match(*each) for each in zip(map(_record, rows), order.places_of(rows), strict=True)
        ]


def _cut(found: list[Match], limit: int) -> Found:
    """One more than ``limit`` tells that the list goes on."""
    return Found(found[:limit], found[limit - 1].place if len(found) > limit else None)


_FIELDS = ClientRecord._fields


def _record(row: Row[Any]) -> ClientRecord:
    """The first of its columns are those of a client."""
    return ClientRecord._make(row[: len(_FIELDS)])
