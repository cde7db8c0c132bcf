"""Use case: a job that imports clients, as ``dcrserver client import`` does.

All that was sent is judged first, which writes nothing, so whoever takes over begins with it again.
Lines are read while they are judged; a document of one value is in memory as a whole. Then the
clients are written by batches, each with the line that it goes to: one that was written and deleted
since does not come back.
"""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice

from dcrserver.moving import Documents, Found, Lines, has_first_line, is_by_line
from dcrserver.repositories.jobs import JobInputRecord, JobRecord
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.security import SecretBox, UndecipherableError
from dcrserver.services.clients.import_runs import ImportBatch, ImportRun
from dcrserver.services.clients.imports import ClientImportService, add_new
from dcrserver.services.jobs.inputs import JobInputs, told
from dcrserver.services.jobs.ongoing import MAX_ERRORS, JobFailed, JobGone, OngoingJob, got_on
from dcrserver.services.jobs.reception import bounds_in
from dcrserver.services.secrets.sealing import Sealing
from dcrserver.strict_json import JsonObject, dumps_lines
from dcrserver.tenants import Tenant, TenantRegistry

# So long nobody else is served while clients are judged; and until other jobs have their turn.
_SLICE_SECONDS, _TURN_SECONDS = 0.005, 0.1
_JUDGED = "0"
_NOT_HERE = "its tenant is not served here"


class ClientImport:
    """The kind of job that imports clients."""

    # Each holds all that it found good, and some a document as large as may be sent.
    at_once = 1

    def __init__(
        self, database: Database, box: SecretBox, sealing: Sealing, tenants: TenantRegistry
    ) -> None:
        self._inputs = JobInputs(database, box)
        self._service = ClientImportService(database, box, sealing)
        self._tenants = tenants

    async def work(self, job: OngoingJob) -> AsyncGenerator[None, None]:
        """Judges all, then does one batch after the other; see ``executor.JobKind``."""
        tenant = self._tenants.now.by_name.get(job.record.tenant)
        if tenant is None:
            raise JobFailed(_NOT_HERE)
        run = ImportRun(self._service, tenant, bounds_in(job.parameters), job.origin)
        async for found, unit in self._documents(job):
            judging = run.judge(found, unit)
            while await _judged_some(judging):
                yield
        done = int(job.record.position or 0)
        async for _ in run.refuse_deleted(done):
            yield
        if not job.record.position:
            await job.advance(partial(_judged, run))
        is_dry = bool(job.parameters.get("dry_run"))
        takes_some = is_dry or job.parameters.get("skip_refused") or done
        if run.report.refusals and not takes_some:
            await job.fail(
                f"{run.report.refusals} of them are refused, so none was imported;"
                " skip_refused imports the others",
                _report(run, job),
                _refusals(run, job),
            )
            return
        for batch in run.batches():
            left = batch.after(int(job.record.position))
            if left.clients:
                await (self._count if is_dry else self._write)(tenant, job, left)
                yield
        await job.finish(_report(run, job), _refusals(run, job))

    async def _documents(self, job: OngoingJob) -> AsyncGenerator[tuple[Iterable[Found], str]]:
        """What was sent, with what it is counted by: lines as many at a time as are in a part."""
        parts, head = self._parts(job), b""
        while not has_first_line(head) and (part := await anext(parts, b"")):
            head += part
        if not head:  # cancelled just now
            raise JobGone
        if not is_by_line(head):
            raw = head + b"".join([part async for part in parts])
            documents = await asyncio.to_thread(Documents, io.BytesIO(raw))  # parsed whole, aside
            yield documents, documents.unit
            return
        found = Lines()
        yield found.of(head), found.unit
        async for part in parts:
            yield found.of(part), found.unit
        yield found.rest(), found.unit

    async def _parts(self, job: OngoingJob) -> AsyncGenerator[bytes]:
        try:
            async for part in self._inputs.parts(job.record):
                yield part
        except UndecipherableError:
            raise JobFailed("it was encrypted under a key that is not configured here") from None

    async def _count(self, tenant: Tenant, job: OngoingJob, batch: ImportBatch) -> None:
        new = len(batch.clients) - len(await self._service.known(tenant, batch.clients))
        await job.advance(partial(_moved, batch, new))

    async def _write(self, tenant: Tenant, job: OngoingJob, batch: ImportBatch) -> None:
        prepared = await self._service.prepared(tenant, batch.clients)
        new = 0

        async def write(tx: Transaction) -> None:
            nonlocal new
            new = await add_new(tx, tenant, prepared, job.origin)

        await job.advance(lambda it: _moved(batch, new, it), write)


async def _judged_some(judging: Iterator[int]) -> bool:
    """Judges for a while, and lets others be served meanwhile; whether any are left."""
    ends_at = time.monotonic() + _TURN_SECONDS
    while (now := time.monotonic()) < ends_at:
        slice_ends_at = now + _SLICE_SECONDS
        while time.monotonic() < slice_ends_at:
            if not [*islice(judging, 1)]:
                return False
        await asyncio.sleep(0)
    return True


def _refusals(run: ImportRun, job: OngoingJob) -> Sequence[JobInputRecord]:
    """All of them, where the row of the job has no room for them."""
    refused = run.report.refused_json()
    return told(job.record, dumps_lines(refused)) if len(refused) > MAX_ERRORS else ()


def _judged(run: ImportRun, job: JobRecord) -> JobRecord:
    refused: list[JsonObject] = run.report.refused_json()
    made = got_on(job, _JUDGED, len(refused), 0, refused)
    return made._replace(total=run.report.good + len(refused))


def _moved(batch: ImportBatch, new: int, job: JobRecord) -> JobRecord:
    return got_on(job, str(batch.last), len(batch.clients), new)


def _report(run: ImportRun, job: OngoingJob) -> JsonObject:
    """As the command tells; those that are refused are the job's errors."""
    record, made = job.record, run.report.to_json()
    mapped, dropped = made["mapped"], made["dropped"]
    return {
        "imported": record.changed,
        "already_there": max(0, record.handled - record.changed - record.failed),
        "mapped": mapped[:MAX_ERRORS] if isinstance(mapped, list) else [],
        "dropped": dropped[:MAX_ERRORS] if isinstance(dropped, list) else [],
    }
