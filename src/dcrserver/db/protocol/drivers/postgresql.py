"""PostgreSQL by asyncpg: what waits at the same time becomes one statement."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeAlias, TypeVar, cast

from sqlalchemy import Insert, Select, literal_column, select
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect
from sqlalchemy.sql import ClauseElement

from dcrserver.db.protocol import batches
from dcrserver.db.protocol.coalescing import Coalescer, Outcomes
from dcrserver.db.protocol.drivers.postgresql_errors import translated
from dcrserver.db.protocol.drivers.postgresql_pool import Connection, Pool
from dcrserver.db.protocol.load import Load, load_of
from dcrserver.db.protocol.session import Reader, Session, change_in_steps
from dcrserver.db.protocol.statements import (
    Change,
    Compiler,
    Inserts,
    Lookup,
    Rows,
    Values,
    by_table,
)
from dcrserver.settings import DatabaseSettings

T = TypeVar("T")
_Inserts: TypeAlias = list[tuple[Insert, dict[str, Any]]]

# A standby, or one that is told to take no writes.
_READ_ONLY: Select[Any] = select(
    literal_column(
        "pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean"
    ).label("is_read_only")
)


class PostgresqlDriver:
    """Each kind of statement that many requests make has a lane of its own.

    A lane has one batch at the database; what comes meanwhile is the next. What needs more than
    one statement gets a connection and a transaction to itself.
    """

    def __init__(self, settings: DatabaseSettings) -> None:
        self.pool = Pool(settings)
        self._patience = settings.statement_timeout
        self._compiler = Compiler(asyncpg_dialect())  # type: ignore[no-untyped-call]
        self.reading: Reader = _Reading(self)
        self._lanes: dict[Any, Coalescer[Any]] = {}

    async def transact(self, work: Callable[[Session], Awaitable[T]]) -> T:
        """Runs ``work`` in a transaction and commits it."""
        async with _Writing(self) as session:
            result = await work(session)
            await session.commit()
        return result

    async def not_ready_reason(self) -> str | None:
        """Why the database cannot be written to just now; None: it can."""
        found = (await self.reading.execute(_READ_ONLY, {})).one()
        return "the database is read-only" if found["is_read_only"] else None

    async def close(self) -> None:
        """Finishes what waits in batches, then closes the connections."""
        for lane in self._lanes.values():
            await lane.drain()
        await self.pool.close()

    def load(self) -> Load:
        return load_of(self._lanes.values(), self.pool.connections())

    async def insert_together(self, inserts: _Inserts) -> None:
        """Commits them, with those of others for the same tables."""
        tables = tuple(dict.fromkeys(statement for statement, _ in inserts))
        await self._lane(tables, self._insert_all).commit(inserts)

    async def change_together(self, change: Change, values: Values, inserts: Inserts) -> bool:
        """Commits the one change, with those of others by the same statement and tables."""
        tables = tuple(dict.fromkeys([statement for statement, _ in inserts]))
        lane = self._lane((change, tables), self._change_all)
        changed: bool = await lane.commit((values, inserts))
        return changed

    async def look_up_together(self, lookup: Lookup, values: Values) -> Sequence[Any]:
        """Finds one row, in one statement with what others look up at the same time."""
        found: Sequence[Any] = await self._lane(lookup, self._look_up_all).ask(values)
        return found

    def _lane(self, key: Any, write: Callable[..., Awaitable[Outcomes]]) -> Coalescer[Any]:  # noqa: ANN401
        lane = self._lanes.get(key)
        if lane is None:
            write = partial(self._translated, partial(write, key))
            lane = Coalescer(write, self.pool.acquired, patience=self._patience)
            self._lanes[key] = lane
        return lane

    async def _translated(
        self,
        write: Callable[..., Awaitable[Outcomes]],
        connection: Connection,
        batch: Sequence[Any],
    ) -> Outcomes:
        with translated():
            return await write(connection, batch)

    async def _insert_all(
        self, tables: tuple[Insert, ...], connection: Connection, batch: Sequence[_Inserts]
    ) -> Outcomes:
        rows = by_table(insert for inserts in batch for insert in inserts)
        values = batches.parameters(tables, rows)
        await self.execute(connection, batches.insert_all(*tables), values)
        return [None] * len(batch)

    async def _change_all(
        self,
        key: tuple[Change, tuple[Insert, ...]],
        connection: Connection,
        batch: Sequence[tuple[Values, Inserts]],
    ) -> Outcomes:
        change, tables = key
        values = {
            "changes": batches.placed(enumerate([values for values, _ in batch])),
            **batches.parameters(
                tables, batches.placed_by_statement(inserts for _, inserts in batch)
            ),
        }
        done = await self.execute(connection, batches.change_all(change, *tables), values)
        places = {row[batches.PLACE] for row in done.all()}
        return [place in places for place in range(len(batch))]

    async def _look_up_all(
        self, lookup: Lookup, connection: Connection, batch: Sequence[Values]
    ) -> Outcomes:
        values = {"keys": batches.placed(enumerate(batch))}
        found = await self.execute(connection, batches.lookup_all(lookup), values)
        rows = {row[0]: row[1:] for row in cast("Sequence[tuple[Any, ...]]", found.all())}
        return [rows[place] for place in range(len(batch))]

    async def execute(
        self, connection: Connection, statement: ClauseElement, values: Values
    ) -> Rows:
        """Runs one statement: its rows, or how many it changed."""
        compiled = self._compiler(statement, values)
        if compiled.reads:
            return Rows(await connection.fetch(compiled.text, *compiled.positions(values)))
        status = await connection.execute(compiled.text, *compiled.positions(values))
        return Rows(rowcount=int(status.rpartition(" ")[2]))

    async def execute_many(
        self, connection: Connection, statement: ClauseElement, rows: Sequence[Values]
    ) -> None:
        """Runs one statement once for each row of values."""
        compiled = self._compiler(statement, {})
        await connection.executemany(compiled.text, map(compiled.positions, rows))


class _Reading:
    """Single statements, each by itself; lookups together."""

    dialect = "postgresql"

    def __init__(self, driver: PostgresqlDriver) -> None:
        self._driver = driver

    async def execute(self, statement: ClauseElement, values: Values) -> Rows:
        async with self._driver.pool.acquired() as connection:
            return await self._driver.execute(connection, statement, values)

    async def look_up(self, lookup: Lookup, values: Values) -> Sequence[Any]:
        return await self._driver.look_up_together(lookup, values)


class _Writing:
    """A transaction; takes a connection when one statement is not all it is."""

    dialect = "postgresql"

    def __init__(self, driver: PostgresqlDriver) -> None:
        self._driver = driver
        self._block: AbstractAsyncContextManager[Connection] | None = None
        self._is_over = False
        self._connection: Connection | None = None
        self._pending: _Inserts = []

    async def execute(self, statement: ClauseElement, values: Values) -> Rows:
        connection = await self._begun()
        with translated():
            return await self._driver.execute(connection, statement, values)

    async def look_up(self, lookup: Lookup, values: Values) -> Sequence[Any]:
        row: Any = (await self.execute(lookup.statement, values)).one()
        return tuple(row)

    async def execute_many(self, statement: ClauseElement, rows: Sequence[Values]) -> None:
        connection = await self._begun()
        with translated():
            await self._driver.execute_many(connection, statement, rows)

    def insert(self, statement: Insert, row: dict[str, Any]) -> None:
        self._pending.append((statement, row))

    async def change(self, change: Change, values: Values, inserts: Inserts) -> bool:
        if self._connection is not None or self._pending:
            return await change_in_steps(self, change, values, inserts)
        self._is_over = True
        return await self._driver.change_together(change, values, inserts)

    async def change_all(self, change: Change, rows: Sequence[Values]) -> int:
        changes = {"changes": batches.placed(enumerate(rows))}
        return len((await self.execute(batches.change_all(change), changes)).all())

    async def commit(self) -> None:
        if self._connection is not None:
            await self._begun()
            with translated():
                await self._connection.execute("COMMIT")
        elif self._pending:
            await self._driver.insert_together(self._pending)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Gives the connection back, which rolls back what was not committed."""
        if self._block is not None:
            await self._block.__aexit__(kind, error, trace)

    async def _begun(self) -> Connection:
        """The connection, with everything on it that was to come before."""
        if self._is_over:
            raise RuntimeError("a change is the last thing that a transaction does")
        if self._connection is None:
            self._block = self._driver.pool.acquired()
            self._connection = await self._block.__aenter__()
            with translated():
                await self._connection.execute("BEGIN")
        pending, self._pending = self._pending, []
        with translated():
            rows = by_table(pending)
            for each in rows:
                values = batches.parameters([each], rows)
                await self._driver.execute(self._connection, batches.insert_all(each), values)
        return self._connection
