"""The only place that commits: a transaction with the repositories that take part in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from sqlalchemy import Delete, Insert, Update
from sqlalchemy.sql import ClauseElement

from dcrserver.db import schema
from dcrserver.db.failures import Absent, AlreadyThere, Conflict
from dcrserver.db.session import Driver, Session
from dcrserver.db.statements import Rows, Values
from dcrserver.errors import Unavailable
from dcrserver.repositories.access_tokens import AccessTokenRepository, SpentIdentifierRepository
from dcrserver.repositories.admin_tokens import AdminTokenRepository
from dcrserver.repositories.clients import ClientRepository
from dcrserver.repositories.events import EventRepository
from dcrserver.repositories.initial_access_tokens import InitialAccessTokenRepository
from dcrserver.repositories.last_uses import LastUseRepository
from dcrserver.repositories.signing_keys import SigningKeyRepository

__all__ = ["AlreadyThere", "Database", "Transaction"]

T = TypeVar("T")

_ATTEMPTS = 5


class Transaction:
    """Statements of one transaction, by the repositories of its tables."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.clients = ClientRepository(self)
        self.events = EventRepository(self)
        self.initial_access_tokens = InitialAccessTokenRepository(self)
        self.signing_keys = SigningKeyRepository(self)
        self.admin_tokens = AdminTokenRepository(self)
        self.access_tokens = AccessTokenRepository(self)
        self.spent_identifiers = SpentIdentifierRepository(self)
        self.last_uses = LastUseRepository(self)

    def insert(self, statement: Insert, row: dict[str, Any]) -> None:
        """Takes effect when it matters: before the next statement, or the commit."""
        self._session.insert(statement, row)

    async def execute(self, statement: ClauseElement, values: Values | None = None) -> Rows:
        return await self._session.execute(statement, values or {})

    async def change(
        self, statement: Update | Delete, values: Values, insert: Insert, row: dict[str, Any]
    ) -> bool:
        """Executes ``statement``; where it finds its row, inserts ``row`` beside it.

        The last thing that a transaction does.
        """
        return await self._session.change(statement, values, insert, row)

    async def execute_many(
        self, statement_for: Callable[[str], ClauseElement], rows: Sequence[Values]
    ) -> None:
        """Executes for all ``rows`` what ``statement_for`` makes for the database's name."""
        await self._session.execute_many(statement_for(self._session.dialect), rows)


class Database:
    """Runs use cases in transactions."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    async def transact(self, use_case: Callable[[Transaction], Awaitable[T]]) -> T:
        """The result of ``use_case``, committed; run again after a conflict with another writer.

        It awaits its transaction and nothing else.

        Raises:
            AlreadyThere: a row that it inserted.
            Unavailable: the database does not answer, or conflicts do not end.
        """
        for attempt in range(_ATTEMPTS):
            try:
                return await self._driver.transact(lambda session: use_case(Transaction(session)))
            except Conflict:
                await asyncio.sleep(0.01 * 2**attempt)
            except Absent as error:
                raise _unavailable(error) from error
        raise Unavailable("the server is busy; try again later", detail="commit conflicts")

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Transaction]:
        """Single statements outside of a transaction; each sees the latest commit.

        Raises:
            Unavailable: the database does not answer.
        """
        try:
            yield Transaction(self._driver.reading)
        except Absent as error:
            raise _unavailable(error) from error

    async def obstacle(self) -> str | None:
        """Why the database cannot serve us, or None.

        Raises:
            Unavailable: it does not answer.
        """
        try:
            return schema.obstacle(await schema.stored_revision(self._driver.reading))
        except Absent as error:
            raise _unavailable(error) from error

    async def close(self) -> None:
        """Commits what waits, then closes all connections."""
        await self._driver.close()


def _unavailable(error: Absent) -> Unavailable:
    return Unavailable("the server cannot reach its database; try again later", detail=str(error))
