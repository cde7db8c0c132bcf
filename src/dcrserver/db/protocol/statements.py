"""Statements as a driver takes them: text and positions, made once from SQLAlchemy's.

Repositories write SQLAlchemy Core. Its compiler knows each database's words; its execution costs
more than the rest of a request, so statements that were compiled once go straight to the driver.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, TypeAlias

from sqlalchemy import (
    Column,
    ColumnElement,
    Delete,
    Insert,
    Integer,
    SelectBase,
    String,
    Update,
    and_,
    bindparam,
    literal_column,
    select,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import NullType, SchemaType

Row: TypeAlias = Mapping[str, Any]
Values: TypeAlias = Mapping[str, Any]

# Rows to insert, each by its statement.
Inserts: TypeAlias = Sequence[tuple[Insert, dict[str, Any]]]

# Texts and integers are to a driver what they are to us; so is what has no type, which stands in
# the database's own words.
_CARRIED = (String, Integer, NullType)


@dataclass(frozen=True, slots=True)
class Rows:
    """What came of a statement: rows that were read, and how many were written."""

    rows: Sequence[Row] = ()
    rowcount: int = 0

    def all(self) -> Sequence[Row]:
        return self.rows

    def one(self) -> Row:
        """The first, which is there."""
        return self.rows[0]

    def one_or_none(self) -> Row | None:
        return self.rows[0] if self.rows else None


class Lookup:
    """Reads ``columns`` of the row whose ``key`` columns have the values b_COLUMN.

    One row always, of NULLs where there is no such row: what was found, and what was not, takes
    the same time to read (attack: asking for many identifiers to learn which are there).

    Raises:
        TypeError: the columns are not the table's key, by which there is one row.
    """

    def __init__(self, columns: Sequence[Column[Any]], key: Sequence[Column[Any]]) -> None:
        _check_key(key[0].table, key)
        self.columns, self.key = tuple(columns), tuple(key)
        one = select(literal_column("1").label("one")).subquery("one_row")
        found = and_(*(each == bindparam(f"b_{each.name}") for each in key))
        self.statement = select(*columns).select_from(one.outerjoin(key[0].table, found))


class Change:
    """An UPDATE or DELETE of at most one row.

    ``build`` makes it of what its named values are taken from: parameters, or columns of many
    rows at once. ``values``: name -> the column that has the value's type.

    Raises:
        TypeError: the values do not name the whole key: it could be many rows.
    """

    def __init__(
        self,
        values: Mapping[str, Column[Any]],
        build: Callable[[Callable[[str], ColumnElement[Any]]], Update | Delete],
    ) -> None:
        self.values, self.build = values, build
        self.statement = build(bindparam)
        _check_key(self.statement.table, values.values())


@dataclass(frozen=True, slots=True)
class Compiled:
    """``positions`` takes the values in the order of the text's parameters."""

    text: str
    positions: Callable[[Values], tuple[Any, ...]]
    reads: bool


class Compiler:
    """Compiles for one database, each statement once."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._compiled: dict[ClauseElement, Compiled] = {}

    def __call__(self, statement: ClauseElement, values: Values) -> Compiled:
        """``values``, of one row, are for lists in the statement; many rows have no lists.

        Raises:
            TypeError: the statement is none that can be carried: a mistake of ours.
        """
        known = self._compiled.get(statement)
        if known is not None:
            return known
        made = self._made(statement)
        if made.post_compile_params:
            # A list in the statement: its text depends on the length.
            expanded = made.construct_expanded_state(dict(values))
            positions = tuple(expanded.positional_parameters or ())
            return Compiled(expanded.statement, lambda _: positions, _reads(statement))
        self._compiled[statement] = compiled = _of(made, reads=_reads(statement))
        return compiled

    def _made(self, statement: ClauseElement) -> SQLCompiler:
        made = statement.compile(dialect=self._dialect)
        if not isinstance(made, SQLCompiler) or not isinstance(
            statement, SelectBase | Insert | Update | Delete
        ):
            raise TypeError(f"neither SELECT, INSERT, UPDATE nor DELETE: {statement}")
        if reason := _obstacle(made):
            raise TypeError(f"{reason}, which is for db.queries: {statement}")
        return made


def _obstacle(made: SQLCompiler) -> str | None:
    """What a driver would leave out without a word: a result, a translation, a default."""
    if made.effective_returning:
        return "RETURNING"
    if made.prefetch:
        return f"{made.prefetch[0]} has a default of Python's"
    typed: list[Any] = [*made.binds.values(), *made._result_columns]  # noqa: SLF001
    for each in typed:
        if not isinstance(each.type, _CARRIED) or isinstance(each.type, SchemaType):
            return f"{each.type!r} is translated on its way"
    return None


def _of(made: SQLCompiler, *, reads: bool) -> Compiled:
    names = tuple(made.positiontup or ())
    # What is in the statement itself; a value that nobody gave is none of these.
    own = {made.bind_names[each]: each.value for each in made.bind_names if not each.required}
    if not own and len(names) > 1:  # each registration and update
        return Compiled(str(made), itemgetter(*names), reads)

    def positions(values: Values) -> tuple[Any, ...]:
        return tuple([values[name] if name in values else own[name] for name in names])

    return Compiled(str(made), positions, reads)


def _reads(statement: ClauseElement) -> bool:
    return isinstance(statement, SelectBase)


def _check_key(table: Any, columns: Iterable[Column[Any]]) -> None:  # noqa: ANN401
    if missing := set(table.primary_key) - set(columns):
        raise TypeError(f"not the whole key of {table.name}: {sorted(map(str, missing))} missing")


def by_table(inserts: Iterable[tuple[Insert, Values]]) -> dict[Insert, list[Values]]:
    """The rows to insert, grouped by statement, so that each is sent once."""
    rows: dict[Insert, list[Values]] = {}
    for statement, row in inserts:
        rows.setdefault(statement, []).append(row)
    return rows
