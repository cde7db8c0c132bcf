"""Answers of any length: a JSON object a line (application/x-ndjson), written as it is read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from dcrserver.errors import ProtocolError, Unavailable
from dcrserver.logger import Logger
from dcrserver.strict_json import JsonObject, dumps

_log = Logger(__name__)
MEDIA_TYPE = "application/x-ndjson"
_RETRY_SECONDS = 30


async def lines(running: asyncio.Semaphore, pages: AsyncIterator[Sequence[JsonObject]]) -> Response:
    """The answer with all ``pages``, of which the first is read before it begins.

    ``running``: how many more may be written at once; each takes as long as its reader does.

    Raises:
        Unavailable: there are enough already.
        ProtocolError: whatever keeps the first from being read.
    """
    if running.locked():
        raise Unavailable("other exports are running", retry_after=_RETRY_SECONDS)
    await running.acquire()
    # An empty tuple would be lost on its way (CPython 3.11).
    nothing: Sequence[JsonObject] = []
    try:
        first = await anext(pages, nothing)
    except BaseException:
        running.release()
        raise
    return _Lines(running, first, pages)


class _Lines(Response):
    media_type = MEDIA_TYPE

    def __init__(
        self,
        running: asyncio.Semaphore,
        first: Sequence[JsonObject],
        pages: AsyncIterator[Sequence[JsonObject]],
    ) -> None:
        super().__init__()
        del self.headers["content-length"]
        self._running = running
        self._first = first
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Without its last chunk where something ends it: its reader must not take it for whole."""
        del scope, receive
        try:
            await send({
                "type": "http.response.start", "status": self.status_code,
                "headers": self.raw_headers,
            })  # fmt: skip
            await send(_chunk(self._first, more=True))
            async for page in self._pages:
                await send(_chunk(page, more=True))
            await send(_chunk((), more=False))
        except ProtocolError as error:
            _log.warning("export_broken_off", error=error.description, detail=error.detail)
        finally:
            self._running.release()


def _chunk(page: Sequence[JsonObject], *, more: bool) -> dict[str, object]:
    body = "".join(f"{dumps(each)}\n" for each in page).encode()
    return {"type": "http.response.body", "body": body, "more_body": more}
