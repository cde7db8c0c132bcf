"""Links are delivered: the target is brought to the client's row, whatever comes in between."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from pydantic import SecretStr

from dcrserver.connectors.client import NewSecret
from dcrserver.connectors.failures import (
    TargetAway,
    TargetMisconfigured,
    TargetRefused,
)
from dcrserver.db.protocol.drivers import open_driver
from dcrserver.repositories.client_links import ClientLinkRecord
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.security import SecretBox, new_client_id
from dcrserver.services.provisioning.delivery import Delivery, Outcome
from dcrserver.services.provisioning.targets import Target, Targets
from dcrserver.services.provisioning.wanted import wanted_of
from dcrserver.services.provisioning.worker import ProvisioningWorker
from dcrserver.services.secrets.sealing import Sealing
from dcrserver.settings import DatabaseSettings
from harness.long_run import FIRST_EVERYDAY
from harness.rows import add, record
from harness.targets import (
    FakeConnector,
    FakeTarget,
    There,
    connector_settings,
    encryption_key,
)

# They wait in real time, at each database.
pytestmark = pytest.mark.parametrize("any_database", FIRST_EVERYDAY, indirect=True)


@dataclass
class Process:
    """One process that is a worker."""

    database: Database
    target: Target
    delivery: Delivery
    worker: ProvisioningWorker


@dataclass
class World:
    """A database, a target called ``kc-...``, and processes; links of others are nobody's here."""

    url: str
    name: str
    there: FakeTarget
    connector: FakeConnector
    sealing: Sealing
    me: Process

    async def link(self, client: ClientRecord) -> ClientLinkRecord | None:
        async with self.me.database.read() as tx:
            return await tx.client_links.find(client.tenant, client.client_id, self.name)

    async def deliver(self, client: ClientRecord) -> Outcome:
        link = await self.link(client)
        assert link is not None
        return await self.me.delivery.deliver(link)

    async def replace(self, old: ClientRecord, **changes: object) -> ClientRecord:
        new = old._replace(version=old.version + 1, **changes)  # type: ignore[arg-type]
        assert await self.me.database.transact(lambda tx: tx.clients.replace(old, new))
        secrets = json.loads(new.client_secrets or "[]")
        for each in secrets:
            each.pop("sealed", None)
        return new._replace(client_secrets=json.dumps(secrets) if secrets else None)

    async def delete(self, client: ClientRecord) -> None:
        assert await self.me.database.transact(lambda tx: tx.clients.delete(client))

    def secret(self, client: ClientRecord, value: str) -> str:
        """The column of a client whose newest secret is ``value``."""
        sealed = self.sealing.sealed(client.tenant, client.client_id, NewSecret(value))
        held = {"id": value, "digest": "d", "ciphertext": None, "issued_at": 1, "expires_at": 0}
        return json.dumps([held | {"sealed": sealed}])

    async def confidential(self, value: str = "s1") -> ClientRecord:
        client = record(metadata='{"token_endpoint_auth_method":"client_secret_basic"}')
        await add(self.me.database, client._replace(client_secrets=self.secret(client, value)))
        async with self.me.database.read() as tx:
            stored = await tx.clients.find(client.tenant, client.client_id)
        assert stored is not None
        return stored

    async def public(self) -> ClientRecord:
        client = record(metadata='{"token_endpoint_auth_method":"none"}')
        await add(self.me.database, client)
        return client

    def at_target(self, client: ClientRecord) -> There | None:
        return self.there.clients.get((client.tenant, client.client_id))

    @asynccontextmanager
    async def process(self) -> AsyncIterator[Process]:
        """Another one."""
        made = _process(self.url, self.name, FakeConnector(self.there, self.name))
        try:
            yield made
        finally:
            await made.database.close()


def _process(url: str, name: str, connector: FakeConnector) -> Process:
    settings = DatabaseSettings(url=SecretStr(url), pool_size=4)
    target = Target(name, connector, connector_settings(timeout=0.5, provision="after"))
    targets = Targets([target])
    database = Database(open_driver(settings), targets.names)
    delivery = Delivery(database, targets, _sealing())

    async def nudge(_: object) -> None:
        targets.nudge()

    database.after_raising = nudge
    return Process(database, target, delivery, ProvisioningWorker(database, targets, delivery))


def _sealing() -> Sealing:
    return Sealing(SecretBox([encryption_key().get_secret_value()]), lambda _: True)


@pytest.fixture
async def world(any_database: str) -> AsyncIterator[World]:
    there, name = FakeTarget(), f"kc-{new_client_id()[:8]}"
    connector = FakeConnector(there, name)
    me = _process(any_database, name, connector)
    yield World(any_database, name, there, connector, _sealing(), me)
    await me.database.close()


@asynccontextmanager
async def _working(*processes: Process) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(each.worker.run()) for each in processes]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _until(is_so: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await is_so():  # noqa: ASYNC110 - of several processes
            await asyncio.sleep(0.01)


async def test_a_client_comes_to_the_target_with_its_secret_which_is_then_erased(
    world: World,
) -> None:
    client = await world.confidential("s1")
    assert await world.deliver(client) is Outcome.SENT

    there, link = world.at_target(client), await world.link(client)
    assert there is not None
    assert link is not None
    assert there.secrets == ["s1"]
    assert there.want.metadata == json.loads(client.metadata)
    assert (link.state, link.applied, link.sealed_secret) == ("applied", 1, None)
    assert link.remote_id == f"remote-{client.client_id}"
    assert "token" not in (link.kept or "")


async def test_only_what_changed_is_sent_and_never_a_secret_that_it_has(world: World) -> None:
    client = await world.confidential("s1")
    await world.deliver(client)
    client = await world.replace(client, metadata='{"client_name":"b"}')
    assert await world.deliver(client) is Outcome.SENT
    client = await world.replace(client, bounds='{"policy":null}')
    assert await world.deliver(client) is Outcome.UNCHANGED
    assert [call for call, _ in world.there.calls] == ["create", "update"]
    there = world.at_target(client)
    assert there is not None
    assert there.secrets == ["s1"]


async def test_suspension_and_deletion_reach_the_target_and_nothing_is_left(world: World) -> None:
    """Trouble of synchronisers: deletion leaves the client."""
    client = await world.public()
    await world.deliver(client)
    client = await world.replace(client, suspended_at=5)
    await world.deliver(client)
    there = world.at_target(client)
    assert there is not None
    assert not there.want.is_active
    await world.delete(client)
    assert await world.deliver(client) is Outcome.REMOVED
    assert world.at_target(client) is None
    assert await world.link(client) is None


async def test_a_client_that_came_and_went_unseen_leaves_nothing(world: World) -> None:
    client = await world.public()
    await world.delete(client)
    assert await world.deliver(client) is Outcome.REMOVED
    assert world.there.clients == {}
    assert await world.link(client) is None


async def test_a_stale_secret_does_not_overwrite_a_new_one(world: World) -> None:
    """Trouble of synchronisers: what is on its way is of before a rotation."""
    client = await world.confidential("s1")
    world.there.held = asyncio.Event()
    slow = asyncio.create_task(world.deliver(client))
    await _until(lambda: _is(world.there.at_once == 1))
    await world.replace(client, client_secrets=world.secret(client, "s2"))
    world.there.held.set()
    assert await slow is Outcome.SENT
    link = await world.link(client)
    assert link is not None
    assert link.state == "pending"
    assert await world.deliver(client) is Outcome.SENT
    there = world.at_target(client)
    assert there is not None
    assert there.secrets[0] == "s2"


async def test_masked_values_of_the_target_do_not_make_an_endless_update(world: World) -> None:
    """Trouble of synchronisers: what the target stored otherwise is no difference of ours."""
    world.connector.changes = {"client_name": "***"}
    client = await world.public()
    assert await world.deliver(client) is Outcome.SENT
    link = await world.link(client)
    assert link is not None
    assert link.last_error == "it stored otherwise: client_name"
    assert link.due_at == 0
    client = await world.replace(client, bounds='{"policy":null}')
    assert await world.deliver(client) is Outcome.UNCHANGED


async def test_a_client_of_ours_that_is_there_is_adopted_and_a_foreign_one_is_left_alone(
    world: World,
) -> None:
    """Trouble of synchronisers: 409 without adoption."""
    ours, foreign = await world.public(), await world.public()
    stranger = There(wanted_of(foreign), ["x"], "somebody")
    world.there.clients = {
        (ours.tenant, ours.client_id): There(wanted_of(ours)),
        (foreign.tenant, foreign.client_id): stranger,
    }
    assert await world.deliver(ours) is Outcome.SENT
    assert await world.deliver(foreign) is Outcome.REFUSED
    link = await world.link(foreign)
    assert link is not None
    assert (link.state, link.due_at, link.last_error) == ("failed", 0, "fake: 409")
    assert world.at_target(foreign) is stranger

    await world.delete(foreign)
    assert await world.deliver(foreign) is Outcome.REMOVED
    assert world.at_target(foreign) is stranger


async def test_a_client_that_somebody_removed_at_the_target_is_made_again_and_says_what_it_lacks(
    world: World,
) -> None:
    client = await world.confidential("s1")
    await world.deliver(client)
    world.there.clients.clear()
    method = '"token_endpoint_auth_method":"client_secret_basic"'
    client = await world.replace(client, metadata=f'{{"client_name":"b",{method}}}')
    assert await world.deliver(client) is Outcome.SENT
    link = await world.link(client)
    assert link is not None
    assert link.state == "applied"
    assert link.last_error == "its secret is known here as a digest only: rotate it"


async def test_whatever_fails_is_tried_again_and_nothing_is_double(world: World) -> None:
    """Before it is done, or after, when the answer is lost: 500, 429, garbage, a mistake."""
    failures = [
        TargetAway("fake: status 500"),
        TargetAway("fake: status 429", retry_after=0.01),
        TargetAway("fake: no JSON"),
        TargetMisconfigured("fake: status 401"),
        ValueError("garbage"),
    ]
    for failure in failures:
        for when in (world.there.failures, world.there.lost):
            client = await world.confidential("s1")
            when.append(failure)
            assert await world.deliver(client) in {
                Outcome.AWAY, Outcome.MISCONFIGURED, Outcome.FAILED,
            }, failure  # fmt: skip
            link = await world.link(client)
            assert link is not None
            assert (link.state, link.attempts, link.due_at > 0) == ("pending", 1, True), failure
            assert link.claim == ""
            assert link.last_error
            world.me.target.breaker.answered()
            assert await world.deliver(client) is Outcome.SENT
            there = world.at_target(client)
            assert there is not None
            assert there.secrets == ["s1"], failure


async def test_a_target_that_never_answers_is_given_up_in_time(world: World) -> None:
    client = await world.public()
    world.there.held = asyncio.Event()
    assert await world.deliver(client) is Outcome.AWAY
    link = await world.link(client)
    assert link is not None
    assert link.last_error == f"{world.name}: it took too long"


async def test_who_waits_for_a_target_that_was_away_for_long_does_not_wait_long_for_its_return(
    world: World,
) -> None:
    """Nothing else may be due by which its return would be seen."""
    client = await world.public()
    world.there.is_away = True
    for _ in range(12):
        await world.deliver(client)
    link = await world.link(client)
    assert link is not None
    assert link.attempts == 12
    assert link.due_at - time.time() * 1000 < 3_000

    breaker = world.me.target.breaker
    breaker.answered()  # others are answered: it is about this one
    await world.deliver(client)
    assert not breaker.is_open
    waits = []
    for _ in range(6):
        link = await world.link(client)
        assert link is not None
        waits.append(link.due_at - time.time() * 1000)
        breaker.answered()
        await world.deliver(client)
    assert 3_000 < max(waits) <= 60_000  # at random


async def test_a_refusal_waits_for_the_client_to_change(world: World) -> None:
    client = await world.public()
    world.there.failures.append(TargetRefused("fake: bad name", "client_name must not hold $"))
    assert await world.deliver(client) is Outcome.REFUSED
    client = await world.replace(client, metadata='{"client_name":"good"}')
    assert await world.deliver(client) is Outcome.SENT


async def test_what_waits_for_an_approval_is_not_at_the_target_until_it_has_it(
    world: World,
) -> None:
    client = record(suspended_at=1, approval="pending")
    await add(world.me.database, client)
    async with world.me.database.read() as tx:
        assert client.client_id not in {
            e.client_id for e in await tx.client_links.due(world.name, 9)
        }
    client = await world.replace(client, suspended_at=0, approval=None)
    assert await world.deliver(client) is Outcome.SENT


async def test_the_end_of_a_claim_brings_somebody_else_and_the_killed_one_writes_nothing(
    world: World,
) -> None:
    client = await world.public()
    link = await world.link(client)
    assert link is not None
    killed = await world.me.database.transact(lambda tx: tx.client_links.claim(link, "x", -1))
    assert killed is not None
    assert await world.deliver(client) is Outcome.SENT
    assert not await world.me.database.transact(lambda tx: tx.client_links.done(killed))


async def test_a_process_that_ends_leaves_what_it_has_in_hand_at_once(world: World) -> None:
    client = await world.public()
    world.there.held = asyncio.Event()
    task = asyncio.create_task(world.deliver(client))
    await _until(lambda: _is(world.there.at_once == 1))
    task.cancel()
    await asyncio.wait([task])
    world.there.held.set()
    assert await world.deliver(client) is Outcome.SENT


async def test_workers_bring_all_to_the_target_within_their_bounds_and_share_no_client(
    world: World,
) -> None:
    async with world.process() as other:
        world.there.seconds = 0.001
        clients = [await world.public() for _ in range(40)]
        async with _working(world.me, other):
            await _until(lambda: _is(len(world.there.clients) == 40))
            await _until(lambda: _all_applied(world, clients))
    assert not world.there.was_shared
    assert world.there.count("create") == 40
    assert world.there.most_at_once <= 2 * world.me.target.settings.concurrency


async def test_a_thousand_changes_of_one_client_end_in_its_last_state(world: World) -> None:
    async with world.process() as other:
        client = await world.public()
        async with _working(world.me, other):
            for number in range(1000):
                client = await world.replace(client, metadata=f'{{"client_name":"{number}"}}')
            await _until(lambda: _all_applied(world, [client]))
    there, link = world.at_target(client), await world.link(client)
    assert there is not None
    assert link is not None
    assert there.want.metadata == {"client_name": "999"}
    assert (link.wanted, link.applied) == (1001, 1001)
    assert not world.there.was_shared
    assert len(world.there.calls) <= 1001


async def test_a_target_that_is_away_is_left_alone_and_level_soon_after_it_is_back(
    world: World,
) -> None:
    world.there.is_away = True
    clients = [await world.public() for _ in range(60)]
    async with _working(world.me):
        await _until(lambda: _is(world.me.target.breaker.is_open))
        asked = len(world.there.calls)
        await asyncio.sleep(0.3)
        assert len(world.there.calls) <= asked + 16  # what was in hand, and one that looks
        world.there.is_away = False
        await _until(lambda: _is(not world.me.target.breaker.is_open))
        await _until(lambda: _all_applied(world, clients[30:]))
        counts = world.me.worker.counts
    assert world.name in counts
    assert all(len(name) == 1 for name in world.me.worker.lags())


async def _is(condition: bool) -> bool:  # noqa: FBT001 - a condition
    return condition


async def _all_applied(world: World, clients: list[ClientRecord]) -> bool:
    links = [await world.link(each) for each in clients]
    return all(link is not None and link.state == "applied" for link in links)


async def test_an_import_by_hash_alone_is_made_without_a_secret_and_says_so(world: World) -> None:
    client = record(metadata='{"token_endpoint_auth_method":"client_secret_basic"}')
    secrets = '[{"id":"a","digest":"d","ciphertext":null,"issued_at":1,"expires_at":0}]'

    async def imported(tx: Transaction) -> None:
        tx.clients.add(client._replace(client_secrets=secrets), is_secret_known=False)

    await world.me.database.transact(imported)
    assert await world.deliver(client) is Outcome.SENT
    link = await world.link(client)
    assert link is not None
    assert link.last_error == "its secret is known here as a digest only: rotate it"
