"""Places that nobody may have too many of."""

from __future__ import annotations

import asyncio
from weakref import WeakValueDictionary


class Shares:
    """``of(name)`` lets ``count`` in at once for each name; forgotten when nobody is there."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._held: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    def of(self, name: str) -> asyncio.Semaphore:
        """An asynchronous context manager; keep it for as long as the place is held."""
        return self._held.setdefault(name, asyncio.Semaphore(self._count))
