"""What SQLite's errors mean."""

from __future__ import annotations

import sqlite3

from dcrserver.db.failures import Absent, AlreadyThere, TooLong, absence

# Of an extended error code.
PRIMARY_CODE = 0xFF


class Errors:
    """What an error means; a generator for each statement would cost as much as a short one."""

    def __init__(self) -> None:
        self.damage: str | None = None

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if error is None:
            return
        if isinstance(error, sqlite3.IntegrityError):
            raise AlreadyThere(str(error)) from error
        if not isinstance(error, sqlite3.DatabaseError):
            return
        code = getattr(error, "sqlite_errorcode", 0) & PRIMARY_CODE
        if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            self.damage = "the database file is damaged: restore it, and start again"
        elif not isinstance(error, sqlite3.OperationalError):
            return
        kind = TooLong if code == sqlite3.SQLITE_INTERRUPT else Absent
        raise absence(error, kind) from error  # locked, full, read-only, damaged, no such file
