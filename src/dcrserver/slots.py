"""A request's slot among those that are worked on, lent to others while it waits elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import Context, ContextVar, copy_context
from typing import Protocol


class Slot(Protocol):
    """What admission gives a request."""

    def release(self) -> bool:
        """Gives the slot back, for somebody else; False: that was done before."""

    async def acquire(self) -> None:
        """Takes a slot again.

        Raises:
            Unavailable: there is none left.
        """

    def others(self) -> int:
        """How many requests beside this one are being worked on."""


SLOT: ContextVar[Slot | None] = ContextVar("slot", default=None)


def of_nobody() -> Context:
    """For work that goes on when the request that began it has ended: it has none of its slot."""
    context = copy_context()
    context.run(SLOT.set, None)
    return context


@asynccontextmanager
async def without_slot() -> AsyncIterator[None]:
    """Around a wait for a server of somebody else, who may be silent on purpose.

    Who is cancelled meanwhile, or fails, does not come back for its slot; who waits within another
    wait, or beside one, leaves that to the other.
    """
    slot = SLOT.get()
    if slot is None or not slot.release():  # None: a command, or a job of our own
        yield
        return
    yield
    await slot.acquire()
