"""SQLite: statements in place, and only what waits for the disk in a thread.

A use case awaits nothing but its session, and this session never waits; so a batch of use cases
is run through, each between savepoints, and committed together (WAL, synchronous=FULL: they are
on the disk when those who asked are told). A thread that ran the statements too would fight for
the interpreter's lock with the event loop, at the price of half a registration.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from typing import Any, TypeAlias, TypeVar, cast

from sqlalchemy import Insert
from sqlalchemy.dialects.sqlite import pysqlite
from sqlalchemy.engine import URL
from sqlalchemy.sql import ClauseElement

from dcrserver.batching import LoopBatcher
from dcrserver.db.failures import Absent
from dcrserver.db.protocol.coalescing import Coalescer, Failed, Outcomes
from dcrserver.db.protocol.drivers.sqlite_errors import PRIMARY_CODE, Errors
from dcrserver.db.protocol.drivers.sqlite_files import Files, check_file, durable
from dcrserver.db.protocol.drivers.sqlite_thread import WaitingThread
from dcrserver.db.protocol.load import Load, load_of
from dcrserver.db.protocol.session import Reader, Session, change_in_steps
from dcrserver.db.protocol.statements import Change, Compiler, Inserts, Lookup, Rows, Values
from dcrserver.db.urls import database_url
from dcrserver.logger import Logger
from dcrserver.settings import DatabaseSettings

_log = Logger(__name__)
T = TypeVar("T")
_Work: TypeAlias = Callable[[Session], Awaitable[Any]]

_READING_SECONDS = 1.0


class SqliteDriver:
    """SQLite: one connection that writes, one that reads, and commits that are shared."""

    def __init__(self, settings: DatabaseSettings) -> None:
        """
        Raises:
            ConfigurationError: the file cannot be used.
        """
        url = database_url(settings)
        check_file(url)
        self._url = url
        self._patience = settings.statement_timeout
        self._writer = _connect(url, self._patience)
        self._writer.execute("PRAGMA busy_timeout=0").close()
        # An in-memory database lives in its one connection; nobody reads while it is written.
        self._in_memory = not url.database or url.database == ":memory:"
        # Reads wait for nobody in WAL, but for another process that recovers the file: not long,
        # as the loop waits with them.
        reader = self._writer if self._in_memory else _connect(url, _READING_SECONDS)
        self._files = Files(self._writer)
        self._errors = Errors()
        compiler = Compiler(pysqlite.dialect())
        self._reader = reader
        self._writing = _Writing(self._writer, compiler, self._errors)
        # With one connection, a view of the database would be the writer's own transaction.
        self._reads = self._writing if self._in_memory else _Reading(reader, compiler, self._errors)
        self._thread = WaitingThread("sqlite-writer")
        self._coalescer: Coalescer[_Work] = Coalescer(
            self._write, lambda: self, patience=self._patience, batches=1
        )

    @property
    def reading(self) -> Reader:
        return self._reads

    async def transact(self, work: Callable[[Session], Awaitable[T]]) -> T:
        """Runs ``work`` in its turn; its result, when the batch that it is in is durable."""
        result: T = await self._coalescer.commit(work)
        return result

    async def close(self) -> None:
        """Finishes what waits for a commit, then closes thread and connections."""
        await self._coalescer.drain()
        self._thread.close()
        self._reader.close()
        self._writer.close()

    async def not_ready_reason(self) -> str | None:
        """Takes its turn among those who write: a lock that another program keeps is one, too.

        Raises:
            Absent: the turn did not come.
        """
        failure = None
        try:
            await self._coalescer.ask(_nothing)
        except Absent as error:
            failure = error
        known = self._files.not_ready_reason() or self._errors.damage
        if failure is not None and known is None:
            raise failure
        return known

    def load(self) -> Load:
        return load_of([self._coalescer], {})

    async def __aenter__(self) -> None:
        """Takes the write lock before it is decided who writes: some may not wait that long."""
        with self._errors:
            await self._begin()

    async def __aexit__(self, *_: object) -> None:
        if self._writer.in_transaction:
            self._writer.execute("ROLLBACK")

    def _begin_another_log(self) -> None:
        """Where the log was removed, and nobody began one: what it holds goes into the database.

        SQLite leaves WAL only when nobody else has the database open; until then we write nothing.

        Raises:
            sqlite3.OperationalError: somebody has.
            Absent: there is another file, or another log.
        """
        self._files.check_database()
        self._reads.use(self._writer)  # to connect would make a log
        self._reader.close()
        self._writer.execute("PRAGMA journal_mode=DELETE").close()
        durable(self._writer)
        self._files = Files(self._writer)
        self._reader = _connect(self._url, _READING_SECONDS)
        self._reads.use(self._reader)
        _log.warning("database_log_begun_again")

    async def _write(self, _: None, batch: Sequence[_Work]) -> Outcomes:
        with self._errors:
            if not self._writer.in_transaction:  # one of the batch failed: each by itself
                await self._begin()
            try:
                outcomes = [self._run(work) for work in batch]
                await self._commit()
                self._files.check()
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise
        return outcomes

    async def _begin(self) -> None:
        await self._lock()
        if self._files.not_ready_reason():
            self._writer.execute("ROLLBACK")
            self._begin_another_log()
            await self._lock()

    async def _lock(self) -> None:
        """Takes the write lock at once: a read that becomes a write could fail without waiting.

        While another process has it we ask often, and at no regular moments: SQLite's own waiting
        slows down to ten times a second, and a busy process would never be met without the lock.
        """
        ends_at = time.monotonic() + self._patience
        while True:
            try:
                self._writer.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                is_locked = error.sqlite_errorcode & PRIMARY_CODE == sqlite3.SQLITE_BUSY
                if not is_locked or time.monotonic() > ends_at:
                    raise
            else:
                return
            await asyncio.sleep(random.uniform(0.0002, 0.002))  # noqa: S311 - no secret

    async def _commit(self) -> None:
        if self._in_memory:
            self._writer.execute("COMMIT")
        else:
            await self._thread.do(partial(self._writer.execute, "COMMIT"))

    def _run(self, work: _Work) -> Any:  # noqa: ANN401 - whatever it returns
        self._writer.execute("SAVEPOINT one")
        try:
            result = _without_waiting(work(self._writing))
        except Exception as error:
            if not self._writer.in_transaction:
                raise  # SQLite itself rolled back: the disk is full or fails
            self._writer.execute("ROLLBACK TO one")
            result = Failed(error)
        self._writer.execute("RELEASE one")
        return result


class _SqliteSession:
    dialect = "sqlite"

    def __init__(self, connection: sqlite3.Connection, compiler: Compiler, errors: Errors) -> None:
        self._connection = connection
        self._compiler = compiler
        self._errors = errors

    def use(self, connection: sqlite3.Connection) -> None:
        """Works on another connection from now on."""
        self._connection = connection

    async def execute(self, statement: ClauseElement, values: Values) -> Rows:
        compiled = self._compiler(statement, values)
        with self._errors:
            cursor = self._connection.execute(compiled.text, compiled.positions(values))
            if compiled.reads:
                return Rows(cursor.fetchall())
            return Rows(rowcount=cursor.rowcount)

    def _found(self, asked: tuple[Lookup, Values]) -> Sequence[Any]:
        lookup, values = asked
        compiled = self._compiler(lookup.statement, values)
        with self._errors:
            cursor = self._connection.execute(compiled.text, compiled.positions(values))
            found: Sequence[Any] = cursor.fetchone()
        return found


class _Writing(_SqliteSession):
    async def look_up(self, lookup: Lookup, values: Values) -> Sequence[Any]:
        return self._found((lookup, values))

    async def execute_many(self, statement: ClauseElement, rows: Sequence[Values]) -> None:
        compiled = self._compiler(statement, {})
        with self._errors:
            self._connection.executemany(compiled.text, map(compiled.positions, rows))

    def insert(self, statement: Insert, row: dict[str, Any]) -> None:
        compiled = self._compiler(statement, row)
        with self._errors:
            self._connection.execute(compiled.text, compiled.positions(row))

    async def change(self, change: Change, values: Values, inserts: Inserts) -> bool:
        return await change_in_steps(self, change, values, inserts)

    async def change_all(self, change: Change, rows: Sequence[Values]) -> int:
        compiled = self._compiler(change.statement, {})
        with self._errors:
            positions = map(compiled.positions, rows)
            return self._connection.executemany(compiled.text, positions).rowcount


class _Reading(_SqliteSession):
    """Lookups of one pass of the event loop share a view of the database: to begin and end one
    takes as long as a lookup.
    """

    def __init__(self, connection: sqlite3.Connection, compiler: Compiler, errors: Errors) -> None:
        super().__init__(connection, compiler, errors)
        self._lookups = LoopBatcher(self._found, lambda: self)

    def look_up(self, lookup: Lookup, values: Values) -> Awaitable[Sequence[Any]]:
        return self._lookups.ask((lookup, values))

    def __enter__(self) -> None:
        """Begins the view of one pass."""
        with self._errors:
            self._connection.execute("BEGIN")

    def __exit__(self, *_: object) -> None:
        self._connection.execute("ROLLBACK")  # nothing was written; this cannot fail


def _connect(url: URL, seconds: float) -> sqlite3.Connection:
    arguments, options = pysqlite.dialect().create_connect_args(url)
    connection = sqlite3.connect(
        arguments[0],
        timeout=seconds,
        uri=bool(options.get("uri")),
        # Never by two at a time: while the thread commits by one, the loop reads by the other.
        check_same_thread=False,
        cached_statements=256,
    )
    connection.row_factory = sqlite3.Row
    durable(connection)
    return connection


def _without_waiting(work: Awaitable[T]) -> T:
    """Runs a coroutine that never waits."""
    coroutine = cast("Coroutine[Any, Any, T]", work)
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    coroutine.close()
    raise RuntimeError("a use case awaited something else than its transaction")


async def _nothing(_: Session) -> None:
    pass
