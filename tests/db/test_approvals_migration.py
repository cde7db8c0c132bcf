"""Clients that wait for an approval, when the schema goes forth and back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from dcrserver.db.engine import create_engine
from dcrserver.settings import DatabaseSettings
from harness.databases import BACKENDS, database
from harness.migrations import migrate_to

pytestmark = pytest.mark.migrations

_INSERT = text(
    "INSERT INTO clients (tenant, client_id, metadata, registration_access_token_digest,"
    " issued_at, updated_at, version, suspended_at, access_token_format)"
    " VALUES ('default', :id, '{}', '', 1, 1, 7, :suspended, 'jwt')"
)


@pytest.fixture(params=BACKENDS)
def old_database(request: pytest.FixtureRequest) -> Iterator[str]:
    with database(request.param) as url:
        yield url


async def test_who_waits_stays_suspended_where_the_schema_goes_back(old_database: str) -> None:
    engine = create_engine(DatabaseSettings(url=SecretStr(old_database)))
    seen = text("SELECT client_id, suspended_at, access_token_format FROM clients ORDER BY 1")
    try:
        await migrate_to(engine, "0018")
        async with engine.begin() as connection:
            await connection.execute(_INSERT, {"id": "active", "suspended": 0})
            await connection.execute(_INSERT, {"id": "suspended", "suspended": 5})
        await migrate_to(engine, "0019")
        async with engine.begin() as connection:
            await connection.execute(_INSERT, {"id": "waiting", "suspended": 6})
            await connection.execute(
                text("UPDATE clients SET approval = 'pending' WHERE client_id = 'waiting'")
            )
            rows = await connection.execute(
                text("SELECT client_id, approval, shared_at FROM clients ORDER BY 1")
            )
            assert [tuple(row) for row in rows] == [
                ("active", None, 0), ("suspended", None, 0), ("waiting", "pending", 0),
            ]  # fmt: skip
        await migrate_to(engine, "0018", back=True)
        async with engine.connect() as connection:
            assert [tuple(row) for row in await connection.execute(seen)] == [
                ("active", 0, "jwt"), ("suspended", 5, "jwt"), ("waiting", 6, "jwt"),
            ]  # fmt: skip
        await migrate_to(engine, "0019")
    finally:
        await engine.dispose()
