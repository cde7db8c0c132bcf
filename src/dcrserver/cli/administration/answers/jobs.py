"""What the database answers about jobs, and what there is to count."""

from __future__ import annotations

from dcrserver.cli.administration.answers.here import Here, page, place_in, told
from dcrserver.repositories.queries.clients.filters import moment_in
from dcrserver.schemas.admin.jobs import Job
from dcrserver.schemas.admin.statistics import Statistics
from dcrserver.services.clients.statistics import Kind, Step, Wanted
from dcrserver.strict_json import JsonObject


async def _list_jobs(
    here: Here, *, limit: int, cursor: str | None = None, state: str | None = None
) -> JsonObject:
    service, tenant, actor = here.operations.job_administration, await here.tenant(), here.actor
    found = await service.jobs(tenant, state, place_in(cursor), limit + 1, actor)
    return page(found, limit, service.place_of, lambda each: told(Job, each))


async def _show_job(here: Here, *, job_id: str) -> JsonObject:
    service = here.operations.job_administration
    return told(Job, await service.job(await here.tenant(), job_id, here.actor))


async def _cancel_job(here: Here, *, job_id: str) -> JsonObject:
    service = here.operations.job_administration
    return told(Job, await service.cancel(await here.tenant(), job_id, here.origin))


async def _show_statistics(
    here: Here,
    *,
    by: str = Kind.ORIGIN,
    step: str = "day",
    since: str | None = None,
    until: str | None = None,
) -> JsonObject:
    wanted = Wanted(
        by=Kind(by),
        step=Step[step.upper()],
        since=None if since is None else moment_in(since, "since"),
        until=None if until is None else moment_in(until, "until"),
    )
    statistics, tenant = here.operations.client_statistics, await here.tenant()
    return told(Statistics, await statistics.statistics(tenant, wanted, here.actor))


ANSWERS = (_list_jobs, _show_job, _cancel_job, _show_statistics)
