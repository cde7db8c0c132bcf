"""What clients are searched by is stored with them, whoever writes them; copies share it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator

import pytest
from alembic import command
from pydantic import SecretStr
from sqlalchemy import Connection, select, text

from dcrserver.db import migration, schema
from dcrserver.db.engine import create_engine
from dcrserver.db.protocol.drivers import open_driver
from dcrserver.db.tables import client_facets, clients
from dcrserver.repositories import facets as module
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.security import new_client_id
from dcrserver.settings import DatabaseSettings
from harness.databases import BACKENDS
from harness.databases import database as new_database
from harness.rows import add, record


@pytest.fixture
async def database(any_database: str) -> AsyncIterator[Database]:
    made = Database(open_driver(DatabaseSettings(url=SecretStr(any_database), pool_size=4)))
    yield made
    await made.close()


def _named(tenant: str, name: str, **values: object) -> ClientRecord:
    return record(tenant=tenant, metadata=json.dumps({"client_name": name}), **values)


async def _names(database: Database, tenant: str) -> dict[str, list[str]]:
    """Name -> the clients that are found by it."""
    joined = clients.join(
        client_facets,
        (clients.c.tenant == client_facets.c.tenant) & (clients.c.facets_id == client_facets.c.id),
    )
    statement = (
        select(client_facets.c.name_key, clients.c.client_id)
        .select_from(joined)
        .where(clients.c.tenant == tenant)
    )
    async with database.read() as tx:
        rows = (await tx.session.execute(statement, {})).all()
    made: dict[str, list[str]] = {}
    for row in rows:
        made.setdefault(row["name_key"], []).append(row["client_id"])
    return made


async def test_whoever_comes_second_shares_what_is_there(
    database: Database, any_database: str
) -> None:
    """Also when another process wrote it, and when all come at once."""
    tenant = new_client_id()
    other = Database(open_driver(DatabaseSettings(url=SecretStr(any_database), pool_size=4)))
    made = [_named(tenant, f"Mail {number % 3}") for number in range(24)]
    await asyncio.gather(
        *(add(each, one) for each, one in zip([database, other] * 12, made, strict=True))
    )
    await other.close()
    found = await _names(database, tenant)
    assert {name: len(ids) for name, ids in found.items()} == {
        " mail 0": 8, " mail 1": 8, " mail 2": 8
    }  # fmt: skip


async def test_what_a_change_that_came_too_late_would_have_written_is_not_known(
    database: Database,
) -> None:
    """It wrote nothing: the next client of that name has to."""
    tenant = new_client_id()
    first = _named(tenant, "First")
    await add(database, first)
    late = _named(tenant, "Late")._replace(client_id=first.client_id, version=8)
    stale = first._replace(version=7)

    async def change(tx: Transaction) -> bool:
        return await tx.clients.replace(stale, late)

    assert not await database.transact(change)
    await add(database, _named(tenant, "Late"))
    assert (await _names(database, tenant)).keys() == {" first", " late"}


async def test_a_change_is_found_by_what_it_made(database: Database) -> None:
    tenant = new_client_id()
    old = _named(tenant, "Before")
    await add(database, old)
    new = _named(tenant, "After")._replace(
        client_id=old.client_id,
        registration_access_token_digest=old.registration_access_token_digest,
        client_secrets='[{"id":"1","expires_at":77},{"id":"2","expires_at":5}]',
    )
    assert await database.transact(lambda tx: tx.clients.replace(old, new))
    assert await _names(database, tenant) == {" after": [old.client_id]}
    async with database.read() as tx:
        rows = await tx.session.execute(
            select(clients.c.secret_expires_at).where(clients.c.tenant == tenant), {}
        )
    assert rows.one()["secret_expires_at"] == 77


async def test_what_was_rolled_back_is_written_by_the_next(database: Database) -> None:
    tenant = new_client_id()

    async def fail(tx: Transaction) -> None:
        tx.clients.add(_named(tenant, "Mail"))
        raise KeyError

    with pytest.raises(KeyError):
        await database.transact(fail)
    await add(database, one := _named(tenant, "Mail"))
    assert await _names(database, tenant) == {" mail": [one.client_id]}


async def test_what_a_deleted_tenant_took_along_is_written_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_KNOWN_SECONDS", -1.0)
    tenant = new_client_id()
    await add(database, _named(tenant, "Mail"))

    async def forget(tx: Transaction) -> None:
        await tx.session.execute(client_facets.delete().where(client_facets.c.tenant == tenant), {})

    await database.transact(forget)
    await add(database, _named(tenant, "Mail"))
    assert len((await _names(database, tenant))[" mail"]) == 2


_OLD_CLIENT = text(
    "INSERT INTO clients (tenant, client_id, metadata, registration_access_token_digest,"
    " client_secrets, bounds, issued_at, updated_at, version) VALUES ('default', :id, :metadata,"
    " 'x', :secrets, :bounds, 1, 1, 1)"
)
_OLD_EVENT = text(
    "INSERT INTO events (id, tenant, type, at_milliseconds, actor_kind, subject_kind, subject_id,"
    " changes) VALUES (:id, 'default', :type, 1, :actor, 'client', :id, '{}')"
)
_BEFORE = "0011"


@pytest.fixture(params=BACKENDS)
def old_database(request: pytest.FixtureRequest) -> Iterator[str]:
    with new_database(request.param) as url:
        yield url


@pytest.mark.migrations
async def test_old_clients_are_found_too(old_database: str) -> None:
    """And one that was killed on MariaDB, which had filled in some, goes on."""
    rows = {
        "a": ("client.registered", "anonymous", "open"),
        "b": ("client.registered", "initial_access_token", "initial_access_token"),
        "c": ("client.registered", "operator", "administrator"),
        "d": ("client.imported", "operator", "import"),
        "e": ("client.updated", "client", "open"),
    }
    engine = create_engine(DatabaseSettings(url=SecretStr(old_database)))
    async with engine.begin() as connection:
        await connection.run_sync(_migrated, _BEFORE)
        for client_id, (kind, actor, _) in rows.items():
            values = {
                "id": client_id,
                "metadata": json.dumps({"client_name": "Acme Mail"}),
                "secrets": '[{"id":"1","expires_at":9}]',
                "bounds": '{"policy":"strict"}',
            }
            await connection.execute(_OLD_CLIENT, values)
            await connection.execute(_OLD_EVENT, {"id": client_id, "type": kind, "actor": actor})
    await migration.upgrade(engine)
    if old_database.startswith("mysql"):
        async with engine.begin() as connection:
            await connection.execute(
                text("UPDATE clients SET facets_id = '' WHERE client_id > 'b'")
            )
            await connection.execute(
                text("UPDATE alembic_version SET version_num = :r"), {"r": _BEFORE}
            )
        await migration.upgrade(engine)
    await engine.dispose()
    database = Database(open_driver(DatabaseSettings(url=SecretStr(old_database))))
    names = await _names(database, "default")
    async with database.read() as tx:
        found = (
            await tx.session.execute(
                select(clients.c.client_id, clients.c.origin, clients.c.secret_expires_at), {}
            )
        ).all()
        policies = (await tx.session.execute(select(client_facets.c.policy), {})).all()
    await database.close()
    assert {key: sorted(ids) for key, ids in names.items()} == {" acme mail": sorted(rows)}
    assert {row["client_id"]: row["origin"] for row in found} == {
        client_id: origin for client_id, (*_, origin) in rows.items()
    }
    assert {row["secret_expires_at"] for row in found} == {9}
    assert {row["policy"] for row in policies} == {"strict"}
    assert schema.head_revision() > _BEFORE


def _migrated(connection: Connection, revision: str) -> None:
    config = migration.config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
