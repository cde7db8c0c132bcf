"""What was set for a client's access tokens moves from columns into its metadata."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from alembic import command
from pydantic import SecretStr
from sqlalchemy import Connection, text

from dcrserver.db import migration
from dcrserver.db.engine import create_engine
from dcrserver.settings import DatabaseSettings
from harness.databases import BACKENDS, database

pytestmark = pytest.mark.migrations

_INSERT = text(
    "INSERT INTO clients (tenant, client_id, metadata, registration_access_token_digest,"
    " issued_at, updated_at, version, access_token_lifetime, access_token_format)"
    " VALUES ('default', :id, :metadata, '', 1, 1, 7, :lifetime, :format)"
)
NAME = "N\u00e4me \U0001f600"
LIFETIME = "client_credentials_access_token_lifetime"


@pytest.fixture(params=BACKENDS)
def old_database(request: pytest.FixtureRequest) -> Iterator[str]:
    with database(request.param) as url:
        yield url


async def test_what_was_set_becomes_members(old_database: str) -> None:
    engine = create_engine(DatabaseSettings(url=SecretStr(old_database)))
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_to, "0007")
            for client_id, lifetime, form in (
                ("both", 77, "opaque"), ("one", 60, None), ("none", None, None),
            ):  # fmt: skip
                values = {"lifetime": lifetime, "format": form}
                metadata = json.dumps({"client_name": NAME})
                await connection.execute(_INSERT, {"id": client_id, "metadata": metadata} | values)
        await migration.upgrade(engine)
        async with engine.connect() as connection:
            rows = await connection.execute(
                text("SELECT client_id, metadata, version FROM clients ORDER BY client_id")
            )
            found = {row[0]: (json.loads(row[1]), row[2]) for row in rows}
        named = {"client_name": NAME}
        assert found == {
            "both": (named | {LIFETIME: 77, "access_token_format": "opaque"}, 8),
            "none": (named, 7),
            "one": (named | {LIFETIME: 60}, 8),
        }
    finally:
        await engine.dispose()


def _to(connection: Connection, revision: str) -> None:
    config = migration.config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
