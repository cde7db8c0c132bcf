"""Statements of PostgreSQL for many rows at once: all rows are one parameter, a JSON document.

One statement is one round trip and one commit, whatever the number of rows, and its text is the
same for all numbers, so that it is prepared once. (Arrays, one for each column, cost the driver
more than all the rest of a registration's way to the database.)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    CTE,
    JSON,
    Column,
    FromClause,
    Insert,
    Integer,
    Text,
    and_,
    bindparam,
    cast,
    column,
    func,
    select,
)
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.selectable import TableValuedAlias

from dcrserver.db.dialects import insert_of, or_changed, words_of
from dcrserver.db.protocol.statements import Change, Inserts, Lookup, Values
from dcrserver.strict_json import dumps

# The row's number among those of its batch.
PLACE = "place"


def _rows(name: str, columns: Mapping[str, Column[Any]]) -> TableValuedAlias:
    """The rows of the parameter ``name``."""
    # Never the column's own type: to make a text a VARCHAR(64) would cut what is too long.
    typed = [
        column(key, each.type if isinstance(each.type, Integer) else Text())
        for key, each in columns.items()
    ]
    document = cast(bindparam(name, type_=Text()), JSON())
    made = func.json_to_recordset(document).table_valued(column(PLACE, Integer()), *typed)
    return made.render_derived(with_types=True)


def placed(rows: Iterable[tuple[int, Values]]) -> str:
    """The parameter for rows that are told apart by their places in the batch."""
    return dumps([{PLACE: place, **row} for place, row in rows])


def placed_by_statement(batch: Iterable[Inserts]) -> dict[Insert, list[Values]]:
    """As ``by_table``, each row with the place of those it belongs to."""
    rows: dict[Insert, list[Values]] = {}
    for place, inserts in enumerate(batch):
        for statement, row in inserts:
            rows.setdefault(statement, []).append({PLACE: place, **row})
    return rows


def parameters(
    inserts: Iterable[Insert], rows: Mapping[Insert, Sequence[Values]]
) -> dict[str, str]:
    """The parameters of ``insert_all`` and ``change_all`` for the rows of ``inserts``."""
    return {_parameter(number): dumps(rows[each]) for number, each in enumerate(inserts)}


def _parameter(number: int) -> str:
    return f"rows_{number}"


@cache
def lookup_all(lookup: Lookup) -> ClauseElement:
    """Looks up many keys at once: a row for each of the parameter keys, in no order."""
    keys = _rows("keys", {f"b_{each.name}": each for each in lookup.key})
    found = and_(*(each == keys.c[f"b_{each.name}"] for each in lookup.key))
    joined = keys.outerjoin(lookup.key[0].table, found)
    return select(keys.c[PLACE], *lookup.columns).select_from(joined)


@cache
def insert_all(*inserts: Insert) -> ClauseElement:
    """The rows of ``inserts``, all by one statement."""
    *others, last = (_inserted(number, each) for number, each in enumerate(inserts))
    for number, other in enumerate(others):
        last = last.add_cte(other.cte(f"inserted_{number}"))
    return last


def _inserted(number: int, statement: Insert) -> Insert:
    rows = _rows_of(number, statement)
    return _from(statement, rows, rows)


def _rows_of(number: int, statement: Insert) -> TableValuedAlias:
    table: Any = statement.table
    return _rows(_parameter(number), {name: table.columns[name] for name in _written(statement)})


def _written(statement: Insert) -> list[str]:
    """The columns that it names; of the others each row gets the default."""
    return list(statement.compile(dialect=words_of("postgresql").dialect()).params)


def _from(statement: Insert, rows: TableValuedAlias, source: FromClause) -> Insert:
    table: Any = statement.table
    columns = _written(statement)
    chosen = select(*(rows.c[name] for name in columns)).select_from(source)
    is_shared = "there" in table.info
    if is_shared:
        # All in one order, so that they do not deadlock, and each once, however many have it.
        key = [rows.c[each.name] for each in table.primary_key]
        chosen = chosen.ext(words_of("postgresql").distinct_on(*key)).order_by(*key)
    made: Insert = insert_of("postgresql", table).from_select(columns, chosen)
    return or_changed("postgresql", made) if is_shared else made


@cache
def change_all(change: Change, *inserts: Insert) -> ClauseElement:
    """One statement for a batch of updates or deletions, each with the rows beside it.

    Row n of the parameter ``changes`` is applied; where it matched, the rows of place n are
    inserted by ``inserts``. Returns the places that matched. If two rows are about the same client,
    only one takes effect.
    """
    changes = _rows("changes", change.values)
    changed = change.build(changes.c.__getitem__).returning(changes.c[PLACE]).cte("changed")
    made = select(changed.c[PLACE])
    for number, each in enumerate(inserts):
        made = made.add_cte(_inserted_beside(number, each, changed).cte(f"inserted_{number}"))
    return made


def _inserted_beside(number: int, statement: Insert, changed: CTE) -> Insert:
    rows = _rows_of(number, statement)
    return _from(statement, rows, rows.join(changed, changed.c[PLACE] == rows.c[PLACE]))
