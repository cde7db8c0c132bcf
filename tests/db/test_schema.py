"""The schema on each database: migrations and tables say the same."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from pydantic import SecretStr
from sqlalchemy import Connection, String, event, inspect, text
from sqlalchemy.exc import OperationalError

from dcrserver.db import migration, schema
from dcrserver.db.engine import create_engine
from dcrserver.db.tables import metadata
from dcrserver.db.urls import database_url
from dcrserver.settings import ConfigurationError, DatabaseSettings
from harness.databases import BACKENDS, database
from harness.migrations import migrate_to

pytestmark = pytest.mark.migrations

# What a migration leaves when it ends between two columns that it drops.
_HALF_DONE = {
    "0002": "ALTER TABLE clients ADD COLUMN client_secret_ciphertext TEXT",
    "0009": "ALTER TABLE events ADD COLUMN client_id VARCHAR(512)",
}


def test_files_are_named_by_the_revisions_that_alembic_reads() -> None:
    scripts = ScriptDirectory.from_config(migration.config())
    known = [each.revision for each in scripts.walk_revisions("base", "heads")]
    assert list(schema.revisions()) == known[::-1]
    assert [schema.head_revision()] == scripts.get_heads()


@pytest.fixture(params=BACKENDS)
def empty_database(request: pytest.FixtureRequest) -> Iterator[str]:
    with database(request.param) as url:
        yield url


async def test_the_migrations_make_exactly_the_tables(empty_database: str) -> None:
    engine = create_engine(_settings(empty_database))
    try:
        assert await migration.upgrade(engine) == (None, schema.head_revision())
        assert await migration.upgrade(engine) == (schema.head_revision(), schema.head_revision())
        async with engine.connect() as connection:
            assert await connection.run_sync(_differences) == []
    finally:
        await engine.dispose()


async def test_the_migrations_make_the_indexes_of_few_rows(empty_database: str) -> None:
    """Alembic compares no conditions."""
    engine = create_engine(_settings(empty_database))
    try:
        await migration.upgrade(engine)
        async with engine.connect() as connection:
            found = await connection.run_sync(_conditions)
    finally:
        await engine.dispose()
    declared = {
        index.name: index.info.get("where")
        for each in metadata.sorted_tables
        for index in each.indexes
    }
    assert found == (dict.fromkeys(declared) if engine.dialect.name == "mysql" else declared)


def _conditions(connection: Connection) -> dict[str | None, str | None]:
    """Of each index that we made; PostgreSQL tells them in brackets, and in words of its own."""
    key, inspector = f"{connection.dialect.name}_where", inspect(connection)
    found = {
        each["name"]: each.get("dialect_options", {}).get(key)
        for table in metadata.tables
        for each in inspector.get_indexes(table)
    }
    return {
        name: None if told is None else str(told).strip("()").replace("<>", "!=")
        for name, told in found.items()
    }


def _differences(connection: Connection) -> list[object]:
    """What ``alembic check`` would say."""
    context = MigrationContext.configure(connection, opts={"compare_type": _is_other_type})
    return list(compare_metadata(context, metadata))


def _is_other_type(context: MigrationContext, *given: object) -> bool | None:
    """SQLite has no lengths to compare; None: as Alembic does."""
    both = given[-2:]
    no_lengths = context.dialect.name == "sqlite"
    return False if no_lengths and all(isinstance(each, String) for each in both) else None


@pytest.mark.finding("F6")
async def test_instances_that_start_at_once_migrate_once(empty_database: str) -> None:
    engines = [create_engine(_settings(empty_database)) for _ in range(3)]
    try:
        results = await asyncio.gather(*(migration.upgrade(each) for each in engines))
    finally:
        for each in engines:
            await each.dispose()
    assert {after for _, after in results} == {schema.head_revision()}
    assert [before for before, _ in results].count(None) == 1


async def test_an_old_schema_is_not_ready_and_a_newer_one_is_not(empty_database: str) -> None:
    engine = create_engine(_settings(empty_database))
    try:
        assert "no schema" in str(schema.not_ready_reason(None))
        await migration.upgrade(engine)
        async with engine.begin() as connection:
            await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        async with engine.connect() as connection:
            revision = await connection.run_sync(migration.current_revision)
        assert revision == "9999"
        assert schema.not_ready_reason(revision) is None
        assert schema.not_ready_reason(schema.head_revision()) is None
    finally:
        await engine.dispose()


@pytest.mark.finding("F6")
async def test_a_migration_that_was_killed_is_done_again(empty_database: str) -> None:
    """MariaDB commits each DDL: what was done already is no error."""
    engine = create_engine(_settings(empty_database))
    try:
        if engine.dialect.name != "mysql":
            pytest.skip("a transaction takes all of it back there")
        for before, after in itertools.pairwise(schema.revisions()):
            await migrate_to(engine, after)
            async with engine.begin() as connection:
                await connection.execute(
                    text("UPDATE alembic_version SET version_num = :r"), {"r": before}
                )
                if after in _HALF_DONE:
                    await connection.execute(text(_HALF_DONE[after]))
            await migrate_to(engine, after)
        async with engine.connect() as connection:
            assert await connection.run_sync(_differences) == []
    finally:
        await engine.dispose()


@pytest.mark.finding("F6")
async def test_a_lease_that_is_held_is_waited_for(empty_database: str) -> None:
    engine = create_engine(_settings(empty_database))
    try:
        if engine.dialect.name != "mysql":
            pytest.skip("the lock ends with the transaction there")
        await migration.upgrade(engine)
        async with engine.begin() as connection:
            await connection.execute(
                text(
                    "INSERT INTO leases (tenant, name, owner, expires_at)"
                    " VALUES ('', 'migration', 'x', UNIX_TIMESTAMP() + 2)"
                )
            )
        started = time.monotonic()
        assert await migration.upgrade(engine) == (schema.head_revision(), schema.head_revision())
        assert time.monotonic() - started > 1
        async with engine.connect() as connection:
            assert (await connection.execute(text("SELECT * FROM leases"))).all() == []
    finally:
        await engine.dispose()


@pytest.mark.finding("F6")
async def test_a_lease_whose_end_another_node_aborts_is_ended_again(empty_database: str) -> None:
    """Else nobody else starts for ten minutes. Galera aborts what is in the way of others' DDL."""
    aborted: list[str] = []

    def abort(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "leases.owner" in statement and len(aborted) < 2:
            aborted.append(statement)
            raise OperationalError(statement, None, Exception(1213, "Deadlock found"))

    engine = create_engine(_settings(empty_database))
    event.listen(engine.sync_engine, "before_cursor_execute", abort)
    try:
        if engine.dialect.name != "mysql":
            pytest.skip("the lock ends with the transaction there")
        assert await migration.upgrade(engine) == (None, schema.head_revision())
        async with engine.connect() as connection:
            assert (await connection.execute(text("SELECT * FROM leases"))).all() == []
    finally:
        await engine.dispose()
    assert len(aborted) == 2


def test_every_table_has_a_tenant_and_a_primary_key() -> None:
    for table in metadata.tables.values():
        assert "tenant" in table.columns
        assert table.primary_key.columns


@pytest.mark.parametrize(
    ("given", "driver"),
    [
        ("sqlite:///x.db", "sqlite+aiosqlite"),
        ("postgresql://h/d", "postgresql+asyncpg"),
        ("postgresql+psycopg2://h/d", "postgresql+asyncpg"),
        ("mysql://h/d", "mysql+asyncmy"),
        ("mariadb+pymysql://h/d", "mysql+asyncmy"),
    ],
)
def test_the_driver_is_ours(given: str, driver: str) -> None:
    assert database_url(_settings(given)).drivername == driver


def test_options_of_libpq_are_understood() -> None:
    url = database_url(_settings("postgresql://h/d?sslmode=require&host=a&sslrootcert=b"))
    assert dict(url.query) == {"host": "a", "ssl_mode": "require", "ssl_ca": "b"}


@pytest.mark.parametrize(
    "given",
    ["", "no url", "oracle://h/d", "postgresql://h/d?sslmod=x", "mysql://h/d?sslmode=require"],
)
def test_other_databases_are_refused(given: str) -> None:
    with pytest.raises(ConfigurationError, match=r"database\.url"):
        database_url(_settings(given))


def _settings(url: str) -> DatabaseSettings:
    return DatabaseSettings(url=SecretStr(url))
