"""Pure ASGI: how many requests a process takes on, and how many of them begin at once."""

from __future__ import annotations

import asyncio
import time
from asyncio import CancelledError
from collections import deque
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dcrserver.edge.dependencies import ARRIVED_KEY, UNROUTED_KEY
from dcrserver.edge.errors import error_body
from dcrserver.edge.responses import NO_STORE, json_response
from dcrserver.errors import Unavailable
from dcrserver.slots import SLOT
from dcrserver.telemetry import Metrics

# Whoever asks these wants to know how we are, most of all when we are busy.
_ALWAYS = frozenset({"/healthz", "/readyz", "/metrics"})
# As many begin in one pass of the event loop; then what they asked the database for is sent, and
# is being worked on while the next ones begin. All at once would wait together and idle together.
_AT_ONCE = 8
_READING = frozenset({"GET", "HEAD"})
# Of so many slots one is for reads alone: they go on while writes wait for a lock.
_READERS_SHARE = 8
_BUSY = "the server is busy; try again later"
_RETRY_SECONDS = 1
# A refusal costs a third of a registration. Whoever asks again at once, against Retry-After, is
# held for this long, or refusals alone would take the processor from those who were let in.
_HELD_SECONDS = 0.5


class OverloadResponse:
    """503, and when to come back."""

    def __init__(self) -> None:
        headers = NO_STORE | {"Retry-After": str(_RETRY_SECONDS)}
        self._answer = json_response(error_body(Unavailable.code, _BUSY), 503, headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[UNROUTED_KEY] = "(refused)"
        await self._answer(scope, receive, send)


class _Slot:
    """One request's slot (``slots.Slot``)."""

    def __init__(self, admission: AdmissionMiddleware, limit: int) -> None:
        self._admission = admission
        self._limit = limit
        self._is_held = True
        admission.inside += 1

    def release(self) -> bool:
        was_held, self._is_held = self._is_held, False
        self._admission.inside -= was_held
        return was_held

    async def acquire(self) -> None:
        """A slot that was taken meanwhile is waited for a little, and then no more."""
        if self._admission.inside >= self._limit:
            await asyncio.sleep(_HELD_SECONDS)
        if self._admission.inside >= self._limit:
            detail = "the slot was taken while it waited for others"
            raise Unavailable(_BUSY, detail=detail, retry_after=_RETRY_SECONDS)
        self._admission.inside += 1
        self._is_held = True

    def others(self) -> int:
        return self._admission.inside - self._is_held


class AdmissionMiddleware:
    """Refuses what could only wait: an answer that comes too late is work for nobody.

    A request whose body is still arriving is no work yet and takes nobody's slot, nor does one
    that waits for somebody else's server: else a few that send slowly, or name a server that never
    answers, would shut all the others out.

    The outermost layer: hundreds that wait here take less memory, and time, than further inside.
    ``refuse`` answers those who are refused. ``in_turns``: only some of the requests that write
    begin in one pass of the event loop (good with a database server).
    """

    def __init__(self, app: ASGIApp, refuse: ASGIApp, limit: int, *, in_turns: bool) -> None:
        self._app = app
        self._refuse = refuse
        self._limit = limit
        self._limit_of_writes = limit - limit // _READERS_SHARE
        self._in_turns = in_turns
        self.inside = 0
        self._begun = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[ARRIVED_KEY] = time.perf_counter()
        if scope["path"] in _ALWAYS or scope["method"] == "OPTIONS":
            await self._app(scope, receive, send)
            return
        limit = self._limit if scope["method"] in _READING else self._limit_of_writes
        if self.inside >= limit:
            with suppress(CancelledError):  # the server stops
                await asyncio.sleep(_HELD_SECONDS)
            await self._refuse(scope, receive, send)
            return
        slot = _Slot(self, limit)
        SLOT.set(slot)

        async def arriving() -> Message:
            slot.release()
            message = await receive()
            await slot.acquire()
            return message

        try:
            if self._in_turns and scope["method"] not in _READING and not await self._turn():
                await self._refuse(scope, receive, send)
                return
            await self._app(scope, arriving, send)
        finally:
            slot.release()

    def measure(self, metrics: Metrics) -> None:
        """Adds what is counted here to ``metrics``."""
        metrics.gauge(
            "dcrserver_requests_in_hand", "Requests that are being worked on", lambda: self.inside
        )
        metrics.gauge(
            "dcrserver_requests_in_hand_max",
            "Requests that may be worked on at once (server.max_requests); more get 503",
            lambda: self._limit,
        )
        metrics.gauge(
            "dcrserver_requests_waiting",
            "Requests that have a slot, and wait for their turn to begin",
            lambda: len(self._waiting),
        )

    async def _turn(self) -> bool:
        """Waits for it; False: it never comes, as the server stops."""
        loop = asyncio.get_running_loop()
        if not self._begun:
            loop.call_soon(self._new_pass)
        if self._begun < _AT_ONCE:
            self._begun += 1
            return True
        turn = loop.create_future()
        self._waiting.append(turn)
        try:
            await turn
        except CancelledError:
            return False
        return True

    def _new_pass(self) -> None:
        self._begun = 0
        while self._waiting and self._begun < _AT_ONCE:
            turn = self._waiting.popleft()
            if not turn.done():  # its request was not cancelled meanwhile
                turn.set_result(None)
                self._begun += 1
        if self._begun:
            asyncio.get_running_loop().call_soon(self._new_pass)
