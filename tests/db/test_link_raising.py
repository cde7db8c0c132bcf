"""Every write of a client raises its links, in its own transaction, on each database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from dcrserver.db.protocol.drivers import open_driver
from dcrserver.names import LinkState
from dcrserver.repositories.client_links import ClientLinkRecord
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.transaction import AlreadyThere, Database, Transaction
from dcrserver.security import new_client_id
from dcrserver.settings import DatabaseSettings
from harness.rows import add, record

_TARGETS = {"test": ("hydra", "kc"), "other": ()}
_LONG = 60_000


@pytest.fixture
async def database(any_database: str) -> AsyncIterator[Database]:
    settings = DatabaseSettings(url=SecretStr(any_database), pool_size=4)
    made = Database(open_driver(settings), lambda tenant: _TARGETS[tenant])
    yield made
    await made.close()


async def _links(database: Database, client: ClientRecord) -> list[ClientLinkRecord]:
    async with database.read() as tx:
        return list(await tx.client_links.of_client(client.tenant, client.client_id))


async def _link(database: Database, client: ClientRecord) -> ClientLinkRecord:
    return (await _links(database, client))[0]


async def _claimed(
    database: Database, link: ClientLinkRecord, claim: str = "me", ms: int = _LONG
) -> ClientLinkRecord | None:
    return await database.transact(lambda tx: tx.client_links.claim(link, claim, ms))


async def _replace(database: Database, old: ClientRecord, **changes: object) -> ClientRecord:
    new = old._replace(version=old.version + 1, **changes)  # type: ignore[arg-type]
    assert await database.transact(lambda tx: tx.clients.replace(old, new))
    return new


def _secret(name: str, **more: str) -> str:
    held = {"id": name, "digest": "d", "ciphertext": None, "issued_at": 1, "expires_at": 0}
    return json.dumps([held | more])


async def test_a_new_client_is_wanted_at_each_target_of_its_tenant(database: Database) -> None:
    client, elsewhere = record(), record(tenant="other")
    await add(database, client, elsewhere)

    links = await _links(database, client)
    assert [link.connector for link in links] == ["hydra", "kc"]
    assert {(link.wanted, link.applied, link.state) for link in links} == {(1, 0, "pending")}
    assert all(link.due_at == link.raised_at > 0 for link in links)
    assert await _links(database, elsewhere) == []


async def test_a_change_raises_what_is_wanted_and_one_that_no_target_learns_of_does_not(
    database: Database,
) -> None:
    client = record()
    await add(database, client)
    first = await _link(database, client)
    client = await _replace(database, client, metadata='{"client_name":"second"}')
    again = await _link(database, client)
    assert (again.wanted, again.due_at, again.raised_at) == (2, first.due_at, first.raised_at)

    token = {"registration_access_token_digest": "other", "tokens_ended_at": 7, "expires_at": 9}
    client = await _replace(database, client, **token)
    assert (await _link(database, client)).wanted == 2
    await _replace(database, client, suspended_at=5)
    assert (await _link(database, client)).wanted == 3


async def test_how_a_secret_is_kept_is_nothing_to_a_target_and_when_it_ends_is(
    database: Database,
) -> None:
    """All are encrypted anew when the keys change, and a slow hash becomes a quick one."""
    client = record(client_secrets=_secret("a", sealed="S"))
    await add(database, client)
    client = client._replace(client_secrets=_secret("a"))
    client = await _replace(database, client, client_secrets=_secret("a", digest="e"))
    assert (await _link(database, client)).wanted == 1
    ending = client.client_secrets or ""
    await _replace(
        database, client, client_secrets=ending.replace('expires_at": 0', 'expires_at": 9')
    )
    assert (await _link(database, client)).wanted == 2


async def test_what_is_not_written_raises_nothing(database: Database) -> None:
    client = record()
    await add(database, client)
    late = client._replace(version=7)
    changed = late._replace(version=8, metadata='{"a":1}')
    assert not await database.transact(lambda tx: tx.clients.replace(late, changed))
    assert not await database.transact(lambda tx: tx.clients.delete(late))
    assert (await _link(database, client)).wanted == 1


async def test_many_changes_and_deletions_at_once_raise_each(database: Database) -> None:
    clients = [record() for _ in range(3)]
    await add(database, *clients)
    changed = [each._replace(version=2, metadata='{"a":1}') for each in clients]
    pairs = list(zip(clients, changed, strict=True))
    assert await database.transact(lambda tx: tx.clients.replace_all(pairs))
    assert {(await _link(database, each)).wanted for each in clients} == {2}

    assert await database.transact(lambda tx: tx.clients.delete_all(changed))
    links = [await _link(database, each) for each in clients]
    assert {(link.wanted, link.state) for link in links} == {(3, "gone")}


async def test_changes_that_share_a_batch_raise_each_its_own(database: Database) -> None:
    clients = [record() for _ in range(20)]
    await asyncio.gather(*(add(database, each) for each in clients))
    await asyncio.gather(*(_replace(database, each, metadata='{"a":1}') for each in clients))
    assert [(await _link(database, each)).wanted for each in clients] == [2] * 20


async def test_a_client_that_waits_for_an_approval_is_not_due_until_it_has_it(
    database: Database,
) -> None:
    client = record(suspended_at=1, approval="pending", client_secrets=_secret("a", sealed="S"))
    await add(database, client)
    held = await _link(database, client)
    assert (held.state, held.due_at, held.sealed_secret) == ("reserved", 0, "S")

    stored = client._replace(client_secrets=_secret("a"))
    await _replace(database, stored, suspended_at=0, approval=None)
    let_in = await _link(database, client)
    assert (let_in.state, let_in.due_at > 0, let_in.sealed_secret) == ("pending", True, "S")


async def test_a_new_secret_goes_to_the_link_sealed_and_is_not_kept_in_the_row(
    database: Database,
) -> None:
    client = record(client_secrets=_secret("a", sealed="S1"))
    await add(database, client)
    assert (await _link(database, client)).sealed_secret == "S1"
    async with database.read() as tx:
        stored = await tx.clients.find(client.tenant, client.client_id)
    assert stored is not None
    assert json.loads(stored.client_secrets or "") == json.loads(_secret("a"))

    changed = await _replace(database, stored, metadata='{"a":1}')
    assert (await _link(database, client)).sealed_secret == "S1"  # not delivered yet
    await _replace(database, changed, client_secrets=_secret("b", sealed="S2"))
    assert (await _link(database, client)).sealed_secret == "S2"


async def test_a_new_secret_that_nobody_sealed_is_a_mistake_that_stops_the_write(
    database: Database,
) -> None:
    client = record(client_secrets=_secret("a"))
    with pytest.raises(RuntimeError, match="no sealed copy"):
        await add(database, client)

    async def imported(tx: Transaction) -> None:
        tx.clients.add(client, is_secret_known=False)

    await database.transact(imported)
    with pytest.raises(RuntimeError, match="no sealed copy"):
        await _replace(database, client, client_secrets=_secret("b"))
    await _replace(database, client, client_secrets="[]")
    await add(database, record(tenant="other", client_secrets=_secret("a")))


async def test_two_who_claim_a_link_do_not_both_get_it(database: Database) -> None:
    client = record()
    await add(database, client)
    link = await _link(database, client)
    taken = await asyncio.gather(*(_claimed(database, link, f"worker{n}") for n in range(5)))
    (mine,) = [each for each in taken if each]
    assert await _claimed(database, mine, "late") is None
    async with database.read() as tx:
        assert link.key not in {each.key for each in await tx.client_links.due("hydra", 10_000)}


async def test_a_claim_that_ended_is_anybodys_and_its_holder_writes_nothing_more(
    database: Database,
) -> None:
    client = record()
    await add(database, client)
    killed = await _claimed(database, await _link(database, client), "killed", ms=-1)
    assert killed is not None
    other = await _claimed(database, killed, "other")
    assert other is not None
    assert not await database.transact(lambda tx: tx.client_links.done(killed))
    assert not await database.transact(lambda tx: tx.client_links.remove(killed))
    assert await database.transact(lambda tx: tx.client_links.done(other))


async def test_what_is_done_is_idle_and_its_secret_is_erased(database: Database) -> None:
    client = record(client_secrets=_secret("a", sealed="S"))
    await add(database, client)
    link = await _claimed(database, await _link(database, client))
    assert link is not None
    sent = link._replace(remote_id="r", fingerprint="f", kept="k")
    assert await database.transact(lambda tx: tx.client_links.done(sent))
    done = await _link(database, client)
    assert (done.state, done.applied, done.due_at, done.claim) == ("applied", 1, 0, "")
    assert (done.remote_id, done.fingerprint, done.kept, done.sealed_secret) == (
        "r", "f", "k", None,
    )  # fmt: skip


async def test_what_was_raised_meanwhile_is_due_at_once_with_its_newer_secret(
    database: Database,
) -> None:
    """A stale secret would overwrite a new one otherwise."""
    client = record(client_secrets=_secret("a", sealed="S1"))
    await add(database, client)
    link = await _claimed(database, await _link(database, client))
    assert link is not None
    stored = client._replace(client_secrets=_secret("a"))
    await _replace(database, stored, client_secrets=_secret("b", sealed="S2"))
    assert await database.transact(lambda tx: tx.client_links.done(link))
    left = await _link(database, client)
    assert (left.wanted, left.applied, left.sealed_secret) == (2, 1, "S2")
    assert left.state == "pending"
    async with database.read() as tx:
        assert left.key in {each.key for each in await tx.client_links.due("hydra", 10_000)}


async def test_a_failure_is_tried_later_and_a_refusal_when_the_client_changes(
    database: Database,
) -> None:
    client = record()
    await add(database, client)
    link = await _claimed(database, await _link(database, client))
    assert link is not None
    told = link._replace(last_error="away" * 200)
    assert await database.transact(
        lambda tx: tx.client_links.failed(told, LinkState.PENDING, _LONG)
    )
    away = await _link(database, client)
    assert (away.attempts, away.state, len(away.last_error or "")) == (1, "pending", 500)
    assert away.due_at > away.raised_at + _LONG / 2

    link = await _claimed(database, away)
    assert link is not None
    refused = link._replace(last_error="no")
    assert await database.transact(lambda tx: tx.client_links.failed(refused, LinkState.FAILED, 0))
    refused = await _link(database, client)
    assert (refused.state, refused.due_at, refused.attempts) == ("failed", 0, 2)
    await _replace(database, client, metadata='{"a":1}')
    again = await _link(database, client)
    assert (again.state, again.due_at > 0, again.attempts) == ("pending", True, 0)


async def test_a_link_is_removed_unless_the_client_came_back(database: Database) -> None:
    client = record()
    await add(database, client)
    link = await _claimed(database, await _link(database, client))
    assert link is not None
    await _replace(database, client, metadata='{"a":1}')
    assert not await database.transact(lambda tx: tx.client_links.remove(link))
    assert await database.transact(lambda tx: tx.client_links.remove(link._replace(wanted=2)))
    assert [each.connector for each in await _links(database, client)] == ["kc"]


async def test_a_reservation_is_its_holders_alone(database: Database) -> None:
    new = record()
    link = ClientLinkRecord(
        "test", new.client_id, "kc", wanted=1, state="reserved", updated_at=1, claim="me"
    )
    await database.transact(lambda tx: tx.client_links.reserve(link, _LONG))
    with pytest.raises(AlreadyThere):
        await database.transact(lambda tx: tx.client_links.reserve(link, _LONG))
    reserved = await _link(database, new)
    assert (reserved.claim, reserved.state) == ("me", "reserved")

    async def confirm(tx: Transaction) -> bool:
        assert tx.clients.links is not None
        tx.clients.links.told(["kc"])
        tx.clients.add(new)
        return await tx.client_links.done(link)

    assert await database.transact(confirm)
    states = {each.connector: (each.state, each.due_at > 0) for each in await _links(database, new)}
    assert states == {"kc": ("applied", False), "hydra": ("pending", True)}


async def test_a_link_that_is_hurried_is_due_and_sent_again(database: Database) -> None:
    client = record()
    await add(database, client)
    link = await _claimed(database, await _link(database, client))
    assert link is not None
    assert not await database.transact(lambda tx: tx.client_links.hurry(link))
    sent = link._replace(fingerprint="f")
    assert await database.transact(lambda tx: tx.client_links.done(sent))
    assert await database.transact(lambda tx: tx.client_links.hurry(link))
    hurried = await _link(database, client)
    assert (hurried.state, hurried.wanted, hurried.fingerprint) == ("pending", 2, None)
    async with database.read() as tx:
        counted = {(each.state) for each in await tx.client_links.counts("hydra")}
    assert "pending" in counted


async def test_who_waits_for_targets_is_told_what_a_commit_raised(database: Database) -> None:
    told: list[list[tuple[str, str]]] = []

    async def remember(raised: object) -> None:
        told.append(list(raised))  # type: ignore[call-overload]

    database.after_raising = remember
    client = record()
    await add(database, client)
    await add(database, record(tenant="other"))
    await database.transact(lambda tx: tx.client_links.find("test", "x", "kc"))
    assert told == [[(client.tenant, client.client_id)]]


async def test_the_clients_of_a_tenant_that_ends_are_to_be_removed_at_their_targets(
    database: Database,
) -> None:
    tenant = f"ending-{new_client_id()[:8]}"
    links = [
        ClientLinkRecord(tenant, f"c{n}", "kc", wanted=1, state="applied", updated_at=1, applied=1)
        for n in range(3)
    ]

    async def write(tx: Transaction) -> None:
        for link in links:
            await tx.client_links.add(link)

    await database.transact(write)
    assert await database.transact(lambda tx: tx.client_links.end(tenant)) == 3
    assert await database.transact(lambda tx: tx.client_links.end(tenant)) == 0
    async with database.read() as tx:
        ended = await tx.client_links.find(*links[0].key)
    assert ended is not None
    assert (ended.state, ended.wanted, ended.due_at > 0) == ("gone", 2, True)


async def test_what_is_encrypted_is_written_anew_unless_it_is_another_by_now(
    database: Database,
) -> None:
    client = record(client_secrets=_secret("a", sealed="S1"))
    await add(database, client)
    link = await _link(database, client)
    found, place = [], None
    async with database.read() as tx:
        while some := await tx.client_links.sealed(place):
            found += some
            place = some[-1]
    assert link.key in {each.key for each in found}
    assert len({each.key for each in found}) == len(found)
    assert await database.transact(lambda tx: tx.client_links.renew(link, "S1'", None))
    assert not await database.transact(lambda tx: tx.client_links.renew(link, "S1''", None))
    assert (await _link(database, client)).sealed_secret == "S1'"
