"""Events of the schema before the ninth name who did what to what by kind and id, and back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from dcrserver.db import migration
from dcrserver.db.engine import create_engine
from dcrserver.settings import DatabaseSettings
from harness.application import application
from harness.databases import BACKENDS, database
from harness.migrations import migrate_to

pytestmark = pytest.mark.migrations

LONG = "https://client.example.org/" + "x" * 480
# Type, actor, client_id, changes -> actor_kind, actor_id, subject_kind, subject_id.
EVENTS: dict[tuple[str, str, str | None, str], tuple[str, str | None, str, str]] = {
    ("client.registered", "anonymous", "c1", "{}"): ("anonymous", None, "client", "c1"),
    ("client.updated", "client", LONG, '{"id":"no"}'): ("client", LONG, "client", LONG),
    ("client.registered", "initial-token:i1", "c1", "{}"):
        ("initial_access_token", "i1", "client", "c1"),
    ("client.registered", "admin-token:a1", "c1", "{}"): ("administrator", "a1", "client", "c1"),
    ("client_secret.ended", "operator:al:ice", "c1", '{"id":"s1"}'):
        ("operator", "al:ice", "client", "c1"),
    ("client.deleted", "operator", "c1", "{}"): ("operator", None, "client", "c1"),
    ("initial_access_token.issued", "operator:u", None, '{"id":"t1","label":"%\\u00fc\\""}'):
        ("operator", "u", "initial_access_token", "t1"),
    ("admin_token.revoked", "operator:u", None, '{"id":"t2"}'):
        ("operator", "u", "admin_token", "t2"),
    ("signing_key.created", "server", None, '{"kid":"k1","algorithm":"RS256"}'):
        ("system", None, "signing_key", "k1"),
    ("signing_key.created", "server", None, "{}"): ("system", None, "signing_key", ""),
    ("other.thing", "somebody", None, "{}"): ("unknown", "somebody", "unknown", ""),
}  # fmt: skip
_INSERT = text(
    "INSERT INTO events (id, tenant, type, at_milliseconds, actor, client_id, changes)"
    " VALUES (:id, 'default', :type, 1500000000000, :actor, :client_id, :changes)"
)
_TOKEN = text(
    "INSERT INTO admin_tokens (tenant, digest, id, scopes, issuer, label, expires_at, issued_at)"
    " VALUES ('default', :id, :id, :scopes, 'operator', '', 0, 1500000000)"
)
_OLD = text("SELECT type, actor, client_id, changes FROM events ORDER BY id")
_NEW = text("SELECT actor_kind, actor_id, subject_kind, subject_id FROM events ORDER BY id")
_TOKENS = text("SELECT id, scopes FROM admin_tokens ORDER BY id")
_REVOKE = text("UPDATE admin_tokens SET revoked_at = 1500000001 WHERE id = 'a'")


@pytest.fixture(params=BACKENDS)
def old_database(request: pytest.FixtureRequest) -> Iterator[str]:
    with database(request.param) as url:
        yield url


async def test_events_keep_who_and_what_and_keep_them_on_the_way_back(old_database: str) -> None:
    engine = create_engine(DatabaseSettings(url=SecretStr(old_database)))
    try:
        await migrate_to(engine, "0008")
        async with engine.begin() as connection:
            for number, event in enumerate(EVENTS):
                row = dict(zip(("type", "actor", "client_id", "changes"), event, strict=True))
                await connection.execute(_INSERT, row | {"id": f"{number:04}"})
            await connection.execute(_TOKEN, {"id": "a", "scopes": "clients:read"})
            await connection.execute(
                _TOKEN, {"id": "b", "scopes": "clients:register tokens:introspect"}
            )
        await migration.upgrade(engine)
        async with engine.connect() as connection:
            assert await _rows(connection, _NEW) == list(EVENTS.values())
            assert await _rows(connection, _TOKENS) == [
                ("a", "clients:read"),
                ("b", "clients:create tokens:introspect"),
            ]
        async with application(old_database) as app:
            assert [event.actor_kind for event in await app.events(LONG)] == ["client"]
            assert len(await app.events("c1")) == 5
        async with engine.begin() as connection:
            await connection.execute(_REVOKE)
        await migrate_to(engine, "0008", back=True)
        async with engine.connect() as connection:
            assert await _rows(connection, _OLD) == list(EVENTS)
            # One that was revoked must not work again.
            assert await _rows(connection, _TOKENS) == [("b", "clients:register tokens:introspect")]
    finally:
        await engine.dispose()


async def test_a_migration_killed_before_it_told_all_tells_the_rest(old_database: str) -> None:
    engine = create_engine(DatabaseSettings(url=SecretStr(old_database)))
    try:
        if engine.dialect.name != "mysql":
            pytest.skip("a transaction takes all of it back there")
        await migrate_to(engine, "0008")
        async with engine.begin() as connection:
            await connection.execute(
                _INSERT,
                {"id": "1", "type": "client.deleted", "actor": "client", "client_id": "c",
                 "changes": "{}"},
            )  # fmt: skip
            for name in ("actor_kind", "subject_kind"):
                await connection.execute(
                    text(f"ALTER TABLE events ADD COLUMN {name} VARCHAR(64) NOT NULL DEFAULT ''")
                )
        await migration.upgrade(engine)
        async with engine.connect() as connection:
            assert await _rows(connection, _NEW) == [("client", "c", "client", "c")]
    finally:
        await engine.dispose()


async def _rows(connection: Any, statement: Any) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in (await connection.execute(statement)).all()]
