"""Exchanges with targets that answer well, badly, half, or twice, and connections that stay."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from dcrserver.connectors import wire
from dcrserver.connectors.wire import Broken, Connections, NotConnected, Received
from harness.process import free_port
from harness.tls import answer, tls_server

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

CHUNKED = b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"


class Target:
    """Says what it is told to, request by request; then it closes, where that is ``closing``."""

    def __init__(self, *answers: bytes, closing: bool = False) -> None:
        self._answers = list(answers)
        self._is_closing = closing
        self.requests: list[bytes] = []
        self.connections = 0
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while self._answers:
                head = await reader.readuntil(b"\r\n\r\n")
                length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
                self.requests.append(head + await reader.readexactly(int(length or 0)))
                writer.write(self._answers.pop(0))
                if self._is_closing:
                    break
            await writer.drain()
            if not self._is_closing:
                await reader.read()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving(target: Target) -> AsyncIterator[Connections]:
    server = await asyncio.start_server(target.serve, "127.0.0.1", 0)
    target.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/a?b=c"
    connections = Connections(ssl.create_default_context(), 10_000)
    try:
        yield connections
    finally:
        connections.close()
        server.close()
        await server.wait_closed()


async def asked(target: Target, connections: Connections, body: bytes = b"") -> Received:
    async with asyncio.timeout(5):
        return await connections.exchange("POST", target.url, {"x": "y"}, body)


async def test_one_connection_serves_one_exchange_after_the_other() -> None:
    target = Target(OK, OK)
    async with serving(target) as connections:
        for _ in range(2):
            received = await asked(target, connections, b"body")
            assert received == Received(200, {"content-length": "2"}, b"{}")
    assert target.connections == 1
    host = target.url.partition("://")[2].partition("/")[0]
    head = f"POST /a?b=c HTTP/1.1\r\nhost: {host}\r\nx: y\r\ncontent-length: 4\r\n\r\n"
    assert target.requests == [f"{head}body".encode()] * 2


async def test_exchanges_at_once_have_a_connection_each() -> None:
    target = Target(*[OK] * 8)
    async with serving(target) as connections:
        await asyncio.gather(*(asked(target, connections) for _ in range(4)))
        assert target.connections == 4
        await asyncio.gather(*(asked(target, connections) for _ in range(4)))
        assert target.connections == 4


@pytest.mark.parametrize(("said", "status", "content"), [
    (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
    (CHUNKED, 201, b"{}"),
    (b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + OK, 200, b"{}"),
    (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 404, b""),
])  # fmt: skip
async def test_answers_are_read_to_their_end(said: bytes, status: int, content: bytes) -> None:
    target = Target(said, OK)
    async with serving(target) as connections:
        received = await asked(target, connections)
        assert (received.status, received.content) == (status, content)
        assert "link" not in received.headers
        assert (await asked(target, connections)).content == b"{}"
    assert target.connections == 1


@pytest.mark.parametrize("said", [
    b"HTTP/1.1 200 OK\r\n\r\n{}",  # RFC 9112 6.3: its end is that of the connection
    b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
])  # fmt: skip
async def test_a_connection_that_ends_with_its_answer_is_not_used_again(said: bytes) -> None:
    target = Target(said, said, closing=True)
    async with serving(target) as connections:
        for _ in range(2):
            assert (await asked(target, connections)).content == b"{}"
    assert target.connections == 2


@pytest.mark.parametrize(("said", "told"), [
    (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}", "closed"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", "closed"),
    (b"HTTP/1.1 200 OK\r\nContent-Le", "closed"),
    (b"", "closed"),
    (b"SSH-2.0-OpenSSH_9.2\r\n", "no answer of HTTP"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}", "HTTP"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n" + b"x" * 20_000, "more than 10000 octets"),
    (b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 4_000, "more than 10000 octets"),
])  # fmt: skip
async def test_no_whole_answer_is_none(said: bytes, told: str) -> None:
    target = Target(said, OK, closing=True)
    async with serving(target) as connections:
        with pytest.raises(Broken, match=told):
            await asked(target, connections)
        assert (await asked(target, connections)).content == b"{}"
    assert target.connections == 2


async def test_what_nobody_asked_for_answers_no_later_request() -> None:
    """Else who sends two answers to one request would answer the next one's."""
    other = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
    target = Target(OK + other, OK)
    async with serving(target) as connections:
        assert (await asked(target, connections)).content == b"{}"
        assert (await asked(target, connections)).content == b"{}"
    assert target.connections == 2


async def test_who_gives_up_waiting_leaves_no_answer_to_others() -> None:
    target = Target(b"", OK)
    async with serving(target) as connections:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await connections.exchange("GET", target.url, {}, b"")
        assert (await asked(target, connections)).content == b"{}"
    assert target.connections == 2


async def test_a_connection_that_waited_long_is_not_used_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The other side may be about to close it."""
    target = Target(OK, OK)
    async with serving(target) as connections:
        await asked(target, connections)
        monkeypatch.setattr(wire, "_IDLE_SECONDS", 0.0)
        await asked(target, connections)
    assert target.connections == 2


async def test_nobody_and_nothing_that_can_be_asked() -> None:
    connections = Connections(ssl.create_default_context(), 10_000)
    unfit = [
        (f"http://127.0.0.1:{free_port()}/", {}),
        ("http://127.0.0.1:99999/", {}),
        ("ftp://127.0.0.1/", {}),
        ("http://", {}),
        (f"http://{'x' * 70}.example/", {}),
        ("http://127.0.0.1:1/", {"authorization": "Bearer a\r\nx: y"}),
        ("http://127.0.0.1:1/", {"authorization": "Bearer \u00e9"}),
    ]
    for url, headers in unfit:
        with pytest.raises(NotConnected):
            await connections.exchange("GET", url, headers, b"")


async def test_a_path_of_a_targets_making_stays_one_line() -> None:
    target = Target(OK)
    async with serving(target) as connections:
        odd = target.url.replace("/a?", "/\u00e9 %2F HTTP/1.1\r\nx: y?")
        await connections.exchange("GET", odd, {}, b"")
    assert target.requests[0].startswith(
        b"GET /%C3%A9%20%2F%20HTTP/1.1x:%20y?b=c HTTP/1.1\r\nhost: "
    )


async def test_certificates_are_checked(tmp_path: Path) -> None:
    async with tls_server(tmp_path, answer(b"{}")) as server:
        url = f"https://localhost:{server.port}/"
        trusting = ssl.create_default_context(cafile=str(server.ca_file))
        for tls, is_trusted in ((trusting, True), (ssl.create_default_context(), False)):
            connections = Connections(tls, 10_000)
            if is_trusted:
                assert (await connections.exchange("GET", url, {}, b"")).content == b"{}"
            else:
                with pytest.raises(NotConnected, match="certificate"):
                    await connections.exchange("GET", url, {}, b"")
            connections.close()
