"""Use cases of administrators: begin jobs, look at them, cancel them."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass

from dcrserver.errors import AlreadyExists, Forbidden, InvalidInput, NotFound
from dcrserver.names import ClientStatus
from dcrserver.repositories.jobs import ALIVE, CANCELLED, JobRecord
from dcrserver.repositories.queries import Lists
from dcrserver.repositories.queries.clients.filters import Filter
from dcrserver.repositories.queries.jobs import NEWEST_FIRST
from dcrserver.repositories.queries.keyset import Place
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.security import SecretBox
from dcrserver.services.access.idempotency import IdempotencyKey, IdempotentRequests
from dcrserver.services.access.versions import ANY, Expected
from dcrserver.services.audit import EventType, Origin
from dcrserver.services.audit.actors import Actor
from dcrserver.services.jobs.actions import ACTIONS, reason_against
from dcrserver.services.jobs.inputs import JobInputs
from dcrserver.services.jobs.reception import ImportReception
from dcrserver.services.jobs.views import JobView, begin, new_job, record_event
from dcrserver.strict_json import JsonObject, dumps_lines
from dcrserver.tenants import Tenant

BULK = "bulk"
POLICY_TEST = "policy_test"
RECONCILE = "reconcile"
# What a reconciliation needs beside its own scope: its report names clients.
_COMPARING = ("clients:read",)
_ADOPTING = (*_COMPARING, "clients:create", "clients:update")


@dataclass(frozen=True, slots=True)
class BulkAsked:
    """``action`` is done to all clients that the filter ``wanted`` means; ``value``: of the action.

    ``is_for_all``: said where the filter is empty.
    """

    action: str
    value: str | None
    wanted: Mapping[str, str]
    dry_run: bool = False
    is_for_all: bool = False

    @classmethod
    def of(
        cls,
        action: str,
        filter: Mapping[str, str],  # noqa: A002
        tag: str | None,
        owner: str | None,
        reason: str | None,
        all: bool,  # noqa: A002, FBT001
        dry_run: bool,  # noqa: FBT001
    ) -> BulkAsked:
        """As the request has it."""
        said = {"tag": tag, "owner": owner, "reason": reason}
        value = said.get(ACTIONS[action].value or "")
        return cls(action, value, filter, dry_run=dry_run, is_for_all=all)


class JobService:
    """Use case: administrators begin jobs, look at them, and cancel them."""

    def __init__(
        self,
        database: Database,
        lists: Lists,
        box: SecretBox,
        requests: IdempotentRequests,
        declared: Collection[str],
    ) -> None:
        """``declared``: members of clients that are the operator's own, by name."""
        self._declared = declared
        self._database = database
        self._lists = lists
        self._requests = requests
        self._kept = JobInputs(database, box)
        # Where clients that are to be imported are sent.
        self.reception = ImportReception(database, box, requests)

    async def change_clients(
        self,
        tenant: Tenant,
        asked: BulkAsked,
        origin: Origin,
        key: IdempotencyKey | None = None,
    ) -> JobView:
        """A job that does to many clients what is ``asked``.

        Raises:
            KeyReused: ``key`` belongs to another request.
            InvalidInput: there is no such filter, or it is empty and not said to be for all.
            InsufficientScope: the action needs another scope.
            Forbidden: an owner gives clients away, resumes what others suspended, or decides about
                those that wait for an approval.
        """
        row = ACTIONS[asked.action]
        for scope in ("clients:read", row.scope):  # the filter tells of clients as well
            origin.actor.require(scope)
        if not row.is_for_owners and origin.actor.owner is not None:
            raise Forbidden(f"{asked.action} is not for owners; ask an administrator")
        if (reason := reason_against(row, asked.value)) is not None:
            raise InvalidInput(reason, pointer=f"#/{row.value}")
        _check_filter(asked.wanted, self._declared)
        if not asked.wanted and not asked.is_for_all:
            raise InvalidInput('is empty: say "all": true if all are meant', pointer="#/filter")
        wanted: JsonObject = dict(asked.wanted)
        if row.decision is not None:
            wanted.setdefault("status", ClientStatus.PENDING.word)
        parameters: JsonObject = {
            "action": asked.action, "filter": wanted, "dry_run": asked.dry_run,
        }  # fmt: skip
        if row.value is not None:
            parameters["value"] = asked.value
        job = new_job(tenant, BULK, parameters, origin)

        async def write(tx: Transaction) -> None:
            tx.jobs.add(job)

        return await begin(self._database, self._requests, key, job, origin, write)

    async def try_policy(
        self, tenant: Tenant, policy: JsonObject, wanted: Mapping[str, str], origin: Origin
    ) -> JobView:
        """A job that tries ``policy``, its name and what it says, with all clients that are
        ``wanted``; none is changed.

        Raises:
            InvalidInput: there is no such filter.
        """
        _check_filter(wanted, self._declared)
        job = new_job(tenant, POLICY_TEST, {**policy, "filter": dict(wanted)}, origin)

        async def write(tx: Transaction) -> None:
            tx.jobs.add(job)

        return await begin(self._database, self._requests, None, job, origin, write)

    async def reconcile(
        self, tenant: Tenant, asked: JsonObject, origin: Origin, drift: str
    ) -> JobView:
        """A job that compares a connector's server with what is here; see ``Reconciling``.

        ``drift``: what is done about differences, where it was not ``asked`` for.

        Raises:
            InsufficientScope: what it tells, or changes here, needs another scope.
        """
        is_adopting = not asked.get("dry_run") and asked.get("drift", drift) == "adopt"
        for scope in _ADOPTING if is_adopting else _COMPARING:
            origin.actor.require(scope)
        job = new_job(tenant, RECONCILE, asked, origin)

        async def write(tx: Transaction) -> None:
            tx.jobs.add(job)

        return await begin(self._database, self._requests, None, job, origin, write)

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

    async def errors(self, tenant: Tenant, job_id: str, actor: Actor) -> AsyncIterator[bytes]:
        """Whom a job failed for, a JSON object a line: all that an import refused, and of another
        job the first.

        Raises:
            NotFound: there is none, or it is another owner's.
        """
        record = await self._find(tenant, job_id, actor)
        told = json.loads(record.errors)
        if record.state in ALIVE or len(told) == record.failed:
            yield dumps_lines(told)
            return
        is_kept = False
        async for part in self._kept.parts(record):
            is_kept = True
            yield part
        if not is_kept:
            yield dumps_lines(told)

    async def cancel(
        self, tenant: Tenant, job_id: str, origin: Origin, expected: Expected = ANY
    ) -> JobView:
        """What was done stays done; nothing more is done from this moment on.

        Raises:
            NotFound: there is none, or it is another owner's.
            AlreadyExists: it has ended.
            PreconditionFailed: it is not what was ``expected``, or is so no longer.
        """
        while True:
            record = await self._find(tenant, job_id, origin.actor)
            expected.check(JobView(record).etag)
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


def _check_filter(wanted: Mapping[str, str], declared: Collection[str]) -> None:
    try:
        Filter.parse(wanted.items()).known(declared)
    except InvalidInput as error:
        raise InvalidInput(error.description, pointer=f"#/filter/{error.parameter}") from None
