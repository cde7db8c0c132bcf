"""Step: administrators send clients that are to be imported."""

from __future__ import annotations

import time
from collections.abc import AsyncIterable

from dcrserver.errors import Forbidden, InvalidInput, Unavailable
from dcrserver.metadata.bounds import Bounds
from dcrserver.repositories.jobs import QUEUED, RECEIVING, JobRecord
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.security import SecretBox
from dcrserver.services.audit import EventType, Origin
from dcrserver.services.jobs.inputs import JobInputs
from dcrserver.services.jobs.views import JobView, new_job, record_event
from dcrserver.strict_json import JsonObject
from dcrserver.tenants import Tenant

IMPORT = "import"


class ImportReception:
    """Takes what is sent, and begins a job when all of it is there."""

    def __init__(self, database: Database, box: SecretBox) -> None:
        self._database = database
        self._inputs = JobInputs(database, box)

    async def receive(
        self, tenant: Tenant, asked: JsonObject, chunks: AsyncIterable[bytes], origin: Origin
    ) -> JobView:
        """A job that imports what comes in ``chunks``; ``asked``: policy, dry_run, skip_refused.

        Raises:
            Forbidden: whoever asks is bound to one owner.
            InvalidInput: there is no such policy, or nothing was sent.
            ProtocolError: whatever reading ``chunks`` raises.
        """
        if origin.actor.owner is not None:
            raise Forbidden("an owner imports no clients")
        checked_bounds(tenant, asked)
        job = new_job(tenant, IMPORT, asked, origin, RECEIVING)
        await self._database.transact(lambda tx: _added(tx, job))
        size = 0
        try:
            size = await self._inputs.keep(job, chunks)
        finally:
            if not size:
                await self._database.transact(lambda tx: tx.jobs.delete(job.tenant, job.id))
        if not size:
            raise InvalidInput("nothing was sent", pointer="#")
        queued = job._replace(state=QUEUED, updated_at=int(time.time()))

        async def begin(tx: Transaction) -> None:
            if not await tx.jobs.move(job, queued):
                raise InvalidInput("it took too long to be sent", pointer="#")
            record_event(tx, EventType.JOB_REQUESTED, job, origin)

        await self._database.transact(begin)
        return JobView(queued)


async def _added(tx: Transaction, job: JobRecord) -> None:
    tx.jobs.add(job)


def checked_bounds(tenant: Tenant, asked: JsonObject) -> Bounds:
    """As ``bounds_in``, when somebody asks.

    Raises:
        InvalidInput: there is no such policy.
    """
    bounds = bounds_in(asked)
    try:
        tenant.terms_within(bounds)
    except Unavailable:
        raise InvalidInput("there is no such policy", parameter="policy") from None
    return bounds


def bounds_in(asked: JsonObject) -> Bounds:
    """What imported clients are judged by, as it was ``asked``."""
    policy = asked.get("policy")
    return Bounds(policy=policy if isinstance(policy, str) else None)
