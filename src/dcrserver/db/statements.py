"""Statements as a driver takes them: text and positions, made once from SQLAlchemy's.

Repositories write SQLAlchemy Core. Its compiler knows each database's words; its execution costs
more than the rest of a request, so statements that were compiled once go straight to the driver.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

from sqlalchemy import Delete, Insert, Select, Update, bindparam, literal_column, select
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import ClauseElement

Row: TypeAlias = Mapping[str, Any]
Values: TypeAlias = Mapping[str, Any]


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


@cache
def with_insert(change: Update | Delete, insert: Insert) -> ClauseElement:
    """One statement that inserts a row where ``change`` finds one; its values are new_COLUMN."""
    columns = list(insert.table.columns)
    changed = change.returning(literal_column("1")).cte("changed")
    row = select(*(bindparam(f"new_{each.name}", type_=each.type) for each in columns))
    return insert.from_select([each.name for each in columns], row.select_from(changed))


def values_with_insert(values: Values, row: Values) -> Values:
    return {**values, **{f"new_{name}": value for name, value in row.items()}}


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
