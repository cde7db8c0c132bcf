"""A MariaDB that insists on TLS, takes small packets, is a node of Galera, becomes read-only."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import literal_column, make_url, select, text
from test_mariadb import add, find, record

from dcrserver.db.engine import create_engine
from dcrserver.db.protocol.drivers.mariadb import MariadbDriver
from dcrserver.errors import Unavailable
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.settings import ConfigurationError, DatabaseSettings
from harness.databases import migrate
from harness.mariadb import galera_options, own_mariadb
from harness.tls import certified


@dataclass(frozen=True)
class Server:
    plain_url: str
    folder: Path

    def url(self, user: str = "dcr", **options: str) -> str:
        named = {
            name: str(self.folder / value) if name != "ssl_mode" else value
            for name, value in options.items()
        }
        url = make_url(self.plain_url).set(username=user).update_query_dict(named)
        return url.render_as_string(hide_password=False)

    def settings(self, **options: str) -> DatabaseSettings:
        options = options or {"ssl_ca": "ca.pem"}
        return DatabaseSettings(url=SecretStr(self.url(**options)), pool_timeout=20)

    async def administer(self, statement: str) -> None:
        settings = DatabaseSettings(url=SecretStr(self.url("admin", ssl_ca="ca.pem")))
        engine = create_engine(settings)
        async with engine.connect() as connection:
            await connection.execute(text(statement))
        await engine.dispose()

    @asynccontextmanager
    async def driver(self, **options: str) -> AsyncIterator[MariadbDriver]:
        made = MariadbDriver(self.settings(**options))
        try:
            yield made
        finally:
            await made.close()


def _tls(folder: Path) -> list[str]:
    files = {"ca": "ca", "cert": "server", "key": "server"}
    return [f"--ssl-{name}={folder}/{file}.pem" for name, file in files.items()]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("tls")
    certified(folder)
    (folder / "other").mkdir()
    certified(folder / "other")
    options = [
        "--max-allowed-packet=65536",
        "--require-secure-transport=ON",
        *_tls(folder),
    ]
    with own_mariadb(*options, *galera_options()) as url:
        made = Server(url, folder)
        asyncio.run(migrate(made.url(ssl_ca="ca.pem")))
        yield made


async def value(driver: MariadbDriver, name: str) -> Any:
    found = await driver.reading.execute(select(literal_column(name).label("found")), {})
    return found.one()["found"]


@pytest.mark.finding("F7")
@pytest.mark.parametrize(
    "options",
    [{"ssl_ca": "ca.pem"}, {"ssl_ca": "ca.pem", "ssl_mode": "verify-ca"},
     {"ssl_ca": "ca.pem", "ssl_mode": "VERIFY_FULL"}, {"ssl_mode": "required"},
     {"ssl_ca": "ca.pem", "ssl_cert": "server.pem", "ssl_key": "server.pem"}],
)  # fmt: skip
async def test_the_connection_is_encrypted(server: Server, options: dict[str, str]) -> None:
    async with server.driver(**options) as driver:
        assert await find(Database(driver), "absent") is None


@pytest.mark.finding("F7")
@pytest.mark.parametrize(
    "options",
    [{"ssl_ca": "other/ca.pem"}, {"ssl_ca": "other/ca.pem", "ssl_mode": "verify-ca"},
     {"ssl_mode": "verify-full"}, {"ssl_mode": "disabled"}],
)  # fmt: skip
async def test_who_cannot_be_verified_or_takes_no_plain_text_is_away(
    server: Server, options: dict[str, str]
) -> None:
    async with server.driver(**options) as driver:
        with pytest.raises(Unavailable):
            await find(Database(driver), "absent")


@pytest.mark.finding("F7")
async def test_a_client_certificate_is_shown(server: Server) -> None:
    await server.administer("ALTER USER dcr@'127.0.0.1' REQUIRE X509")
    try:
        async with server.driver() as driver:
            with pytest.raises(Unavailable):
                await find(Database(driver), "absent")
        async with server.driver(ssl_ca="ca.pem", ssl_cert="server.pem") as driver:
            assert await find(Database(driver), "absent") is None
    finally:
        await server.administer("ALTER USER dcr@'127.0.0.1' REQUIRE NONE")


@pytest.mark.finding("F7")
@pytest.mark.parametrize(
    "query",
    ["ssl_mode=preferred", "ssl_ca=/nowhere.pem", "ssl_key=/nowhere.pem", "ssl_ca=a&ssl_ca=b",
     "ssl_cert=/nowhere.pem", f"ssl_ca={__file__}"],
)  # fmt: skip
def test_options_that_cannot_be_meant_are_told_in_a_line(query: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^database.url: ssl_[^\n]+$"):
        create_engine(DatabaseSettings(url=SecretStr(f"mysql://u:p@127.0.0.1/db?{query}")))


@pytest.mark.finding("R10")
async def test_a_batch_fits_the_packets_of_the_server(server: Server) -> None:
    rows = [record()._replace(metadata='{"a":"' + "'ü" * 3000 + '"}') for _ in range(64)]

    async def write(tx: Transaction) -> None:
        for each in rows:
            tx.clients.add(each)

    async with server.driver() as driver:
        database = Database(driver)
        await database.transact(write)
        assert [await find(database, each.client_id) for each in rows] == rows


def registration_of(text: str) -> str:
    """As a registration, which is JSON."""
    return f'{{"client_name":"{text}"}}'


@pytest.mark.finding("R10")
@pytest.mark.parametrize("metadata", ["x" * 70_000, "ü" * 33_000, "'" * 33_000])
async def test_a_row_that_no_packet_holds_fails_alone(server: Server, metadata: str) -> None:
    """The server would hang up, and all of the batch be lost with it."""
    rows = [record() for _ in range(20)]
    rows[7] = rows[7]._replace(metadata=registration_of(metadata))
    async with server.driver() as driver:
        database = Database(driver)

        async def write(row: ClientRecord) -> None:
            async def use_case(tx: Transaction) -> None:
                tx.clients.add(row)

            await database.transact(use_case)

        before = await value(driver, "CONNECTION_ID()")
        results = await asyncio.gather(*map(write, rows), return_exceptions=True)
        assert [each for each in results if each is not None] == [results[7]]
        assert isinstance(results[7], Unavailable)
        assert "max_allowed_packet" in str(results[7].detail)
        rows.pop(7)
        assert [await find(database, each.client_id) for each in rows] == rows
        with pytest.raises(Unavailable):  # by a statement of its own
            await database.transact(
                lambda tx: tx.clients.replace(
                    rows[0], rows[0]._replace(metadata=registration_of(metadata))
                )
            )
        assert await value(driver, "CONNECTION_ID()") == before, "nobody hung up"


@pytest.mark.finding("R10")
async def test_a_row_that_just_fits_a_packet_is_written(server: Server) -> None:
    row = record()._replace(metadata=registration_of("x" * 60_000))
    async with server.driver() as driver:
        database = Database(driver)

        async def write(tx: Transaction) -> None:
            tx.clients.add(row)

        await database.transact(write)
        assert await find(database, row.client_id) == row


@pytest.mark.finding("R5")
async def test_who_waits_for_a_row_is_told_soon_and_keeps_no_connection(server: Server) -> None:
    async with server.driver() as driver:
        database = Database(driver)
        made = await add(database)
        changed = made._replace(metadata='{"a":1}', version=2)
        locked, told = asyncio.Event(), asyncio.Event()

        async def hold(tx: Transaction) -> None:
            assert await tx.clients.replace(made, changed)
            locked.set()
            await told.wait()

        holding = asyncio.create_task(database.transact(hold))
        await locked.wait()
        started = time.monotonic()
        with pytest.raises(Unavailable) as refusal:
            await database.transact(lambda tx: tx.clients.replace(made, changed))
        assert time.monotonic() - started < 5
        assert "1205" in str(refusal.value.detail)
        told.set()
        await holding
        assert await find(database, made.client_id) == changed


@pytest.mark.finding("F3")
def test_a_server_whose_innodb_is_read_only_is_not_ready() -> None:
    async def look(url: str) -> str | None:
        driver = MariadbDriver(DatabaseSettings(url=SecretStr(url), pool_timeout=20))
        with pytest.raises(Unavailable):
            await add(Database(driver))
        reason = await driver.not_ready_reason()
        await driver.close()
        return reason

    with own_mariadb(then=["--innodb-read-only"]) as url:
        assert asyncio.run(look(url)) == "the database is read-only"


@pytest.mark.finding("F3", "F4")
async def test_of_several_servers_one_that_became_read_only_is_left(server: Server) -> None:
    with own_mariadb(*_tls(server.folder)) as other:
        await migrate(other)
        hosts = [make_url(each) for each in (server.plain_url, other)]
        ports = ",".join(f"127.0.0.1:{each.port}" for each in hosts)
        url = f"mysql://dcr:dcr@{ports}/dcr?ssl_mode=required"
        driver = MariadbDriver(DatabaseSettings(url=SecretStr(url), pool_timeout=20))
        assert await value(driver, "@@port") == hosts[0].port
        await server.administer("SET GLOBAL read_only = ON")
        try:
            assert await driver.not_ready_reason() == "the database is read-only"
            assert await driver.not_ready_reason() is None
            assert await value(driver, "@@port") == hosts[1].port
        finally:
            await server.administer("SET GLOBAL read_only = OFF")
            await driver.close()


@pytest.mark.finding("F5")
async def test_a_node_of_a_cluster_reads_nothing_stale_and_tells_when_it_might(
    server: Server,
) -> None:
    async with server.driver() as driver:
        assert await value(driver, "@@session.wsrep_sync_wait") == 1
        assert await driver.not_ready_reason() is None
        await server.administer("SET GLOBAL wsrep_desync = ON")
        try:
            assert "not Synced" in str(await driver.not_ready_reason())
        finally:
            await server.administer("SET GLOBAL wsrep_desync = OFF")
        for _ in range(400):  # the node comes back in its own time
            reason = await driver.not_ready_reason()
            if reason is None:
                break
            await asyncio.sleep(0.05)
        assert reason is None


@pytest.mark.finding("F3")
async def test_a_connection_to_what_became_read_only_is_given_up(server: Server) -> None:
    async with server.driver() as driver:
        database = Database(driver)
        await add(database)
        before = await value(driver, "CONNECTION_ID()")
        await server.administer("SET GLOBAL read_only = ON")
        try:
            assert await driver.not_ready_reason() == "the database is read-only"
            assert await value(driver, "CONNECTION_ID()") == before
            with pytest.raises(Unavailable):
                await add(database)
            assert await value(driver, "CONNECTION_ID()") != before
        finally:
            await server.administer("SET GLOBAL read_only = OFF")
        made = await add(database)
        assert await find(database, made.client_id) == made
        assert await driver.not_ready_reason() is None
