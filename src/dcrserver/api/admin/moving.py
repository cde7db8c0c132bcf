"""/admin/v1/clients/import and /export: clients move from one server to another."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from dcrserver.api.admin.jobs import begun
from dcrserver.edge.administration import AdminRoute
from dcrserver.edge.body import JSON, LINES, streamed
from dcrserver.edge.callers import CallerOf, RuntimeOf
from dcrserver.edge.client_filters import FREE, FilterOf
from dcrserver.edge.idempotency import REUSED, StreamedKeyOf
from dcrserver.edge.lines import lines
from dcrserver.edge.routers import Router
from dcrserver.schemas.admin.jobs import Job
from dcrserver.services.clients.exports import exported_pages

router = Router(AdminRoute, "/clients", "jobs")

_EXAMPLE = {
    "client_id": "from-elsewhere",
    "client_name": "From elsewhere",
    "redirect_uris": ["https://client.example.org/cb"],
    "token_endpoint_auth_method": "none",
}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            JSON: {"schema": {"type": "object"}, "example": _EXAMPLE},
            LINES: {"schema": {"type": "string"}},
        },
    }
}


@router.post(
    "/import",
    scope="jobs:write",
    summary="Import clients",
    operation_id="import_clients",
    status_code=202,
    response_model=Job,
    refusals=REUSED,
    openapi_extra=_BODY,
)
async def import_clients(  # noqa: PLR0913 - parameters of a query
    here: RuntimeOf,
    caller: CallerOf,
    request: Request,
    key: StreamedKeyOf,
    response: Response,
    policy: Annotated[
        str | None, Query(max_length=64, description="named policy that they are judged by")
    ] = None,
    *,
    dry_run: Annotated[bool, Query(description="the same report, and nothing is written")] = False,
    skip_refused: Annotated[bool, Query(description="import the good ones all the same")] = False,
) -> Job:
    """Clients of another server, or of an export, one JSON object a line, as `dcrserver client
    import` takes them: a job judges all of them, then imports them unless one is refused. Those
    that are there already are left as they are. Also needed is `clients:create`.
    """
    limit = here.settings.admin.max_import_bytes
    chunks = streamed(request, (LINES, JSON), limit, "admin.max_import_bytes")
    made = await here.job_administration.reception.receive(
        caller.tenant,
        {"policy": policy, "dry_run": dry_run, "skip_refused": skip_refused},
        chunks,
        caller.origin,
        key,
    )
    return begun(made, caller, response)


@router.get(
    "/export",
    scope="clients:read",
    summary="Export clients",
    operation_id="export_clients",
    response_model=None,
    free=FREE,
    responses={
        200: {
            "description": "One JSON object a line, the oldest client first",
            "content": {LINES: {"schema": {"type": "string"}}},
        }
    },
)
async def export_clients(
    here: RuntimeOf,
    caller: CallerOf,
    wanted: FilterOf,
    after: Annotated[
        str, Query(max_length=512, description="the client_id of the last line that was received")
    ] = "",
    after_issued_at: Annotated[
        int | None,
        Query(
            ge=0,
            le=2**62,
            description="its `client_id_issued_at`: needed where it may have been purged meanwhile",
        ),
    ] = None,
    *,
    credentials: Annotated[
        bool, Query(description="with hashes of secrets and tokens: needs `secrets:export`")
    ] = False,
) -> Response:
    """The clients that the filters mean, as import takes them, while they are read. Whoever was
    interrupted goes on `after` the last line.
    """
    if credentials:
        caller.actor.require("secrets:export")
    pages = exported_pages(
        here.lists,
        caller.tenant.name,
        wanted,
        after,
        after_issued_at,
        owner=caller.actor.owner,
        credentials=credentials,
    )
    return await lines(here.administration.exports, pages)
