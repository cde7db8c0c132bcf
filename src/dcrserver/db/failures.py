"""What a database error means: another writer won, the database is not there, or our mistake."""

from __future__ import annotations

from typing import Any

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

# Serialization failure and deadlock: PostgreSQL, then MariaDB (1020: record has changed).
_CONFLICT_STATES = frozenset({"40001", "40P01"})
_CONFLICT_CODES = frozenset({1020, 1205, 1213})
# PostgreSQL: connection lost, out of resources, operator intervention (starting up, statement
# timeout), system error; read-only transaction. SQLAlchemy's asyncpg dialect has no class for them.
_ABSENCE_STATES = ("08", "53", "57", "58", "25006")


def is_conflict(error: Exception) -> bool:
    """Whether another writer won, so that the same use case may be run again."""
    original: Any = error.orig if isinstance(error, DBAPIError) else None
    code = original.args[0] if original is not None and original.args else None
    return _state(error) in _CONFLICT_STATES or code in _CONFLICT_CODES


def is_absence(error: Exception) -> bool:
    """Whether the database is away, full, locked or overloaded, whatever it was asked."""
    if isinstance(error, DBAPIError):
        return (
            error.connection_invalidated
            or isinstance(error, (OperationalError, InterfaceError))
            or _state(error).startswith(_ABSENCE_STATES)
        )
    return isinstance(error, (PoolTimeoutError, OSError))


def _state(error: Exception) -> str:
    original: Any = error.orig if isinstance(error, DBAPIError) else None
    return str(getattr(original, "sqlstate", None) or getattr(original, "pgcode", None) or "")
