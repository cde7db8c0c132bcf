"""What PostgreSQL plans while a table is young, which it keeps to when the table has grown."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql import ClauseElement

from dcrserver.db import migration
from dcrserver.db.engine import create_engine
from dcrserver.db.protocol import batches
from dcrserver.db.protocol.drivers.postgresql_pool import _BY_KEY as SETTINGS
from dcrserver.repositories.clients import _BY_KEY as BY_KEY
from dcrserver.repositories.clients import _UPDATES as UPDATES
from dcrserver.settings import DatabaseSettings
from harness.databases import database

# At some of them the smaller index of a table that was never analyzed seems cheaper.
_SIZES = (0, 1, 10, 50, 100, 300, 500, 1000, 3000)
_FILL = text(
    "INSERT INTO clients (tenant, client_id, metadata, registration_access_token_digest,"
    " issued_at, updated_at, version) SELECT 'default', md5((:first + n)::text), repeat('m', 600),"
    " 'd', n, n, 1 FROM generate_series(1, :count) AS n"
)


@pytest.fixture
def new_postgresql() -> Iterator[str]:
    with database("postgresql") as url:
        yield url


async def test_a_client_is_found_by_its_key_however_young_the_table_is(new_postgresql: str) -> None:
    engine = create_engine(DatabaseSettings(url=SecretStr(new_postgresql)))
    await migration.upgrade(engine)
    others = []
    async with engine.connect() as connection:
        for name, value in SETTINGS.items():
            await connection.execute(text(f"SET {name} = {value}"))
        there = 0
        for size in _SIZES:
            await connection.execute(_FILL, {"first": there, "count": size - there})
            there = size
            for statement in _statements():
                plan = "\n".join((await connection.execute(text(f"EXPLAIN {statement}"))).scalars())
                if "using pk_clients on clients" not in plan or "using ix_" in plan:
                    others.append(f"of {size} clients:\n{plan}")
        count = (await connection.execute(text("SELECT count(*) FROM clients"))).scalar()
        assert count == there, "what the statistics were made of is gone"
    await engine.dispose()
    assert not others, "\n".join(others)


def _statements() -> list[str]:
    """Those that serve requests and look for clients."""
    made = batches.lookup_all(BY_KEY), batches.change_all(UPDATES.whole.change)
    return [_sql(each) for each in made]


def _sql(statement: ClauseElement) -> str:
    return str(
        statement.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})
    )
