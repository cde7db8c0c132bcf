"""A TCP proxy on loopback that can lose its voice, cut its connections, or let nobody in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class TcpProxy:
    """Forwards to ``host``:``port``. ``dumb``: accepts, and forwards nothing in either way."""

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._speaks = asyncio.Event()
        self._speaks.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.port = 0
        self.accepted = 0

    @property
    def dumb(self) -> bool:
        return not self._speaks.is_set()

    @dumb.setter
    def dumb(self, value: bool) -> None:
        (self._speaks.clear if value else self._speaks.set)()

    def cut(self) -> None:
        """Closes all connections at once."""
        for writer in self._writers:
            writer.transport.abort()

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Listens no more, and cuts; ``open`` listens again, at the same port."""
        assert self._server is not None
        self._server.close()
        self.cut()
        await self._server.wait_closed()

    async def close(self) -> None:
        await self.refuse()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        self._writers.add(writer)
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            there_reader, there = await asyncio.open_connection(*self._target)
            self._writers.add(there)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._forward(reader, there))
                group.create_task(self._forward(there_reader, writer))
        except* (OSError, asyncio.CancelledError):
            pass
        finally:
            for each in {writer, there} & self._writers:
                self._writers.discard(each)
                each.transport.abort()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while octets := await reader.read(65536):
            await self._speaks.wait()
            writer.write(octets)
            await writer.drain()
        raise ConnectionResetError  # the other direction ends as well


@asynccontextmanager
async def tcp_proxy(host: str, port: int) -> AsyncIterator[TcpProxy]:
    proxy = TcpProxy(host, port)
    await proxy.open()
    try:
        yield proxy
    finally:
        await proxy.close()
