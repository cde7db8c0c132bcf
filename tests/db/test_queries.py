"""The second lane: lists and searches see what is there, end in time, and stop nobody else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import Select, column, delete, func, literal_column, select, table

from dcrserver.db.failures import Absent
from dcrserver.db.protocol.drivers import open_driver
from dcrserver.db.queries import CONNECTIONS, Queries
from dcrserver.db.sqlite_queries import ThreadLane
from dcrserver.db.tables import clients
from dcrserver.errors import QueryTooLong, Unavailable
from dcrserver.repositories.queries import Lists
from dcrserver.repositories.queries import clients as client_lists
from dcrserver.repositories.queries.clients import Filter
from dcrserver.repositories.queries.clients.search import Search
from dcrserver.repositories.transaction import Database
from dcrserver.security import new_client_id
from dcrserver.settings import DatabaseSettings
from harness.databases import migrated
from harness.long_run import FIRST_EVERYDAY, rounds
from harness.many import RARE, fill, paused
from harness.rows import add, find, record

_MANY = rounds(100_000, long=200_000)
# The aim is 5 ms (benchmarks/search.py tells the figure); machines of tests are busy.
_LONGEST_SECONDS = 0.05


@pytest.fixture
async def database(any_database: str) -> AsyncIterator[Database]:
    made = Database(open_driver(DatabaseSettings(url=SecretStr(any_database), pool_size=4)))
    yield made
    await made.close()


@pytest.fixture
async def queries(
    any_database: str,
    database: Database,  # noqa: ARG001 - opened first, as everywhere
) -> AsyncIterator[Queries]:
    settings = DatabaseSettings(url=SecretStr(any_database), query_timeout=1)
    made = Queries(settings)
    yield made
    await made.close()


async def test_what_was_just_committed_is_seen(database: Database, queries: Queries) -> None:
    lists, tenant = Lists(queries), new_client_id()
    for number in range(1, 20):
        await add(database, record(tenant=tenant))
        assert await lists.clients.total(tenant) == number


async def test_pages_hold_every_client_once_and_in_order(
    database: Database, queries: Queries
) -> None:
    """Also of those that were registered in the same second, and while others come."""
    lists, tenant = Lists(queries), new_client_id()
    made = [record(tenant=tenant, issued_at=100 + number // 4) for number in range(22)]
    await add(database, *made, record(tenant=f"{tenant}x"))
    found, page = [], await lists.clients.page(tenant, limit=5)
    while page:
        await add(database, record(tenant=tenant, issued_at=1000))
        found += page
        after = (page[-1].issued_at, page[-1].client_id)
        page = await lists.clients.page(tenant, after=after, limit=5)
    assert found == sorted(made, key=lambda each: each[4:5] + each[1:2], reverse=True)


async def test_every_client_is_visited_once(
    database: Database, queries: Queries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dcrserver.repositories.queries.clients._BATCH", 3)
    lists, tenant = Lists(queries), new_client_id()
    made = [record(tenant=tenant) for _ in range(7)]
    await add(database, *made, record(tenant=f"{tenant}x"))
    pages = [page async for page in lists.clients.every(tenant)]
    assert [len(page) for page in pages] == [3, 3, 1]
    ids = sorted(each.client_id for each in made)
    assert [each.client_id for page in pages for each in page] == ids
    everywhere = [each async for page in lists.clients.every(None) for each in page]
    assert len(everywhere) == len(set(everywhere)) == await lists.clients.total(None)
    assert [each.client_id for each in everywhere if each.tenant == tenant] == ids


@pytest.mark.parametrize(
    ("wanted", "count"), [("acme", 2), ("ACME", 2), ("100%", 1), ("1%0", 0), ("a_me", 0)]
)
async def test_a_search_is_for_the_very_text_in_whatever_case(
    database: Database, queries: Queries, wanted: str, count: int
) -> None:
    tenant = new_client_id()
    names = ("Acme", "the acme 100%", "other")
    texts = [f'{{"client_name":"{name}"}}' for name in names]
    await add(database, *(record(tenant=tenant, metadata=text) for text in texts))
    lists, filters = Lists(queries), Filter({"contains": wanted})
    assert await lists.clients.total(tenant, filters) == count
    assert len(await lists.clients.page(tenant, filters, limit=9)) == count


@pytest.mark.parametrize("own_database", FIRST_EVERYDAY, indirect=True)
async def test_a_search_over_many_clients_stops_nobody(own_database: str) -> None:
    """SQLite worked in the event loop: for 129 ms, with so many, nobody was served."""
    is_sqlite = own_database.startswith("sqlite")
    count = _MANY if is_sqlite else _MANY // 10  # a server's work is its own
    await fill(own_database, "many", count)
    settings = DatabaseSettings(url=SecretStr(own_database))
    database, queries = Database(open_driver(settings)), Queries(settings)
    lists, filters = Lists(queries), Filter({"contains": "acme"})
    assert await lists.clients.total("nobody") == 0  # all is loaded, and connected

    async def search() -> None:
        assert await lists.clients.total("many", filters) == count // RARE
        assert len(await lists.clients.page("many", filters, limit=20)) == 20

    async def serve(searching: asyncio.Task[None]) -> int:
        served = 0
        while not searching.done():
            await add(database, record())
            served += 1
        return served

    pauses = []
    for _ in range(5):  # what others do on this machine is not in all of them
        searching = asyncio.create_task(search())
        (_, served), pause = await paused(asyncio.gather(searching, serve(searching)))
        assert served > 2
        pauses.append(pause)
        if pause < _LONGEST_SECONDS:
            break
    assert pauses[-1] < _LONGEST_SECONDS
    await queries.close()
    await database.close()


@pytest.mark.parametrize("own_database", FIRST_EVERYDAY, indirect=True)
async def test_an_export_of_many_clients_stops_nobody(own_database: str) -> None:
    """It is made of pages, each a few milliseconds of the event loop."""
    await fill(own_database, "many", 5000)
    settings = DatabaseSettings(url=SecretStr(own_database))
    database, queries = Database(open_driver(settings)), Queries(settings)
    lists = Lists(queries)
    assert await lists.clients.total("nobody") == 0

    async def export() -> int:
        return sum([len(page) async for page in lists.clients.stream("many")])

    for _ in range(5):
        count, pause = await paused(export())
        assert count == 5000
        if pause < _LONGEST_SECONDS:
            break
    assert pause < _LONGEST_SECONDS
    await queries.close()
    await database.close()


async def test_who_leaves_a_stream_leaves_no_page_that_is_still_looked_for(
    database: Database, queries: Queries, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next page is looked for while one is used; what it came to is told in its turn."""
    monkeypatch.setattr(client_lists, "_BATCH", 2)
    lists, tenant = Lists(queries), new_client_id()
    await add(database, *(record(tenant=tenant) for _ in range(9)))
    others = asyncio.all_tasks()
    async with aclosing(lists.clients.stream(tenant)) as pages:
        async for page in pages:
            assert len(page) == 2
            break
    assert asyncio.all_tasks() <= others
    assert queries.connections()["used"] == 0

    looked_for, original = 0, Search.page

    async def failing(self: Search, *given: Any) -> Any:
        nonlocal looked_for
        looked_for += 1
        if looked_for == 3:
            raise QueryTooLong("too much work")
        return await original(self, *given)

    monkeypatch.setattr(Search, "page", failing)
    seen = 0

    async def read() -> None:
        nonlocal seen
        async for page in lists.clients.stream(tenant):
            seen += len(page)

    with pytest.raises(QueryTooLong):
        await read()
    assert (seen, looked_for) == (4, 3)


async def test_a_search_ends_when_its_time_is_over(any_database: str, queries: Queries) -> None:
    before = time.monotonic()
    with pytest.raises(Unavailable):
        await queries.all(_endless(any_database))
    assert time.monotonic() - before < 3
    assert await Lists(queries).clients.total("nobody") == 0


async def test_who_asks_no_more_leaves_nothing_running(any_database: str) -> None:
    queries = Queries(DatabaseSettings(url=SecretStr(any_database), query_timeout=5))
    database = Database(open_driver(DatabaseSettings(url=SecretStr(any_database))))
    before = time.monotonic()
    for _ in range(CONNECTIONS + 1):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await queries.all(_endless(any_database))
    assert await Lists(queries).clients.total("nobody") == 0
    assert queries.connections()["used"] == 0
    running = asyncio.create_task(queries.all(_endless(any_database)))
    await asyncio.sleep(0.1)
    running.cancel()
    await queries.close()
    await database.close()
    assert time.monotonic() - before < 4  # not when the time of each is over


def _endless(url: str) -> Select[int]:
    """A minute of work, in each database's words."""
    if url.startswith("postgresql"):
        return select(func.pg_sleep(60))
    if url.startswith("mysql"):
        one, other = (table("seq_1_to_1000000", column("seq")).alias(name) for name in "ab")
        pairs = one.join(other, one.c.seq + other.c.seq < 0)
        return select(func.count()).select_from(pairs)
    first = select(literal_column("1").label("i")).cte(recursive=True)
    return select(func.count()).select_from(first.union_all(select(first.c.i + 1)))


async def test_nothing_can_be_written(sqlite_database: str) -> None:
    database = Database(open_driver(DatabaseSettings(url=SecretStr(sqlite_database))))
    lane = ThreadLane(DatabaseSettings(url=SecretStr(sqlite_database)), 1)
    with pytest.raises(Absent, match="readonly"):
        await lane.run(lambda connection: connection.execute(delete(clients)))
    await lane.close()
    await database.close()


def test_a_server_plans_as_it_likes() -> None:
    """Its first lane may only look for keys; one that lists all may read all."""

    async def told(url: str) -> object:
        queries = Queries(DatabaseSettings(url=SecretStr(url), query_timeout=7))
        names = ("enable_seqscan", "enable_hashjoin", "enable_mergejoin", "statement_timeout")
        try:
            return await queries.all(select(*(func.current_setting(name) for name in names)))
        finally:
            await queries.close()

    with migrated("postgresql") as url:
        assert asyncio.run(told(url)) == [("on", "on", "on", "7s")]


@pytest.mark.parametrize("url", ["postgresql://nobody@127.0.0.1:1/none", "mysql://x@127.0.0.1:1/x"])
async def test_a_server_that_cannot_be_reached_is_unavailable(url: str) -> None:
    lists = Lists(queries := Queries(DatabaseSettings(url=SecretStr(url), pool_timeout=1)))
    with pytest.raises(Unavailable) as refusal:
        await lists.clients.total(None)
    assert "127.0.0.1" not in refusal.value.description
    await queries.close()


async def test_where_the_log_of_sqlite_was_removed_no_other_is_made(
    tmp_path: Path, sqlite_file: bytes
) -> None:
    """The writer, who knows what was in it, can go on only where nobody began another."""
    (tmp_path / "x.db").write_bytes(sqlite_file)
    settings = DatabaseSettings(url=SecretStr(f"sqlite:///{tmp_path}/x.db"))
    database, lists = Database(open_driver(settings)), Lists(queries := Queries(settings))
    await add(database, one := record())
    (tmp_path / "x.db-wal").unlink()
    with pytest.raises(Unavailable):
        await lists.clients.total(None)
    await add(database, record())
    assert await find(database, one.client_id) == one
    assert await lists.clients.total(None) == 2
    await queries.close()
    await database.close()
