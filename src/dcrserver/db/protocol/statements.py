"""Statements as a driver takes them: text and positions, made once from SQLAlchemy's.

Repositories write SQLAlchemy Core. Its compiler knows each database's words; its execution costs
more than the rest of a request, so statements that were compiled once go straight to the driver.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import (
    Column,
    ColumnElement,
    Delete,
    Insert,
    Select,
    Update,
    and_,
    bindparam,
    literal_column,
    select,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import ClauseElement

Row: TypeAlias = Mapping[str, Any]
Values: TypeAlias = Mapping[str, Any]
# Rows to insert, each by its statement.
Inserts: TypeAlias = Sequence[tuple[Insert, dict[str, Any]]]


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
    """

    def __init__(self, columns: Sequence[Column[Any]], key: Sequence[Column[Any]]) -> None:
        self.columns, self.key = tuple(columns), tuple(key)
        one = select(literal_column("1").label("one")).subquery("one_row")
        found = and_(*(each == bindparam(f"b_{each.name}") for each in key))
        self.statement = select(*columns).select_from(one.outerjoin(key[0].table, found))


class Change:
    """An UPDATE or DELETE of at most one row.

    ``build`` makes it of what its named values are taken from: parameters, or columns of many
    rows at once. ``values``: name -> the column that has the value's type.
    """

    def __init__(
        self,
        values: Mapping[str, Column[Any]],
        build: Callable[[Callable[[str], ColumnElement[Any]]], Update | Delete],
    ) -> None:
        self.values, self.build = values, build
        self.statement = build(bindparam)


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
        known = self._compiled.get(statement)
        if known is not None:
            return known
        made: Any = statement.compile(dialect=self._dialect)
        if getattr(made, "post_compile_params", None):
            # A list in the statement: its text depends on the length.
            expanded = made.construct_expanded_state(dict(values))
            positions = tuple(expanded.positional_parameters or ())
            return Compiled(expanded.statement, lambda _: positions, _reads(statement))
        self._compiled[statement] = compiled = _of(made, reads=_reads(statement))
        return compiled


def _of(made: Any, *, reads: bool) -> Compiled:  # noqa: ANN401 - a SQLCompiler, not typed
    # All our columns are texts and integers, which need no translation on the way.
    names = tuple(made.positiontup)
    own = made.params  # what is in the statement itself

    def positions(values: Values) -> tuple[Any, ...]:
        return tuple([values[name] if name in values else own[name] for name in names])

    return Compiled(str(made), positions, reads)


def _reads(statement: ClauseElement) -> bool:
    return isinstance(statement, Select)


def by_table(inserts: Iterable[tuple[Insert, Values]]) -> dict[Insert, list[Values]]:
    rows: dict[Insert, list[Values]] = {}
    for statement, row in inserts:
        rows.setdefault(statement, []).append(row)
    return rows
