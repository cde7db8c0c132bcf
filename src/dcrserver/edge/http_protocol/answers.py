"""A short way for the answers that this server gives: ``server.http = "fast"``.

Uvicorn looks through each header of each answer for what must not be there, and writes head and
body apart: a tenth of what a read costs. Whatever is unusual is left to Uvicorn.

To be removed, with the setting, when it saves less than 5 % of a read at two measurements by
``benchmarks/instructions.py``. Thousands of instructions, SQLite, median of three counts of 240
requests, both ways by turns:

==========  =============================  =============================
2026-11-28  GET                            POST
==========  =============================  =============================
first       415.6; uvicorn 461.4 (9.9 %)   732.2; uvicorn 783.5 (6.5 %)
second      412.2; uvicorn 461.3 (10.6 %)  723.6; uvicorn 776.0 (6.8 %)
==========  =============================  =============================
"""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from dcrserver.edge.http_protocol.requests import Stoppable

# A head has line ends and no other control character (RFC 9110 5.5): what is left without these
# octets are its line ends.
_TEXT = bytes({*range(0x20, 0x7F), *range(0x80, 0x100), 0x09})
_LINE_END = b"\r\n"
# How the body or the connection ends is not for us to say, but for Uvicorn.
_FRAMING = frozenset({b"transfer-encoding", b"connection"})


class Answering(Stoppable):
    """The application with a ``send`` that holds the start of an answer until its body comes."""

    def __init__(self, app: ASGIApp, cycle: RequestResponseCycle) -> None:
        super().__init__(app, cycle)
        self._start: Message | None = None

    def sending(self) -> Send:
        """The short way: see ``send``."""
        return self.send

    async def send(self, message: Message) -> None:
        """ASGI's ``send``: head and body leave in one write where both are known at once."""
        if self._start is None and message["type"] == "http.response.start":
            self._start = message
            return
        start, self._start = self._start, None
        if start is not None:
            if self._wrote(start, message):
                return
            await self._cycle.send(start)  # type: ignore[arg-type]
        await self._cycle.send(message)  # type: ignore[arg-type]

    def _wrote(self, start: Message, message: Message) -> bool:
        """Whether this was a whole answer of the usual form, which has been written."""
        cycle = self._cycle
        if message["type"] != "http.response.body" or message.get("more_body"):
            return False
        if cycle.scope["method"] == "HEAD":  # whose body must not be sent (RFC 9110 9.3.2)
            return False
        if cycle.disconnected or cycle.response_started or cycle.access_log or not cycle.keep_alive:
            return False
        body = message.get("body", b"")
        head = _head(start["status"], [*cycle.default_headers, *start["headers"]], len(body))
        if head is None or cycle.flow.write_paused:
            return False
        cycle.waiting_for_100_continue = False
        cycle.transport.write(head + body)
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()
        cycle.on_response()
        return True


def _head(status: int, headers: list[tuple[bytes, bytes]], length: int) -> bytes | None:
    """None unless the headers say that a body of ``length`` octets follows, and nothing unusual."""
    fields = dict(headers)
    if fields.get(b"content-length") != b"%d" % length or not _FRAMING.isdisjoint(fields):
        return None
    lines = [STATUS_LINE[status][: -len(_LINE_END)], *map(b": ".join, headers), b"", b""]
    head = _LINE_END.join(lines)
    return head if head.translate(None, _TEXT) == _LINE_END * (len(headers) + 2) else None
