"""/admin/v1/jobs, and what begins one: POST /admin/v1/clients/bulk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, TypeAlias

from fastapi import Path, Query
from starlette.responses import Response, StreamingResponse

from dcrserver.edge.administration import AdminRoute
from dcrserver.edge.body import LINES
from dcrserver.edge.callers import Caller, CallerOf, RuntimeOf
from dcrserver.edge.conditions import CHANGE, ExpectedOf
from dcrserver.edge.idempotency import REUSED, IdempotencyKeyOf
from dcrserver.edge.pages import Page, PagingOf
from dcrserver.edge.routers import Router
from dcrserver.schemas.admin.jobs import BulkRequest, Job, JobState
from dcrserver.services.jobs.administration import BulkAsked
from dcrserver.services.jobs.views import JobView

router = Router(AdminRoute, "", "jobs")

JobId: TypeAlias = Annotated[str, Path(description="its id")]


@router.post(
    "/clients/bulk",
    scope="jobs:write",
    summary="Change many clients",
    operation_id="change_clients",
    status_code=202,
    response_model=Job,
    refusals=REUSED,
)
async def change_clients(
    here: RuntimeOf,
    caller: CallerOf,
    body: BulkRequest,
    key: IdempotencyKeyOf,
    response: Response,
) -> Job:
    """A job does one thing to all clients that the filter means; `Location` tells where it shows
    how far it is. Also needed are `clients:read`, and `clients:delete` to delete,
    `clients:approve` to approve and reject, `clients:update` for all else.
    """
    asked = BulkAsked.of(**body.model_dump())
    service = here.job_administration
    made = await service.change_clients(caller.tenant, asked, caller.origin, key)
    return begun(made, caller, response)


@router.get(
    "/jobs",
    scope="jobs:read",
    summary="List jobs",
    operation_id="list_jobs",
    response_model=Page[Job],
)
async def list_jobs(
    here: RuntimeOf,
    caller: CallerOf,
    paging: PagingOf,
    state: Annotated[JobState | None, Query(description="those in this state")] = None,
) -> Page[Job]:
    """Jobs that were begun for the tenant, the newest first; old ones are forgotten."""
    service = here.job_administration
    found = await service.jobs(caller.tenant, state, paging.after, paging.limit + 1, caller.actor)
    return paging.page(found, service.place_of, Job.model_validate)


@router.get(
    "/jobs/{job_id}",
    scope="jobs:read",
    summary="Show a job",
    operation_id="show_job",
    response_model=Job,
)
async def show_job(here: RuntimeOf, caller: CallerOf, job_id: JobId, response: Response) -> Job:
    """How far a job is, and what came of it."""
    found = await here.job_administration.job(caller.tenant, job_id, caller.actor)
    return _tagged(found, response)


@router.get(
    "/jobs/{job_id}/errors",
    scope="jobs:read",
    summary="List whom a job failed for",
    operation_id="list_job_errors",
    response_model=None,
    responses={
        200: {
            "description": "One JSON object a line, as in `errors` of the job",
            "content": {LINES: {"schema": {"type": "string"}}},
        }
    },
)
async def list_job_errors(here: RuntimeOf, caller: CallerOf, job_id: JobId) -> StreamingResponse:
    """All clients that an import refused, with the place in what was sent and the reason; of a
    job of another kind the first 100.
    """
    parts = here.job_administration.errors(caller.tenant, job_id, caller.actor)
    first = await anext(parts)  # what is refused is refused before it begins
    return StreamingResponse(_from(first, parts), media_type=LINES)


async def _from(first: bytes, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for part in parts:
        yield part


@router.post(
    "/jobs/{job_id}/cancel",
    scope="jobs:write",
    summary="Cancel a job",
    operation_id="cancel_job",
    response_model=Job,
    refusals=(409, *CHANGE),
)
async def cancel_job(
    here: RuntimeOf, caller: CallerOf, job_id: JobId, expected: ExpectedOf, response: Response
) -> Job:
    """What was done stays done; nothing more is done from this moment on."""
    found = await here.job_administration.cancel(caller.tenant, job_id, caller.origin, expected)
    return _tagged(found, response)


def begun(job: JobView, caller: Caller, response: Response) -> Job:
    """The answer about a job that was begun just now."""
    response.headers["Location"] = f"{caller.tenant.root}/admin/v1/jobs/{job.id}"
    return _tagged(job, response)


def _tagged(job: JobView, response: Response) -> Job:
    response.headers["ETag"] = job.etag
    return Job.model_validate(job)
