"""A change of a client writes what it changes: whole, of what is still stored, and nothing else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from dcrserver.db.protocol.drivers import open_driver
from dcrserver.db.tables import client_facets, clients, events
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.events import EventRecord
from dcrserver.repositories.transaction import AlreadyThere, Database, Transaction
from dcrserver.settings import DatabaseSettings
from harness.rows import add, find, record

# Of each group of columns that are written together, and of several.
_CHANGES = (
    {"metadata": '{"client_name":"other"}'},
    {"registration_access_token_digest": "other", "registration_access_token_expires_at": 7},
    {"client_secrets": '[{"expires_at":7}]'},
    {"tags": " a ", "owner": "alice"},
    {"suspended_at": 7},
    {"metadata": '{"client_name":"third"}', "tags": " a "},
    {},
)


@pytest.fixture
async def database(any_database: str) -> AsyncIterator[Database]:
    made = Database(open_driver(DatabaseSettings(url=SecretStr(any_database), pool_size=4)))
    yield made
    await made.close()


def _named(name: str, **values: object) -> ClientRecord:
    return record(metadata=json.dumps({"client_name": name}), **values)


async def _facets(database: Database, client_id: str) -> tuple[str, str | None]:
    """Name and policy that the client is found by."""
    joined = clients.join(
        client_facets,
        (clients.c.tenant == client_facets.c.tenant) & (clients.c.facets_id == client_facets.c.id),
    )
    statement = (
        select(client_facets.c.name_key, client_facets.c.policy)
        .select_from(joined)
        .where(clients.c.client_id == client_id)
    )
    async with database.read() as tx:
        row = (await tx.session.execute(statement, {})).one()
    return row["name_key"], row["policy"]


async def test_what_a_change_leaves_alone_is_not_what_it_was_when_it_was_read(
    database: Database,
) -> None:
    """Attack: a token whose grace is over, by its successor's use, comes back to life with the
    change of an administrator who had read the client before.
    """
    for change in _CHANGES:
        if "registration_access_token_digest" in change:
            continue  # it says what becomes of the token before
        old = record(previous_registration_access_token_digest="before")
        await add(database, old)
        await database.transact(lambda tx, old=old: tx.clients.end_grace(old))
        new = old._replace(version=2, **change)
        assert await database.transact(lambda tx, old=old, new=new: tx.clients.replace(old, new))
        assert await find(database, old.client_id) == new._replace(
            previous_registration_access_token_digest=None
        ), change


async def test_of_changes_of_one_client_by_different_statements_one_wins_whole(
    database: Database,
) -> None:
    """Attack: a lost update, or one of two halves, as they do not wait for each other."""
    made = [record() for _ in range(12)]
    await add(database, *made)

    async def replace(old: ClientRecord, number: int) -> ClientRecord | None:
        new = old._replace(version=2, **_CHANGES[number])
        who = ("client", old.client_id)
        name = f"{old.client_id[:20]}-{number}"
        told = EventRecord(name, "test", "client.updated", 1, *who, *who, None, None, "{}")
        done = await database.transact(lambda tx: tx.clients.replace(old, new, told))
        return new if done else None

    asked = [(old, number) for number in range(len(_CHANGES)) for old in made]
    done = await asyncio.gather(*(replace(old, number) for old, number in asked))
    for old in made:
        won = [new for new in done if new and new.client_id == old.client_id]
        assert [await find(database, old.client_id)] == won
        chosen = select(events.c.id).where(events.c.subject_id == old.client_id)
        async with database.read() as tx:
            told = [row["id"] for row in (await tx.session.execute(chosen, {})).all()]
        assert [_CHANGES[int(each[-1])] for each in told] == [
            change for change in _CHANGES if won[0] == old._replace(version=2, **change)
        ]


async def test_what_a_client_is_found_by_follows_whatever_it_is_made_of(
    database: Database,
) -> None:
    """And what it is not made of leaves it as it is."""
    one = _named("One")
    await add(database, one)
    expected = (" one", None)
    for number, change in enumerate(
        (
            {"registration_access_token_digest": "other"},
            {"tags": " a "},
            {"bounds": '{"policy":"strict"}'},
            {"metadata": '{"client_name":"Two"}'},
            {"registration_access_token_digest": "third"},
            {"bounds": None, "metadata": '{"client_name":"Three"}'},
        )
    ):
        new = one._replace(version=number + 2, **change)
        if "bounds" in change:
            expected = (expected[0], change["bounds"] and "strict")
        if "metadata" in change:
            expected = (f" {json.loads(new.metadata)['client_name'].lower()}", expected[1])

        async def write(tx: Transaction, old: ClientRecord = one, new: ClientRecord = new) -> bool:
            tx.clients.may_bind_to("strict")
            return await tx.clients.replace(old, new)

        assert await database.transact(write)
        assert await _facets(database, one.client_id) == expected, change
        one = new


async def test_of_a_change_that_fails_nothing_is_there_and_nothing_is_believed(
    database: Database,
) -> None:
    """Attack: facets that are remembered as written by a change that was taken back."""
    one, other = _named("First"), _named("First")
    await add(database, one, other)
    who = ("client", one.client_id)
    told = EventRecord(one.client_id, "test", "client.updated", 1, *who, *who, None, None, "{}")

    async def change(old: ClientRecord) -> bool:
        new = old._replace(version=2, metadata=json.dumps({"client_name": f"N {one.client_id}"}))
        return await database.transact(lambda tx: tx.clients.replace(old, new, told))

    assert await change(one)
    with pytest.raises(AlreadyThere):
        await change(other)
    assert await find(database, other.client_id) == other
    assert (await _facets(database, other.client_id))[0] == " first"
    told = told._replace(id=other.client_id)
    assert await change(other)
    assert (await _facets(database, other.client_id))[0] == f" n {one.client_id}"
