"""Jobs that administrators had begun: what they are to do, and how far they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, delete, func, insert, or_, select, update

from dcrserver.db.protocol.session import Session
from dcrserver.db.tables import job_inputs, jobs
from dcrserver.repositories.expiry import AT_ONCE
from dcrserver.repositories.rows import row_of

# Of a job, in the order of its life.
RECEIVING, QUEUED, RUNNING = "receiving", "queued", "running"
DONE, FAILED, CANCELLED = "done", "failed", "cancelled"
# Those that somebody is to do.
ALIVE = (QUEUED, RUNNING)
ENDED = (DONE, FAILED, CANCELLED)

# So many of a kind are thought of at once; the next ones wait for one to end.
_SIDE_BY_SIDE = 20
_KEY = (jobs.c.tenant == bindparam("b_tenant")) & (jobs.c.id == bindparam("b_id"))
_FIND = select(jobs).where(_KEY)
# Asked once a second; a list would be compiled anew each time.
_IS_ALIVE = or_(*(jobs.c.state == each for each in ALIVE))
_PLACE = func.row_number().over(partition_by=jobs.c.kind, order_by=jobs.c.id)
_PLACED = select(jobs, _PLACE.label("place")).where(_IS_ALIVE).subquery()
_ALIVE = (
    select(*(_PLACED.c[column.name] for column in jobs.c))
    .where(_PLACED.c.place <= _SIDE_BY_SIDE)
    .order_by(_PLACED.c.id)
)
_ANY_ALIVE = select(jobs.c.id).where(_IS_ALIVE).limit(1)
_INSERT = insert(jobs)
_MOVED = (
    "state", "position", "total", "handled", "changed", "failed", "errors", "report", "attempts",
    "updated_at", "started_at", "finished_at",
)  # fmt: skip
# The state is the lock: of two who move it on from the same one the second finds no row.
_MOVE = (
    update(jobs)
    .where(_KEY, jobs.c.state == bindparam("b_was"), jobs.c.position == bindparam("b_at"))
    .values({name: bindparam(f"b_{name}") for name in _MOVED})
)
_OLD = (
    select(jobs.c.tenant.label("b_tenant"), jobs.c.id.label("b_id"))
    .where(jobs.c.state == bindparam("b_state"), jobs.c.updated_at < bindparam("b_before"))
    .limit(AT_ONCE)
)
_DELETE = delete(jobs).where(_KEY)
_INSERT_INPUT = insert(job_inputs)
_OF_JOB = (job_inputs.c.tenant == bindparam("b_tenant")) & (
    job_inputs.c.job_id == bindparam("b_id")
)
_INPUT = select(job_inputs.c.content).where(_OF_JOB, job_inputs.c.number == bindparam("b_number"))
_DELETE_INPUTS = delete(job_inputs).where(_OF_JOB)


@row_of(jobs)
class JobRecord(NamedTuple):
    """A row of ``jobs``; ``parameters``, ``origin``, ``errors`` and ``report`` are JSON text."""

    tenant: str
    id: str
    kind: str
    state: str
    parameters: str
    origin: str
    owner: str | None
    created_at: int
    updated_at: int
    position: str = ""
    total: int | None = None
    handled: int = 0
    changed: int = 0
    failed: int = 0
    errors: str = "[]"
    report: str = "{}"
    attempts: int = 0
    started_at: int = 0
    finished_at: int = 0


@row_of(job_inputs)
class JobInputRecord(NamedTuple):
    """A row of ``job_inputs``: the part ``number`` of what was sent, from 0."""

    tenant: str
    job_id: str
    number: int
    content: str


class JobRepository:
    """Reads and writes jobs, by tenant and id."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, record: JobRecord) -> None:
        self._session.insert(_INSERT, record._asdict())

    async def find(self, tenant: str, job_id: str) -> JobRecord | None:
        """The job of this id; None if there is none."""
        found = await self._session.execute(_FIND, {"b_tenant": tenant, "b_id": job_id})
        row = found.one_or_none()
        return None if row is None else JobRecord(**row)

    async def alive(self) -> Sequence[JobRecord]:
        """Those that are to be done, of all tenants: the oldest first, and no more of each kind
        than can be done side by side, so that no kind keeps another waiting.
        """
        return [JobRecord(**row) for row in (await self._session.execute(_ALIVE, {})).all()]

    async def are_waiting(self) -> bool:
        """Whether any is to be done."""
        return bool((await self._session.execute(_ANY_ALIVE, {})).all())

    async def move(self, was: JobRecord, job: JobRecord) -> bool:
        """Writes how far ``job`` is; False, and nothing is written, when it is no longer where it
        ``was``: somebody cancelled it, or it is gone.
        """
        values = {f"b_{name}": getattr(job, name) for name in _MOVED}
        key = {"b_tenant": job.tenant, "b_id": job.id, "b_was": was.state, "b_at": was.position}
        return (await self._session.execute(_MOVE, values | key)).rowcount == 1

    async def delete(self, tenant: str, job_id: str) -> None:
        """Removes it, with what was sent for it."""
        key = {"b_tenant": tenant, "b_id": job_id}
        await self._session.execute(_DELETE_INPUTS, key)
        await self._session.execute(_DELETE, key)

    async def purge(self, state: str, before: int) -> bool:
        """Removes some that have been in this ``state`` since ``before`` (seconds since 1970), with
        what was sent for them; whether there may be more.
        """
        values = {"b_state": state, "b_before": before}
        found = [dict(row) for row in (await self._session.execute(_OLD, values)).all()]
        if found:
            rows = sorted(found, key=lambda row: tuple(row.values()))
            await self._session.execute_many(_DELETE_INPUTS, rows)
            await self._session.execute_many(_DELETE, rows)
        return len(found) == AT_ONCE


class JobInputRepository:
    """What was sent for jobs, by the number of the part."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, record: JobInputRecord) -> None:
        self._session.insert(_INSERT_INPUT, record._asdict())

    async def content(self, tenant: str, job_id: str, number: int) -> str | None:
        """A part; None after the last one."""
        key = {"b_tenant": tenant, "b_id": job_id, "b_number": number}
        row = (await self._session.execute(_INPUT, key)).one_or_none()
        return None if row is None else str(row["content"])

    async def delete(self, tenant: str, job_id: str) -> None:
        """Removes all parts."""
        await self._session.execute(_DELETE_INPUTS, {"b_tenant": tenant, "b_id": job_id})
