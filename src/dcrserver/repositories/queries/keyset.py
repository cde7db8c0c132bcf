"""Pages that begin after a row: as dear for the last page as for the first, whatever is written
meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import Column, ColumnElement, Row, Select, UnaryExpression, and_, or_, tuple_
from sqlalchemy.sql import operators

from dcrserver.errors import InvalidInput

# Of the last row of a page: its values of the columns by which the pages are sorted.
Place: TypeAlias = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """Sorts by ``columns``, which together tell every row from all others."""

    columns: Sequence[Column[Any]]
    is_descending: bool = False

    def by(self) -> list[UnaryExpression[Any]]:
        """The terms for ORDER BY."""
        return [each.desc() if self.is_descending else each.asc() for each in self.columns]

    def place_of(self, row: object) -> Place:
        """Of a record, or a row."""
        return tuple(getattr(row, each.name) for each in self.columns)

    def places_of(self, rows: Sequence[Row[Any]]) -> list[Place]:
        """The same of many rows of one query: by number, as to look up a name takes longer than all
        else that is done with a row.
        """
        keys = rows[0]._fields if rows else ()
        numbers = [keys.index(each.name) for each in self.columns if rows]
        return [tuple([row[number] for number in numbers]) for row in rows]

    def place_in(self, given: Sequence[object]) -> Place:
        """``given`` as a place in this order, wherever it comes from.

        Raises:
            InvalidInput: it cannot be one.
        """
        types = [each.type.python_type for each in self.columns]
        if [type(value) for value in given] != types:
            raise InvalidInput("the cursor is not one of this list", parameter="cursor")
        return tuple(given)

    def after(self, place: Place) -> ColumnElement[bool]:
        """The condition for rows that come after ``place``.

        Said twice, so that every planner finds its index: SQLite and PostgreSQL by a comparison of
        rows, for which MariaDB would read all, and MariaDB by that of columns.
        """
        pairs = list(zip(self.columns, place, strict=True))
        ways = [
            and_(
                *(column == value for column, value in pairs[:number]), self._beyond(*pairs[number])
            )
            for number in range(len(pairs))
        ]
        return and_(self._beyond(tuple_(*self.columns), tuple_(*place)), or_(*ways))

    def _beyond(self, column: ColumnElement[Any], value: object) -> ColumnElement[bool]:
        beyond = operators.lt if self.is_descending else operators.gt
        return column.operate(beyond, value)


def page(statement: Select[Any], order: Order, after: Place | None, limit: int) -> Select[Any]:
    """``statement`` with the first ``limit`` of its rows that come after ``after``."""
    if after is not None:
        statement = statement.where(order.after(after))
    return statement.order_by(*order.by()).limit(limit)
