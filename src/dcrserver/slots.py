"""A request's slot among those that are worked on, lent to others while it waits elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Protocol


class Slot(Protocol):
    """What admission gives a request."""

    def release(self) -> None:
        """Gives the slot back, for somebody else."""

    async def acquire(self) -> None:
        """Takes a slot again.

        Raises:
            Unavailable: there is none left.
        """

    def others(self) -> int:
        """How many requests beside this one are being worked on."""


SLOT: ContextVar[Slot | None] = ContextVar("slot", default=None)


@asynccontextmanager
async def without_slot() -> AsyncIterator[None]:
    """Around a wait for a server of somebody else, who may be silent on purpose.

    Who is cancelled meanwhile, or fails, does not come back for its slot.
    """
    slot = SLOT.get()
    if slot is None:  # a command, or a job of our own
        yield
        return
    slot.release()
    yield
    await slot.acquire()
