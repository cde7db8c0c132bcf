"""The only place that commits: a transaction with the repositories that take part in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from sqlalchemy import CursorResult, Executable
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import Insert

from dcrserver.db import schema
from dcrserver.db.coalescing import Coalescer, PendingInsert
from dcrserver.db.engine import Engines
from dcrserver.db.failures import is_absence, is_conflict
from dcrserver.errors import Unavailable
from dcrserver.repositories.access_tokens import AccessTokenRepository, SpentIdentifierRepository
from dcrserver.repositories.admin_tokens import AdminTokenRepository
from dcrserver.repositories.clients import ClientRepository
from dcrserver.repositories.events import EventRepository
from dcrserver.repositories.initial_access_tokens import InitialAccessTokenRepository
from dcrserver.repositories.last_uses import LastUseRepository
from dcrserver.repositories.signing_keys import SigningKeyRepository

T = TypeVar("T")

_ATTEMPTS = 5


class AlreadyThere(Exception):
    """A row with this key is there."""


class Transaction:
    """Statements of one transaction; inserts are held back until it matters.

    A transaction that only inserts never holds a connection: it joins others in one commit.
    """

    def __init__(self, connection: AsyncConnection | None, engines: Engines) -> None:
        self._connection = connection
        self._engines = engines
        self._pending: list[PendingInsert] = []
        self.clients = ClientRepository(self)
        self.events = EventRepository(self)
        self.initial_access_tokens = InitialAccessTokenRepository(self)
        self.signing_keys = SigningKeyRepository(self)
        self.admin_tokens = AdminTokenRepository(self)
        self.access_tokens = AccessTokenRepository(self)
        self.spent_identifiers = SpentIdentifierRepository(self)
        self.last_uses = LastUseRepository(self)

    def insert(self, statement: Insert, row: dict[str, Any]) -> None:
        self._pending.append((statement, row))

    async def execute(
        self,
        statement: Executable,
        parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    ) -> CursorResult[Any]:
        if self._connection is None:
            self._connection = await self._engines.writer.connect()
            await self._connection.begin()
        await self._flush()
        return await self._connection.execute(statement, parameters)

    async def execute_many(
        self, statement_for: Callable[[str], Executable], rows: Sequence[Mapping[str, Any]]
    ) -> None:
        """Executes for all ``rows`` what ``statement_for`` makes for the dialect's name."""
        statement = statement_for(self._engines.writer.dialect.name)
        await self.execute(statement, rows)

    async def schema_revision(self) -> str | None:
        """What Alembic last brought the schema to; None without any."""
        connection = self._connection
        return None if connection is None else await connection.run_sync(schema.current_revision)

    async def commit(self, coalescer: Coalescer) -> None:
        if self._connection is None:
            if self._pending:
                await coalescer.commit(self._pending)
            return
        await self._flush()
        await self._connection.commit()

    async def close(self) -> None:
        """Rolls back what was not committed."""
        if self._connection is not None:
            await self._connection.close()

    async def _flush(self) -> None:
        if self._pending and self._connection is not None:
            pending, self._pending = self._pending, []
            await insert_all(self._connection, pending)


async def insert_all(connection: AsyncConnection, inserts: Sequence[PendingInsert]) -> None:
    """Executes ``inserts`` with one statement for all rows of a table."""
    rows: dict[Insert, list[dict[str, Any]]] = {}
    for statement, row in inserts:
        rows.setdefault(statement, []).append(row)
    for statement, values in rows.items():
        await connection.execute(statement, values if len(values) > 1 else values[0])


class Database:
    """Runs use cases in transactions."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self._coalescer = Coalescer(self._write)

    async def transact(self, use_case: Callable[[Transaction], Awaitable[T]]) -> T:
        """The result of ``use_case``, committed; run again after a conflict with another writer.

        Raises:
            AlreadyThere: a row that it inserted.
            Unavailable: the database does not answer, or conflicts do not end.
        """
        for attempt in range(_ATTEMPTS):
            tx = Transaction(None, self._engines)
            try:
                result = await use_case(tx)
                await tx.commit(self._coalescer)
            except DBAPIError as error:
                if not is_conflict(error):
                    raise _translated(error) from error
                await asyncio.sleep(0.01 * 2**attempt)
            except (PoolTimeoutError, OSError) as error:
                raise _translated(error) from error
            else:
                return result
            finally:
                await asyncio.shield(tx.close())
        raise Unavailable("the server is busy; try again later", detail="commit conflicts")

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Transaction]:
        """Single statements outside of a transaction; each sees the latest commit.

        Raises:
            Unavailable: the database does not answer.
        """
        try:
            async with self._engines.reader.connect() as connection:
                yield Transaction(connection, self._engines)
        except (DBAPIError, PoolTimeoutError, OSError) as error:
            raise _translated(error) from error

    async def obstacle(self) -> str | None:
        """Why the database cannot serve us, or None.

        Raises:
            Unavailable: it does not answer.
        """
        async with self.read() as tx:
            return schema.obstacle(await tx.schema_revision())

    async def close(self) -> None:
        """Commits what waits, then closes all connections."""
        await self._coalescer.drain()
        await self._engines.dispose()

    async def _write(self, inserts: Sequence[PendingInsert]) -> None:
        async with self._engines.writer.begin() as connection:
            await insert_all(connection, inserts)


def _translated(error: Exception) -> Exception:
    """A database that is away, full or locked is a 503; anything else is our mistake."""
    if isinstance(error, IntegrityError):
        return AlreadyThere()
    if not is_absence(error):
        return error
    detail = f"{type(error).__name__}: {error.__cause__ or error}"
    return Unavailable("the server cannot reach its database; try again later", detail=detail)
