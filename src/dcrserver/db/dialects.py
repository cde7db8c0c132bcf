"""What each database has words of its own for, as SQLAlchemy knows them.

Only those of one database are loaded, when they are needed: commands need none of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from sqlalchemy import Insert, Table


def is_mysql(dialect: str) -> bool:
    """Whether SQLAlchemy's name of a database is one of MariaDB's."""
    return dialect in {"mysql", "mariadb"}


def words_of(dialect: str) -> Any:  # noqa: ANN401 - a module
    """The types and statements of the database that SQLAlchemy calls ``dialect``."""
    return import_module(f"sqlalchemy.dialects.{'mysql' if is_mysql(dialect) else dialect}")


def or_changed(dialect: str, statement: Any) -> Insert:  # noqa: ANN401 - of ``insert_of``
    """``statement``, an INSERT; a row that is there becomes what its table says: info["there"]."""
    table: Any = statement.table
    mysql = is_mysql(dialect)
    changes, where = table.info["there"](
        table.c, statement.inserted if mysql else statement.excluded
    )
    made: Insert = (
        statement.on_duplicate_key_update([*changes.items()])
        if mysql
        else statement.on_conflict_do_update(
            index_elements=list(table.primary_key), set_=changes, where=where
        )
    )
    return made


def insert_of(dialect: str, table: Table) -> Any:  # noqa: ANN401 - they share no class for it
    """The INSERT of ``table`` that can say what is done where there is a row of its key."""
    return words_of(dialect).insert(table)
