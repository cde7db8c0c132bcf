"""A request's place among those that are worked on, lent to others while it waits elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Protocol


class Place(Protocol):
    """What admission gives a request."""

    def leave(self) -> None:
        """Lets somebody else have it."""

    async def take(self) -> None:
        """Has it again.

        Raises:
            Unavailable: there is none left.
        """


PLACE: ContextVar[Place | None] = ContextVar("place", default=None)


@asynccontextmanager
async def away() -> AsyncIterator[None]:
    """Around a wait for a server of somebody else, who may be silent on purpose.

    Who is cancelled meanwhile, or fails, does not come back for its place.
    """
    place = PLACE.get()
    if place is None:  # a command, or a job of our own
        yield
        return
    place.leave()
    yield
    await place.take()
