"""Answers of any length: a JSON object a line (application/x-ndjson), written as it is read.

They are work in the background: while others are served, such an answer rests behind each page, so
that they have most of the process for themselves; while nobody is, it goes on as fast as it can.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from dcrserver.errors import ProtocolError, Unavailable
from dcrserver.logger import Logger
from dcrserver.slots import SLOT, Slot

_log = Logger(__name__)
MEDIA_TYPE = "application/x-ndjson"
_RETRY_SECONDS = 30
# Behind a page of some hundred lines, which takes a third of that; so many times what it took where
# others use the processor, too; at most, as it may have been its reader who took that long.
_REST_SECONDS = 0.012
_REST_SHARE = 3
_LONGEST_REST_SECONDS = 0.1
# Between two of their requests a process is idle for moments: so long are they still there.
_REMEMBERED_SECONDS = 1.0


async def lines(running: asyncio.Semaphore, pages: AsyncIterator[str]) -> Response:
    """The answer with all ``pages``, some lines each, of which the first is read before it begins.

    ``running``: how many more may be written at once; each takes as long as its reader does, and
    holds no slot of a request meanwhile.

    Raises:
        Unavailable: there are enough already.
        ProtocolError: whatever keeps the first from being read.
    """
    if running.locked():
        raise Unavailable("other exports are running", retry_after=_RETRY_SECONDS)
    await running.acquire()
    try:
        first = await anext(pages, "")
    except BaseException:
        running.release()
        raise
    return _Lines(running, first, pages)


class _Lines(Response):
    media_type = MEDIA_TYPE

    def __init__(self, running: asyncio.Semaphore, first: str, pages: AsyncIterator[str]) -> None:
        super().__init__()
        del self.headers["content-length"]
        self._running = running
        self._first = first
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Without its last chunk where something ends it: its reader must not take it for whole."""
        del scope, receive
        turns = Turns(SLOT.get())
        try:
            await send({
                "type": "http.response.start", "status": self.status_code,
                "headers": self.raw_headers,
            })  # fmt: skip
            await send(_chunk(self._first, more=True))
            async for page in self._pages:
                await turns.give_way()
                await send(_chunk(page, more=True))
            await send(_chunk("", more=False))
        except ProtocolError as error:
            _log.warning("export_broken_off", error=error.description, detail=error.detail)
        finally:
            self._running.release()


class Turns:
    """Of work that nobody waits for, beside requests; ``slot``: its own, which it gives back."""

    def __init__(self, slot: Slot | None) -> None:
        self._slot = slot
        self._until = 0.0
        self._began_at = math.inf
        if slot is not None:
            slot.release()

    async def give_way(self) -> None:
        """Rests for a little, if others were served a moment ago."""
        await asyncio.sleep(0)  # who came meanwhile begins now
        now = time.monotonic()
        if self._slot is not None and self._slot.others():
            self._until = now + _REMEMBERED_SECONDS
        if now < self._until:
            rest = max(_REST_SECONDS, _REST_SHARE * (now - self._began_at))
            await asyncio.sleep(min(rest, _LONGEST_REST_SECONDS))
        self._began_at = time.monotonic()


def _chunk(page: str, *, more: bool) -> dict[str, object]:
    return {"type": "http.response.body", "body": page.encode(), "more_body": more}
