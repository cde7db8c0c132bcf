"""Places that nobody may have too many of."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary


class Shares:
    """``of(name)`` lets ``count`` in at once for each name; forgotten when nobody is there."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._held: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    def of(self, name: str) -> asyncio.Semaphore:
        """An asynchronous context manager; keep it for as long as the place is held."""
        return self._held.setdefault(name, asyncio.Semaphore(self._count))


class FairPlaces:
    """``count`` places for all, and nobody waits for one.

    Where all are taken, who comes gets one of those who hold the most, which was held for longest.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._held: dict[str, deque[asyncio.Timeout]] = {}
        self._taken = 0

    @asynccontextmanager
    async def of(self, name: str) -> AsyncIterator[None]:
        """A place for ``name`` as long as the block runs.

        Raises:
            TimeoutError: it was given to somebody else.
        """
        if self._taken == self._count:
            self._take_away()
        async with asyncio.timeout(None) as place:
            self._held.setdefault(name, deque()).append(place)
            self._taken += 1
            try:
                yield
            finally:
                self._leave(name, place)

    def _take_away(self) -> None:
        name = max(self._held, key=lambda each: len(self._held[each]))
        place = self._held[name][0]
        self._leave(name, place)
        place.reschedule(0)

    def _leave(self, name: str, place: asyncio.Timeout) -> None:
        held = self._held.get(name)
        if held is None or place not in held:  # it was taken away
            return
        held.remove(place)
        self._taken -= 1
        if not held:
            del self._held[name]
