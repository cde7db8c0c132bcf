"""Use case: jobs that one of all workers does when they are due.

The row of a job's lease says from when anybody may do it: while it is done that is the end of the
lease, afterwards its next time. So each worker sleeps until then, and the first to wake does it.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from dcrserver.errors import ProtocolError
from dcrserver.logger import Logger
from dcrserver.repositories.leases import LONGEST_SECONDS, Outcome
from dcrserver.repositories.transaction import Writer
from dcrserver.services.upkeep.leases import Lease, LeaseLost, Leases
from dcrserver.telemetry import Metrics

_log = Logger(__name__)
# Workers that were started together, and jobs, need not come together.
_JITTER = 0.1
# Until the first attempt after one that failed; twice as long after each further one.
_FAILED_SECONDS = 5
_DOUBLED_AT_MOST = 10
# What ends a lease when the process ends; without, it ends by itself.
_LAST_SECONDS = 2.0
# From when a job that nobody does is told of, and how often it is looked for.
_OVERDUE_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Job:
    """Work on what all processes share; ``seconds``: from its end to its next beginning.

    It writes through what it is given and nowhere else, and may be cancelled at any await. It is
    done once a day at least.
    ``waits``: asked every ``look_seconds``, whether there is something to do before its time.
    """

    name: str
    seconds: float
    work: Callable[[Writer], Coroutine[Any, Any, None]]
    # However far its next time is, as somebody may change it, or the clock of the database.
    look_seconds: float = 60.0
    waits: Callable[[], Awaitable[bool]] | None = None

    def __post_init__(self) -> None:
        if self.seconds > LONGEST_SECONDS:
            raise ValueError(f"{self.name}: once in {LONGEST_SECONDS} s at least")


@dataclass(frozen=True, slots=True)
class JobState:
    """A job, as all processes did it: when it is due, in seconds (negative: overdue).

    ``last_success_at``: seconds since 1970, 0 for never; ``failures``: since then.
    """

    name: str
    due_in_seconds: int | None
    last_success_at: int
    failures: int


class JobRunner:
    """The worker: does ``jobs`` when it is their time and nobody else does them."""

    def __init__(self, leases: Leases, jobs: Sequence[Job], metrics: Metrics) -> None:
        self._leases = leases
        self.jobs = {job.name: job for job in jobs}
        self._failures: Counter[str] = Counter()
        self._succeeded: dict[tuple[str, ...], float] = {}
        self._done = metrics.tally(
            "dcrserver_jobs_total",
            "Jobs in the background that this server began, by how they ended",
            ("job", "outcome"),
        )
        self._took = metrics.tally(
            "dcrserver_job_seconds_total", "Seconds that jobs in the background took", ("job",)
        )
        metrics.gauge(
            "dcrserver_job_last_success_timestamp_seconds",
            "When this server last did the job; another one may have done it since",
            lambda: self._succeeded,
            ("job",),
            of_all=max,
        )

    async def run(self) -> None:
        """Does jobs until it is cancelled; what is being done then is left for others."""
        async with asyncio.TaskGroup() as group:
            for job in self.jobs.values():
                group.create_task(self._keep_doing(job))

    async def watch(self) -> None:
        """Tells of jobs that no worker does, until it is cancelled."""
        while True:
            await asyncio.sleep(_OVERDUE_SECONDS)
            for name in self.jobs:
                overdue = await self._leases.overdue(name)
                if overdue is None or overdue > _OVERDUE_SECONDS:
                    _log.error("job_overdue", job=name, seconds=overdue)

    async def states(self) -> list[JobState]:
        """Each job, by when it is due for anybody.

        Raises:
            Unavailable: the database does not answer.
        """
        known = await self._leases.states()
        return [JobState(name, *known.get(name, (None, 0, 0))) for name in self.jobs]

    async def _keep_doing(self, job: Job) -> None:
        while True:
            pause = min(job.look_seconds, await self._turn(job))
            await asyncio.sleep(pause + random.random())  # noqa: S311 - no secret

    async def _turn(self, job: Job) -> float:
        """Does ``job`` if it is due; how long to sleep. Never ends by an exception."""
        try:
            first_in = int(job.seconds * random.random())  # noqa: S311 - no secret
            free_in = await self._leases.free_in(job.name, first_in)
            if free_in > 0 and not await self._waits(job):
                return free_in
            lease = await self._leases.take(job.name)
            return 0 if lease is None else await self._do(job, lease)
        except Exception as error:  # noqa: BLE001 - told, and tried again
            return self._failed(job, error)

    async def _waits(self, job: Job) -> bool:
        """Whether it is to be done although it is not its time, and nobody does it."""
        if job.waits is None or not await job.waits():
            return False
        return await self._leases.hurry(job.name)

    async def _do(self, job: Job, lease: Lease) -> float:
        started, outcome, due_in = time.monotonic(), Outcome.GIVEN_UP, 0
        try:
            await lease.hold(job.work(lease))
            outcome, due_in = Outcome.DONE, _varied(job.seconds)
            self._failures.pop(job.name, None)
            self._succeeded[job.name,] = time.time()
        except LeaseLost:
            outcome = Outcome.LOST
            _log.warning("job_lost", job=job.name)
        except Exception as error:  # noqa: BLE001 - told, and tried again
            outcome, due_in = Outcome.FAILED, self._failed(job, error)
        finally:
            self._done.inc(job.name, outcome)
            self._took.inc(job.name, by=time.monotonic() - started)
            await _to_its_end(_given(lease, due_in, outcome))
        return due_in

    def _failed(self, job: Job, error: Exception) -> int:
        """In how many seconds to try again; never later than it would have been due."""
        doubled = min(self._failures[job.name], _DOUBLED_AT_MOST)
        self._failures[job.name] += 1
        again_in = _varied(min(job.seconds, _FAILED_SECONDS * 2**doubled))
        if isinstance(error, ProtocolError):  # the database is away
            told = {"error": error.description, "detail": error.detail}
            _log.warning("job_failed", job=job.name, again_in=again_in, **told)
        else:
            _log.error("job_failed", job=job.name, again_in=again_in, exc_info=error)
        return again_in


async def _given(lease: Lease, due_in: int, outcome: Outcome) -> None:
    with suppress(ProtocolError, TimeoutError):  # it ends by itself
        async with asyncio.timeout(_LAST_SECONDS):
            await lease.end(due_in, outcome)


async def _to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Does ``work``, also where whoever waits is cancelled: a lease that is left behind keeps all
    others from the job until it is over.
    """
    doing = asyncio.create_task(work)
    try:
        await asyncio.shield(doing)
    except asyncio.CancelledError:
        await asyncio.wait([doing])
        raise


def _varied(seconds: float) -> int:
    factor = random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - no secret
    return max(1, round(seconds * factor))
