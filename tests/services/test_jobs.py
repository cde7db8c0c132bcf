"""Jobs: one worker at a time does one, whatever happens to it."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from typing import Any

import pytest
from sqlalchemy import update

from conftest import MakeApplication
from dcrserver.db.failures import DatabaseAway
from dcrserver.db.protocol.drivers import open_driver
from dcrserver.db.tables import leases as table
from dcrserver.errors import Unavailable
from dcrserver.repositories.transaction import Database, Transaction, Writer
from dcrserver.security import new_client_id
from dcrserver.services.tokens.signing_keys import SigningKeys
from dcrserver.services.upkeep import runner as runner_module
from dcrserver.services.upkeep.leases import Lease, LeaseLost, Leases
from dcrserver.services.upkeep.runner import Job, JobRunner
from dcrserver.telemetry import Metrics
from harness.application import settings
from harness.long_run import FIRST_EVERYDAY

_LONG = 30


@pytest.fixture
async def databases(any_database: str) -> AsyncIterator[list[Database]]:
    """As several processes have them, each with connections of its own."""
    async with AsyncExitStack() as stack:
        made = [Database(open_driver(settings(any_database).database)) for _ in range(3)]
        for each in made:
            stack.push_async_callback(each.close)
        yield made


async def taken(database: Database, name: str, seconds: int = _LONG) -> Lease | None:
    leases = Leases(database, seconds)
    return None if await leases.free_in(name, 0) > 0 else await leases.take(name)


async def certainly_taken(database: Database, name: str, seconds: int = _LONG) -> Lease:
    lease = await taken(database, name, seconds)
    assert lease is not None
    return lease


async def taken_when_free(database: Database, name: str) -> Lease:
    async with asyncio.timeout(20):
        while True:
            if (lease := await taken(database, name)) is not None:
                return lease
            await asyncio.sleep(0.05)


async def for_ever() -> None:
    await asyncio.Event().wait()


async def use(tx: Transaction) -> None:
    await tx.last_uses.write({("default", "a-job", "x"): 1})


async def test_one_of_many_who_come_at_once_gets_it(databases: list[Database]) -> None:
    """Also the very first time, when there is no row yet."""
    name = new_client_id()
    for _ in range(5):
        all_of_them = [taken(each, name) for each in databases for _ in range(4)]
        got = [each for each in await asyncio.gather(*all_of_them) if each is not None]
        assert len(got) == 1
        await got[0].end(0)


async def test_what_ended_is_due_when_it_was_said_to_be(databases: list[Database]) -> None:
    leases, name = Leases(databases[0], _LONG), new_client_id()
    await (await certainly_taken(databases[0], name)).end(1000)
    assert 998 <= await leases.free_in(name, 0) <= 1000
    assert await taken(databases[1], name) is None


@pytest.mark.parametrize("moment", [2_000_000_000 * 2, 2**63 - 1, -(2**63) + 1])
async def test_a_lease_of_a_clock_that_was_wrong_keeps_nobody_from_the_job(
    databases: list[Database], moment: int
) -> None:
    """Of the database: far ahead for a while, then set right. Or somebody wrote it by hand."""
    name = new_client_id()
    lost = await certainly_taken(databases[0], name)
    await lease_again(databases[0], name, moment)
    lease = await certainly_taken(databases[1], name)
    assert await taken(databases[0], name) is None
    with pytest.raises(LeaseLost):
        await lost.transact(use)
    await lease.transact(use)


@pytest.mark.parametrize("any_database", FIRST_EVERYDAY, indirect=True)
async def test_a_lease_is_renewed_while_its_job_runs(databases: list[Database]) -> None:
    name = new_client_id()
    lease = await certainly_taken(databases[0], name, seconds=1)
    clock = asyncio.get_running_loop().time
    ends_at = clock() + 3.5

    async def work() -> None:
        while clock() < ends_at:
            assert await taken(databases[1], name) is None
            await asyncio.sleep(0.05)

    await lease.hold(work())
    await lease.end(0)
    assert await taken(databases[1], name) is not None


async def test_who_lost_its_lease_writes_nothing_more(databases: list[Database]) -> None:
    """As a process does that was frozen between two statements and goes on."""
    name = new_client_id()
    first = await certainly_taken(databases[0], name, seconds=1)
    second = await taken_when_free(databases[1], name)
    written = []

    async def write(tx: Transaction) -> None:
        written.append(await use(tx))

    with pytest.raises(LeaseLost):
        await first.transact(write)
    assert written == []
    await first.end(0)
    assert await taken(databases[0], name) is None, "it ended the lease of another"
    await second.transact(write)
    assert len(written) == 1


async def test_a_job_is_stopped_when_its_lease_is_taken(databases: list[Database]) -> None:
    name = new_client_id()
    lease = await certainly_taken(databases[0], name, seconds=2)
    steal = update(table).where(table.c.name == name).values(owner="another")

    async def taken_away(tx: Transaction) -> None:
        await tx.session.execute(steal, {})

    await databases[1].transact(taken_away)
    async with asyncio.timeout(20):
        with pytest.raises(LeaseLost):
            await lease.hold(for_ever())


async def test_a_job_is_stopped_when_its_lease_cannot_be_renewed_in_time(
    databases: list[Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = await certainly_taken(databases[0], new_client_id(), seconds=1)

    async def away(*_: object) -> None:
        raise Unavailable("away")

    monkeypatch.setattr(Database, "transact", away)
    async with asyncio.timeout(20):
        with pytest.raises(LeaseLost):
            await lease.hold(for_ever())


@pytest.mark.parametrize("any_database", ["postgresql", "mysql"], indirect=True)
async def test_who_is_frozen_within_a_transaction_keeps_a_job_only_so_long(
    any_database: str,
) -> None:
    """The database ends what is idle. With SQLite all writers wait for such a process, as ever."""
    chosen = settings(any_database).database.model_copy(update={"statement_timeout": 1.0})
    frozen, other = Database(open_driver(chosen)), Database(open_driver(chosen))
    name = new_client_id()
    lease = await certainly_taken(frozen, name, seconds=1)

    async def freeze(tx: Transaction) -> None:
        await use(tx)
        await asyncio.sleep(_LONG)

    freezing = asyncio.create_task(lease.transact(freeze))
    async with asyncio.timeout(20):
        while True:
            with suppress(Unavailable):
                await taken_when_free(other, name)
                break
    freezing.cancel()
    with suppress(asyncio.CancelledError, Unavailable):
        await freezing
    await frozen.close()
    await other.close()


async def test_what_a_job_waits_for_too_long_is_its_own_failure(databases: list[Database]) -> None:
    lease = await certainly_taken(databases[0], new_client_id())

    async def work() -> None:
        async with asyncio.timeout(0):
            await for_ever()

    with pytest.raises(TimeoutError):
        await lease.hold(work())


async def test_a_job_that_ends_as_if_it_was_cancelled_ends_nothing_else(
    databases: list[Database],
) -> None:
    """Libraries lose a cancellation now and then, and it comes out where nobody waits for it."""
    lease = await certainly_taken(databases[0], new_client_id())

    async def work() -> None:
        raise asyncio.CancelledError

    with pytest.raises(RuntimeError):
        await lease.hold(work())


async def test_workers_side_by_side_never_do_a_job_at_once(
    databases: list[Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of those that look again and again, as if each slept for no longer than a moment."""
    monkeypatch.setattr(runner_module, "_varied", lambda _: 0)
    doing: list[object] = []
    done: list[int] = []
    metrics = Metrics()

    async def worker(number: int, database: Database) -> None:
        async def work(writer: Writer) -> None:
            assert not doing
            doing.append(number)
            await writer.transact(use)
            await asyncio.sleep(0.01)
            await writer.transact(use)
            assert doing.pop() == number
            done.append(number)

        job = Job(name, 1, work)
        runner = JobRunner(Leases(database, _LONG), [job], metrics if number == 0 else Metrics())
        while len(done) < 30 or len(set(done)) < len(databases):
            await runner._turn(job)  # noqa: SLF001 - without its sleep
            await asyncio.sleep(random.uniform(0, 0.01))  # noqa: S311 - no secret

    name = new_client_id()
    async with asyncio.timeout(60):
        await asyncio.gather(*(worker(*each) for each in enumerate(databases)))
    counted = dict(metrics.snapshot()["dcrserver_jobs_total"])
    assert counted.keys() == {(name, "done")}


async def test_a_worker_that_stops_gives_up_what_it_does(databases: list[Database]) -> None:
    begun, name = asyncio.Event(), new_client_id()

    async def work(_: Writer) -> None:
        begun.set()
        await asyncio.Event().wait()

    metrics = Metrics()
    worker = JobRunner(Leases(databases[0], _LONG), [Job(name, 0, work)], metrics)
    task = asyncio.create_task(worker.run())
    async with asyncio.timeout(30):
        await begun.wait()
    assert await taken(databases[1], name) is None
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert await taken(databases[1], name) is not None
    assert dict(metrics.snapshot()["dcrserver_jobs_total"]) == {(name, "given_up"): (1,)}


async def test_a_worker_that_stops_while_a_job_ends_leaves_no_lease_behind(
    databases: list[Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As each command does that waits for a job: it stops when it reads that the job is done."""
    ending, name, end = asyncio.Event(), new_client_id(), Lease.end

    async def ends(*arguments: Any) -> None:
        ending.set()
        await asyncio.sleep(0)
        await end(*arguments)

    async def work(_: Writer) -> None: ...

    monkeypatch.setattr(Lease, "end", ends)
    worker = JobRunner(Leases(databases[0], _LONG), [Job(name, 0, work)], Metrics())
    task = asyncio.create_task(worker.run())
    async with asyncio.timeout(30):
        await ending.wait()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    async with databases[1].read() as tx:
        assert await tx.leases.is_nobodys(name)


async def test_a_job_that_fails_is_told_counted_and_tried_again_later_and_later(
    databases: list[Database], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name, troubles = new_client_id(), [None, *8 * [RuntimeError("surprise")], Unavailable("away")]

    async def work(_: Writer) -> None:
        if trouble := troubles.pop():
            raise trouble

    monkeypatch.setattr(runner_module.random, "uniform", lambda *_: 1)
    metrics, leases = Metrics(), Leases(databases[0], _LONG)
    job = Job(name, 60, work)
    worker = JobRunner(leases, [job], metrics)
    pauses = []
    for _ in range(10):
        lease = await certainly_taken(databases[0], name)
        pauses.append(await worker._do(job, lease))  # noqa: SLF001 - without sleeping until then
        assert pauses[-1] - 2 <= await leases.free_in(name, 0) <= pauses[-1]
        assert await taken(databases[1], name) is None
        await lease_again(databases[0], name)
    assert pauses == [5, 10, 20, 40, 60, 60, 60, 60, 60, 60]
    counted = dict(metrics.snapshot()["dcrserver_jobs_total"])
    assert counted == {(name, "failed"): (9,), (name, "done"): (1,)}
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines() if name in line]
    assert [line["event"] for line in lines] == 9 * ["job_failed"]
    assert (lines[0]["error"], lines[0]["level"]) == ("away", "warning")
    assert "surprise" in lines[1]["exception"]


async def lease_again(database: Database, name: str, moment: int = 0) -> None:
    """It is due from ``moment`` on, by default now."""

    async def write(tx: Transaction) -> None:
        statement = update(table).where(table.c.name == name).values(expires_at=moment)
        await tx.session.execute(statement, {})

    await database.transact(write)


async def test_a_database_that_is_away_ends_no_worker(
    databases: list[Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    done = asyncio.Event()

    async def work(_: Writer) -> None:
        done.set()

    name, tried = new_client_id(), asyncio.Event()
    job = Job(name, 0.1, work)
    monkeypatch.setattr(runner_module, "_varied", lambda _: 0)

    async def away(*_: object) -> None:
        tried.set()
        raise Unavailable("away")

    worker = JobRunner(Leases(databases[0], _LONG), [job], Metrics())
    async with asyncio.timeout(30):
        with monkeypatch.context() as broken:
            broken.setattr(Database, "transact", away)
            task = asyncio.create_task(worker.run())
            await tried.wait()
        await done.wait()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_jobs_that_nobody_does_are_told_of(
    databases: list[Database], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the worker is not inside, and nobody has started one."""
    never, late, done = (new_client_id() for _ in range(3))

    async def work(_: Writer) -> None: ...

    jobs = [Job(name, 60, work) for name in (never, late, done)]
    await certainly_taken(databases[0], late)
    await lease_again(databases[0], late)
    await (await certainly_taken(databases[0], done)).end(60)
    looked = asyncio.Event()

    async def sleep(_: float) -> None:
        if looked.is_set():
            raise asyncio.CancelledError
        looked.set()

    worker = JobRunner(Leases(databases[0], _LONG), jobs, Metrics())
    with monkeypatch.context() as patched:
        patched.setattr(runner_module.asyncio, "sleep", sleep)
        with pytest.raises(asyncio.CancelledError):
            await worker.watch()
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines() if "overdue" in line]
    assert [line["job"] for line in lines] == [never, late]
    assert lines[0]["seconds"] is None
    assert lines[1]["seconds"] > 1_000_000


async def test_one_tenants_fault_ends_the_round_for_nobody_else(
    make_app: MakeApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But a lease that is lost, and a database that is away, do."""
    app = await make_app(tenants={"a": {}, "b": {}})
    faults: dict[str, Exception] = {"a": RuntimeError("surprise")}
    rotated = []

    async def rotate(_keys: object, tenant: str, _writer: object) -> None:
        if tenant in faults:
            raise faults[tenant]
        rotated.append(tenant)

    async def due(_keys: object) -> set[str]:
        return {"default", "a", "b"}

    monkeypatch.setattr(SigningKeys, "rotate", rotate)
    monkeypatch.setattr(SigningKeys, "due", due)
    await app.do_job("rotate_signing_keys")
    assert rotated == ["default", "b"]
    for fault in (LeaseLost(), DatabaseAway("away")):
        rotated.clear()
        faults["a"] = fault
        with pytest.raises(type(fault)):
            await app.do_job("rotate_signing_keys")
        assert rotated == ["default"]
