"""A PgBouncer in transaction mode: each transaction is at another connection of PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from test_postgresql import beside, failure, opened

from dcrserver.errors import Unavailable
from harness.databases import database, migrate
from harness.pgbouncer import pgbouncer
from harness.rows import add, find, record

WITHOUT_STATEMENTS = "?statement_cache_size=0"


@pytest.fixture
def url() -> Iterator[str]:
    with database("postgresql") as server, pgbouncer(server, default_pool_size="2") as made:
        yield made


@pytest.mark.finding("F10")
async def test_as_documented_it_migrates_and_serves(url: str) -> None:
    for _ in range(2):  # another process would use the same names of statements
        await migrate(url + WITHOUT_STATEMENTS)
    async with opened(url + WITHOUT_STATEMENTS, pool_size=8) as database:
        rows = [record() for _ in range(50)]
        await asyncio.gather(*(add(database, each) for each in rows))
        assert await asyncio.gather(*(find(database, each.client_id) for each in rows)) == rows
        assert await database.not_ready_reason() is None


@pytest.mark.finding("F10")
async def test_without_its_setting_the_setting_is_named(url: str) -> None:
    await migrate(url + WITHOUT_STATEMENTS)
    async with opened(url) as database, beside(url) as other:
        await find(database, "absent")
        async with other.transaction():  # has the connection that knows the statement
            error = await failure(find(database, "absent"))
    assert isinstance(error, Unavailable)
    assert "statement_cache_size=0" in str(error.detail)
