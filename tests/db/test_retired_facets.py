"""Facets that no client has are removed, and never those that somebody is about to have."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from conftest import MakeApplication
from dcrserver.db.protocol.drivers import open_driver
from dcrserver.db.tables import client_facets, clients
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.retired_facets import Place
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.security import new_client_id
from dcrserver.services.upkeep import jobs
from dcrserver.settings import DatabaseSettings
from harness.rows import add, record

_F = client_facets.c
_NOW, _LATER = 1000, 5000
# A transaction that is waited for does not end meanwhile; one that is not has.
_BLOCKED_SECONDS = 0.2


@pytest.fixture
async def database(any_database: str) -> AsyncIterator[Database]:
    made = _opened(any_database)
    yield made
    await made.close()


def _opened(url: str) -> Database:
    return Database(open_driver(DatabaseSettings(url=SecretStr(url), pool_size=4)))


def _named(tenant: str, name: str = "Mail") -> ClientRecord:
    return record(tenant=tenant, metadata=json.dumps({"client_name": name}))


async def _tidy(database: Database, tenant: str, now: int) -> None:
    """The facets of ``tenant``: they were retired long enough if they were so before ``now``."""
    first = Place(tenant)
    await database.transact(lambda tx: tx.retired_facets.tidy(first, now, now))


async def _facets(database: Database, tenant: str) -> dict[str, int]:
    """Name -> since when it is retired."""
    chosen = select(_F.name_key, _F.retired_at).where(_F.tenant == tenant)
    async with database.read() as tx:
        rows = (await tx.session.execute(chosen, {})).all()
    return {row["name_key"]: row["retired_at"] for row in rows}


async def _delete(database: Database, client: ClientRecord) -> None:
    assert await database.transact(lambda tx: tx.clients.delete(client))


async def test_what_no_client_has_is_retired_and_then_removed(database: Database) -> None:
    tenant = new_client_id()
    gone, stays = _named(tenant), _named(tenant, "Other")
    await add(database, gone, stays)
    await _delete(database, gone)
    await _tidy(database, tenant, _NOW)
    assert await _facets(database, tenant) == {" mail": _NOW, " other": 0}
    await _tidy(database, tenant, _NOW)  # not yet
    assert await _facets(database, tenant) == {" mail": _NOW, " other": 0}
    await _tidy(database, tenant, _LATER)
    assert await _facets(database, tenant) == {" other": 0}


async def test_whoever_believes_them_to_be_there_keeps_them(database: Database) -> None:
    """Who registered the like a moment ago writes only the client."""
    tenant = new_client_id()
    first = _named(tenant)
    await add(database, first)
    await _delete(database, first)
    await _tidy(database, tenant, _NOW)
    await add(database, _named(tenant))
    await _tidy(database, tenant, _LATER)
    assert (await _facets(database, tenant)).keys() == {" mail"}


async def test_whoever_writes_them_again_takes_them_back_into_service(
    database: Database, any_database: str
) -> None:
    """Several at once, too, and though the client is gone when it is looked for: for a minute it is
    believed that they are there.
    """
    tenant, other = new_client_id(), _opened(any_database)
    first = _named(tenant)
    await add(database, first)
    await _delete(database, first)
    await _tidy(database, tenant, _NOW)
    again = [_named(tenant) for _ in range(5)]
    await asyncio.gather(*(add(other, each) for each in again))
    for each in again:
        await _delete(other, each)
    await _tidy(database, tenant, _LATER)
    assert await _facets(database, tenant) == {" mail": _LATER}
    await add(other, _named(tenant))
    assert (await _facets(database, tenant)).keys() == {" mail"}
    await other.close()


async def test_nobody_loses_what_they_are_writing_meanwhile(
    database: Database, any_database: str
) -> None:
    """The transaction that has a client of these facets is not committed when they are removed."""
    if any_database.startswith("sqlite"):
        return  # one transaction after the other
    tenant, other = new_client_id(), _opened(any_database)
    first = _named(tenant)
    await add(database, first)
    await _delete(database, first)
    await _tidy(database, tenant, _NOW)
    removing: list[asyncio.Task[None]] = []

    async def register(tx: Transaction) -> None:
        tx.clients.add(_named(tenant))
        await tx.session.execute(select(clients.c.tenant).limit(1), {})  # all before it is sent
        removing.append(asyncio.create_task(_tidy(database, tenant, _LATER)))
        await asyncio.wait(removing, timeout=_BLOCKED_SECONDS)

    await other.transact(register)
    await removing[0]
    assert await _facets(database, tenant) == {" mail": 0}
    await other.close()


async def test_the_job_goes_through_all(
    make_app: MakeApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dcrserver.repositories.retired_facets.AT_ONCE", 3)
    monkeypatch.setattr(jobs, "_RETIRED_SECONDS", -2 * 86_400)
    app = await make_app()
    made = [_named("default", f"Name {number}") for number in range(8)]
    await add(app.runtime.database, *made)
    for each in made[1:]:
        await _delete(app.runtime.database, each)
    await app.do_job("remove_unused_facets")
    assert len(await _facets(app.runtime.database, "default")) == 8
    await app.do_job("remove_unused_facets")
    assert (await _facets(app.runtime.database, "default")).keys() == {" name 0"}
