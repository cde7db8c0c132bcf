"""Servers of others that are silent, slow or talkative on purpose, and their name servers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import pytest

from dcrserver.fetch import CachingFetcher, Document, FetchError, HttpFetcher
from dcrserver.fetch.resolver import NameResolver
from dcrserver.fetch.shares import FairPlaces
from dcrserver.settings import OutboundSettings
from harness.name_server import name_server
from harness.tls import answer, tls_server

DOCUMENT = b'{"keys": []}'
finding = pytest.mark.finding
# What is quick takes some milliseconds; this is for machines that do other things as well.
QUICK_SECONDS = 3.0


@asynccontextmanager
async def silent_servers(*addresses: str) -> AsyncIterator[list[str]]:
    """HOST:PORT of servers that take connections and never say a word."""

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1000):
            pass
        writer.close()

    async with AsyncExitStack() as stack:
        made = [await asyncio.start_server(take, address, 0) for address in addresses]
        for server in made:
            stack.callback(server.close)
        yield [":".join(map(str, server.sockets[0].getsockname())) for server in made]


async def _begun(
    resolver: NameResolver, names: list[str], seconds: float
) -> list[asyncio.Task[list[str]]]:
    """Look-ups under way; not all at once, of which the name server's socket would drop some."""
    begun = []
    for name in names:
        begun.append(asyncio.create_task(resolver.addresses(name, seconds)))
        await asyncio.sleep(0)
    return begun


@finding("S8", "R1")
async def test_silent_name_servers_stop_nobody_elses_look_ups() -> None:
    async with name_server({"good.example": "192.0.2.7"}) as (where, asked):
        resolver = NameResolver(OutboundSettings(nameservers=(where,)))
        slow = [f"n{number}.slow{number % 20}.example" for number in range(200)]
        stuck = await _begun(resolver, slow, 1.5)
        await asked.was_asked.wait()
        started = time.monotonic()
        assert await resolver.addresses("good.example", 2.0) == ["192.0.2.7"]
        assert time.monotonic() - started < QUICK_SECONDS
        outcomes = await asyncio.gather(*stuck, return_exceptions=True)
    assert all(isinstance(outcome, OSError) for outcome in outcomes)


@finding("S8", "R1")
async def test_one_domain_takes_no_more_than_its_share() -> None:
    async with name_server({"good.example.org": "192.0.2.7"}) as (where, asked):
        resolver = NameResolver(OutboundSettings(nameservers=(where,)))
        names = [f"n{number}.attacker.example" for number in range(500)]
        stuck = await _begun(resolver, names, 5.0)
        await asked.was_asked.wait()
        started = time.monotonic()
        assert await resolver.addresses("good.example.org", 2.0) == ["192.0.2.7"]
        assert time.monotonic() - started < QUICK_SECONDS
        assert len({name for name in asked.asked if "attacker" in name}) <= 16
        for task in stuck:
            task.cancel()
        await asyncio.gather(*stuck, return_exceptions=True)


@finding("S8", "R1")
async def test_many_silent_domains_stop_nobody_elses_look_ups() -> None:
    """As many as can be waited for at once, each domain with all of its share."""
    async with name_server({"good.example.org": "192.0.2.7"}) as (where, asked):
        resolver = NameResolver(OutboundSettings(nameservers=(where,)))
        names = [f"n{number}.a.silent{number % 20}.example" for number in range(400)]
        stuck = await _begun(resolver, names, 30.0)
        async with asyncio.timeout(30):
            while len(set(asked.asked)) < 256:  # noqa: ASYNC110 - what a server of ours was asked
                await asyncio.sleep(0.01)
        started = time.monotonic()
        assert await resolver.addresses("good.example.org", 20.0) == ["192.0.2.7"]
        assert time.monotonic() - started < QUICK_SECONDS
        for task in stuck:
            task.cancel()
        await asyncio.gather(*stuck, return_exceptions=True)


@finding("S8", "R1")
async def test_who_was_found_before_waits_for_no_neighbour() -> None:
    """Whoever sells names below a domain sells them to attackers as well."""
    async with name_server({"good.shared.example": "192.0.2.7"}) as (where, asked):
        resolver = NameResolver(OutboundSettings(nameservers=(where,)))
        assert await resolver.addresses("good.shared.example", 20.0) == ["192.0.2.7"]
        names = [f"n{number}.shared.example" for number in range(100)]
        stuck = await _begun(resolver, names, 30.0)
        async with asyncio.timeout(30):
            while len(set(asked.asked)) < 17:  # noqa: ASYNC110 - what a server of ours was asked
                await asyncio.sleep(0.01)
        started = time.monotonic()
        assert await resolver.addresses("good.shared.example", 20.0) == ["192.0.2.7"]
        assert time.monotonic() - started < QUICK_SECONDS
        for task in stuck:
            task.cancel()
        await asyncio.gather(*stuck, return_exceptions=True)


@finding("S8")
async def test_a_place_is_taken_from_who_holds_the_most() -> None:
    places, held, gone = FairPlaces(4), asyncio.Event(), []

    async def hold(name: str) -> None:
        try:
            async with places.of(name.rstrip("0123456789")):
                await held.wait()
        except TimeoutError:
            gone.append(name)

    async with asyncio.TaskGroup() as tasks:
        for name in ("honest", "many1", "many2", "many3", "new", "newer", "newest"):
            tasks.create_task(hold(name))
            await asyncio.sleep(0)
        async with asyncio.timeout(10):
            while len(gone) < 3:  # noqa: ASYNC110
                await asyncio.sleep(0)
        held.set()
    # When all hold one, the first to come has had the longest time.
    assert gone == ["many1", "many2", "honest"]
    async with places.of("a"), places.of("b"), places.of("c"), places.of("d"):
        pass


async def test_a_name_that_has_no_address_is_told_from_silence() -> None:
    async with name_server({}) as (where, _):
        resolver = NameResolver(OutboundSettings(nameservers=(where,)))
        with pytest.raises(OSError, match="name server"):
            await resolver.addresses("silent.example", 0.3)
        assert await resolver.addresses("localhost", 0.3) != []
        assert await resolver.addresses("x.localhost", 0.3) == ["127.0.0.1", "::1"]
        assert await resolver.addresses("192.0.2.1", 0.3) == ["192.0.2.1"]


@finding("S9")
@pytest.mark.parametrize("line", [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early\r\n\r\n"])
async def test_interim_answers_without_end_are_refused(tmp_path: Path, line: bytes) -> None:
    async def talk(_: bytes, writer: asyncio.StreamWriter) -> None:
        while not writer.is_closing():
            writer.write(line * 100)
            await writer.drain()

    async with tls_server(tmp_path, talk) as server:
        hosts = frozenset({f"localhost:{server.port}"})
        fetcher = HttpFetcher(OutboundSettings(allowed_hosts=hosts, ca_file=server.ca_file))
        busy, started = time.process_time(), time.monotonic()
        with pytest.raises(FetchError, match="interim answer"):
            await fetcher.fetch(f"https://localhost:{server.port}/")
        # The server is in this process as well: most of what it costs is its own.
        assert time.process_time() - busy < 1.0
        assert time.monotonic() - started < QUICK_SECONDS


@finding("S9")
async def test_all_octets_of_a_connection_count(tmp_path: Path) -> None:
    async def talk(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"1;" + b"x" * 100 + b"\r\n \r\n")
            await writer.drain()

    async with tls_server(tmp_path, talk) as server:
        hosts = frozenset({f"localhost:{server.port}"})
        fetcher = HttpFetcher(OutboundSettings(allowed_hosts=hosts, ca_file=server.ca_file))
        with pytest.raises(FetchError, match="too much"):
            await fetcher.fetch(f"https://localhost:{server.port}/")


@finding("S9")
async def test_records_without_anything_for_us_count() -> None:
    """HelloRequest, of four octets, which a client ignores while it greets (RFC 5246 7.4.1.1)."""
    sent = 0

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        record = b"\x16\x03\x03\x40\x00" + bytes(0x4000)
        with suppress(ConnectionError):
            while True:
                writer.write(record)
                await writer.drain()
                sent += len(record)

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings = OutboundSettings(allowed_hosts=frozenset({f"localhost:{port}"}), timeout=30)
    async with server:
        with pytest.raises(FetchError, match="too much"):
            await HttpFetcher(settings).fetch(f"https://localhost:{port}/")
    assert sent < 16_000_000  # most of it in the buffers of sockets


@finding("S26")
async def test_silent_servers_at_many_addresses_leave_room_for_others(tmp_path: Path) -> None:
    addresses = [f"127.0.{net}.{host}" for net in (1, 2) for host in range(1, 9)]
    async with (
        silent_servers(*addresses) as silent,
        tls_server(tmp_path, answer(DOCUMENT)) as server,
    ):
        quick = f"localhost:{server.port}"
        fetcher = HttpFetcher(
            OutboundSettings(allowed_hosts=frozenset({*silent, quick}), ca_file=server.ca_file)
        )
        stuck = [
            asyncio.create_task(fetcher.fetch(f"https://{where}/{number}"))
            for where in silent
            for number in range(20)
        ]
        await asyncio.sleep(0.3)  # all have had their chance
        started = time.monotonic()
        assert (await fetcher.fetch(f"https://{quick}/")).body == DOCUMENT
        assert (await fetcher.fetch_configured(f"https://{quick}/")).body == DOCUMENT
        assert time.monotonic() - started < QUICK_SECONDS
        for task in stuck:
            task.cancel()
        await asyncio.gather(*stuck, return_exceptions=True)


@finding("S26")
async def test_silent_servers_of_many_networks_give_way(tmp_path: Path) -> None:
    """They hold all slots, and would for as long as a fetch may take."""
    addresses = [f"127.0.{net}.{host}" for net in range(1, 10) for host in range(1, 5)]
    async with (
        silent_servers(*addresses) as silent,
        tls_server(tmp_path, answer(DOCUMENT)) as server,
    ):
        quick = f"localhost:{server.port}"
        fetcher = HttpFetcher(
            OutboundSettings(
                allowed_hosts=frozenset({*silent, quick}), ca_file=server.ca_file, timeout=60
            )
        )
        stuck = [
            asyncio.create_task(fetcher.fetch(f"https://{where}/{number}"))
            for where in silent
            for number in range(4)
        ]
        started = time.monotonic()
        await asyncio.sleep(0.3)  # all have had their chance
        assert (await fetcher.fetch(f"https://{quick}/")).body == DOCUMENT
        assert time.monotonic() - started < 4 * QUICK_SECONDS
        for task in stuck:
            task.cancel()
        await asyncio.gather(*stuck, return_exceptions=True)


@finding("S8")
async def test_who_is_quick_keeps_its_place() -> None:
    """Others wait for it, and get it at once when it is left."""
    places = FairPlaces(1, seconds=30)

    async def take() -> None:
        async with places.of("next"):
            pass

    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks, places.of("quick"):
        next_one = tasks.create_task(take())
        await asyncio.sleep(0.01)
        assert not next_one.done()


@finding("S4")
async def test_those_who_wait_for_documents_are_bounded() -> None:
    class Silent:
        async def fetch(self, _: str) -> Document:
            await asyncio.sleep(60)
            raise AssertionError

    cache = CachingFetcher(Silent(), OutboundSettings())
    waiting = [asyncio.create_task(cache.fetch("https://a.example/")) for _ in range(300)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    refused = [task for task in waiting if task.done()]
    assert len(refused) == 300 - 256
    assert {str(task.exception()) for task in refused} == {"too many wait for documents"}
    await cache.close()
    await asyncio.gather(*waiting, return_exceptions=True)
