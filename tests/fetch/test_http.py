"""The only door to the outside: what it refuses, and that it refuses before it connects."""

from __future__ import annotations

import asyncio
import gc
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from dcrserver.fetch import FetchError, HttpFetcher
from dcrserver.fetch.resolver import NameResolver
from dcrserver.settings import OutboundSettings
from harness.tls import Respond, TlsServer, answer, tls_server

DOCUMENT = b'["https://client.example.org/cb"]'


@asynccontextmanager
async def serving(
    folder: Path, respond: Respond, *, excepted: bool = True, **settings: Any
) -> AsyncIterator[tuple[TlsServer, HttpFetcher]]:
    async with tls_server(folder, respond) as server:
        hosts = {f"localhost:{server.port}"} if excepted else set()
        options = {"allowed_hosts": hosts, "ca_file": server.ca_file, "timeout": 2.0} | settings
        yield server, HttpFetcher(OutboundSettings(**options))


async def test_an_excepted_host_is_read(tmp_path: Path) -> None:
    async with serving(tmp_path, answer(DOCUMENT)) as (server, fetcher):
        document = await fetcher.fetch(f"https://localhost:{server.port}/sector.json?a=%20b")
    assert (document.body, document.media_type) == (DOCUMENT, "application/json")
    request = server.requests[0].decode().lower()
    assert request.startswith("get /sector.json?a=%20b http/1.1\r\n")
    assert f"host: localhost:{server.port}\r\n" in request
    assert "accept: application/json\r\n" in request
    assert "cookie" not in request


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "10.0.0.1"]
)
async def test_special_addresses_are_never_connected_to(tmp_path: Path, host: str) -> None:
    async with serving(tmp_path, answer(DOCUMENT), excepted=False) as (server, fetcher):
        with pytest.raises(FetchError, match="special-purpose"):
            await fetcher.fetch(f"https://{host}:{server.port}/")
    assert server.connections == 0


async def test_an_exception_is_for_its_port_only(tmp_path: Path) -> None:
    async with serving(tmp_path, answer(DOCUMENT)) as (server, fetcher):
        for url in (f"https://127.0.0.1:{server.port}/", "https://localhost/"):
            with pytest.raises(FetchError, match="special-purpose"):
                await fetcher.fetch(url)
    assert server.connections == 0


async def test_one_special_answer_of_several_refuses_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(tmp_path, answer(DOCUMENT), excepted=False) as (server, fetcher):
        _resolve(monkeypatch, "93.184.215.14", "127.0.0.1")
        with pytest.raises(FetchError, match="special-purpose"):
            await fetcher.fetch(f"https://rebind.example:{server.port}/")
    assert server.connections == 0


async def test_the_connection_goes_to_the_address_that_was_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Resolved once: a second answer of the name server (rebinding) is never asked for."""
    async with serving(tmp_path, answer(DOCUMENT)) as (server, fetcher):
        asked = _resolve(monkeypatch, "127.0.0.1")
        await fetcher.fetch(f"https://localhost:{server.port}/")
    assert asked == ["localhost"]


async def test_the_next_address_is_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(tmp_path, answer(DOCUMENT)) as (server, fetcher):
        _resolve(monkeypatch, "::1", "127.0.0.1")
        assert (await fetcher.fetch(f"https://localhost:{server.port}/")).body == DOCUMENT
        _resolve(monkeypatch, "::1")
        with pytest.raises(FetchError, match="ConnectError"):
            await fetcher.fetch(f"https://localhost:{server.port}/")
        _resolve(monkeypatch)
        with pytest.raises(FetchError, match="no address"):
            await fetcher.fetch(f"https://localhost:{server.port}/")


@pytest.mark.parametrize(
    "url",
    ["http://localhost/", "ftp://localhost/", "https://u@localhost/", "https:///x", "not a url",
     "https://local host/", "file:///etc/passwd"],
)  # fmt: skip
async def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(FetchError):
        await HttpFetcher(OutboundSettings()).fetch(url)


@pytest.mark.parametrize(
    "status",
    ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent", "201 Created",
     "204 No Content", "206 Partial Content", "304 Not Modified", "401 Unauthorized",
     "404 Not Found", "407 Proxy", "500 Broken", "503 Busy", "999 Odd"],
)  # fmt: skip
async def test_only_200_counts_and_redirects_are_not_followed(tmp_path: Path, status: str) -> None:
    headers = "Location: https://localhost/other\r\nRefresh: 0; url=https://localhost/other\r\n"
    async with serving(tmp_path, answer(b"", status, headers)) as (server, fetcher):
        with pytest.raises(FetchError, match="status"):
            await fetcher.fetch(f"https://localhost:{server.port}/")
    assert server.connections == 1


async def test_a_refresh_header_is_not_followed(tmp_path: Path) -> None:
    headers = "Refresh: 0; url=https://127.0.0.1/x\r\nLink: <https://127.0.0.1/x>; rel=next\r\n"
    async with serving(tmp_path, answer(DOCUMENT, headers=headers)) as (server, fetcher):
        assert (await fetcher.fetch(f"https://localhost:{server.port}/")).body == DOCUMENT
    assert server.connections == 1


async def test_cookies_are_not_kept(tmp_path: Path) -> None:
    headers = "Set-Cookie: a=b; Path=/\r\n"
    async with serving(tmp_path, answer(DOCUMENT, headers=headers)) as (server, fetcher):
        for _ in range(2):
            await fetcher.fetch(f"https://localhost:{server.port}/")
    assert all(b"cookie" not in request.lower() for request in server.requests)


_OK = b"HTTP/1.1 200 OK\r\n"
HOSTILE = {
    "nothing": b"",
    "garbage": b"\x00\xff" * 500,
    "another protocol": b"SSH-2.0-OpenSSH_9.9\r\n",
    "no status": b"HTTP/1.1\r\n\r\n",
    "half a header": _OK + b"Content-Ty",
    "less than it said": _OK + b"Content-Length: 100\r\n\r\n[]",
    "two lengths": _OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n[]",
    "a negative length": _OK + b"Content-Length: -1\r\n\r\n[]",
    "a chunk of no size": _OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n[]\r\n0\r\n\r\n",
    "a chunk too short": _OK + b"Transfer-Encoding: chunked\r\n\r\nff\r\n[]\r\n",
    "a megabyte of headers": _OK
    + b"".join(b"X-%d: %s\r\n" % (n, b"y" * 1000) for n in range(1000)),
    "a header without end": _OK + b"X: " + b"y" * 1_000_000,
    "a huge promise": _OK + b"Content-Length: 99999999999\r\n\r\n" + b"x" * 100_000,
    "compressed by surprise": _OK + b"Content-Encoding: br\r\nContent-Length: 2\r\n\r\n[]",
    "a switch of protocol": b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n",
}


@pytest.mark.parametrize("said", HOSTILE.values(), ids=HOSTILE)
async def test_a_server_that_does_not_speak_http(tmp_path: Path, said: bytes) -> None:
    async def respond(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(said)

    async with serving(tmp_path, respond) as (server, fetcher):
        with pytest.raises(FetchError):
            await fetcher.fetch(f"https://localhost:{server.port}/")


async def test_an_old_server_is_understood(tmp_path: Path) -> None:
    async def respond(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.0 200 OK\r\n\r\n" + DOCUMENT)

    async with serving(tmp_path, respond) as (server, fetcher):
        assert (await fetcher.fetch(f"https://localhost:{server.port}/")).body == DOCUMENT


async def test_a_server_that_never_answers_is_left_in_time(tmp_path: Path) -> None:
    async def silent(_: bytes, _writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(3)

    async with serving(tmp_path, silent, timeout=0.4) as (server, fetcher):
        with pytest.raises(FetchError, match="in time"):
            await fetcher.fetch(f"https://localhost:{server.port}/")


@asynccontextmanager
async def silent_server(address: str) -> AsyncIterator[tuple[int, list[asyncio.Event]]]:
    """Takes connections and never says a word, not even of TLS. An event for each: it ended."""
    ended: list[asyncio.Event] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ended.append(asyncio.Event())
        end = ended[-1]
        while await reader.read(1000):
            pass
        end.set()
        writer.close()

    server = await asyncio.start_server(take, address, 0)
    try:
        yield server.sockets[0].getsockname()[1], ended
    finally:
        server.close()
        await server.wait_closed()


async def test_a_slow_server_takes_no_more_than_its_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By address, so that many names do not help it; and the deadline counts while one waits."""
    async with (
        silent_server("127.0.0.2") as (port, slow),
        tls_server(tmp_path, answer(DOCUMENT)) as quick,
    ):
        names = [f"s{number}.example:{port}" for number in range(6)]
        hosts = frozenset({*names, f"localhost:{quick.port}"})
        fetcher = HttpFetcher(
            OutboundSettings(
                allowed_hosts=hosts, ca_file=quick.ca_file, concurrency=3,
                concurrency_per_address=2, timeout=1.5,
            )
        )  # fmt: skip
        _resolve(monkeypatch, "127.0.0.2")
        stuck = [asyncio.create_task(fetcher.fetch(f"https://{name}/")) for name in names]
        await asyncio.sleep(0.3)  # all six have had their chance
        _resolve(monkeypatch, "127.0.0.1")
        assert (await fetcher.fetch(f"https://localhost:{quick.port}/")).body == DOCUMENT
        assert len(slow) == 2
        outcomes = await asyncio.gather(*stuck, return_exceptions=True)
    assert {str(outcome) for outcome in outcomes} == {"no answer in time"}


async def test_no_socket_stays_open_when_the_deadline_comes_early() -> None:
    """During the TLS handshake nobody but the collector would close it."""
    async with silent_server("127.0.0.1") as (port, ended):
        gc.disable()
        try:
            for seconds in (0.3, 3):  # a busy machine may take longer to connect at all
                fetcher = HttpFetcher(OutboundSettings(timeout=seconds))
                with pytest.raises(FetchError, match="in time"):
                    await fetcher.fetch_configured(f"https://localhost:{port}/")
                if ended:
                    break
            async with asyncio.timeout(10):
                await ended[0].wait()
        finally:
            gc.enable()


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("", None),
        ("Cache-Control: max-age=60\r\n", 60),
        ("Cache-Control: public, Max-Age=60, must-revalidate\r\n", 60),
        ("Cache-Control: max-age=60, no-cache\r\n", 0),
        ("Cache-Control: no-store\r\n", 0),
        ("Cache-Control: private, max-age=60\r\n", 0),
        ("Cache-Control: max-age=9999999999\r\n", 2**31),
        ("Cache-Control: max-age=x\r\n", None),
        ("Cache-Control: x-max-age=5\r\n", None),
    ],
)
async def test_how_long_it_may_be_remembered(
    tmp_path: Path, header: str, seconds: int | None
) -> None:
    async with serving(tmp_path, answer(DOCUMENT, headers=header)) as (server, fetcher):
        document = await fetcher.fetch(f"https://localhost:{server.port}/")
    assert document.max_age == seconds


async def test_a_large_document_is_cut_off(tmp_path: Path) -> None:
    async def endless(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(10000):
            writer.write(b"x" * 4096)
            await writer.drain()

    async with serving(tmp_path, endless, max_bytes=10000) as (server, fetcher):
        with pytest.raises(FetchError, match="larger than 10000"):
            await fetcher.fetch(f"https://localhost:{server.port}/")


async def test_a_compressed_document_is_refused(tmp_path: Path) -> None:
    bomb = gzip.compress(b"0" * 10_000_000)
    respond = answer(bomb, headers="Content-Encoding: gzip\r\n")
    async with serving(tmp_path, respond) as (server, fetcher):
        with pytest.raises(FetchError, match="encoding"):
            await fetcher.fetch(f"https://localhost:{server.port}/")


async def test_a_slow_server_is_left_in_time(tmp_path: Path) -> None:
    async def dripping(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        for _ in range(100):
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with serving(tmp_path, dripping, timeout=0.5) as (server, fetcher):
        with pytest.raises(FetchError, match="in time"):
            await fetcher.fetch(f"https://localhost:{server.port}/")


async def test_an_untrusted_certificate_is_refused(tmp_path: Path) -> None:
    async with serving(tmp_path, answer(DOCUMENT), ca_file=None) as (server, fetcher):
        with pytest.raises(FetchError, match="CERTIFICATE_VERIFY_FAILED"):
            await fetcher.fetch(f"https://localhost:{server.port}/")
    assert server.requests == []


async def test_the_certificate_must_be_for_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with tls_server(tmp_path, answer(DOCUMENT)) as server:
        hosts = frozenset({f"other.example:{server.port}"})
        fetcher = HttpFetcher(OutboundSettings(allowed_hosts=hosts, ca_file=server.ca_file))
        _resolve(monkeypatch, "127.0.0.1")
        with pytest.raises(FetchError, match="CERTIFICATE_VERIFY_FAILED"):
            await fetcher.fetch(f"https://other.example:{server.port}/")


async def test_what_the_operator_configured_needs_no_exception(tmp_path: Path) -> None:
    async with serving(tmp_path, answer(DOCUMENT), excepted=False) as (server, fetcher):
        document = await fetcher.fetch_configured(f"https://localhost:{server.port}/")
    assert document.body == DOCUMENT


def _resolve(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """Makes every name resolve to ``addresses``; collects the names that are asked for."""
    asked: list[str] = []

    async def resolved(_: object, host: str, *_a: object, **_k: object) -> list[str]:
        asked.append(host)
        return list(addresses)

    monkeypatch.setattr(NameResolver, "addresses", resolved)
    return asked
