"""No request makes us connect to an internal address, however it is spelled (POL-49, CF-80).

Connections are counted where Python makes them: by an audit hook on ``socket.connect``.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from conftest import MakeApplication
from dcrserver.fetch import FetchError, HttpFetcher
from dcrserver.fetch.resolver import NameResolver
from dcrserver.metadata.addresses import is_special
from dcrserver.settings import OutboundSettings
from harness.application import CALLBACK, Application
from harness.spellings import NAMES, PUBLIC, spellings

requirement = pytest.mark.requirement

SPELLINGS = spellings()
_CONNECTIONS: list[Any] = []


def _record(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect":
        _CONNECTIONS.append(arguments[1])


sys.addaudithook(_record)


@pytest.fixture
def connections() -> Iterator[list[Any]]:
    """Addresses that were connected to since the test began."""
    _CONNECTIONS.clear()
    yield _CONNECTIONS
    _CONNECTIONS.clear()


@pytest.fixture
def _hostile_resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    """Understands every spelling that any resolver does, and sends all other names inside."""

    async def addresses(_: object, host: str, *_a: object, **_k: object) -> list[str]:
        return [_lenient(host)]

    monkeypatch.setattr(NameResolver, "addresses", addresses)


def _lenient(host: str) -> str:
    with contextlib.suppress(ValueError):
        return str(ipaddress.ip_address(host))
    with contextlib.suppress(OSError):
        return socket.inet_ntoa(socket.inet_aton(host))  # 127.1, 0x7f.1, 2130706433
    return "127.0.0.1"


@contextlib.asynccontextmanager
async def listening() -> AsyncIterator[int]:
    """A port of this machine where somebody would answer."""

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_there_are_enough_spellings() -> None:
    assert len(SPELLINGS) >= 400


def test_the_counter_counts(connections: list[Any]) -> None:
    """Else zero would mean nothing."""
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", closed_port()), timeout=1)
    assert len(connections) == 1


@requirement("POL-49")
@pytest.mark.usefixtures("_hostile_resolver")
async def test_no_spelling_leads_inside(connections: list[Any]) -> None:
    fetcher = HttpFetcher(OutboundSettings(timeout=2.0))
    async with listening() as port:
        attempts = 0
        for host in SPELLINGS:
            for url in (f"https://{host}/x", f"https://{host}:{port}/x", f"http://{host}:{port}/"):
                attempts += 1
                with pytest.raises(FetchError):
                    await fetcher.fetch(url)
    print(f"{len(SPELLINGS)} spellings, {attempts} attempts, {len(connections)} connections")
    assert connections == []


@requirement("POL-49")
async def test_public_addresses_are_not_special() -> None:
    assert [text for text in PUBLIC if is_special(ipaddress.ip_address(text))] == []


@requirement("POL-49", "R7591-5-06")
@pytest.mark.parametrize("member", ["sector_identifier_uri", "jwks_uri"])
@pytest.mark.usefixtures("_hostile_resolver")
async def test_no_registration_leads_inside(
    make_app: MakeApplication, connections: list[Any], member: str
) -> None:
    app = await eager(make_app)
    connections.clear()
    async with listening() as port:
        for host in SPELLINGS:
            for url in (f"https://{host}/x", f"https://{host}:{port}/x"):
                answer = await register(app, member, url)
                assert answer.status_code == 400, url
                assert answer.json()["error"] == "invalid_client_metadata"
    print(f"{member}: {2 * len(SPELLINGS)} registrations, {len(connections)} connections")
    assert connections == []


@requirement("POL-49")
@pytest.mark.parametrize("member", ["sector_identifier_uri", "jwks_uri"])
@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost", *NAMES[-4:]])
@pytest.mark.usefixtures("_hostile_resolver")
async def test_an_open_port_answers_like_a_closed_one(
    make_app: MakeApplication, connections: list[Any], member: str, host: str
) -> None:
    """Same status, same headers but for the request's own id, same octets."""
    app = await eager(make_app)
    async with listening() as port:
        told = [
            await register(app, member, f"https://{host}:{number}/x")
            for number in (port, closed_port(), 443, 22)
        ]
    connections.clear()
    for answer in told:
        answer.headers.pop("x-request-id")
    assert len({answer.content for answer in told}) == 1
    assert len({tuple(answer.headers.items()) for answer in told}) == 1
    assert connections == []


@requirement("POL-49")
async def test_a_name_of_inside_sounds_like_one_of_nowhere(
    make_app: MakeApplication, monkeypatch: pytest.MonkeyPatch, connections: list[Any]
) -> None:
    app = await eager(make_app)
    connections.clear()

    async def addresses(_: object, host: str, *_a: object, **_k: object) -> list[str]:
        return [] if host == "nowhere.example" else ["10.0.0.1"]

    monkeypatch.setattr(NameResolver, "addresses", addresses)
    told = [
        await register(app, "jwks_uri", f"https://{host}/jwks")
        for host in ("inside.example", "nowhere.example")
    ]
    assert told[0].content == told[1].content
    assert connections == []


async def eager(make_app: MakeApplication) -> Application:
    made: Application = await make_app(policy={"jwks": {"eager_fetch": True}})
    return made


async def register(app: Application, member: str, url: str) -> Any:
    return await app.http.post("/register", json={"redirect_uris": [CALLBACK], member: url})
