"""Use case: the worker does the jobs of administrators, a batch of each in turn."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import suppress
from typing import NamedTuple, Protocol, TypeAlias

from dcrserver.db.failures import DatabaseAway
from dcrserver.errors import ProtocolError, Unavailable
from dcrserver.logger import Logger
from dcrserver.repositories.jobs import (
    DONE,
    ENDED,
    FAILED,
    RECEIVING,
    JobRecord,
)
from dcrserver.repositories.transaction import Database, Transaction, Writer
from dcrserver.services.jobs.ongoing import JobFailed, JobGone, OngoingJob
from dcrserver.services.upkeep.leases import LeaseLost
from dcrserver.telemetry import Metrics

_log = Logger(__name__)
# So often it may begin, or be taken over, without getting on.
_ATTEMPTS = 5
# Until the second attempt; twice as long after each further one.
_AGAIN_SECONDS = 1.0
# When all that there are wait for their next attempt.
_PAUSE_SECONDS = 0.2
# After so long, whoever sends something sends nothing more.
_RECEIVING_SECONDS = 3600

_Steps: TypeAlias = AsyncGenerator[None, None]


class JobKind(Protocol):
    """What jobs of one kind do: a batch until each ``yield``, through ``job`` and nowhere else.

    ``at_once``: so many of them are done side by side, as each holds its memory; the others wait.
    """

    @property
    def at_once(self) -> int: ...

    def work(self, job: OngoingJob) -> _Steps: ...


class _Doing(NamedTuple):
    job: OngoingJob
    steps: _Steps


class JobExecutor:
    """Does jobs; ``kinds`` by name. Those that ended are forgotten after ``keep_seconds``."""

    def __init__(
        self,
        database: Database,
        kinds: Mapping[str, JobKind],
        keep_seconds: int,
        metrics: Metrics,
    ) -> None:
        self._database = database
        self._kinds = kinds
        self._keep_seconds = keep_seconds
        self._again_at: dict[tuple[str, str], float] = {}
        self._ended = metrics.tally(
            "dcrserver_administrators_jobs_total",
            "Jobs of administrators that this server brought to their end, by how they ended",
            ("kind", "outcome"),
        )

    async def waits(self) -> bool:
        """Whether there is a job to do."""
        async with self._database.read() as tx:
            return await tx.jobs.are_waiting()

    async def work(self, writer: Writer) -> None:
        """Forgets old jobs, and does all that there are."""
        await self._forget(writer)
        doing: dict[tuple[str, str], _Doing] = {}
        try:
            while alive := await self._alive():
                for key in doing.keys() - alive.keys():
                    await doing.pop(key).steps.aclose()
                due = self._due(alive, doing)
                for key, record in due.items():
                    await self._turn(key, record, doing, writer)
                await asyncio.sleep(0 if due else _PAUSE_SECONDS)
        finally:
            for each in doing.values():
                await each.steps.aclose()

    async def _alive(self) -> dict[tuple[str, str], JobRecord]:
        async with self._database.read() as tx:
            return {(job.tenant, job.id): job for job in await tx.jobs.alive()}

    def _due(
        self, alive: Mapping[tuple[str, str], JobRecord], doing: Collection[tuple[str, str]]
    ) -> dict[tuple[str, str], JobRecord]:
        """Those that have their turn: what was begun goes on, then the oldest while there is room.

        One that waits for its next attempt takes no place.
        """
        now = time.monotonic()
        taken = Counter(alive[key].kind for key in doing)
        due = {}
        for key, job in alive.items():
            if key not in doing:
                kind = self._kinds.get(job.kind)
                is_full = kind is not None and taken[job.kind] >= kind.at_once
                if is_full or self._again_at.get(key, 0.0) > now:
                    continue
                taken[job.kind] += 1
            due[key] = job
        return due

    async def _turn(
        self,
        key: tuple[str, str],
        record: JobRecord,
        doing: dict[tuple[str, str], _Doing],
        writer: Writer,
    ) -> None:
        """Does one batch of a job. A fault is the job's own, unless the database is away."""
        job = doing[key].job if key in doing else OngoingJob(record, writer)
        try:
            if key not in doing:
                doing[key] = _Doing(job, await self._begun(job))
            await anext(doing[key].steps)
        except StopAsyncIteration:
            self._end(job)
        except JobGone:
            pass
        except JobFailed as error:
            await self._fail(job, str(error))
        except (LeaseLost, DatabaseAway):  # no job would fare better
            raise
        except Exception as error:  # noqa: BLE001 - told, and tried again
            if isinstance(error, ProtocolError) and not isinstance(error, Unavailable):
                await self._fail(job, error.description)  # and would be refused again
            else:
                await self._put_off(key, job, error)
        else:
            return
        doing.pop(key, None)

    async def _begun(self, job: OngoingJob) -> _Steps:
        if job.record.attempts >= _ATTEMPTS:
            raise JobFailed("it did not get on, however often it was begun; the log says more")
        kind = self._kinds.get(job.record.kind)
        if kind is None:
            raise JobFailed("this version of the server does not know what it is to do")
        await job.begin()
        return kind.work(job)

    async def _put_off(self, key: tuple[str, str], job: OngoingJob, error: Exception) -> None:
        again_in = _AGAIN_SECONDS * 2 ** min(job.record.attempts, _ATTEMPTS)
        self._again_at[key] = time.monotonic() + again_in
        told = {"job": job.record.id, "kind": job.record.kind, "tenant": job.record.tenant}
        _log.error("administrators_job_put_off", exc_info=error, again_in=again_in, **told)
        if job.record.attempts >= _ATTEMPTS:
            why = error.description if isinstance(error, ProtocolError) else "the log says more"
            await self._fail(job, f"it failed each time that it was tried: {why}")

    async def _fail(self, job: OngoingJob, reason: str) -> None:
        with suppress(JobGone):
            await job.fail(reason)
            self._end(job)

    def _end(self, job: OngoingJob) -> None:
        record = job.record
        self._again_at.pop((record.tenant, record.id), None)
        self._ended.inc(record.kind, record.state if record.state in ENDED else DONE)
        told = {"job": record.id, "kind": record.kind, "tenant": record.tenant}
        if record.state == FAILED:
            _log.error("administrators_job_failed", report=record.report, **told)
        else:
            counts = {"handled": record.handled, "changed": record.changed, "failed": record.failed}
            _log.info("administrators_job_done", **told, **counts)

    async def _forget(self, writer: Writer) -> None:
        now = int(time.time())
        before = dict.fromkeys(ENDED, now - self._keep_seconds)
        for state, moment in (before | {RECEIVING: now - _RECEIVING_SECONDS}).items():

            async def purge(tx: Transaction, state: str = state, moment: int = moment) -> bool:
                return await tx.jobs.purge(state, moment)

            while await writer.transact(purge):
                pass
