"""MariaDB that vanishes, closes, refuses, is full, or becomes read-only beneath its clients."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any

import pytest
from asyncmy import errors
from pydantic import SecretStr
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from dcrserver.db import sync_engine
from dcrserver.db.failures import Absent, Conflict, DatabaseAway, Locked, Lost, TooLong
from dcrserver.db.protocol.drivers import mariadb_pool, open_driver
from dcrserver.db.protocol.drivers.mariadb_pool import MEANINGS, Meaning, translated
from dcrserver.db.queries import Queries
from dcrserver.db.urls import database_url
from dcrserver.errors import Unavailable
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.queries import Lists
from dcrserver.repositories.transaction import Database
from dcrserver.settings import DatabaseSettings
from harness import rows
from harness.databases import migrate, migrated
from harness.rows import find, record
from harness.tcp_proxy import TcpProxy, tcp_proxy

STATEMENT_TIMEOUT = 0.5


@pytest.fixture(scope="module")
def mariadb() -> Iterator[str]:
    with migrated("mysql") as url:
        yield url


@pytest.fixture
async def proxy(mariadb: str) -> AsyncIterator[TcpProxy]:
    url = make_url(mariadb)
    async with tcp_proxy(url.host or "127.0.0.1", url.port or 3306) as made:
        yield made


@pytest.fixture
async def database(mariadb: str, proxy: TcpProxy) -> AsyncIterator[Database]:
    url = make_url(mariadb).set(host="127.0.0.1", port=proxy.port)
    settings = DatabaseSettings(
        url=SecretStr(url.render_as_string(hide_password=False)),
        pool_size=4,
        pool_timeout=1,
        statement_timeout=STATEMENT_TIMEOUT,
    )
    made = Database(open_driver(settings))
    yield made
    await made.close()


async def add(database: Database) -> ClientRecord:
    """As a registration does: by the lane of the inserts."""
    made = record()
    await rows.add(database, made)
    return made


async def suspend(database: Database) -> bool:
    """A transaction that begins with a statement."""
    old = record()
    return await database.transact(lambda tx: tx.clients.replace(old, old._replace(version=2)))


async def asked(database: Database) -> list[Any]:
    """What comes of many reads, registrations and changes at once."""
    return await asyncio.gather(
        *(find(database, "absent") for _ in range(6)),
        *(add(database) for _ in range(6)),
        *(suspend(database) for _ in range(6)),
        return_exceptions=True,
    )


def failures(answers: list[Any]) -> list[BaseException]:
    return [each for each in answers if isinstance(each, BaseException)]


async def execute(url: str, *statements: str) -> list[Any]:
    server = database_url(DatabaseSettings(url=SecretStr(url)))
    engine = create_async_engine(server, isolation_level="AUTOCOMMIT")
    rows: list[Any] = []
    try:
        async with engine.connect() as connection:
            for statement in statements:
                done = await connection.execute(text(statement))
                rows = list(done) if done.returns_rows else rows
    finally:
        await engine.dispose()
    return rows


@pytest.mark.finding("F1")
async def test_a_server_that_vanishes_without_a_word_is_away_and_then_is_back(
    database: Database, proxy: TcpProxy
) -> None:
    assert not failures(await asked(database))
    proxy.dumb = True
    began = time.monotonic()
    for _ in range(2):  # on connections that were open, then on new ones
        answers = await asked(database)
        assert {type(each) for each in answers} == {DatabaseAway}
    assert time.monotonic() - began < 15
    proxy.dumb = False
    proxy.cut()  # the address has moved: nothing is heard of the old connections any more
    made = await add(database)
    assert await find(database, made.client_id) == made
    assert not failures(await asked(database))


@pytest.mark.finding("F1")
async def test_after_one_silence_no_connection_of_its_age_is_tried(
    database: Database, proxy: TcpProxy
) -> None:
    await asked(database)
    old = proxy.accepted
    assert old > 1
    proxy.dumb = True
    with pytest.raises(Unavailable):
        await find(database, "absent")
    proxy.dumb = False
    for _ in range(old):
        assert not failures(await asked(database))
    assert proxy.accepted > old


@pytest.mark.finding("F1")
async def test_a_login_that_never_ends_has_a_limit(database: Database, proxy: TcpProxy) -> None:
    proxy.dumb = True
    began = time.monotonic()
    with pytest.raises(Unavailable):
        await find(database, "absent")
    with pytest.raises(Unavailable):
        await add(database)
    assert time.monotonic() - began < 10
    proxy.dumb = False
    assert await add(database)


@pytest.mark.finding("R4", "F2")
async def test_idle_connections_that_were_killed_are_noticed_by_nobody(
    mariadb: str, database: Database
) -> None:
    for _ in range(3):
        assert not failures(await asked(database))
        rows = await execute(
            mariadb,
            "SELECT id FROM information_schema.processlist"
            " WHERE db = DATABASE() AND id <> CONNECTION_ID()",
        )
        assert rows
        await execute(mariadb, *(f"KILL {row[0]}" for row in rows))
        assert not failures(await asked(database))


async def test_a_list_is_not_stopped_by_a_connection_that_was_cut_while_nobody_used_it(
    mariadb: str, proxy: TcpProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = make_url(mariadb).set(port=proxy.port).render_as_string(hide_password=False)
    queries = Queries(DatabaseSettings(url=SecretStr(url)))
    lists = Lists(queries)
    monkeypatch.setattr(sync_engine, "_IDLE_SECONDS", 0)
    for _ in range(3):
        assert await lists.clients.total("nobody") == 0
        proxy.cut()
    assert await lists.clients.total("nobody") == 0
    await queries.close()


@pytest.mark.finding("R4", "F2")
async def test_idle_connections_that_were_cut_are_noticed_by_nobody(
    database: Database, proxy: TcpProxy
) -> None:
    for _ in range(3):
        assert not failures(await asked(database))
        proxy.cut()
        assert not failures(await asked(database))


@pytest.mark.finding("F2")
async def test_a_server_that_restarts_is_unavailable_meanwhile(
    database: Database, proxy: TcpProxy
) -> None:
    await asked(database)
    await proxy.refuse()
    for _ in range(2):
        assert {type(each) for each in await asked(database)} == {DatabaseAway}
    await proxy.open()
    assert not failures(await asked(database))


@pytest.mark.finding("F2", "F3")
@pytest.mark.parametrize(("number", "meaning"), MEANINGS.items())
@pytest.mark.parametrize("kind", [errors.OperationalError, errors.InterfaceError])
def test_every_error_has_a_meaning(number: int, meaning: Meaning, kind: type[Exception]) -> None:
    """As SQLAlchemy wraps it, and as it comes from the driver while one connects."""
    expected = {
        Meaning.CONFLICT: Conflict,
        Meaning.ABSENT: Absent,
        Meaning.LOCKED: Locked,
        Meaning.LOST: Lost,
        Meaning.CLOSED: mariadb_pool.Closed,
        Meaning.TOO_LONG: TooLong,
    }[meaning]
    raw = kind(number, "text")
    for error in (raw, DBAPIError("SELECT", None, raw)):
        with pytest.raises(expected), translated():
            raise error


@pytest.mark.finding("F2")
@pytest.mark.parametrize(
    "error", [OSError("x"), TimeoutError(), ConnectionRefusedError(), errors.OperationalError(9999)]
)
def test_what_comes_while_one_connects_is_absence(error: Exception) -> None:
    with pytest.raises(Absent), translated():
        raise error


class _Conflicts:
    """A driver whose every second statement meets a conflict."""

    dialect = "postgresql"

    def __init__(self, count: int) -> None:
        self.left = count
        self.reading: Any = self
        self.insert = self.change = self.execute_many = None

    async def look_up(self, *_: object) -> tuple[Any, ...]:
        if self.left:
            self.left -= 1
            raise Conflict("40001")
        return (None,) * len(ClientRecord._fields)

    execute = look_up


@pytest.mark.finding("F8")
async def test_a_read_that_meets_a_conflict_is_repeated() -> None:
    driver: Any = _Conflicts(3)
    assert await find(Database(driver), "absent") is None
    assert driver.left == 0
    without_end: Any = _Conflicts(100)
    with pytest.raises(Unavailable):
        await find(Database(without_end), "absent")


@pytest.mark.finding("F2", "F4")
async def test_of_several_servers_the_first_that_can_serve_is_taken(
    mariadb: str, proxy: TcpProxy
) -> None:
    """One that is silent has its share of the time; one that is away has none."""
    url = make_url(mariadb)
    async with tcp_proxy(url.host or "127.0.0.1", url.port or 3306) as other:
        ports = f"127.0.0.1:{proxy.port},127.0.0.1:{other.port}"
        several = f"mysql://{url.username}:{url.password}@{ports}/{url.database}"
        settings = DatabaseSettings(url=SecretStr(several), pool_timeout=2, statement_timeout=1)
        database = Database(open_driver(settings))
        await add(database)
        assert (proxy.accepted > 0, other.accepted) == (True, 0)
        for fault in ("silent", "refuses"):
            if fault == "silent":
                proxy.dumb = True
            else:
                await proxy.refuse()
            with suppress(Unavailable):  # by a connection from before
                await add(database)
            await migrate(several, pool_timeout=2)
            made = await add(database)
            assert await find(database, made.client_id) == made
            assert await database.not_ready_reason() is None
        assert other.accepted > 0
        await database.close()


@pytest.mark.finding("F10")
def test_a_migration_tells_no_notes_of_the_server(caplog: pytest.LogCaptureFixture) -> None:
    with migrated("mysql"):
        pass
    assert [each.getMessage() for each in caplog.records] == []
