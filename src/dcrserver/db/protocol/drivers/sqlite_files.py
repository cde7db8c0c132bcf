"""The files of an SQLite database: opened so that what is committed lasts, and looked after, as
somebody may take them away while they are open.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import Any

from sqlalchemy.engine import URL

from dcrserver.db.failures import Absent
from dcrserver.settings import ConfigurationError

_LOG_BYTES = 4 * 1024 * 1024
# What is added to the path of the database, and what is there.
_FILES = (
    ("", "the database file"),
    ("-wal", "the log of the database (-wal)"),
    ("-shm", "the index of the database's log (-shm)"),
)


def check_file(url: URL) -> None:
    """Opens the file once: a new one is for its owner alone, since it may hold keys in clear.

    -wal and -shm take its mode. Here, as aiosqlite's thread may outlive the loop after a failure.

    Raises:
        ConfigurationError: it cannot be used.
    """
    arguments, options = url.get_dialect()().create_connect_args(url)
    others = os.umask(0o077)
    try:
        with closing(sqlite3.connect(arguments[0], uri=bool(options.get("uri")))) as connection:
            durable(connection)
            (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    except sqlite3.Error as error:
        raise ConfigurationError(f"database.url: {error}: {url.database}") from None
    finally:
        os.umask(others)
    # SQLite goes on without a word where it cannot have WAL (no shared memory on a network file
    # system); readers and the writer would then shut each other out.
    if mode not in {"wal", "memory"}:
        raise ConfigurationError(f"database.url: no write-ahead log is possible: {url.database}")


def durable(connection: Any, _record: object = None) -> None:  # noqa: ANN401 - a DB-API connection
    """WAL, and a commit is on the disk when it returns."""
    connection.isolation_level = None  # we say BEGIN ourselves
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    # Everybody waits while the log is copied into the database: less at a time, more often.
    cursor.execute("PRAGMA wal_autocheckpoint=400")
    # After a reader that held it up the log is cut again, when all of it is in the database.
    cursor.execute(f"PRAGMA journal_size_limit={_LOG_BYTES}")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


class Files:
    """What a connection has open: the database, its log, and the index of that, which others open
    by their paths. Nobody but the operating system says that they are there no more.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        # The log is opened with the first read.
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        # As SQLite itself has it, also for a URI; none in memory.
        _, _, path = connection.execute("PRAGMA database_list").fetchone()
        self._path = path
        every = _FILES if path else ()
        self._opened = [(f"{path}{end}", _identity(f"{path}{end}"), name) for end, name in every]

    def not_ready_reason(self) -> str | None:
        """Why nobody could open what is written now; None if all can."""
        for path, opened, name in self._opened:
            if _identity(path) != opened:
                return f"{name} was removed or replaced: end all who use it, and start again"
        return None

    def check(self) -> None:
        """Refuses to go on with a database whose files were moved, replaced or deleted.

        Raises:
            Absent: the files cannot be used.
        """
        if reason := self.not_ready_reason():
            raise Absent(reason)

    def check_database(self) -> None:
        """As ``check``, but tolerates a missing log, which SQLite makes anew.

        Raises:
            Absent: it is not the log alone that is missing, or somebody has begun another one.
        """
        for path, opened, _ in self._opened:
            found = _identity(path)
            if found != opened and (found is not None or path == self._path):
                self.check()


def _identity(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - for each batch, and Path takes twice as long
    except OSError:
        return None
    return status.st_dev, status.st_ino
