"""Step: the document at a client_id, read through the one door, by one for all who wait."""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections.abc import Callable, Coroutine
from typing import Any, Generic, NamedTuple, TypeVar

from dcrserver.fetch import FetchError, HttpFetcher
from dcrserver.metadata.documents import BadDocument, members_in, url_problem
from dcrserver.policies.statements.hosts import among, host_of
from dcrserver.services.access.finding import UnreadableDocument, UnusableDocument
from dcrserver.settings import DocumentSettings
from dcrserver.slots import of_nobody, without_slot
from dcrserver.strict_json import JsonObject, dumps

T = TypeVar("T")

_BLOCKED = "documents of this host do not count here"
_UNREADABLE = (
    "the document at client_id could not be read{}: a GET of it must be answered by 200 and"
    " application/json within a few seconds, without a redirect, from a public address"
)
_NOT_PUBLISHED = "there is no document of a client at this client_id"
# What its own server said is nothing of our network.
_STATUS = re.compile(r"status [0-9]{3}|larger than [0-9]+ octets")


class ReadDocument(NamedTuple):
    """``members``: what it registers; ``fresh_until``: seconds since 1970, within our bounds."""

    members: JsonObject
    digest: str
    fetched_at: int
    fresh_until: int


class DocumentReader:
    """Reads documents; who wants the same one waits for the same fetch."""

    def __init__(self, fetcher: HttpFetcher, settings: DocumentSettings) -> None:
        self._fetcher = fetcher
        self._settings = settings
        self._is_allowed = among(settings.allowed) if settings.allowed else None
        self._is_blocked = among(settings.blocked)

    def check_url(self, client_id: str) -> None:
        """Lets pass what may be read at all.

        Raises:
            UnusableDocument: nothing is read from this URL, whatever may be there.
        """
        if (problem := url_problem(client_id)) is not None:
            raise UnusableDocument(problem)
        host = host_of(client_id)
        if self._is_blocked(host) or (self._is_allowed and not self._is_allowed(host)):
            raise UnusableDocument(_BLOCKED)

    async def read(self, client_id: str) -> ReadDocument:
        """What is there now.

        Raises:
            UnreadableDocument: nothing that could be read.
            UnusableDocument: it is not the document of this client_id.
        """
        fetched_at = int(time.time())
        try:
            document = await self._fetcher.fetch(client_id, max_bytes=self._settings.max_bytes)
        except FetchError as error:
            found = _STATUS.search(str(error))
            told = _UNREADABLE.format(f" ({found[0]})" if found else "")
            raise UnreadableDocument(told, detail=str(error)) from None
        try:
            members = members_in(document.body, document.media_type, client_id)
        except BadDocument as error:
            raise UnusableDocument(f"the document at client_id does not count: {error}") from None
        return _as_read(members, document.body, fetched_at, self._lifetime(document.max_age))

    def own(self, document: JsonObject | None) -> ReadDocument:
        """As ``read``, of a document that this server publishes; it is looked at each time.

        Raises:
            UnusableDocument: it publishes none, or no more: that is known, so none before counts.
        """
        if document is None:
            raise UnusableDocument(_NOT_PUBLISHED)
        members = {name: value for name, value in document.items() if name != "client_id"}
        return _as_read(members, dumps(document).encode(), int(time.time()), 0)

    def _lifetime(self, max_age: int | None) -> float:
        """What its server says (RFC 9111 5.2.2), within our bounds (4.4)."""
        settings = self._settings
        said = settings.default_seconds if max_age is None else max_age
        return min(max(said, settings.minimum_seconds), settings.maximum_seconds)


def _as_read(members: JsonObject, body: bytes, fetched_at: int, lifetime: float) -> ReadDocument:
    digest = hashlib.sha256(body).hexdigest()
    return ReadDocument(members, digest, fetched_at, int(fetched_at + lifetime))


class Flights(Generic[T]):
    """Work that many want done is done once; who stops waiting does not stop it for the others."""

    def __init__(self) -> None:
        self._running: dict[tuple[str, str], asyncio.Task[T]] = {}

    def goes_on(self, key: tuple[str, str]) -> bool:
        """Whether somebody does that now."""
        return key in self._running

    async def share(self, key: tuple[str, str], work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What comes of ``work``, or of that for the same ``key`` which is going on."""
        running = self._running.get(key)
        if running is None:
            running = self._running[key] = asyncio.create_task(work(), context=of_nobody())
            running.add_done_callback(lambda _: self._running.pop(key, None))
            running.add_done_callback(_seen)
        async with without_slot():
            return await asyncio.shield(running)

    async def close(self) -> None:
        """Gives up what goes on."""
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def _seen(task: asyncio.Task[Any]) -> None:
    """All who waited may have left: then nobody else looks at what went wrong."""
    if not task.cancelled():
        task.exception()
