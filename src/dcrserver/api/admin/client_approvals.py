"""/admin/v1/clients/{client_id}/approve and .../reject: clients that wait are let in, or not."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from dcrserver.api.admin.clients import tagged
from dcrserver.edge.administration import AdminRoute
from dcrserver.edge.callers import Caller, CallerOf, ClientId, RuntimeOf
from dcrserver.edge.conditions import CHANGE, ExpectedOf
from dcrserver.edge.routers import Router
from dcrserver.schemas.admin.clients import Client, Rejection
from dcrserver.wiring.runtime import Runtime

router = Router(AdminRoute, "/clients/{client_id}", "clients")


@router.post(
    "/approve",
    scope="clients:approve",
    summary="Approve a client",
    operation_id="approve_client",
    response_model=Client,
    refusals=(409, *CHANGE),
)
async def approve_client(
    here: RuntimeOf,
    caller: CallerOf,
    client_id: ClientId,
    expected: ExpectedOf,
    response: Response,
    version: Annotated[
        int | None, Query(ge=1, description="the version that was looked at; else 412")
    ] = None,
) -> Client:
    """The credentials of a client that waits for it (`?status=pending`) work from now on.

    One that changed itself since it was held is approved by `version` or `If-Match` only: what is
    approved is what was seen.
    """
    await here.administration.approvals.approve(
        caller.tenant, client_id, caller.origin, expected, version
    )
    return await _shown(here, caller, client_id, response)


@router.post(
    "/reject",
    scope="clients:approve",
    summary="Reject a client",
    operation_id="reject_client",
    response_model=Client,
    refusals=(409, *CHANGE),
)
async def reject_client(
    here: RuntimeOf,
    caller: CallerOf,
    client_id: ClientId,
    body: Rejection,
    expected: ExpectedOf,
    response: Response,
) -> Client:
    """A client that waits is not let in, and reads the reason by its registration access token."""
    await here.administration.approvals.reject(
        caller.tenant, client_id, body.reason, caller.origin, expected
    )
    return await _shown(here, caller, client_id, response)


async def _shown(here: Runtime, caller: Caller, client_id: str, response: Response) -> Client:
    return tagged(
        await here.client_reading.client(caller.tenant, client_id, caller.actor), response
    )
