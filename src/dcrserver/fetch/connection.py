"""The connection of one fetch, every octet of which counts.

What a server sends before its answer (interim answers, RFC 9110 15.2; a head without end) costs
time as the answer does, and a bound on the body alone would not see it. Nor would a bound on what
TLS makes of its records: many of them hold nothing for us (RFC 8446 4.6, 5.1).
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import anyio.abc
import httpcore

# A status line up to the first digit of its status: HTTP/1.1 1..
_UP_TO_STATUS = len("HTTP/1.1 2")
# What TLS may add to the octets of an answer: its handshake, with all certificates of a chain; and
# as much again as the answer, where records are short.
_HANDSHAKE_OCTETS = 65536
_TLS_FACTOR = 2


class TooMuch(Exception):
    """The server sent more than it may, or something else than an answer."""


class CountingBackend(httpcore.AsyncNetworkBackend):
    """Opens the connections of one fetch, each of which may send ``limit`` octets."""

    def __init__(self, limit: int) -> None:
        self._inner = httpcore.AnyIOBackend()
        self._limit = limit
        self._opened: list[httpcore.AsyncNetworkStream] = []

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is given
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection that counts what arrives, beneath TLS and above."""
        stream = await self._inner.connect_tcp(host, port, timeout, local_address, socket_options)
        # The library lets nobody between TLS and the socket.
        stream._stream = _Beneath(  # type: ignore[attr-defined] # noqa: SLF001
            stream._stream,  # type: ignore[attr-defined] # noqa: SLF001
            _HANDSHAKE_OCTETS + _TLS_FACTOR * self._limit,
        )
        self._opened.append(stream)
        return _Counting(stream, self._limit)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def close(self) -> None:
        """Closes what is still open: the library leaves a socket when a handshake is cut off."""
        for stream in self._opened:
            await stream.aclose()


class _Beneath(anyio.abc.ByteStream):
    """What comes by the socket, whatever TLS makes of it."""

    def __init__(self, stream: anyio.abc.ByteStream, limit: int) -> None:
        self._stream = stream
        self._left = limit

    async def receive(self, max_bytes: int = 65536) -> bytes:
        octets = await self._stream.receive(max_bytes)
        self._left -= len(octets)
        if self._left < 0:
            raise TooMuch("the server sends too much")
        return octets

    async def send(self, item: bytes) -> None:
        await self._stream.send(item)

    async def send_eof(self) -> None:
        await self._stream.send_eof()

    async def aclose(self) -> None:
        await self._stream.aclose()

    @property
    def extra_attributes(self) -> Mapping[Any, Callable[[], Any]]:
        return self._stream.extra_attributes


class _Counting(httpcore.AsyncNetworkStream):
    """A stream that raises ``TooMuch`` when more comes than may, or an interim answer."""

    def __init__(self, stream: httpcore.AsyncNetworkStream, limit: int) -> None:
        self._stream = stream
        self._left = limit
        self._begun = b""

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        octets = await self._stream.read(max_bytes, timeout)
        self._left -= len(octets)
        if self._left < 0:
            raise TooMuch("the server sends too much")
        if len(self._begun) < _UP_TO_STATUS:
            self._begun += octets[: _UP_TO_STATUS - len(self._begun)]
            if self._begun[_UP_TO_STATUS - 1 :] == b"1":
                raise TooMuch("an interim answer, which was not asked for")
        return octets

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore.AsyncNetworkStream:
        stream = await self._stream.start_tls(ssl_context, server_hostname, timeout)
        return _Counting(stream, self._left)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - the signature is given
        return self._stream.get_extra_info(info)
