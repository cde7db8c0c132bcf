"""A connection: what comes is read in bounds, answered in order, and ends in time."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import httptools
from uvicorn._types import HTTPScope
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT, FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from dcrserver.edge.http_protocol import heads, refusals, requests
from dcrserver.edge.http_protocol.answers import Answering
from dcrserver.edge.http_protocol.connections import Connections, Limits
from dcrserver.edge.http_protocol.refusals import Refusal
from dcrserver.edge.http_protocol.requests import Stoppable
from dcrserver.edge.scope import BY_NAME_KEY

# What is parsed at once: as many requests as fit may be queued before we look at the queue.
_PIECE = 2048
# Who sends on after a refusal is still read for so long, or it would lose the answer to a reset.
_LINGER_SECONDS = 1.0
# Who connects has its request on the way; it cannot know that we are about to end.
_FIRST_REQUEST_SECONDS = 1.0


class _Flow(FlowControl):
    """Reading, once paused for queued requests, goes on when they are answered, not before."""

    held = False

    def resume_reading(self) -> None:
        if not self.held:
            super().resume_reading()


class _HeadTooLargeError(Exception):
    pass


class Protocol(HttpToolsProtocol):
    """One connection of a process, in ``connections`` as long as it is open."""

    flow: _Flow
    _told: dict[str, dict[object, object]]

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        register: Connections | None = None,
        answering: type[Stoppable] = Answering,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._register = register or Connections(Limits())
        self._answering = answering
        self._unread = b""
        # Octets of the message that comes, less those of its body.
        self._octets = 0
        self._in_message = False
        self._in_head = False
        self._rest_of_upgrade = b""
        self._refusal: Refusal | None = None
        self._is_over = False
        self.waiting_since: float | None = None
        self._due = 0.0
        self._blocked_since: float | None = None

    # The connection.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """asyncio: a connection is open; refused at once where there are too many."""
        super().connection_made(transport)
        self.flow = _Flow(transport)
        self._told = requests.extensions(transport)
        if self._register.add(self):
            self._wait_for_peer(self._register.limits.head_seconds)
        else:
            self._end(refusals.TOO_MANY)
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio: the connection is over; nothing that waits on it is begun."""
        self._register.remove(self)
        super().connection_lost(exc)
        self.pipeline.clear()
        self._unread = b""
        self._is_over = True

    def shutdown(self) -> None:
        """Uvicorn: this process ends, and the connection when what is in hand is answered."""
        first = cast("RequestResponseCycle | None", self.cycle)
        if first is None and self.waiting_since is not None:
            due = self.waiting_since + _FIRST_REQUEST_SECONDS
            self.loop.call_at(due, super().shutdown)
        else:
            super().shutdown()

    def _wait_for_peer(self, seconds: float) -> None:
        self.waiting_since = now = self.loop.time()
        self._due = now + seconds

    def look(self, now: float) -> None:
        """Ends the connection if its peer takes too long to send, or to read."""
        if not self.transport.get_write_buffer_size():
            self._blocked_since = None
        elif self._blocked_since is None:
            self._blocked_since = now
        elif now - self._blocked_since > self._register.limits.write_seconds:
            self._register.ended("not_read")
            self.transport.abort()
            return
        if self.waiting_since is None or now < self._due or self.transport.is_closing():
            return
        if self._in_head and not self._is_over:
            self._end(refusals.TOO_SLOW)
            return
        if not self._is_over:  # or it is counted already
            # In a message: answered long ago, without the body that still comes.
            self._register.ended("too_slow" if self._in_message else "idle")
        self.transport.close()

    def give_way(self) -> None:
        self.transport.close()

    # What comes.

    def data_received(self, data: bytes) -> None:
        if self._unread:
            self._unread += data
        elif len(data) <= _PIECE and not self.pipeline:
            self._parse(data)
        else:
            self._unread = data
            self._read_on()

    def _read_on(self) -> None:
        """Parses what is there, until a request has to wait for the answer to another."""
        data, start = self._unread, 0
        while start < len(data) and not self.pipeline and not self._is_over:
            self._parse(data[start : start + _PIECE])
            start += _PIECE
        self._unread = data[start:]

    def _parse(self, data: bytes) -> None:
        if self._is_over or self._refusal:
            return
        self._octets += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._go_on_without_upgrade(data[upgrade.args[0] :])
            return
        except httptools.HttpParserError as error:
            too_large = isinstance(error.__context__, _HeadTooLargeError)
            self._refuse(refusals.HEAD_TOO_LARGE if too_large else refusals.MALFORMED)
            return
        if not self._in_message:
            self._octets = 0
        elif self._octets > heads.MAX_OCTETS + _PIECE or len(self.headers) > heads.MAX_FIELDS:
            self._refuse(refusals.HEAD_TOO_LARGE)

    def _go_on_without_upgrade(self, rest: bytes) -> None:
        """A new parser reads the head again: the body of who offered to upgrade is a body."""
        self.parser = httptools.HttpRequestParser(self)
        self._octets = 0
        head, self._rest_of_upgrade = self._rest_of_upgrade, b""
        self._parse(head)
        self._parse(rest)

    def on_message_begin(self) -> None:
        """httptools: a request begins; its head has to arrive in time."""
        self.url = b""
        self.headers = []
        self._in_message = self._in_head = True
        if self.waiting_since is not None:
            self._wait_for_peer(self._register.limits.head_seconds)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """httptools: the head is complete; an unsound or too large one is refused."""
        headers = self.headers
        if self._octets > heads.MAX_OCTETS + _PIECE or len(headers) > heads.MAX_FIELDS:
            raise _HeadTooLargeError
        method, version = self.parser.get_method(), self.parser.get_http_version()
        fields = dict(headers)
        if not heads.is_sound(method, version, headers, fields):
            raise ValueError("not sound")
        if self.parser.should_upgrade():
            self._rest_of_upgrade = heads.without_upgrade(method, self.url, version, headers)
            return
        asked = requests.scope(self, method, version, headers, self._told)
        if len(fields) == len(headers):  # each was sent once
            asked[BY_NAME_KEY] = fields  # type: ignore[literal-required] # none of ASGI's
        self._in_head = False
        self.waiting_since = None
        # What follows a chunked body never joins the head (RFC 9110 6.5.1): whoever took fields
        # out of the head, or put them in, has not seen it.
        self.headers = []
        expects = fields.get(b"expect", b"").lower() == b"100-continue"
        self._begin(asked, expects=expects)

    def _begin(self, scope: HTTPScope, *, expects: bool) -> None:
        """Starts the request, or queues it behind the one that is being answered."""
        before = cast("RequestResponseCycle | None", self.cycle)
        self.cycle = requests.cycle(self, scope, expects=expects)
        if before is None or before.response_complete:
            self._start(self.cycle)
        else:
            self.flow.pause_reading()
            self.flow.held = True
            self.pipeline.appendleft((self.cycle, self.app))

    def _start(self, cycle: RequestResponseCycle) -> None:
        app: Any = self._answering(self.app, cycle)  # of ASGI by other types
        task = self.loop.create_task(cycle.run_asgi(app))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def on_chunk_header(self) -> None:
        self._octets = 0

    def on_body(self, body: bytes) -> None:
        """httptools: a part of the body; reading pauses while too much of it waits."""
        self._octets -= len(body)
        cycle = self.cycle
        if cycle.response_complete:
            return
        cycle.body += body
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.message_event.set()

    def on_message_complete(self) -> None:
        """httptools: the request has arrived whole."""
        if self._rest_of_upgrade:
            return
        self.cycle.more_body = False
        self.cycle.message_event.set()
        self._in_message = False
        self._octets = 0
        if self.waiting_since is not None:
            self._wait_for_peer(self.timeout_keep_alive)

    # Answers.

    def on_response_complete(self) -> None:
        """Uvicorn: an answer is out; the next request of the connection may begin."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        if self.pipeline:
            cycle, _ = self.pipeline.pop()
            self._start(cycle)
            if self.pipeline:
                return
        elif self._refusal is not None:
            self._end(self._refusal)
            return
        else:
            limits = self._register.limits
            self._wait_for_peer(
                limits.body_seconds if self._in_message else self.timeout_keep_alive
            )
        self.flow.held = False
        if self._unread:
            self._read_on()
        if self.flow.read_paused:
            self.flow.resume_reading()

    def _unset_keepalive_if_required(self) -> None:
        """There is no timer; ``connections`` looks."""

    def _refuse(self, refusal: Refusal) -> None:
        """Answers in its turn what is no request; nothing after it is read."""
        has_begun = self._in_message and not self._in_head
        if has_begun and self.pipeline:
            self.pipeline.popleft()  # the newest, whose body is no body
        elif has_begun and not self.cycle.response_complete:
            started = self.cycle.response_started
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            if started:
                self.transport.close()
            else:
                self._end(refusal)
            return
        elif self.waiting_since is not None:
            self._end(refusal)
            return
        self._refusal = refusal
        self._unread = b""

    def _end(self, refusal: Refusal) -> None:
        self._register.ended(refusal.reason)
        self._is_over = True
        self._unread = b""
        self.transport.write(refusal.answer)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.flow.held = False
        self.flow.resume_reading()
        self._wait_for_peer(_LINGER_SECONDS)
