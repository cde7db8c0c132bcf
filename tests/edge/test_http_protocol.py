"""Ours answers as Uvicorn would, the short way and the other: the same requests, octet by octet."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from functools import partial

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from dcrserver.edge.http_protocol import ANSWERING, Protocol

_Protocol = Callable[..., HttpToolsProtocol]
_OURS = {name: partial(Protocol, answering=answering) for name, answering in ANSWERING.items()}
_PROTOCOLS: dict[str, _Protocol] = {**_OURS, "theirs": HttpToolsProtocol}
_KEEP_ALIVE = 0.2
_PLAIN = [(b"content-type", b"application/json"), (b"content-length", b"2")]
_STREAMED = [(b"content-type", b"text/plain")]
# What the application answers, by path: status, headers, parts of the body.
_ANSWERS: dict[str, tuple[int, list[tuple[bytes, bytes]], list[bytes]]] = {
    "/plain": (200, _PLAIN, [b"{}"]),
    "/parts": (200, _PLAIN, [b"{", b"}"]),
    "/streamed": (200, _STREAMED, [b"a", b"bc"]),
    "/unsized": (200, _STREAMED, [b"abc"]),
    "/empty": (204, [], [b""]),
    "/unchanged": (304, [(b"etag", b'"1"')], [b""]),
    "/closing": (200, [*_PLAIN, (b"connection", b"close")], [b"{}"]),
    "/capital": (200, [(b"Content-Length", b"2")], [b"{}"]),
    "/shorter": (200, [(b"content-length", b"3")], [b"{}"]),
    "/tab": (200, [*_PLAIN, (b"location", b"/a\t\xe4")], [b"{}"]),
}
_BAD_ANSWERS: dict[str, tuple[int, list[tuple[bytes, bytes]], list[bytes]]] = {
    "/split": (200, [*_PLAIN, (b"location", b"/a\r\nset-cookie: b")], [b"{}"]),
    "/feed": (200, [*_PLAIN, (b"location", b"/a\nset-cookie: b")], [b"{}"]),
    "/nul": (200, [*_PLAIN, (b"location", b"/a\0")], [b"{}"]),
    "/nothing": (200, _PLAIN, []),
}


async def _app(scope: Scope, receive: Receive, send: Send) -> None:
    while (await receive()).get("more_body"):
        pass
    if scope["path"] == "/broken":
        raise RuntimeError
    if scope["path"] == "/slow":
        await asyncio.sleep(2 * _KEEP_ALIVE)
    answers = _ANSWERS | _BAD_ANSWERS
    status, headers, parts = answers.get(scope["path"], _ANSWERS["/plain"])
    await send({"type": "http.response.start", "status": status, "headers": headers})
    for number, part in enumerate(parts, 1):
        more = number < len(parts)
        await send({"type": "http.response.body", "body": part, "more_body": more})


@contextlib.asynccontextmanager
async def _serving(protocol: _Protocol) -> AsyncIterator[int]:
    """The port at which ``_app`` is served, the date left out."""
    config = uvicorn.Config(_app, log_config=None, access_log=False, timeout_keep_alive=5)
    config.timeout_keep_alive = _KEEP_ALIVE  # type: ignore[assignment] - a test does not wait long
    config.load()
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(
        lambda: protocol(config, state, {}), "127.0.0.1", 0
    )
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


async def _exchange(protocol: _Protocol, *sent: bytes) -> tuple[bytes, float]:
    """What comes until the server closes, and how long it took; ``sent`` one by one."""
    loop = asyncio.get_running_loop()
    async with _serving(protocol) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        started = loop.time()
        for part in sent:
            writer.write(part)
            await asyncio.sleep(_KEEP_ALIVE / 2)
        received = await asyncio.wait_for(reader.read(), 5)
        seconds = loop.time() - started
        writer.close()
    return received, seconds


def _asking(path: str, method: str = "GET", *lines: str, version: str = "1.1") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/{version}", "host: a", *lines, "", ""]).encode()


_EXCHANGES = {path[1:]: [_asking(path)] for path in [*_ANSWERS, "/broken"]} | {
    "head": [_asking("/plain", "HEAD")],
    "http/1.0": [_asking("/plain", version="1.0")],
    "asked to close": [_asking("/plain", "GET", "connection: close")],
    "one after the other": [_asking("/plain"), _asking("/streamed"), _asking("/plain")],
    "pipelined": [_asking("/plain") + _asking("/slow") + _asking("/plain")],
    "in pieces": [_asking("/plain")[:9], _asking("/plain")[9:]],
    "with a body": [_asking("/plain", "POST", "content-length: 3") + b"abc"],
    "100-continue": [
        _asking("/plain", "POST", "content-length: 3", "expect: 100-continue"), b"abc"
    ],
}  # fmt: skip


@pytest.fixture(params=_OURS.values(), ids=_OURS)
def ours(request: pytest.FixtureRequest) -> _Protocol:
    chosen: _Protocol = request.param
    return chosen


@pytest.mark.parametrize("sent", _EXCHANGES.values(), ids=_EXCHANGES)
async def test_answers_as_uvicorn_does(sent: list[bytes]) -> None:
    by_name = {name: (await _exchange(each, *sent))[0] for name, each in _PROTOCOLS.items()}
    assert by_name == dict.fromkeys(_PROTOCOLS, by_name["theirs"])
    assert by_name["theirs"].startswith(b"HTTP/1.1 ")


@pytest.mark.parametrize("path", ["/split", "/feed", "/nul"])
async def test_control_characters_never_get_into_a_head(ours: _Protocol, path: str) -> None:
    received, _ = await _exchange(ours, _asking(path))
    assert received == b""


async def test_an_answer_that_gets_no_body_is_an_error() -> None:
    received, _ = await _exchange(_OURS["fast"], _asking("/nothing"))
    assert received.startswith(b"HTTP/1.1 500 ")


async def test_uvicorn_closes_after_a_head_that_gets_no_body() -> None:
    received, _ = await _exchange(_OURS["uvicorn"], _asking("/nothing"))
    assert received.startswith(b"HTTP/1.1 200 ")
    assert received.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("protocol", _PROTOCOLS.values(), ids=_PROTOCOLS)
async def test_an_idle_connection_is_closed_when_its_time_is_over(
    protocol: _Protocol,
) -> None:
    _, at_once = await _exchange(protocol, _asking("/plain"))
    _, later = await _exchange(protocol, *[_asking("/plain")] * 3)
    assert at_once >= _KEEP_ALIVE * 0.9
    # After each request anew: the last was sent when one and a half of the time had passed.
    assert later >= _KEEP_ALIVE * 1.9


async def test_who_has_just_connected_is_answered_though_the_process_ends() -> None:
    """Its request is on the way; who was answered before, and may come again, is let go at once."""
    made: asyncio.Queue[Protocol] = asyncio.Queue()

    class Kept(Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            made.put_nowait(self)

    async with _serving(Kept) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        (await made.get()).shutdown()
        writer.write(_asking("/plain"))
        assert (await asyncio.wait_for(reader.read(), 5)).startswith(b"HTTP/1.1 200 ")
        writer.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(_asking("/plain"))
        assert (await reader.readuntil(b"{}")).startswith(b"HTTP/1.1 200 ")
        served = await made.get()
        served.shutdown()
        assert served.transport.is_closing()
        writer.close()


async def test_a_slow_answer_is_not_idleness(ours: _Protocol) -> None:
    received, _ = await _exchange(ours, _asking("/plain"), _asking("/slow"))
    assert received.count(b"HTTP/1.1 200") == 2


async def test_a_whole_answer_is_one_segment() -> None:
    async with _serving(Protocol) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(3):
            writer.write(_asking("/plain"))
            assert (await reader.read(65536)).endswith(b"\r\n\r\n{}")
        writer.close()


async def test_who_goes_away_while_it_is_answered_harms_nobody(ours: _Protocol) -> None:
    async with _serving(ours) as port:
        _, gone = await asyncio.open_connection("127.0.0.1", port)
        gone.write(_asking("/slow"))
        await asyncio.sleep(_KEEP_ALIVE / 2)
        gone.transport.abort()
        await asyncio.sleep(2 * _KEEP_ALIVE)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(_asking("/plain"))
        assert (await reader.read(65536)).startswith(b"HTTP/1.1 200")
        writer.close()
