"""PostgreSQL by asyncpg: prepared statements on a pool; insert-only transactions share a commit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeAlias, TypeVar

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from sqlalchemy import Delete, Insert, Update
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect
from sqlalchemy.sql import ClauseElement

from dcrserver.db.coalescing import Coalescer, Outcomes
from dcrserver.db.engine import database_url
from dcrserver.db.failures import AlreadyThere, Conflict, absence
from dcrserver.db.session import Session, change_in_two
from dcrserver.db.statements import Compiler, Rows, Values, values_with_insert, with_insert
from dcrserver.settings import DatabaseSettings

T = TypeVar("T")
_Connection: TypeAlias = PoolConnectionProxy
_Inserts: TypeAlias = list[tuple[Insert, dict[str, Any]]]

# Serialization failure and deadlock.
_CONFLICTS = frozenset({"40001", "40P01"})
# Connection lost, not let in, no such database, out of resources, operator intervention (starting
# up, statement timeout), system error; read-only transaction.
_ABSENCES = ("08", "28", "3D", "53", "57", "58", "25006")


class PostgresqlDriver:
    def __init__(self, settings: DatabaseSettings) -> None:
        self._settings = settings
        self._compiler = Compiler(asyncpg_dialect())  # type: ignore[no-untyped-call]
        self._pool: asyncpg.Pool | None = None
        self._opening = asyncio.Lock()
        self.reading: Session = _Reading(self)
        self._coalescer: Coalescer[_Inserts] = Coalescer(self._write)

    async def transact(self, work: Callable[[Session], Awaitable[T]]) -> T:
        session = _Writing(self)
        try:
            result = await work(session)
            if session.connection is None and session.pending:
                await self._coalescer.commit(session.pending)
            else:
                await session.commit()
        finally:
            await session.close()
        return result

    async def close(self) -> None:
        await self._coalescer.drain()
        if self._pool is not None:
            await self._pool.close()

    async def _write(self, batch: Sequence[_Inserts]) -> Outcomes:
        async with self.acquired() as connection, _transaction(connection):
            await self.insert_all(connection, [insert for inserts in batch for insert in inserts])
        return [None] * len(batch)

    async def insert_all(self, connection: _Connection, inserts: _Inserts) -> None:
        """One round trip for all rows of a table."""
        rows: dict[Insert, list[dict[str, Any]]] = {}
        for statement, row in inserts:
            rows.setdefault(statement, []).append(row)
        for statement, values in rows.items():
            await self.execute_many(connection, statement, values)

    async def execute(
        self, connection: _Connection, statement: ClauseElement, values: Values
    ) -> Rows:
        compiled = self._compiler(statement, values)
        if compiled.reads:
            return Rows(await connection.fetch(compiled.text, *compiled.positions(values)))
        status = await connection.execute(compiled.text, *compiled.positions(values))
        return Rows(rowcount=int(status.rpartition(" ")[2]))

    async def execute_many(
        self, connection: _Connection, statement: ClauseElement, rows: Sequence[Values]
    ) -> None:
        compiled = self._compiler(statement, rows[0])
        if len(rows) == 1:
            await connection.execute(compiled.text, *compiled.positions(rows[0]))
        else:
            await connection.executemany(compiled.text, map(compiled.positions, rows))

    @asynccontextmanager
    async def acquired(self) -> AsyncIterator[_Connection]:
        """A connection of the pool, for as long as the block takes."""
        with translated():
            pool = self._pool or await self._open()
            connection = await pool.acquire(timeout=self._settings.pool_timeout)
            try:
                yield connection
            finally:
                # Whoever is cancelled gives it back all the same.
                await asyncio.shield(pool.release(connection))

    async def _open(self) -> asyncpg.Pool:
        async with self._opening:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(**_options(self._settings))
            return self._pool


class _Reading:
    """A connection for each statement."""

    dialect = "postgresql"

    def __init__(self, driver: PostgresqlDriver) -> None:
        self._driver = driver

    async def execute(self, statement: ClauseElement, values: Values) -> Rows:
        async with self._driver.acquired() as connection:
            return await self._driver.execute(connection, statement, values)

    async def execute_many(self, statement: ClauseElement, rows: Sequence[Values]) -> None:
        async with self._driver.acquired() as connection:
            await self._driver.execute_many(connection, statement, rows)

    def insert(self, *_: object) -> None:
        raise TypeError("nothing is inserted outside of a transaction")

    async def change(self, *_: object) -> bool:
        raise TypeError("nothing is changed outside of a transaction")


class _Writing:
    """A transaction; takes a connection when something else than an insert is executed."""

    dialect = "postgresql"

    def __init__(self, driver: PostgresqlDriver) -> None:
        self._driver = driver
        self._block: Any = None
        self._is_over = False
        self.connection: _Connection | None = None
        self.pending: _Inserts = []

    async def execute(self, statement: ClauseElement, values: Values) -> Rows:
        connection = await self._begun()
        with translated():
            return await self._driver.execute(connection, statement, values)

    async def execute_many(self, statement: ClauseElement, rows: Sequence[Values]) -> None:
        connection = await self._begun()
        with translated():
            await self._driver.execute_many(connection, statement, rows)

    def insert(self, statement: Insert, row: dict[str, Any]) -> None:
        self.pending.append((statement, row))

    async def change(
        self, statement: Update | Delete, values: Values, insert: Insert, row: dict[str, Any]
    ) -> bool:
        if self.connection is not None or self.pending:
            return await change_in_two(self, statement, values, insert, row)
        # Alone in its transaction, one statement is one: no BEGIN and COMMIT to wait for.
        self._is_over = True
        both = with_insert(statement, insert)
        async with self._driver.acquired() as connection:
            done = await self._driver.execute(connection, both, values_with_insert(values, row))
        return done.rowcount == 1

    async def commit(self) -> None:
        if self.connection is not None:
            await self._begun()
            with translated():
                await self.connection.execute("COMMIT")

    async def close(self) -> None:
        """Gives the connection back, which rolls back what was not committed."""
        if self._block is not None:
            await self._block.__aexit__(None, None, None)

    async def _begun(self) -> _Connection:
        """The connection, with everything on it that was to come before."""
        if self._is_over:
            raise RuntimeError("a change is the last thing that a transaction does")
        if self.connection is None:
            self._block = self._driver.acquired()
            self.connection = await self._block.__aenter__()
            with translated():
                await self.connection.execute("BEGIN")
        with translated():
            pending, self.pending = self.pending, []
            await self._driver.insert_all(self.connection, pending)
        return self.connection


class _PlainConnection(asyncpg.Connection):  # type: ignore[misc]
    def get_reset_query(self) -> str:
        """Nothing of a session is changed here; an open transaction is rolled back all the same."""
        return ""


@asynccontextmanager
async def _transaction(connection: _Connection) -> AsyncIterator[None]:
    await connection.execute("BEGIN")
    yield  # what raises leaves the transaction to the pool, which rolls it back
    await connection.execute("COMMIT")


def _options(settings: DatabaseSettings) -> dict[str, Any]:
    milliseconds = int(settings.statement_timeout * 1000)
    _, options = asyncpg_dialect().create_connect_args(database_url(settings))  # type: ignore[no-untyped-call]
    options.pop("prepared_statement_cache_size", None)
    if "statement_cache_size" in options:  # 0 behind PgBouncer; it comes as the URL's text
        options["statement_cache_size"] = int(options["statement_cache_size"])
    return {
        **options,
        "connection_class": _PlainConnection,
        "min_size": 0,
        "max_size": settings.pool_size,
        "timeout": settings.pool_timeout,
        "server_settings": {
            "statement_timeout": str(milliseconds),
            "idle_in_transaction_session_timeout": str(milliseconds * 2),
            "application_name": "dcrserver",
            "default_transaction_isolation": "read committed",
        },
    }


@contextmanager
def translated() -> Iterator[None]:
    try:
        yield
    except asyncpg.UniqueViolationError as error:
        raise AlreadyThere(str(error.constraint_name)) from error
    except asyncpg.PostgresError as error:
        state = str(error.sqlstate)
        if state in _CONFLICTS:
            raise Conflict(state) from error
        if state.startswith(_ABSENCES):
            raise absence(error) from error
        raise
    except (asyncpg.InterfaceError, OSError, TimeoutError) as error:
        raise absence(error) from error
