"""Places that nobody may have too many of."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from weakref import WeakValueDictionary

_OF_ONE_OWNER = {4: 24, 6: 48}


def network(address: str) -> str:
    """What one owner may have many addresses of: a /24, or a /48 (IPv6)."""
    parsed = ipaddress.ip_address(address)
    return str(ipaddress.ip_network((parsed, _OF_ONE_OWNER[parsed.version]), strict=False))


class Shares:
    """``of(name)`` lets ``count`` in at once for each name; forgotten when nobody is there."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._held: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    def of(self, name: str) -> asyncio.Semaphore:
        """An asynchronous context manager; keep it for as long as the place is held."""
        return self._held.setdefault(name, asyncio.Semaphore(self._count))


class FairPlaces:
    """``count`` places for all.

    Where all are taken, who comes gets one of those who hold the most: that which was held for
    longest, if that is ``seconds``. Till then it waits.
    """

    def __init__(self, count: int, seconds: float = 0.0) -> None:
        self._count = count
        self._seconds = seconds
        # By name: places, and since when they are held.
        self._held: dict[str, dict[asyncio.Timeout, float]] = {}
        self._taken = 0
        self._left = asyncio.Event()

    @asynccontextmanager
    async def of(self, name: str) -> AsyncIterator[None]:
        """A place for ``name`` as long as the block runs.

        Raises:
            TimeoutError: it was given to somebody else.
        """
        while self._taken >= self._count:
            await self._wait_or_take_away()
        async with asyncio.timeout(None) as place:
            self._held.setdefault(name, {})[place] = asyncio.get_running_loop().time()
            self._taken += 1
            try:
                yield
            finally:
                self._leave(name, place)

    async def _wait_or_take_away(self) -> None:
        name = max(self._held, key=lambda each: len(self._held[each]))
        place, since = next(iter(self._held[name].items()))
        wait = since + self._seconds - asyncio.get_running_loop().time()
        if wait <= 0:
            self._leave(name, place)
            place.reschedule(0)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self._left.wait()

    def _leave(self, name: str, place: asyncio.Timeout) -> None:
        held = self._held.get(name)
        if held is None or held.pop(place, None) is None:  # it was taken away
            return
        if not held:
            del self._held[name]
        self._taken -= 1
        self._left.set()
        self._left = asyncio.Event()
