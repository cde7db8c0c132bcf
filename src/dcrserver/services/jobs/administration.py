"""Use cases of administrators: begin jobs, look at them, cancel them."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping

from dcrserver.errors import AlreadyExists, Forbidden, InvalidInput, NotFound
from dcrserver.repositories.jobs import ALIVE, CANCELLED, QUEUED, JobRecord
from dcrserver.repositories.queries import Lists
from dcrserver.repositories.queries.clients.filters import Filter
from dcrserver.repositories.queries.jobs import NEWEST_FIRST
from dcrserver.repositories.queries.keyset import Place
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.security import new_id
from dcrserver.services import audit
from dcrserver.services.audit import EventType, Origin, Subject, SubjectKind
from dcrserver.services.audit.actors import Actor
from dcrserver.services.jobs.actions import ACTIONS, reason_against
from dcrserver.services.jobs.ongoing import origin_out
from dcrserver.strict_json import JsonObject, JsonValue, dumps
from dcrserver.tenants import Tenant

BULK = "bulk"


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
        self.created_at = record.created_at
        self.updated_at = record.updated_at
        self.started_at = record.started_at
        self.finished_at = record.finished_at
        origin = json.loads(record.origin)
        self.requested_by: JsonObject = {"kind": origin["kind"], "id": origin["id"]}

    @property
    def dry_run(self) -> bool:
        return bool(self.parameters.get("dry_run"))


class JobService:
    """Use case: administrators begin jobs, look at them, and cancel them."""

    def __init__(self, database: Database, lists: Lists) -> None:
        self._database = database
        self._lists = lists

    async def change_clients(
        self,
        tenant: Tenant,
        action: str,
        value: str | None,
        wanted: Mapping[str, str],
        origin: Origin,
        *,
        dry_run: bool = False,
        is_for_all: bool = False,
    ) -> JobView:
        """A job that does ``action`` to all clients that the filter ``wanted`` means.

        Raises:
            InvalidInput: there is no such filter, or it is empty and not said to be for all.
            InsufficientScope: the action needs another scope.
            Forbidden: an owner gives clients away.
        """
        row = ACTIONS[action]
        origin.actor.require(row.scope)
        if row.value == "owner" and origin.actor.owner is not None:
            raise Forbidden("an owner does not give clients away")
        if (reason := reason_against(row, value)) is not None:
            raise InvalidInput(reason, pointer=f"#/{row.value}")
        _check_filter(wanted)
        if not wanted and not is_for_all:
            raise InvalidInput('is empty: say "all": true if all are meant', pointer="#/filter")
        named: JsonObject = dict(wanted)
        parameters: JsonObject = {"action": action, "filter": named, "dry_run": dry_run}
        if row.value is not None:
            parameters["value"] = value
        return await self._begin(new_job(tenant, BULK, parameters, origin), origin)

    async def _begin(self, record: JobRecord, origin: Origin) -> JobView:
        async def write(tx: Transaction) -> None:
            tx.jobs.add(record)
            record_event(tx, EventType.JOB_REQUESTED, record, origin)

        await self._database.transact(write)
        return JobView(record)

    async def jobs(
        self, tenant: Tenant, state: str | None, after: Place | None, limit: int, actor: Actor
    ) -> list[JobView]:
        """Jobs that ``actor`` may know of, the newest first.

        Raises:
            InvalidInput: ``after`` is no place in this list.
        """
        place = None if after is None else NEWEST_FIRST.place_in(after)
        found = await self._lists.jobs.page(tenant.name, actor.owner, state, place, limit)
        return [JobView(record) for record in found]

    @staticmethod
    def place_of(job: JobView) -> Place:
        """Where the list goes on after ``job``."""
        return (job.id,)

    async def job(self, tenant: Tenant, job_id: str, actor: Actor) -> JobView:
        """One job.

        Raises:
            NotFound: there is none, or it is another owner's.
        """
        return JobView(await self._find(tenant, job_id, actor))

    async def cancel(self, tenant: Tenant, job_id: str, origin: Origin) -> JobView:
        """What was done stays done; nothing more is done from this moment on.

        Raises:
            NotFound: there is none, or it is another owner's.
            AlreadyExists: it has ended.
        """
        while True:
            record = await self._find(tenant, job_id, origin.actor)
            if record.state not in ALIVE:
                raise AlreadyExists(f"the job is {record.state} already")
            if (cancelled := await self._cancel(record, origin)) is not None:
                return JobView(cancelled)

    async def _cancel(self, record: JobRecord, origin: Origin) -> JobRecord | None:
        """None: it got on meanwhile."""
        now = int(time.time())
        made = record._replace(state=CANCELLED, updated_at=now, finished_at=now)

        async def write(tx: Transaction) -> bool:
            if not await tx.jobs.move(record, made):
                return False
            await tx.job_inputs.delete(record.tenant, record.id)
            record_event(tx, EventType.JOB_CANCELLED, record, origin)
            return True

        return made if await self._database.transact(write) else None

    async def _find(self, tenant: Tenant, job_id: str, actor: Actor) -> JobRecord:
        found = None
        if job_id.isalnum() and job_id.isascii():  # PostgreSQL would refuse to look for a NUL
            async with self._database.read() as tx:
                found = await tx.jobs.find(tenant.name, job_id)
        if found is None or not actor.sees(found.owner):
            raise NotFound("there is no such job")
        return found


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


def record_event(tx: Transaction, event: EventType, job: JobRecord, origin: Origin) -> None:
    """That a job was begun or cancelled, and which."""
    changes: dict[str, JsonValue] = {"kind": job.kind, "parameters": json.loads(job.parameters)}
    subject = Subject(SubjectKind.JOB, job.id)
    audit.record(tx, event, tenant=job.tenant, origin=origin, subject=subject, changes=changes)


def _check_filter(wanted: Mapping[str, str]) -> None:
    try:
        Filter.parse(wanted.items())
    except InvalidInput as error:
        raise InvalidInput(error.description, pointer=f"#/filter/{error.parameter}") from None
