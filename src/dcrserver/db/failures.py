"""What a database error means: a row is there, another writer won, or the database is away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from dcrserver.errors import Unavailable

T = TypeVar("T")

_ATTEMPTS = 5


class DatabaseAway(Unavailable):
    """The database does not answer, or is too busy: whatever else is asked fares no better."""


class AlreadyThere(Exception):
    """A row with this key is there."""


class Conflict(Exception):
    """Another writer won: the same use case may be run again."""


class Refused(Exception):
    """A statement or its values are wrong: a mistake of ours, which trying again does not mend."""


class Absent(Exception):
    """The database is away, full, locked or overloaded, whatever it was asked."""


class Locked(Absent):
    """Another held a row for too long; of a batch, what does not need that row is possible."""


class TooLong(Absent):
    """It would have answered, had its time not been over."""


class Lost(Absent):
    """The connection can serve nobody any more: it is broken, or cannot write."""


def absence(error: BaseException, kind: type[Absent] = Absent) -> Absent:
    """``error`` in words that are for the operator alone."""
    return kind(f"{type(error).__name__}: {error.__cause__ or error}")


async def repeated(work: Callable[[], Awaitable[T]]) -> T:
    """The result of ``work``, which met another writer, run again after each such conflict.

    Raises:
        DatabaseAway: conflicts do not end.
    """
    for attempt in range(_ATTEMPTS - 1):
        await asyncio.sleep(0.01 * 2**attempt)
        with suppress(Conflict):
            return await work()
    raise DatabaseAway("the server is busy; try again later", detail="commit conflicts")


def unavailable(error: Absent) -> DatabaseAway:
    """The error 503 that a caller gets for it."""
    return DatabaseAway("the server cannot reach its database; try again later", detail=str(error))
