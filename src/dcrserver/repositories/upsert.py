"""A row that is inserted, or changed where there is one of its key: no standard word for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, Table
from sqlalchemy.sql import ClauseElement

from dcrserver.db.dialects import insert_of, is_mysql


def upsert(
    dialect: str,
    table: Table,
    chosen: Callable[[ColumnElement[Any]], ColumnElement[Any]] = lambda new: new,
) -> ClauseElement:
    """The statement for the database that SQLAlchemy calls ``dialect``.

    A row that is there gets what ``chosen`` makes of each new value outside of its key.
    """
    statement = insert_of(dialect, table)
    new = statement.inserted if is_mysql(dialect) else statement.excluded
    changes = {each.name: chosen(new[each.name]) for each in table.columns if not each.primary_key}
    made: ClauseElement = (
        statement.on_duplicate_key_update(changes)
        if is_mysql(dialect)
        else statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=changes)
    )
    return made
