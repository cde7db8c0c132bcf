"""/admin/v1/statistics: how many clients there are, and when they came."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Query

from dcrserver.edge.administration import AdminRoute
from dcrserver.edge.callers import CallerOf, RuntimeOf
from dcrserver.edge.routers import Router
from dcrserver.repositories.queries.clients.filters import moment_in
from dcrserver.schemas.admin.statistics import Statistics
from dcrserver.services.clients.statistics import Kind, Step, Wanted

router = Router(AdminRoute, "/statistics", "statistics")


@router.get(
    "",
    scope="statistics:read",
    summary="Count clients and registrations",
    operation_id="show_statistics",
    response_model=Statistics,
)
async def show_statistics(
    here: RuntimeOf,
    caller: CallerOf,
    by: Annotated[Kind, Query(description="what clients are told apart by")] = Kind.ORIGIN,
    step: Annotated[Literal["hour", "day"], Query(description="of what length times are")] = "day",
    since: Annotated[str | None, Query(description="a moment; null: thirty times ago")] = None,
    until: Annotated[str | None, Query(description="a moment; null: now")] = None,
) -> Statistics:
    """The clients that there are, by one of their properties, and when they were registered.

    Those that were deleted are not among them. The answer is up to ten seconds old.
    """
    wanted = Wanted(
        by=by,
        step=Step[step.upper()],
        since=None if since is None else moment_in(since, "since"),
        until=None if until is None else moment_in(until, "until"),
    )
    found = await here.administration.statistics.statistics(caller.tenant, wanted, caller.actor)
    return Statistics.model_validate(found)
