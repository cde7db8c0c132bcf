"""What a driver offers: sessions that execute statements, and transactions around them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol, TypeVar

from sqlalchemy import Insert
from sqlalchemy.sql import ClauseElement

from dcrserver.db.protocol.load import Load
from dcrserver.db.protocol.statements import Change, Inserts, Lookup, Rows, Values

T = TypeVar("T")

# Who waits longer for a row that another has holds up those who do not need it: with PostgreSQL
# others of the same batch, with MariaDB those who wait for a connection.
LOCK_SECONDS = 1


class Reader(Protocol):
    """Single statements that read, outside of any transaction; each sees the latest commit.

    Raises, from every method: Conflict, Absent (``db.failures``).
    """

    @property
    def dialect(self) -> str:
        """The database's name as SQLAlchemy has it."""
        ...

    async def execute(self, statement: ClauseElement, values: Values) -> Rows: ...

    def look_up(self, lookup: Lookup, values: Values) -> Awaitable[Sequence[Any]]:
        """The values of its columns."""
        ...


class Session(Reader, Protocol):
    """Statements of one transaction.

    Raises, from every method: AlreadyThere, Conflict, Absent (``db.failures``).
    """

    async def execute_many(self, statement: ClauseElement, rows: Sequence[Values]) -> None: ...

    def insert(self, statement: Insert, row: dict[str, Any]) -> None:
        """Queues an INSERT; it is sent before the next statement, or at commit."""
        ...

    async def change(self, change: Change, values: Values, inserts: Inserts) -> bool:
        """Executes ``change``; where it finds its row, makes the ``inserts`` beside it.

        The last thing that a transaction does.
        """
        ...

    async def change_all(self, change: Change, rows: Sequence[Values]) -> int:
        """Executes ``change`` with each of the ``rows``, which are about different rows of its
        table; how many of those it found.
        """
        ...


async def change_in_steps(
    session: Session, change: Change, values: Values, inserts: Inserts
) -> bool:
    """``Session.change`` where one statement cannot do it."""
    if (await session.execute(change.statement, values)).rowcount != 1:
        return False
    for insert, row in inserts:
        session.insert(insert, row)
    return True


class Driver(Protocol):
    """A database."""

    @property
    def reading(self) -> Reader: ...

    async def transact(self, work: Callable[[Session], Awaitable[T]]) -> T:
        """The result of ``work``, committed when it returns; nothing of it when it raises.

        ``work`` awaits its session and nothing else, as others may wait for it to end.
        """
        ...

    async def not_ready_reason(self) -> str | None:
        """Why nothing can be written, or None."""
        ...

    def load(self) -> Load:
        """How busy it is kept."""
        ...

    async def close(self) -> None:
        """Commits what waits, then closes all connections."""
        ...
