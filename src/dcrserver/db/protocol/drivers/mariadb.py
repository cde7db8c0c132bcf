"""MariaDB by SQLAlchemy and asyncmy; insert-only transactions share a commit."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias, TypeVar

from sqlalchemy import Insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import ClauseElement

from dcrserver.db.failures import Absent
from dcrserver.db.hosts import servers_of
from dcrserver.db.protocol.coalescing import Coalescer, Failed, Outcomes
from dcrserver.db.protocol.drivers.mariadb_connect import STATE, unfit
from dcrserver.db.protocol.drivers.mariadb_pool import Closed, Pool
from dcrserver.db.protocol.load import Load, load_of
from dcrserver.db.protocol.session import Reader, Session, change_in_steps
from dcrserver.db.protocol.statements import Change, Inserts, Lookup, Rows, Values, by_table
from dcrserver.db.urls import database_url
from dcrserver.settings import DatabaseSettings

T = TypeVar("T")
_Inserts: TypeAlias = list[tuple[Insert, dict[str, Any]]]

# A character has at most so many in a packet: of UTF-8, or two with its backslash.
_OCTETS = 4
# Of a statement beside the values of one row.
_STATEMENT_OCTETS = 4096
_ESCAPED = re.compile(r"[\x00\n\r\x1a'\"\\]")


class MariadbDriver:
    """MariaDB by asyncmy: transactions that only insert share a commit."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self._pool = Pool(settings)
        self._has_others = len(servers_of(database_url(settings))) > 1
        self.reading: Reader = _Reading(self._pool)
        self._coalescer: Coalescer[_Inserts] = Coalescer(
            self._write, patience=settings.statement_timeout
        )

    async def transact(self, work: Callable[[Session], Awaitable[T]]) -> T:
        """Runs ``work`` in a transaction and commits it; the inserts of many are committed
        together.
        """
        session = _Transaction(self._pool)
        try:
            result = await work(session)
            if session.connection is None and session.pending:
                await self._coalescer.commit(session.pending)
            else:
                await session.commit()
        finally:
            await asyncio.shield(session.close())
        return result

    async def not_ready_reason(self) -> str | None:
        """Why nothing can be written, or what is read may be stale; or None."""
        rows = (await self.reading.execute(STATE, {})).all()
        reason = unfit({row["name"].lower(): row["value"] for row in rows})
        if reason is not None and self._has_others:
            self._pool.distrust()  # the next connections may be to another server
        return reason

    def load(self) -> Load:
        return load_of([self._coalescer], self._pool.connections())

    async def close(self) -> None:
        """Finishes what waits for a commit, then closes the connections."""
        await self._coalescer.drain()
        await self._pool.engine.dispose()

    async def _write(self, _: None, batch: Sequence[_Inserts]) -> Outcomes:
        session = _Transaction(self._pool)
        try:
            await session.begin()  # how much the server takes is known only then
            outcomes = [_too_large(_rows(each), self._pool.max_packet) for each in batch]
            for inserts, outcome in zip(batch, outcomes, strict=True):
                session.pending += inserts if outcome is None else []
            await session.commit()
        finally:
            await asyncio.shield(session.close())
        return [outcome and Failed(outcome) for outcome in outcomes]


class _Reading:
    """A connection for each statement."""

    dialect = "mysql"

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def execute(self, statement: ClauseElement, values: Values) -> Rows:
        try:
            return await self._execute(statement, values)
        except Closed:  # while it was idle
            return await self._execute(statement, values)

    async def look_up(self, lookup: Lookup, values: Values) -> Sequence[Any]:
        return tuple((await self.execute(lookup.statement, values)).one().values())

    async def _execute(self, statement: ClauseElement, values: Values) -> Rows:
        async with self._pool.connected() as connection:
            return await _executed(connection, statement, values)


class _Transaction:
    """Takes a connection when something else than an insert is executed."""

    dialect = "mysql"

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.connection: AsyncConnection | None = None
        self.pending: _Inserts = []

    async def execute(self, statement: ClauseElement, values: Values) -> Rows:
        connection = await self._begun()
        self._check([values])
        async with self._pool.exchange():
            return await _executed(connection, statement, values)

    async def look_up(self, lookup: Lookup, values: Values) -> Sequence[Any]:
        return tuple((await self.execute(lookup.statement, values)).one().values())

    async def execute_many(self, statement: ClauseElement, rows: Sequence[Values]) -> None:
        connection = await self._begun()
        self._check(rows)
        async with self._pool.exchange():
            await _executed(connection, statement, rows)

    def insert(self, statement: Insert, row: dict[str, Any]) -> None:
        self.pending.append((statement, row))

    async def change(self, change: Change, values: Values, inserts: Inserts) -> bool:
        return await change_in_steps(self, change, values, inserts)

    async def change_all(self, change: Change, rows: Sequence[Values]) -> int:
        connection = await self._begun()
        self._check(rows)
        async with self._pool.exchange():
            return (await _executed(connection, change.statement, rows)).rowcount

    async def commit(self) -> None:
        if self.connection is not None or self.pending:
            connection = await self._begun()
            async with self._pool.exchange():
                await connection.commit()
            self.connection = None
            await connection.close()

    async def close(self) -> None:
        """Rolls back what was not committed."""
        if self.connection is None:
            return
        try:
            if not self.connection.invalidated:
                async with self._pool.exchange():
                    # After a commit that failed, as it does where another node of a cluster was
                    # faster, SQLAlchemy wants its own rolled back before it executes anything.
                    await self.connection.rollback()
                    await self.connection.exec_driver_sql("ROLLBACK")
        except Absent:  # the server does it when it misses the connection
            await self.connection.invalidate()
        finally:
            await self.connection.close()

    def _check(self, rows: Iterable[Values]) -> None:
        if (refusal := _too_large(rows, self._pool.max_packet)) is not None:
            raise refusal

    async def begin(self) -> AsyncConnection:
        if self.connection is None:
            self.connection = await self._pool.begun()
        return self.connection

    async def _begun(self) -> AsyncConnection:
        """The connection, with everything on it that was to come before."""
        connection = await self.begin()
        if self.pending:
            pending, self.pending = self.pending, []
            self._check(_rows(pending))
            async with self._pool.exchange():
                await _insert_all(connection, pending, self._pool.max_packet)
        return connection


async def _executed(
    connection: AsyncConnection,
    statement: Any,  # noqa: ANN401 - whatever SQLAlchemy executes
    values: Values | Sequence[Values],
) -> Rows:
    done = await connection.execute(statement, values)
    return (
        Rows([dict(row) for row in done.mappings()])
        if done.returns_rows
        else Rows(rowcount=done.rowcount)
    )


async def _insert_all(connection: AsyncConnection, inserts: _Inserts, max_packet: int) -> None:
    """One statement for all rows of a table, as long as the server takes it."""
    for statement, rows in by_table(inserts).items():
        for some in _fitting(rows, max_packet // _OCTETS):
            await connection.execute(statement, some if len(some) > 1 else some[0])


def _rows(inserts: _Inserts) -> list[Values]:
    return [row for _, row in inserts]


def _fitting(rows: Sequence[Values], characters: int) -> Iterator[Sequence[Values]]:
    """The rows in parts of at most so many characters, but for a row that alone has more."""
    part: list[Values] = []
    size = 0
    for row in rows:
        more = sum([len(value) if isinstance(value, str) else 8 for value in row.values()])
        if part and size + more > characters:
            yield part
            part, size = [], 0
        part.append(row)
        size += more
    yield part


def _too_large(rows: Iterable[Values], max_packet: int) -> Absent | None:
    """What becomes of rows of which one alone is more than the server takes; it would hang up."""
    for row in rows:
        texts = [value for value in row.values() if isinstance(value, str)]
        if _OCTETS * sum(map(len, texts)) + _STATEMENT_OCTETS <= max_packet:
            continue
        size = sum(len(text.encode()) + len(_ESCAPED.findall(text)) for text in texts)
        if size + _STATEMENT_OCTETS > max_packet:
            return Absent(f"a row of {size} octets needs a larger max_allowed_packet of MariaDB")
    return None
