"""Step: a job as it begins, and as it is seen."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

from dcrserver.repositories.jobs import QUEUED, JobRecord
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.security import new_id
from dcrserver.services import audit
from dcrserver.services.access.idempotency import IdempotencyKey, IdempotentRequests, Keep
from dcrserver.services.access.versions import etag_of
from dcrserver.services.audit import EventType, Origin, Subject, SubjectKind
from dcrserver.services.jobs.ongoing import PLACE, origin_out
from dcrserver.strict_json import JsonObject, JsonValue, dumps
from dcrserver.tenants import Tenant


class JobView:
    """A job as administrators see it; times in seconds since 1970, 0 for never."""

    def __init__(self, record: JobRecord) -> None:
        self.id = record.id
        self.tenant = record.tenant
        self.kind = record.kind
        self.state = record.state
        self.parameters: JsonObject = json.loads(record.parameters)
        self.total = record.total
        self.handled = record.handled
        self.changed = record.changed
        self.failed = record.failed
        self.errors: list[JsonObject] = json.loads(record.errors)
        self.report: JsonObject = json.loads(record.report)
        self.report.pop(PLACE, None)
        self.created_at = record.created_at
        self.updated_at = record.updated_at
        self.started_at = record.started_at
        self.finished_at = record.finished_at
        origin = json.loads(record.origin)
        self.requested_by: JsonObject = {"kind": origin["kind"], "id": origin["id"]}
        self.etag = etag_of(record)

    @property
    def dry_run(self) -> bool:
        return bool(self.parameters.get("dry_run"))


def new_job(
    tenant: Tenant, kind: str, parameters: JsonObject, origin: Origin, state: str = QUEUED
) -> JobRecord:
    """A job that nobody has begun yet."""
    now = time.time_ns() // 1_000_000
    return JobRecord(
        tenant=tenant.name,
        id=f"{now:012x}{new_id()}",
        kind=kind,
        state=state,
        parameters=dumps(parameters),
        origin=origin_out(origin),
        owner=origin.actor.owner,
        created_at=now // 1000,
        updated_at=now // 1000,
    )


async def begin(
    database: Database,
    requests: IdempotentRequests,
    key: IdempotencyKey | None,
    job: JobRecord,
    origin: Origin,
    write: Callable[[Transaction], Awaitable[None]],
) -> JobView:
    """``job``, which ``write`` writes, or the one that the same request began before.

    Raises:
        KeyReused: ``key`` belongs to another request.
    """

    async def work(keep: Keep) -> JsonObject:
        made: JsonObject = job._asdict()

        async def begun(tx: Transaction) -> None:
            await write(tx)
            record_event(tx, EventType.JOB_REQUESTED, job, origin)
            keep(tx, made)

        await database.transact(begun)
        return made

    told: Any = await requests.once(job.tenant, origin.actor, key, work)
    return JobView(JobRecord(**told))


def record_event(tx: Transaction, event: EventType, job: JobRecord, origin: Origin) -> None:
    """That a job was begun or cancelled, and which."""
    changes: dict[str, JsonValue] = {"kind": job.kind, "parameters": json.loads(job.parameters)}
    subject = Subject(SubjectKind.JOB, job.id)
    audit.record(tx, event, tenant=job.tenant, origin=origin, subject=subject, changes=changes)
