"""A memory of what was fetched a moment ago: one request serves all who want the same document.

Thousands of instances of one software register with the same ``sector_identifier_uri``. Without
this, whoever registers often could make us knock at somebody's door as often.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, OrderedDict
from dataclasses import dataclass

from dcrserver.fetch.document import Document, FetchError
from dcrserver.fetch.http import Fetcher
from dcrserver.settings import OutboundSettings
from dcrserver.slots import of_nobody, without_slot

# Who waits costs memory, and holds no place among those who are served.
_MAX_WAITING = 2048
_MAX_WAITING_FOR_ONE = 256


@dataclass(frozen=True, slots=True)
class _Entry:
    """What came of a fetch, and until when it counts, by the monotonic clock.

    ``last``: where nothing came of it, the entry of the document that was had before.
    """

    outcome: Document | FetchError
    fetched_at: float
    fresh_until: float
    last: _Entry | None = None

    @property
    def octets(self) -> int:
        if self.last is not None:
            return self.last.octets
        return len(self.outcome.body) if isinstance(self.outcome, Document) else 0


class CachingFetcher:
    """Remembers documents and failures, within bounds of time, number and octets."""

    def __init__(self, inner: Fetcher, settings: OutboundSettings) -> None:
        self._inner = inner
        self._settings = settings
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._octets = 0
        self._running: dict[str, asyncio.Task[_Entry]] = {}
        self._waiting: Counter[str] = Counter()
        # For the metrics: how often a document was remembered, or was not.
        self.asked = {"remembered": 0, "fetched": 0}

    @property
    def entries(self) -> int:
        """Documents and failures that are remembered."""
        return len(self._entries)

    @property
    def octets(self) -> int:
        """Of all documents that are remembered."""
        return self._octets

    @property
    def waiting(self) -> int:
        """Who waits for a document."""
        return self._waiting.total()

    async def fetch(
        self,
        url: str,
        *,
        newer_than: float | None = None,
        stale: bool = False,
        patience: float | None = None,
    ) -> Document:
        """The document at ``url``, perhaps remembered.

        ``newer_than``: a moment of ``time.monotonic()``; what is remembered from before it does
        not count, as when a remembered document was just found wanting. ``stale``: rather what was
        had before than nothing (RFC 5861 4). ``patience``: where there is such a document, a newer
        one is waited for no longer than so many seconds, and read all the same.

        Raises:
            FetchError: as the fetcher behind, or remembered from it.
        """
        entry = self._remembered(url)
        if entry is None or (newer_than is not None and entry.fetched_at < newer_than):
            self.asked["fetched"] += 1
            entry = await self._newer(url, patience if stale else None)
        else:
            self.asked["remembered"] += 1
        if isinstance(entry.outcome, Document):
            return entry.outcome
        last = self._still_good(entry) if stale else None
        if last is not None:
            return last
        raise FetchError(str(entry.outcome))

    async def close(self) -> None:
        """Gives up what is still being fetched."""
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _newer(self, url: str, patience: float | None) -> _Entry:
        """What comes of a fetch; or what is remembered, where that takes too long."""
        known = self._entries.get(url)
        if patience is None or known is None or self._still_good(known) is None:
            return await self._shared(url)
        try:
            async with asyncio.timeout(patience):
                return await self._shared(url)
        except TimeoutError:
            return known

    def _still_good(self, entry: _Entry) -> Document | None:
        """What was had, and is not too old to be better than nothing."""
        last = entry if isinstance(entry.outcome, Document) else entry.last
        if last is None or not isinstance(last.outcome, Document):
            return None
        is_good = time.monotonic() - last.fetched_at < self._settings.stale_seconds
        return last.outcome if is_good else None

    def _remembered(self, url: str) -> _Entry | None:
        entry = self._entries.get(url)
        if entry is None or entry.fresh_until <= time.monotonic():
            return None
        self._entries.move_to_end(url)
        return entry

    async def _shared(self, url: str) -> _Entry:
        """Single flight. Who stops waiting does not stop it for the others."""
        running = self._running.get(url)
        waiting = self._waiting.get(url, 0)
        if waiting >= _MAX_WAITING_FOR_ONE or self._waiting.total() >= _MAX_WAITING:
            raise FetchError("too many wait for documents")
        if running is None:
            running = asyncio.create_task(self._load(url), context=of_nobody())
            self._running[url] = running
            running.add_done_callback(lambda _: self._running.pop(url, None))
        self._waiting[url] += 1
        try:
            async with without_slot():
                return await asyncio.shield(running)
        finally:
            self._waiting[url] -= 1
            if not self._waiting[url]:
                del self._waiting[url]

    async def _load(self, url: str) -> _Entry:
        started = time.monotonic()
        outcome: Document | FetchError
        try:
            outcome = await self._inner.fetch(url)
        except FetchError as error:
            outcome = error
        last = None
        if isinstance(outcome, FetchError) and (known := self._entries.get(url)) is not None:
            last = known if isinstance(known.outcome, Document) else known.last
        entry = _Entry(outcome, started, time.monotonic() + self._lifetime(outcome), last)
        self._remember(url, entry)
        return entry

    def _lifetime(self, outcome: Document | FetchError) -> float:
        """Seconds: what the document's server says (RFC 9111 5.2.2), up to our limit."""
        if isinstance(outcome, FetchError):
            return self._settings.cache_failure_seconds
        if outcome.max_age is None:
            return self._settings.cache_seconds
        return min(outcome.max_age, self._settings.cache_max_seconds)

    def _remember(self, url: str, entry: _Entry) -> None:
        self._forget(url)
        if entry.octets > self._settings.cache_bytes:
            return
        self._entries[url] = entry
        self._octets += entry.octets
        while (
            len(self._entries) > self._settings.cache_entries
            or self._octets > self._settings.cache_bytes
        ):
            self._forget(next(iter(self._entries)))

    def _forget(self, url: str) -> None:
        entry = self._entries.pop(url, None)
        if entry is not None:
            self._octets -= entry.octets
