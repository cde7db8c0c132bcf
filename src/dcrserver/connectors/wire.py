"""HTTP/1.1 to a target, over connections that stay open: one exchange at a time on each.

A client is made at a target for each registration here, so what an exchange costs us counts: by
this a fifth of what the general client for HTTP takes (docs/decisions.md). It follows no redirects
and keeps no cookies; answers are read by the parser that reads our own requests.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Mapping
from typing import NamedTuple, cast
from urllib.parse import quote, urlsplit

import httptools

# Node.js, the most impatient of servers, closes a connection after five without a request.
_IDLE_SECONDS = 4.0
_PORTS = {"http": 80, "https": 443}
# What may stand in a request target as it is (RFC 3986 3.3 and 3.4), with what is escaped already.
_FIT = "%/?:@!$&'()*+,;=-._~[]"
_NO_BODY = frozenset({204, 304})
_FIRST_FINAL = 200


class NotConnected(Exception):
    """There was no connection: nothing was asked."""


class Broken(Exception):
    """It ended before the answer, or that is no HTTP; what was asked may be done all the same."""


class Received(NamedTuple):
    """An answer, whatever its status; names of ``headers`` in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class _Origin(NamedTuple):
    is_tls: bool
    host: str
    port: int

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = _PORTS["https" if self.is_tls else "http"]
        return host if self.port == usual else f"{host}:{self.port}"


class Connections:
    """Those to one target; who uses them bounds how many there are at once."""

    def __init__(self, tls: ssl.SSLContext, most_octets: int) -> None:
        self._tls = tls
        self._most_octets = most_octets
        self._idle: dict[_Origin, list[_Connection]] = {}

    async def exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> Received:
        """The answer, read to its end.

        Raises:
            NotConnected: nobody answers at ``url``, it is none, or TLS fails.
            Broken: no whole answer came.
        """
        origin, target = _parsed(url)
        head = _head(method, target, {"host": origin.authority, **headers}, len(body))
        connection = self._taken(origin) or await self._opened(origin)
        try:
            received = await connection.exchange(head + body)
        except BaseException:
            connection.abort()
            raise
        if connection.is_open:
            self._idle.setdefault(origin, []).append(connection)
        return received

    def close(self) -> None:
        """Ends those that wait for the next exchange."""
        for connections in self._idle.values():
            for each in connections:
                each.abort()
        self._idle.clear()

    def _taken(self, origin: _Origin) -> _Connection | None:
        """The one that was used last, unless the other side may be about to close it."""
        waiting = self._idle.get(origin, [])
        while waiting:
            connection = waiting.pop()
            if connection.is_open and time.monotonic() < connection.used_at + _IDLE_SECONDS:
                return connection
            connection.abort()
        return None

    async def _opened(self, origin: _Origin) -> _Connection:
        loop = asyncio.get_running_loop()
        tls = self._tls if origin.is_tls else None
        try:
            _, made = await loop.create_connection(
                lambda: _Connection(self._most_octets), origin.host, origin.port, ssl=tls
            )
        except OSError as error:
            raise NotConnected(str(error) or type(error).__name__) from None
        return made


class _Connection(asyncio.Protocol):
    """Feeds what comes to the parser, which calls the methods ``on_...``."""

    def __init__(self, most_octets: int) -> None:
        self._most_octets = most_octets
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[Received] | None = None
        self._begin()
        self.is_open = False
        self.used_at = 0.0

    async def exchange(self, request: bytes) -> Received:
        """Sends it, and waits for the answer."""
        if self._transport is None or not self.is_open:
            raise Broken("the connection was closed")
        self._begin()
        self._waiter = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        try:
            return await self._waiter
        finally:
            self._waiter = None
            self.used_at = time.monotonic()

    def abort(self) -> None:
        """Ends it without a word."""
        self.is_open = False
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        self._octets += len(data)
        if self._waiter is None or self._waiter.done():  # nobody asked
            self.abort()
        elif self._octets > self._most_octets:
            self._fail(f"an answer of more than {self._most_octets} octets")
        else:
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserError as error:
                self._fail(f"no answer of HTTP/1.1: {error}")

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        # RFC 9112 6.3: a body without a length ends with its connection.
        if exc is None and self._is_headed and not self._is_framed:
            self._answer()
        self._fail(str(exc) if exc else "it closed the connection before its answer")

    def _begin(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._headers: dict[str, str] = {}
        self._body = bytearray()
        self._octets = 0
        self._is_headed = False
        self._is_framed = False

    def on_message_begin(self) -> None:
        self._headers, self._is_headed = {}, False
        if self._waiter is None or self._waiter.done():  # a second answer to one request
            self.abort()

    def on_header(self, name: bytes, value: bytes) -> None:
        # A header of several lines is one with commas, which nobody here looks into.
        self._headers.setdefault(name.decode("latin-1").lower(), value.decode("latin-1").strip())

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        self._is_headed = status >= _FIRST_FINAL
        framing = {"content-length", "transfer-encoding"} & self._headers.keys()
        self._is_framed = bool(framing) or status in _NO_BODY

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        if not self._is_headed:  # an interim answer, RFC 9110 15.2
            return
        self._answer()
        if not self._parser.should_keep_alive():
            self.abort()

    def _answer(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            status = self._parser.get_status_code()
            self._waiter.set_result(Received(status, self._headers, bytes(self._body)))

    def _fail(self, told: str) -> None:
        self.abort()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(Broken(told))


def _parsed(url: str) -> tuple[_Origin, str]:
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
        host = (parts.hostname or "").encode("idna").decode()
    except (ValueError, KeyError):
        raise NotConnected("no URL of http or https") from None
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    return _Origin(parts.scheme == "https", host, port), quote(target, safe=_FIT)


def _head(method: str, target: str, headers: Mapping[str, str], length: int) -> bytes:
    lines = [f"{method} {target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if length or method in {"POST", "PUT"}:
        lines.append(f"content-length: {length}")
    # A token of a target's making must not become a header of its own.
    if not all(line.isascii() and line.isprintable() for line in lines):
        raise NotConnected("what was to be sent holds control characters or is not ASCII")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")
