"""Statements of PostgreSQL for many rows at once: each parameter is an array, a value for each row.

One statement is one round trip and one commit, whatever the number of rows, and its text is the
same for all numbers, so that it is prepared once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Column, Insert, Integer, Text, and_, bindparam, column, func, insert, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.selectable import TableValuedAlias

from dcrserver.db.statements import Change, Lookup, Values

# The row's place among the parameters, from 1.
PLACE = "place"


def _rows(name: str, columns: Mapping[str, Column[Any]]) -> TableValuedAlias:
    """The parameters NAME_COLUMN as rows."""
    # Never the column's own type: an array of VARCHAR(64) would cut what is too long.
    types = {
        key: each.type if isinstance(each.type, Integer) else Text()
        for key, each in columns.items()
    }
    arrays = [bindparam(f"{name}_{key}", type_=ARRAY(kind)) for key, kind in types.items()]
    made = func.unnest(*arrays).table_valued(
        *(column(key, kind) for key, kind in types.items()), with_ordinality=PLACE, name=name
    )
    return made.render_derived()


def arrays_of(name: str, rows: Sequence[Values]) -> Values:
    """The parameters of ``_rows``."""
    return {f"{name}_{key}": [row[key] for row in rows] for key in rows[0]}


@cache
def lookup_all(lookup: Lookup) -> ClauseElement:
    """A row for each key of ``keys``, with its place; in no order."""
    keys = _rows("keys", {f"b_{each.name}": each for each in lookup.key})
    found = and_(*(each == keys.c[f"b_{each.name}"] for each in lookup.key))
    joined = keys.outerjoin(lookup.key[0].table, found)
    return select(keys.c[PLACE], *lookup.columns).select_from(joined)


@cache
def insert_all(*inserts: Insert) -> ClauseElement:
    """The rows of several tables, each table's by its name."""
    *others, last = (_inserted(each) for each in inserts)
    for number, other in enumerate(others):
        last = last.add_cte(other.cte(f"inserted_{number}"))
    return last


def _inserted(statement: Insert) -> Insert:
    table: Any = statement.table
    names = [each.name for each in table.columns]
    rows = _rows(table.name, {each.name: each for each in table.columns})
    return insert(table).from_select(names, select(*(rows.c[name] for name in names)))


@cache
def change_all(change: Change, event: Insert) -> ClauseElement:
    """Changes by the rows ``changes``; where one finds its row, inserts that of the same place.

    The places of those that did. Of two that would change the same row one does.
    """
    changes = _rows("changes", change.values)
    changed = change.build(changes.c.__getitem__).returning(changes.c[PLACE]).cte("changed")
    table: Any = event.table
    names = [each.name for each in table.columns]
    rows = _rows(table.name, {each.name: each for each in table.columns})
    beside = rows.join(changed, changed.c[PLACE] == rows.c[PLACE])
    told = insert(table).from_select(names, select(*(rows.c[n] for n in names)).select_from(beside))
    return select(changed.c[PLACE]).add_cte(told.cte("told"))


def by_table(inserts: Iterable[tuple[Insert, Values]]) -> dict[Insert, list[Values]]:
    rows: dict[Insert, list[Values]] = {}
    for statement, row in inserts:
        rows.setdefault(statement, []).append(row)
    return rows
