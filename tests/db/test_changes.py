"""A change with any number of rows beside it: all of them where it finds its row, else none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr
from sqlalchemy import delete, func, insert, select, update

from dcrserver.db.protocol.drivers import open_driver
from dcrserver.db.protocol.session import Driver, Session
from dcrserver.db.protocol.statements import Change, Inserts
from dcrserver.db.tables import clients, last_uses, leases
from dcrserver.repositories.clients import RETIRED
from dcrserver.settings import DatabaseSettings
from harness.rows import record

_DELETE = Change(
    {"b_tenant": clients.c.tenant, "b_client_id": clients.c.client_id},
    lambda value: delete(clients).where(
        clients.c.tenant == value("b_tenant"), clients.c.client_id == value("b_client_id")
    ),
)
# Of this file alone: the databases are shared.
_TENANT = "changes"
_DERIVED = {"facets_id": "", "secret_expires_at": 0} | dict.fromkeys(RETIRED)
_CLIENT, _USE, _LEASE = insert(clients), insert(last_uses), insert(leases)


@pytest.fixture
async def driver(any_database: str) -> AsyncIterator[Driver]:
    made = open_driver(DatabaseSettings(url=SecretStr(any_database), pool_size=4))
    yield made
    await made.close()


def _beside(client_id: str) -> Inserts:
    """Rows of two tables, two of the one."""
    uses = [
        {"tenant": _TENANT, "client_id": client_id, "secret_id": secret_id, "used_at": 1}
        for secret_id in ("first", "second")
    ]
    lease = {"tenant": _TENANT, "name": client_id, "owner": "me", "expires_at": 1}
    lease |= {"last_success_at": 0, "failures": 0}
    return [(_USE, uses[0]), (_LEASE, lease), (_USE, uses[1])]


async def test_all_rows_are_there_beside_what_changed_and_none_beside_what_did_not(
    driver: Driver,
) -> None:
    records = [record()._replace(tenant=_TENANT) for _ in range(10)]
    there, gone = records[:5], records[5:]

    async def add(session: Session) -> None:
        for each in there:
            session.insert(_CLIENT, each._asdict() | _DERIVED)

    await driver.transact(add)

    async def change(client_id: str, inserts: Inserts) -> bool:
        values = {"b_tenant": _TENANT, "b_client_id": client_id}
        return await driver.transact(lambda session: session.change(_DELETE, values, inserts))

    asked = [each.client_id for pair in zip(there, gone, strict=True) for each in pair]
    done = await asyncio.gather(*(change(each, _beside(each)) for each in asked))
    assert done == [True, False] * 5
    for table, rows in ((last_uses, 10), (leases, 5), (clients, 0)):
        counted = await driver.reading.execute(
            select(func.count().label("count")).where(table.c.tenant == _TENANT), {}
        )
        assert counted.one()["count"] == rows


async def test_a_change_may_have_no_rows_beside_it(driver: Driver) -> None:
    one = record()

    async def add(session: Session) -> None:
        session.insert(_CLIENT, one._asdict() | _DERIVED)

    await driver.transact(add)
    values = {"b_tenant": "test", "b_client_id": one.client_id}
    assert await driver.transact(lambda session: session.change(_DELETE, values, []))
    assert not await driver.transact(lambda session: session.change(_DELETE, values, []))


async def test_many_changes_at_once_tell_how_many_found_their_row(driver: Driver) -> None:
    """Also of a row that is changed to what it is."""
    tenant = f"{_TENANT}-many"
    there = [record()._replace(tenant=tenant, owner="alice") for _ in range(5)]
    gone = record()._replace(tenant=tenant)
    change = Change(
        {name: clients.c[name.removeprefix("b_")] for name in ("b_tenant", "b_client_id", "owner")},
        lambda value: (
            update(clients)
            .where(clients.c.tenant == value("b_tenant"))
            .where(clients.c.client_id == value("b_client_id"))
            .values(owner=value("owner"))
        ),
    )
    owned = select(clients.c.client_id).where(clients.c.tenant == tenant, clients.c.owner == "bob")

    async def own(session: Session) -> tuple[int, int]:
        for each in there:
            session.insert(_CLIENT, each._asdict() | _DERIVED)
        rows = [
            {"b_tenant": tenant, "b_client_id": each.client_id, "owner": owner}
            for each, owner in zip([*there, gone], ["alice", *["bob"] * 5], strict=True)
        ]
        found = await session.change_all(change, rows)
        return found, len((await session.execute(owned, {})).all())

    assert await driver.transact(own) == (5, 4)
