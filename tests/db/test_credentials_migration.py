"""Clients of the first schema keep what they have in the second, and on the way back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from dcrserver import security
from dcrserver.db import migration
from dcrserver.db.engine import create_engine
from dcrserver.settings import DatabaseSettings
from harness.application import application
from harness.databases import BACKENDS, database
from harness.migrations import migrate_to

pytestmark = pytest.mark.migrations

SECRET, TOKEN = security.new_client_secret(), security.new_token("rat")
MACHINE = {
    "grant_types": ["client_credentials"],
    "response_types": [],
    "token_endpoint_auth_method": "client_secret_basic",
    "application_type": "web",
}
CIPHERTEXT = "0123abcd.AAAA+/=="
_INSERT = text(
    "INSERT INTO clients (tenant, client_id, metadata, registration_access_token_digest,"
    " client_secret_digest, client_secret_ciphertext, client_secret_expires_at, issued_at,"
    " updated_at, version) VALUES ('default', :id, :metadata, :token, :digest, :ciphertext,"
    " :expires, 1500000000, 1500000000, 1)"
)


@pytest.fixture(params=BACKENDS)
def old_database(request: pytest.FixtureRequest) -> Iterator[str]:
    with database(request.param) as url:
        yield url


async def test_secrets_move_and_move_back(old_database: str) -> None:
    engine = create_engine(DatabaseSettings(url=SecretStr(old_database)))
    try:
        await migrate_to(engine, "0001")
        async with engine.begin() as connection:
            for client_id, digest, ciphertext, expires in (
                ("basic", security.secret_digest(SECRET), None, 0),
                ("readable", security.secret_digest(SECRET), CIPHERTEXT, 4000000000),
                ("public", None, None, 0),
            ):
                await connection.execute(
                    _INSERT,
                    {
                        "id": client_id,
                        "metadata": json.dumps(MACHINE),
                        "token": security.token_digest(TOKEN),
                        "digest": digest,
                        "ciphertext": ciphertext,
                        "expires": expires,
                    },
                )
            before = await _old_rows(connection)
        await migration.upgrade(engine)
        async with engine.connect() as connection:
            rows = (
                await connection.execute(text("SELECT client_id, client_secrets FROM clients"))
            ).all()
        held = {client_id: json.loads(held) if held else None for client_id, held in rows}
        assert held["public"] is None
        assert held["readable"] == [
            {
                "id": "1",
                "digest": security.secret_digest(SECRET),
                "ciphertext": CIPHERTEXT,
                "issued_at": 1500000000,
                "expires_at": 4000000000,
            }
        ]
        async with application(old_database) as app:
            granted = await app.http.post(
                "/token", data={"grant_type": "client_credentials"}, auth=("basic", SECRET)
            )
            assert granted.status_code == 200, granted.text
            headers = {"Authorization": f"Bearer {TOKEN}"}
            assert (await app.http.get("/register/basic", headers=headers)).status_code == 200
            rotated = await app.http.post("/register/basic/secret", headers=headers)
            assert rotated.status_code == 201
        async with engine.begin() as connection:
            await connection.execute(text("DELETE FROM clients WHERE client_id = 'basic'"))
        await migrate_to(engine, "0001", back=True)
        async with engine.connect() as connection:
            assert await _old_rows(connection) == [row for row in before if row[0] != "basic"]
    finally:
        await engine.dispose()


async def _old_rows(connection: Any) -> list[tuple[Any, ...]]:
    found = await connection.execute(
        text(
            "SELECT client_id, client_secret_digest, client_secret_ciphertext,"
            " client_secret_expires_at FROM clients ORDER BY client_id"
        )
    )
    return [tuple(row) for row in found]
