"""MariaDB by SQLAlchemy and asyncmy; insert-only transactions share a commit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias, TypeVar

from sqlalchemy import Insert
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import ClauseElement

from dcrserver.db.coalescing import Coalescer, Outcomes
from dcrserver.db.engine import create_engine
from dcrserver.db.failures import AlreadyThere, Conflict, absence
from dcrserver.db.session import Session, change_in_two
from dcrserver.db.statements import Change, Lookup, Rows, Values, by_table
from dcrserver.settings import DatabaseSettings

T = TypeVar("T")
_Inserts: TypeAlias = list[tuple[Insert, dict[str, Any]]]

# Record has changed, lock wait timeout, deadlock.
_CONFLICTS = frozenset({1020, 1205, 1213})


class MariadbDriver:
    def __init__(self, settings: DatabaseSettings) -> None:
        self.engine = create_engine(settings)
        self._reader = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self.reading: Session = _Session(self._reader.connect)
        self._coalescer: Coalescer[_Inserts] = Coalescer(self._write)

    async def transact(self, work: Callable[[Session], Awaitable[T]]) -> T:
        session = _Transaction(self.engine.connect)
        try:
            result = await work(session)
            if session.connection is None and session.pending:
                await self._coalescer.commit(session.pending)
            else:
                await session.commit()
        finally:
            await asyncio.shield(session.close())
        return result

    async def close(self) -> None:
        await self._coalescer.drain()
        await self.engine.dispose()

    async def _write(self, _: None, batch: Sequence[_Inserts]) -> Outcomes:
        with translated():
            async with self.engine.begin() as connection:
                await _insert_all(connection, [one for inserts in batch for one in inserts])
        return [None] * len(batch)


class _Session:
    """A connection for each statement."""

    dialect = "mysql"

    def __init__(self, connect: Callable[[], AsyncConnection]) -> None:
        self._connect = connect

    async def execute(self, statement: ClauseElement, values: Values) -> Rows:
        with translated():
            async with self._connect() as connection:
                return await _executed(connection, statement, values)

    async def look_up(self, lookup: Lookup, values: Values) -> Sequence[Any]:
        return tuple((await self.execute(lookup.statement, values)).one().values())

    async def execute_many(self, statement: ClauseElement, rows: Sequence[Values]) -> None:
        with translated():
            async with self._connect() as connection:
                await _executed(connection, statement, rows)

    def insert(self, *_: object) -> None:
        raise TypeError("nothing is inserted outside of a transaction")

    async def change(self, *_: object) -> bool:
        raise TypeError("nothing is changed outside of a transaction")


class _Transaction:
    """Takes a connection when something else than an insert is executed."""

    dialect = "mysql"

    def __init__(self, connect: Callable[[], AsyncConnection]) -> None:
        self._connect = connect
        self.connection: AsyncConnection | None = None
        self.pending: _Inserts = []

    async def execute(self, statement: ClauseElement, values: Values) -> Rows:
        with translated():
            return await _executed(await self._begun(), statement, values)

    async def look_up(self, lookup: Lookup, values: Values) -> Sequence[Any]:
        return tuple((await self.execute(lookup.statement, values)).one().values())

    async def execute_many(self, statement: ClauseElement, rows: Sequence[Values]) -> None:
        with translated():
            await _executed(await self._begun(), statement, rows)

    def insert(self, statement: Insert, row: dict[str, Any]) -> None:
        self.pending.append((statement, row))

    async def change(
        self, change: Change, values: Values, insert: Insert, row: dict[str, Any]
    ) -> bool:
        return await change_in_two(self, change, values, insert, row)

    async def commit(self) -> None:
        if self.connection is not None:
            with translated():
                await (await self._begun()).commit()

    async def close(self) -> None:
        """Rolls back what was not committed."""
        if self.connection is not None:
            await self.connection.close()

    async def _begun(self) -> AsyncConnection:
        """The connection, with everything on it that was to come before."""
        if self.connection is None:
            self.connection = await self._connect()
            await self.connection.begin()
        pending, self.pending = self.pending, []
        await _insert_all(self.connection, pending)
        return self.connection


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


async def _insert_all(connection: AsyncConnection, inserts: _Inserts) -> None:
    """One statement for all rows of a table."""
    for statement, values in by_table(inserts).items():
        await connection.execute(statement, values if len(values) > 1 else values[0])


@contextmanager
def translated() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise AlreadyThere from error
    except DBAPIError as error:
        code = error.orig.args[0] if error.orig is not None and error.orig.args else None
        if code in _CONFLICTS:
            raise Conflict(str(code)) from error
        away = isinstance(error, OperationalError | InterfaceError)
        if away or error.connection_invalidated:
            raise absence(error) from error
        raise
    except (PoolTimeoutError, OSError) as error:
        raise absence(error) from error
