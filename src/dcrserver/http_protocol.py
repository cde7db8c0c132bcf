"""Uvicorn's HTTP protocol, with a short way for the answers that this server gives.

Uvicorn looks through each header of each answer for what must not be there, writes head and body
apart, and sets a timer anew after each request: together a fifth of what a read costs. Whatever is
unusual about an answer is left to Uvicorn.
"""

from __future__ import annotations

from asyncio import TimerHandle
from collections.abc import Awaitable
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

# A head has line ends and no other control character (RFC 9110 5.5): what is left without these
# octets are its line ends.
_TEXT = bytes({*range(0x20, 0x7F), *range(0x80, 0x100), 0x09})
_LINE_END = b"\r\n"
# How the body or the connection ends is not for us to say, but for Uvicorn.
_FRAMING = frozenset({b"transfer-encoding", b"connection"})


class Protocol(HttpToolsProtocol):
    """A connection; its timer looks, when it is due, how long nothing came, and waits on."""

    _idle_since: float | None = None
    timeout_keep_alive_task: TimerHandle | None

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()

    def _unset_keepalive_if_required(self) -> None:
        self._idle_since = None

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            return
        self._idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._look_after(self.timeout_keep_alive)

    def _look_after(self, seconds: float) -> None:
        handler = self.timeout_keep_alive_handler
        self.timeout_keep_alive_task = self.loop.call_later(seconds, handler)

    def timeout_keep_alive_handler(self) -> None:
        self.timeout_keep_alive_task = None
        if self._idle_since is None:
            return  # a request is being answered; when it is, there is a timer again
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._look_after(left)
        else:
            super().timeout_keep_alive_handler()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:  # noqa: ANN401 - ASGI by other types
        super()._start_asgi_task(cycle, _Answering(app, cycle))  # type: ignore[arg-type]


class _Answering:
    """The application with a ``send`` that holds the start of an answer until its body comes."""

    def __init__(self, app: ASGIApp, cycle: RequestResponseCycle) -> None:
        self._app = app
        self._cycle = cycle
        self._start: Message | None = None

    def __call__(self, scope: Scope, receive: Receive, _: Send) -> Awaitable[None]:
        return self._app(scope, receive, self.send)

    async def send(self, message: Message) -> None:
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
