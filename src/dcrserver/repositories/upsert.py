"""A row that is inserted, or changed where there is one of its key: no standard word for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from sqlalchemy import Table
from sqlalchemy.sql import ClauseElement

# What a column gets, from the columns of the row that was to be inserted.
Changes = Callable[[Mapping[str, Any]], dict[str, Any]]


def upsert(dialect: str, table: Table, key: Sequence[str], changes: Changes) -> ClauseElement:
    """The statement for the database that SQLAlchemy calls ``dialect``.

    Only what it needs of SQLAlchemy is loaded: commands need none of it.
    """
    is_mysql = dialect in {"mysql", "mariadb"}
    module = import_module(f"sqlalchemy.dialects.{'mysql' if is_mysql else dialect}")
    statement = module.insert(table)
    made: ClauseElement = (
        statement.on_duplicate_key_update(changes(statement.inserted))
        if is_mysql
        else statement.on_conflict_do_update(index_elements=key, set_=changes(statement.excluded))
    )
    return made
