"""/admin/v1/clients/{client_id}/refresh: the document of a client is read anew."""

from __future__ import annotations

from starlette.responses import Response

from dcrserver.api.admin.clients import tagged
from dcrserver.edge.administration import AdminRoute
from dcrserver.edge.callers import CallerOf, ClientId, RuntimeOf
from dcrserver.edge.routers import Router
from dcrserver.schemas.admin.clients import Client

router = Router(AdminRoute, "/clients/{client_id}", "clients")


@router.post(
    "/refresh",
    scope="clients:update",
    summary="Read the document of a client anew",
    operation_id="refresh_client",
    response_model=Client,
    refusals=(409, 422, 502),
)
async def refresh_client(
    here: RuntimeOf, caller: CallerOf, client_id: ClientId, response: Response
) -> Client:
    """Of a client that names itself by a URL: what is there now is judged at once.

    502 where nothing could be read, 422 where it is not acceptable; what was read before counts on
    as long as it would have.
    """
    await here.client_documents.refresh(caller.tenant, client_id, caller.origin)
    return tagged(
        await here.client_reading.client(caller.tenant, client_id, caller.actor), response
    )
