"""SQLite's second lane: statements in a thread, each on a connection that cannot write."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from dcrserver.db.failures import Absent
from dcrserver.db.protocol.drivers.sqlite_errors import Errors
from dcrserver.db.protocol.drivers.sqlite_files import durable
from dcrserver.db.urls import database_url
from dcrserver.settings import DatabaseSettings

T = TypeVar("T")

# Steps of SQLite's machine, a few milliseconds of them, between two looks at whether to go on.
_STEPS = 100_000


class ThreadLane:
    """A connection for each statement: opened in less than a millisecond, and never in the way of
    those who need the files for themselves.
    """

    def __init__(self, settings: DatabaseSettings, threads: int) -> None:
        # A file by its name: as a URI, or in memory, there is nothing to look at.
        url = database_url(settings).set(drivername="sqlite")
        self._log = Path(f"{url.database}-wal")
        self._seconds = settings.query_timeout
        self._engine = create_engine(url, poolclass=NullPool, hide_parameters=True)
        event.listen(self._engine, "connect", durable)
        event.listen(self._engine, "connect", _read_only)
        self._threads = ThreadPoolExecutor(threads, "sqlite-queries")
        self._used = 0
        self._is_closed = False

    async def run(self, work: Callable[[Connection], T]) -> T:
        """What ``work`` makes of a connection, in a thread."""
        ends_at, is_wanted = monotonic() + self._seconds, True

        def is_over() -> bool:
            return self._is_closed or not is_wanted or monotonic() > ends_at

        loop = asyncio.get_running_loop()
        self._used += 1
        try:
            return await loop.run_in_executor(self._threads, self._connected, work, is_over)
        finally:
            is_wanted = False  # who was cancelled wants no answer: the thread ends its statement
            self._used -= 1

    def _connected(self, work: Callable[[Connection], T], is_over: Callable[[], bool]) -> T:
        self._check_log()
        with Errors():
            try:
                with self._engine.connect() as connection:
                    raw: Any = connection.connection.driver_connection
                    raw.set_progress_handler(is_over, _STEPS)
                    return work(connection)
            except DBAPIError as error:
                raise error.orig or error from error

    def _check_log(self) -> None:
        """Who connects where the log was removed makes another, and the writer could not go on.

        Raises:
            Absent: it is not there.
        """
        if not self._log.exists():
            raise Absent("the log of the database (-wal) was removed")

    def connections(self) -> Mapping[str, int]:
        return {"idle": 0, "used": self._used}

    async def close(self) -> None:
        """Ends what runs: the threads look whether to go on."""
        self._is_closed = True
        await asyncio.to_thread(self._threads.shutdown)


def _read_only(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA query_only=ON").close()
