"""The second lane: lists, searches, counts and pages, beside the requests of the protocol.

Ordinary SQLAlchemy, with few connections of its own and the database's ordinary planner. However
much it reads, neither the event loop nor the first lane (``db.protocol``) waits for it: of a
server it is asked as ever, and SQLite works in a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from importlib import import_module
from typing import Protocol, TypeVar, TypeVarTuple, cast

from sqlalchemy import Connection, Row, Select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import QueuePool
from sqlalchemy.util import greenlet_spawn

from dcrserver.db.failures import Absent, Conflict, TooLong, absence, repeated, unavailable
from dcrserver.db.sync_engine import AUTOCOMMIT, replaced_when_idle, sync_engine
from dcrserver.db.urls import database_url
from dcrserver.errors import QueryTooLong
from dcrserver.settings import DatabaseSettings

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

# Of a process; who comes when all are busy waits for database.pool_timeout.
CONNECTIONS = 2

_Translated = Callable[[], AbstractContextManager[None]]
_TOO_MUCH = "there is too much to look at for what was asked: narrow the filter"


class Lane(Protocol):
    """A way to a database that stops nobody."""

    async def run(self, work: Callable[[Connection], T]) -> T:
        """What ``work`` makes of a connection.

        Raises:
            Absent, Conflict: see ``db.failures``.
        """
        ...

    def connections(self) -> Mapping[str, int]:
        """How many there are, by state."""
        ...

    async def close(self) -> None:
        """Ends what runs, and closes all connections."""
        ...


class Queries:
    """Statements that read, each by itself; each sees the latest commit. Connects at first need."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self._settings = settings
        # As SQLAlchemy has its name.
        self.dialect = database_url(settings).get_backend_name()
        self._lane: Lane | None = None

    async def all(self, statement: Select[*Ts]) -> Sequence[Row[*Ts]]:
        """All its rows: a statement without a limit is for what is never many.

        Raises:
            QueryTooLong: it takes longer than query_timeout.
            Unavailable: the database does not answer.
        """
        lane = self._lane = self._lane or _opened(self._settings)

        def work(connection: Connection) -> Sequence[Row[*Ts]]:
            return connection.execute(statement).all()

        try:
            try:
                return await lane.run(work)
            except Conflict:
                return await repeated(lambda: lane.run(work))
        except TooLong as error:
            raise QueryTooLong(_TOO_MUCH, detail=str(error)) from error
        except Absent as error:
            raise unavailable(error) from error

    def connections(self) -> Mapping[str, int]:
        """How many there are, by state."""
        return self._lane.connections() if self._lane else {"idle": 0, "used": 0}

    async def close(self) -> None:
        """Ends what runs, and closes all connections."""
        if self._lane is not None:
            await self._lane.close()


def _opened(settings: DatabaseSettings) -> Lane:
    """Only what the one database needs is loaded."""
    name = database_url(settings).get_backend_name()
    if name == "sqlite":
        made: Lane = import_module("dcrserver.db.sqlite_queries").ThreadLane(settings, CONNECTIONS)
        return made
    module = "postgresql_errors" if name == "postgresql" else "mariadb_pool"
    translated = import_module(f"dcrserver.db.protocol.drivers.{module}").translated
    return ServerLane(settings, translated)


class ServerLane:
    """A database server, by a pool of SQLAlchemy's.

    Without its ``AsyncEngine``, which loads the ORM: the commands that list would wait for it.
    """

    def __init__(self, settings: DatabaseSettings, translated: _Translated) -> None:
        own = {"statement_timeout": settings.query_timeout, "pool_size": CONNECTIONS}
        made = settings.model_copy(update=own)
        self._engine = sync_engine(made, **AUTOCOMMIT)
        replaced_when_idle(self._engine)
        # Longer than the server waits: who does not answer by then is not there.
        self._limit = settings.query_timeout + 1
        self._translated = translated

    async def run(self, work: Callable[[Connection], T]) -> T:
        with self._translated():
            try:
                async with asyncio.timeout(self._limit):
                    return await greenlet_spawn(self._connected, work)
            except PoolTimeoutError as error:
                raise absence(error) from error
            except DBAPIError as error:
                if error.orig is not None and error.orig.__cause__ is not None:
                    raise error.orig.__cause__ from error  # the driver's own says what it means
                raise

    def _connected(self, work: Callable[[Connection], T]) -> T:
        with self._engine.connect() as connection:
            return work(connection)

    def connections(self) -> Mapping[str, int]:
        """Those of the pool, by state."""
        pool = cast("QueuePool", self._engine.pool)
        return {"idle": pool.checkedin(), "used": pool.checkedout()}

    async def close(self) -> None:
        await greenlet_spawn(self._engine.dispose)
