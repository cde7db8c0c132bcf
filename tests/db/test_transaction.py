"""Transactions: whole or not at all, retried after conflicts, coalesced when they only insert."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable

import asyncpg
import pytest
from pydantic import SecretStr
from sqlalchemy import make_url, select
from sqlalchemy.exc import DBAPIError

from dcrserver.db.failures import Absent, Conflict, Locked, Refused
from dcrserver.db.protocol.drivers import mariadb_pool, open_driver, postgresql_errors
from dcrserver.db.tables import clients, events
from dcrserver.errors import Unavailable
from dcrserver.repositories.clients import DERIVED, RETIRED, ClientRecord
from dcrserver.repositories.events import EventRecord
from dcrserver.repositories.transaction import AlreadyThere, Database, Transaction
from dcrserver.security import new_client_id
from dcrserver.settings import DatabaseSettings
from harness.databases import migrated
from harness.rows import add, find, record


@pytest.fixture
async def database(any_database: str) -> AsyncIterator[Database]:
    made = Database(open_driver(DatabaseSettings(url=SecretStr(any_database), pool_size=4)))
    yield made
    await made.close()


async def test_a_committed_insert_is_there(database: Database) -> None:
    one = record(metadata='{"client_name":"Ünï ☕ 𝄞"}')
    await add(database, one)
    assert await find(database, one.client_id) == one


async def test_what_another_process_committed_is_seen_however_many_read(
    any_database: str, database: Database
) -> None:
    other = Database(open_driver(DatabaseSettings(url=SecretStr(any_database))))
    missing, done = new_client_id(), asyncio.Event()

    async def read_on() -> None:
        while not done.is_set():
            await find(database, missing)
            await asyncio.sleep(0)

    readers = [asyncio.create_task(read_on()) for _ in range(3)]
    for _ in range(50):
        one = record()
        await add(other, one)
        assert await find(database, one.client_id) == one
    done.set()
    await asyncio.gather(*readers)
    await other.close()


async def test_of_coalesced_inserts_a_bad_one_fails_alone(database: Database) -> None:
    taken = record()
    await add(database, taken)
    others = [record() for _ in range(10)]
    results = await asyncio.gather(
        *(add(database, each) for each in [*others[:5], taken, *others[5:]]), return_exceptions=True
    )
    assert [type(result) for result in results if result] == [AlreadyThere]
    assert all([await find(database, each.client_id) for each in others])


async def test_clients_that_end_and_that_do_not_are_stored_side_by_side(database: Database) -> None:
    """Of those that do not, nothing is sent: they are written by a statement of their own."""
    made = [record(expires_at=ends_at) for ends_at in (None, 0, 7, None, 8)]
    await asyncio.gather(*(add(database, each) for each in made))
    assert [await find(database, each.client_id) for each in made] == made


async def test_a_transaction_is_whole_or_not_at_all(database: Database) -> None:
    taken, new = record(), record()
    await add(database, taken)
    with pytest.raises(AlreadyThere):
        await add(database, new, taken)
    assert await find(database, new.client_id) is None


async def test_what_raises_inside_is_rolled_back(database: Database) -> None:
    one = record()
    await add(database, one)

    async def write(tx: Transaction) -> None:
        assert await tx.clients.delete(one)
        raise KeyError

    with pytest.raises(KeyError):
        await database.transact(write)
    assert await find(database, one.client_id) == one


async def test_an_insert_is_seen_by_later_statements_of_its_transaction(database: Database) -> None:
    one = record()

    async def write(tx: Transaction) -> ClientRecord | None:
        tx.clients.add(one)
        return await tx.clients.find("test", one.client_id)

    assert await database.transact(write) == one


async def test_replace_and_delete_need_what_was_read(database: Database) -> None:
    old = record()
    await add(database, old)
    new = old._replace(version=2, metadata='{"a":1}')
    assert await database.transact(lambda tx: tx.clients.replace(old, new))
    assert not await database.transact(lambda tx: tx.clients.replace(old, new))
    assert not await database.transact(lambda tx: tx.clients.delete(old))
    assert await find(database, old.client_id) == new
    assert await database.transact(lambda tx: tx.clients.delete(new))
    assert await find(database, old.client_id) is None


async def test_all_that_changes_of_a_client_is_stored(database: Database) -> None:
    """Whatever columns there are: one that an update forgot would be lost without a word."""
    old = record()
    await add(database, old)
    born = {"tenant", "client_id", "issued_at", "origin"}
    changed = {
        column.name: 7 if column.type.python_type is int else "seven"
        for column in clients.columns
        if column.name not in born | DERIVED | RETIRED
    } | {
        "metadata": '{"client_name":"seven"}',
        "client_secrets": '[{"expires_at":7}]',
        "bounds": "{}",
    }
    new = old._replace(**changed)
    assert await database.transact(lambda tx: tx.clients.replace(old, new))
    assert await find(database, old.client_id) == new


async def test_changes_that_wait_together_are_judged_each_by_itself(database: Database) -> None:
    """Of two with the same token one finds its client; each has its event, or none."""
    clients = [record() for _ in range(6)]
    await add(database, *clients)

    def event(client_id: str, number: int) -> EventRecord:
        name = f"{client_id[:20]}-{number}"
        who = ("client", client_id)
        return EventRecord(name, "test", "client.updated", 1, *who, *who, None, None, "{}")

    def replace(old: ClientRecord, number: int) -> Awaitable[bool]:
        new = old._replace(version=2, metadata=f'{{"n":{number}}}')
        told = event(old.client_id, number)
        return database.transact(lambda tx: tx.clients.replace(old, new, told))

    def delete(old: ClientRecord) -> Awaitable[bool]:
        told = event(old.client_id, 9)
        return database.transact(lambda tx: tx.clients.delete(old, told))

    *changed, stale, gone = clients
    stale, gone = stale._replace(version=7), gone._replace(registration_access_token_digest="x")
    results = await asyncio.gather(
        *(replace(each, number) for number in (1, 2) for each in changed), replace(stale, 3)
    )
    assert results[-1] is False
    assert [results[n] + results[n + len(changed)] for n in range(len(changed))] == [1] * 4
    assert await asyncio.gather(*(delete(each) for each in (stale, gone))) == [False, False]
    for each, won in zip(changed, results, strict=False):
        found = await find(database, each.client_id)
        assert found is not None
        assert found.metadata == f'{{"n":{1 if won else 2}}}'
        async with database.read() as tx:
            chosen = select(events.c.id).where(events.c.subject_id == each.client_id)
            told = (await tx.session.execute(chosen, {})).all()
        assert [event["id"][-1] for event in told] == ["1" if won else "2"]
    assert all(await asyncio.gather(*(delete(each) for each in clients[4:])))
    assert await find(database, clients[5].client_id) is None


async def test_lookups_that_wait_together_find_each_its_own(database: Database) -> None:
    clients = [record(metadata=f'{{"n":"{number} Ünï\\u0000"}}') for number in range(20)]
    await add(database, *clients)
    wanted = [each.client_id for each in clients] + ["absent", clients[0].client_id]
    found = await asyncio.gather(*(find(database, client_id) for client_id in wanted))
    assert found == [*clients, None, clients[0]]


def test_a_connection_that_breaks_serves_nobody_else() -> None:
    async def breaks(url: str) -> None:
        made = Database(open_driver(DatabaseSettings(url=SecretStr(url), pool_size=2)))
        one = record()
        await add(made, one)
        other = await asyncpg.connect(url.replace("+asyncpg", ""))
        await other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
        await other.close()
        answers = [await _or_unavailable(find(made, one.client_id)) for _ in range(3)]
        assert answers[-1] == one
        await made.close()

    with migrated("postgresql") as url:
        asyncio.run(breaks(url))


async def _or_unavailable(asked: Awaitable[ClientRecord | None]) -> ClientRecord | None:
    try:
        return await asked
    except Unavailable:
        return None


async def test_identifiers_are_compared_octet_by_octet(database: Database) -> None:
    one = record(client_id="AbC" + new_client_id())
    await add(database, one)
    assert await find(database, one.client_id.lower()) is None
    assert await find(database, one.client_id + " ") is None
    assert await find(database, "\x00") is None


async def test_tokens_are_redeemed_at_most_as_often_as_they_allow(database: Database) -> None:
    from dcrserver.repositories.initial_access_tokens import (  # noqa: PLC0415
        InitialAccessTokenRecord,
    )

    digest = new_client_id()
    row = InitialAccessTokenRecord("test", digest, new_client_id(), 3, 0, 1)
    free = row._replace(digest=new_client_id(), id=new_client_id(), uses_left=None)

    async def write(tx: Transaction) -> None:
        tx.initial_access_tokens.add(row)
        tx.initial_access_tokens.add(free)

    await database.transact(write)

    async def redeem(which: str) -> bool:
        return await database.transact(lambda tx: tx.initial_access_tokens.redeem("test", which, 5))

    granted = await asyncio.gather(*(redeem(digest) for _ in range(20)))
    assert granted.count(True) == 3
    assert all(await asyncio.gather(*(redeem(free.digest) for _ in range(5))))


async def test_a_conflict_is_run_again(database: Database) -> None:
    attempts = 0

    async def write(_: Transaction) -> str:
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            raise Conflict
        return "done"

    assert await database.transact(write) == "done"
    assert attempts == 3


async def test_conflicts_without_end_are_unavailable(database: Database) -> None:
    async def write(_: Transaction) -> None:
        raise Conflict

    with pytest.raises(Unavailable):
        await database.transact(write)


@pytest.mark.parametrize(
    ("code", "meaning"), [(1213, Conflict), (1205, Locked), (1064, DBAPIError)]
)
def test_conflicts_of_mariadb_are_known_by_number(code: int, meaning: type[Exception]) -> None:
    with pytest.raises(meaning), mariadb_pool.translated():
        raise DBAPIError("UPDATE", None, Exception(code, "text"))


@pytest.mark.parametrize(
    ("state", "meaning"),
    [("57P03", Absent), ("53300", Absent), ("57014", Absent), ("53100", Absent),
     ("25006", Absent), ("28P01", Absent), ("3D000", Absent),
     ("08006", Absent), ("58030", Absent), ("40001", Conflict),
     ("40P01", Conflict), ("23505", AlreadyThere), ("42P01", Refused),
     ("22001", Refused), ("55000", Absent), ("55P03", Locked)],
)  # fmt: skip
def test_what_postgresql_means_is_known_by_its_state(state: str, meaning: type[Exception]) -> None:
    with pytest.raises(meaning), postgresql_errors.translated():
        raise asyncpg.PostgresError.new({"C": state, "M": "text", "n": "pk"})


def test_a_connection_that_postgresql_is_ending_is_no_use() -> None:
    with pytest.raises(Absent), postgresql_errors.translated():
        raise asyncpg.InternalClientError("cannot switch to state 11; another operation")


async def test_a_database_that_cannot_be_reached_is_unavailable() -> None:
    url = SecretStr("postgresql://nobody@127.0.0.1:1/none")
    database = Database(open_driver(DatabaseSettings(url=url, pool_timeout=1)))
    with pytest.raises(Unavailable) as refusal:
        await add(database, record())
    assert "127.0.0.1" not in refusal.value.description
    with pytest.raises(Unavailable):
        await find(database, "x")
    await database.close()


async def test_two_that_write_sqlite_all_the_time_take_turns(sqlite_database: str) -> None:
    """Whoever has the lock takes it again at once; the other must get it all the same."""
    settings = DatabaseSettings(url=SecretStr(sqlite_database), statement_timeout=3)
    databases = [Database(open_driver(settings)) for _ in range(2)]
    rows = [record() for _ in range(600)]

    async def write(number: int) -> None:
        for one in rows[number::4]:
            await add(databases[number % 2], one)

    await asyncio.gather(*(write(number) for number in range(4)))
    assert all([await find(databases[0], each.client_id) for each in rows])
    for each in databases:
        await each.close()


def test_postgresql_works_without_prepared_statements() -> None:
    """As behind a PgBouncer in transaction mode."""

    async def works(url: str) -> None:
        made = Database(open_driver(DatabaseSettings(url=SecretStr(url))))
        one = record()
        await add(made, one)
        assert await find(made, one.client_id) == one
        await made.close()

    with migrated("postgresql") as url:
        unprepared = make_url(url).update_query_dict({"statement_cache_size": "0"})
        asyncio.run(works(unprepared.render_as_string(hide_password=False)))


async def test_who_is_cancelled_or_refused_leaves_nothing_for_the_log(any_database: str) -> None:
    """Python writes what no task looks at, and asyncpg each transaction that it rolls back."""
    left: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, about: left.append(str(about["message"])))

    async def work(tx: Transaction) -> None:
        assert await tx.clients.find("default", "nobody") is None
        await tx.configuration_changes.number()
        raise AlreadyThere

    async def refused(database: Database) -> None:
        with pytest.raises(AlreadyThere):
            await database.transact(work)

    for steps in range(25):  # each place at which it waits, from the connection's first on
        database = Database(open_driver(DatabaseSettings(url=SecretStr(any_database))))
        asked = asyncio.create_task(refused(database))
        for _ in range(steps):
            await asyncio.sleep(0)
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        if not steps:
            await refused(database)
        await database.close()
    gc.collect()
    await asyncio.sleep(0)
    assert not left
