"""Parts of a list in which every client has to be read, as no index tells who is meant.

A million are read for one who may not be there. So some thousand are read at a time, and whoever
asked is told that the list goes on behind them, though hardly any were found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Select, and_, true
from sqlalchemy.sql import operators

from dcrserver.db.queries import Queries
from dcrserver.db.tables import clients
from dcrserver.repositories.queries.clients.scope import Scope
from dcrserver.repositories.queries.clients.sorts import Sort, SortKey
from dcrserver.repositories.queries.keyset import Place

# Clients that are read at a time: few at first, among which there may be enough, and then more,
# some ten milliseconds of the database.
FIRST, LARGEST, _GROWTH = 1000, 16_000, 4
_C = clients.c
_Stream: TypeAlias = tuple[ColumnElement[bool], ColumnElement[int]]

# Equal, in words by which PostgreSQL does not believe that hardly any are.
NEVER_CHANGED = and_(_C.updated_at <= _C.issued_at, _C.updated_at >= _C.issued_at)
CHANGED = _C.updated_at != _C.issued_at
# Of what a list is merged, and the time by which each part of it is in order.
_STREAMS: Mapping[SortKey, Sequence[_Stream]] = MappingProxyType(
    {
        SortKey.CREATED: [(true(), _C.issued_at)],
        SortKey.UPDATED: [(NEVER_CHANGED, _C.issued_at), (CHANGED, _C.updated_at)],
    }
)


def has_windows(sort: Sort) -> bool:
    """Whether a list that is sorted so can be read in parts."""
    return sort.key in _STREAMS


def larger(size: int) -> int:
    """How many clients to read after so many."""
    return min(size * _GROWTH, LARGEST)


async def edge(
    queries: Queries, scope: Scope, sort: Sort, after: Place | None, size: int
) -> int | None:
    """The moment up to which, from ``after``, ``size`` clients would be read; None: not so many are
    left.
    """
    found = [
        await _edge(queries, scope.candidates(), each, sort, after, size)
        for each in _STREAMS[sort.key]
    ]
    moments = [moment for moment in found if moment is not None]
    if not moments:
        return None
    return max(moments) if sort.is_descending else min(moments)


async def _edge(
    queries: Queries,
    chosen: Select[Any],
    stream: _Stream,
    sort: Sort,
    after: Place | None,
    size: int,
) -> int | None:
    condition, moment = stream
    chosen = chosen.where(condition)
    if after is not None:
        # Of the same second some may be left.
        is_left = operators.le if sort.is_descending else operators.ge
        if after == behind(sort, after[0]):
            is_left = operators.lt
        chosen = chosen.where(moment.operate(is_left, after[0]))
    by = moment.desc() if sort.is_descending else moment.asc()
    some = chosen.with_only_columns(moment).order_by(by).offset(size - 1).limit(1)
    rows = await queries.all(some)
    return rows[0][0] if rows else None


def up_to(sort: Sort, column: ColumnElement[int], moment: int | None) -> ColumnElement[bool]:
    """Whether ``column`` is no further than the ``moment``; None: it may be."""
    if moment is None:
        return true()
    is_within = operators.ge if sort.is_descending else operators.le
    return column.operate(is_within, moment)


def behind(sort: Sort, moment: int) -> Place:
    """The place behind all clients of that moment: no client_id is empty."""
    return (moment, "") if sort.is_descending else (moment + 1, "")
