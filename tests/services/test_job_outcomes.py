"""How jobs went is in their rows: every process tells the same, whoever did them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress

import pytest

from dcrserver.db.protocol.drivers import open_driver
from dcrserver.repositories.transaction import Database, Writer
from dcrserver.security import new_client_id
from dcrserver.services.upkeep.leases import Lease, Leases
from dcrserver.services.upkeep.runner import Job, JobRunner, JobState
from dcrserver.telemetry import Metrics
from harness.administration import administrator
from harness.application import application, settings

_LONG = 30


async def taken(leases: Leases, name: str) -> Lease:
    """Before its time, if it has to be."""
    if await leases.free_in(name, 0) > 0:
        assert await leases.hurry(name)
    lease = await leases.take(name)
    assert lease is not None
    return lease


class Process:
    """One of several that know the job ``name``; ``fault``: what its worker meets."""

    def __init__(self, database: Database, name: str) -> None:
        self._name = name
        self.leases = Leases(database, _LONG)
        self.fault: Exception | None = None
        self.job = Job(name, 60, self._work)
        self.runner = JobRunner(self.leases, [self.job], Metrics())

    async def _work(self, _: Writer) -> None:
        if self.fault:
            raise self.fault

    async def take(self) -> Lease:
        return await taken(self.leases, self._name)

    async def does(self, fault: Exception | None = None) -> None:
        self.fault = fault
        await self.runner._do(self.job, await self.take())  # noqa: SLF001 - without its sleep

    async def tells(self) -> JobState:
        (state,) = await self.runner.states()
        return state


@pytest.fixture
async def processes(any_database: str) -> AsyncIterator[list[Process]]:
    name = new_client_id()
    async with AsyncExitStack() as stack:
        made = [Database(open_driver(settings(any_database).database)) for _ in range(2)]
        for each in made:
            stack.push_async_callback(each.close)
        yield [Process(each, name) for each in made]


async def told(processes: list[Process]) -> tuple[int, int]:
    """The last success and the failures since, of which all tell alike."""
    found = [await each.tells() for each in processes]
    states = {(each.last_success_at, each.failures) for each in found}
    assert len(states) == 1, states
    return states.pop()


async def test_all_processes_tell_the_same_of_a_job(processes: list[Process]) -> None:
    one, other = processes
    assert await told(processes) == (0, 0), "before anybody did it"
    started = int(time.time()) - 1  # by the clock of the database
    await one.does()
    succeeded_at, failures = await told(processes)
    assert (started <= succeeded_at <= started + _LONG, failures) == (True, 0)
    await other.does(RuntimeError("surprise"))
    await one.does(RuntimeError("surprise"))
    assert await told(processes) == (succeeded_at, 2)
    await other.does()
    again_at, failures = await told(processes)
    assert (again_at >= succeeded_at, failures) == (True, 0)


async def test_a_lease_that_is_given_up_keeps_what_is_told(processes: list[Process]) -> None:
    """As a process does that ends while it does the job; the row is neither done nor failed."""
    one, other = processes
    await one.does()
    await one.does(RuntimeError("surprise"))
    before = await told(processes)
    assert before[1] == 1
    begun = asyncio.Event()

    async def for_ever(_: Writer) -> None:
        begun.set()
        await asyncio.Event().wait()

    job = Job(other.job.name, 60, for_ever)
    doing = asyncio.create_task(other.runner._do(job, await other.take()))  # noqa: SLF001
    await begun.wait()
    doing.cancel()
    with suppress(asyncio.CancelledError):
        await doing
    assert await told(processes) == before
    await (await one.take()).end(0)
    assert await told(processes) == before


async def test_who_died_with_a_job_is_counted_when_it_is_taken_over(
    processes: list[Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a job that kills each process that does it is told to be well."""
    one, other = processes
    await one.does()
    succeeded_at, _ = await told(processes)
    monkeypatch.setattr(one.leases, "_seconds", -2)  # it has run out already
    await one.take()
    assert await told(processes) == (succeeded_at, 0)
    lease = await other.leases.take(other.job.name)
    assert lease is not None
    assert await told(processes) == (succeeded_at, 1)
    await lease.end(0)
    assert await told(processes) == (succeeded_at, 1)


async def test_every_application_tells_what_another_one_did(any_database: str) -> None:
    async with application(any_database) as worker, application(any_database) as other:
        asked = [await administrator(each, "server:read") for each in (worker, other)]
        job = worker.runtime.jobs.jobs["forget_expired"]
        lease = await taken(Leases(worker.runtime.database, _LONG), job.name)
        await worker.runtime.jobs._do(job, lease)  # noqa: SLF001 - without its sleep
        shown = [
            next(it for it in (await each.get("/server"))["jobs"] if it["name"] == job.name)
            for each in asked
        ]
        assert shown[0]["last_success_at"] == shown[1]["last_success_at"] is not None
        assert [each["failures"] for each in shown] == [0, 0]
