"""A PostgreSQL that becomes read-only, ends connections, or has rows that others lock."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from pydantic import SecretStr
from sqlalchemy import make_url

from dcrserver.db import sync_engine
from dcrserver.db.failures import Absent, AlreadyThere, Conflict, Lost, Refused
from dcrserver.db.hosts import servers_of
from dcrserver.db.protocol.drivers import open_driver
from dcrserver.db.protocol.drivers.postgresql_connect import connect_options
from dcrserver.db.protocol.drivers.postgresql_errors import MEANINGS, meaning, translated
from dcrserver.db.queries import Queries
from dcrserver.db.urls import database_url
from dcrserver.errors import Unavailable
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.queries import Lists
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.settings import ConfigurationError, DatabaseSettings
from harness.databases import migrate, migrated
from harness.rows import add, find, record


@pytest.fixture
def url() -> Iterator[str]:
    with migrated("postgresql") as made:
        yield made


@asynccontextmanager
async def opened(url: str, **settings: Any) -> AsyncIterator[Database]:
    database = Database(open_driver(DatabaseSettings(url=SecretStr(url), **settings)))
    yield database
    await database.close()


@asynccontextmanager
async def beside(url: str, database: str | None = None) -> AsyncIterator[asyncpg.Connection]:
    """A connection of another program."""
    made = make_url(url).set(drivername="postgresql")
    if database is not None:
        made = made.set(database=database)
    connection = await asyncpg.connect(made.render_as_string(hide_password=False))
    try:
        yield connection
    finally:
        await connection.close()


async def end_connections(url: str) -> None:
    async with beside(url, "postgres") as other:
        await other.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1",
            make_url(url).database,
        )


def errors_of_asyncpg() -> list[type[asyncpg.PostgresError]]:
    found = [each for each in vars(asyncpg.exceptions).values() if isinstance(each, type)]
    return [each for each in found if issubclass(each, asyncpg.PostgresError) and each.sqlstate]


@pytest.mark.finding("R7")
def test_every_error_of_postgresql_is_one_of_ours() -> None:
    ours = {AlreadyThere, Conflict, Refused, Absent}
    for each in errors_of_asyncpg():
        assert each.sqlstate in MEANINGS or each.sqlstate[:2] in MEANINGS, each
        with pytest.raises(tuple(ours)), translated():
            raise asyncpg.PostgresError.new({"C": each.sqlstate, "M": "text"})
    assert len(errors_of_asyncpg()) > 200


@pytest.mark.finding("R7")
@pytest.mark.parametrize("state", ["ZZ999", "", None])
def test_a_connection_with_an_error_that_nobody_foresaw_is_not_trusted(state: str | None) -> None:
    assert meaning(state) is Lost


@pytest.mark.finding("R7", "F3")
async def test_a_server_that_was_read_only_is_written_to_as_soon_as_it_can_be(url: str) -> None:
    name = make_url(url).database
    async with opened(url, pool_size=4) as database:
        await add(database, record())
        async with beside(url, "postgres") as other:
            await other.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        await end_connections(url)
        results = await asyncio.gather(
            *(add(database, record()) for _ in range(8)), return_exceptions=True
        )
        results += [await failure(add(database, record()))]
        assert isinstance(results[-1], Unavailable)
        assert await database.not_ready_reason() == "the database is read-only"
        async with beside(url, "postgres") as other:
            await other.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        await failure(add(database, record()))  # at most one for the old connections
        written = record()
        await add(database, written)
        assert await find(database, written.client_id) == written
        assert await database.not_ready_reason() is None


@pytest.mark.finding("R7")
async def test_a_database_that_accepts_no_connections_is_unavailable(url: str) -> None:
    name = make_url(url).database
    async with beside(url, "postgres") as other:
        await other.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        try:
            async with opened(url, pool_timeout=2) as database:
                assert isinstance(await failure(add(database, record())), Unavailable)
                assert isinstance(await failure(find(database, "x")), Unavailable)
                assert isinstance(await failure(database.not_ready_reason()), Unavailable)
        finally:
            await other.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


@pytest.mark.finding("R7", "F3")
async def test_when_the_server_ends_connections_one_request_pays_for_all(url: str) -> None:
    async with opened(url, pool_size=4) as database:
        one = record()
        await add(database, one)
        await asyncio.gather(
            *(database.not_ready_reason() for _ in range(4))
        )  # each has a connection
        await end_connections(url)
        await failure(find(database, one.client_id))
        for _ in range(4):
            assert await find(database, one.client_id) == one


async def test_a_list_is_not_stopped_by_a_connection_that_was_closed_while_nobody_used_it(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who asks again at once does so without a question first, and one of them may pay."""
    queries = Queries(DatabaseSettings(url=SecretStr(url)))
    lists = Lists(queries)
    assert await lists.clients.total("nobody") == 0
    await end_connections(url)
    with pytest.raises(Unavailable):
        await lists.clients.total("nobody")
    assert await lists.clients.total("nobody") == 0
    monkeypatch.setattr(sync_engine, "_IDLE_SECONDS", 0)
    await end_connections(url)
    assert await lists.clients.total("nobody") == 0
    await queries.close()


@pytest.mark.finding("R5", "F9")
async def test_a_row_that_another_locks_holds_up_its_own_update_alone(url: str) -> None:
    clients = [record() for _ in range(10)]
    async with opened(url) as database, beside(url) as other:
        await add(database, *clients)
        await other.execute("BEGIN")
        await other.execute(
            "SELECT 1 FROM clients WHERE client_id = $1 FOR UPDATE", clients[3].client_id
        )
        started = time.monotonic()
        results = await asyncio.gather(
            *(
                database.transact(lambda tx, old=each: tx.clients.replace(old, changed(old)))
                for each in clients
            ),
            return_exceptions=True,
        )
        assert time.monotonic() - started < 8
        assert [result for result in results if result is not True] == [results[3]]
        assert isinstance(results[3], Unavailable)
        await other.execute("ROLLBACK")
        assert await find(database, clients[3].client_id) == clients[3], "it is not written later"
        assert await find(database, clients[4].client_id) == changed(clients[4])


def changed(old: Any) -> Any:
    return old._replace(version=2, metadata='{"a":1}')


async def failure(asked: Any) -> BaseException | None:
    try:
        await asked
    except Unavailable as error:
        return error
    return None


@pytest.mark.finding("F10")
async def test_a_transaction_that_meets_a_table_changed_beneath_it_is_run_again(url: str) -> None:
    """As while another instance migrates: 0A000, cached plan must not change result type."""
    one, lookups = record(), 0

    async def look(tx: Transaction) -> ClientRecord | None:
        nonlocal lookups
        lookups += 1
        return await tx.clients.find(one.tenant, one.client_id)

    async with opened(url, pool_size=1) as database, beside(url) as other:
        await add(database, one)
        assert await database.transact(look) == one
        await other.execute("ALTER TABLE clients ALTER client_id TYPE varchar(200)")
        assert await database.transact(look) == one
    assert lookups == 3


@pytest.mark.finding("F10")
@pytest.mark.parametrize("option", ["statement_cache_size=x", "prepared_statement_cache_size=-1"])
def test_a_number_in_the_url_that_is_none_is_told(option: str) -> None:
    with pytest.raises(ConfigurationError, match="must be a number"):
        database_url(DatabaseSettings(url=SecretStr(f"postgresql://h/db?{option}")))


@pytest.mark.finding("F3")
async def test_a_migration_of_standbys_alone_is_told_in_a_line(url: str) -> None:
    async with beside(url, "postgres") as other:
        await other.execute(
            f"ALTER DATABASE {make_url(url).database} SET default_transaction_read_only = on"
        )
    with pytest.raises(Unavailable) as refusal:
        await migrate(f"{url}?target_session_attrs=read-write")
    assert refusal.value.detail == "no server that can be written to answers"


@pytest.mark.finding("F4", "F10")
async def test_a_silent_server_has_its_share_of_the_time_only(url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        made = make_url(url)
        port = silent.getsockname()[1]
        several = (
            f"postgresql://{made.username}@127.0.0.1:{port},{made.host}:{made.port}/{made.database}"
        )
        await migrate(several, pool_timeout=2)
        async with opened(several, pool_timeout=2) as database:
            one = record()
            await add(database, one)
            assert await find(database, one.client_id) == one


@pytest.mark.finding("F10")
@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://h1:x/db", "port"),
        ("postgresql://h1:1,h2:x/db", "server 2 must be"),
        ("postgresql://h1,,h2/db", "server 2 must be"),
        ("postgresql://h1/db?host=a,b&port=1,2,3", "one for each host"),
        ("postgresql://h1/db?port=0", "port: must be"),
        ("mysql://h1,/db", "server 2 must be"),
        ("mysql://h1/db?host=::1", "server 1 must be"),
        ("mysql://u:pa,ss:word/x@h1,h2/db", "server 1 must be"),
        ("postgresql://h1/db?target_session_attrs=wrong", "target_session_attrs"),
        ("postgres://h1/db?target_session_attrs=standby", "target_session_attrs"),
    ],
)
def test_what_names_no_server_is_told_in_one_line(url: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        database_url(DatabaseSettings(url=SecretStr(url)))
    assert str(refusal.value).startswith("database.url: ")
    assert told in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert "word" not in str(refusal.value)


@pytest.mark.finding("F10")
@pytest.mark.parametrize("start", ["postgresql", "mysql"])
@pytest.mark.parametrize("form", ["{0}://u@[::1]:1,h2/db", "{0}://u@/db?host=[::1]:1&host=h2"])
def test_servers_may_have_ipv6_addresses(start: str, form: str) -> None:
    url = database_url(DatabaseSettings(url=SecretStr(form.format(start))))
    assert [each.host for each in servers_of(url)] == ["::1", "h2"]
    if start == "postgresql":
        assert connect_options(url)["host"] == ["::1", "h2"]
        assert connect_options(url)["port"] == [1, 5432]
