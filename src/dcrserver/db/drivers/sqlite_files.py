"""The files of an SQLite database, which somebody may take away while they are open."""

from __future__ import annotations

import os
import sqlite3

from dcrserver.db.failures import Absent

# What is added to the path of the database, and what is there.
_FILES = (
    ("", "the database file"),
    ("-wal", "the log of the database (-wal)"),
    ("-shm", "the index of the database's log (-shm)"),
)


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

    def obstacle(self) -> str | None:
        """Why nobody could open what is written now; None if all can."""
        for path, opened, name in self._opened:
            if _identity(path) != opened:
                return f"{name} was removed or replaced: end all who use it, and start again"
        return None

    def check(self) -> None:
        """
        Raises:
            Absent: there is an obstacle.
        """
        if obstacle := self.obstacle():
            raise Absent(obstacle)

    def check_database(self) -> None:
        """
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
