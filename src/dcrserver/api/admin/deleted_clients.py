"""Deleted clients: what can be restored, and is purged when its time is over."""

from __future__ import annotations

from starlette.responses import Response

from dcrserver.api.admin.clients import tagged
from dcrserver.edge.administration import AdminRoute
from dcrserver.edge.callers import CallerOf, ClientId, RuntimeOf
from dcrserver.edge.pages import Page, PagingOf
from dcrserver.edge.routers import Router
from dcrserver.schemas.admin.clients import Client, DeletedClient

router = Router(AdminRoute, "", "clients")


@router.get(
    "/deleted-clients",
    scope="clients:read",
    summary="List deleted clients",
    operation_id="list_deleted_clients",
    response_model=Page[DeletedClient],
)
async def list_deleted_clients(
    here: RuntimeOf, caller: CallerOf, paging: PagingOf
) -> Page[DeletedClient]:
    """Clients that can still be restored, by client_id."""
    reading = here.client_reading
    found = await reading.deleted(caller.tenant, paging.after, paging.limit + 1, caller.actor)
    return paging.page(found, reading.place_of_deleted, DeletedClient.model_validate)


@router.post(
    "/clients/{client_id}/restore",
    scope="clients:delete",
    summary="Restore a client",
    operation_id="restore_client",
    response_model=Client,
    refusals=(409,),
)
async def restore_client(
    here: RuntimeOf, caller: CallerOf, client_id: ClientId, response: Response
) -> Client:
    """A deleted client is as it was, with its credentials; its access tokens stay dead."""
    await here.client_lifecycle.restore(caller.tenant, client_id, caller.origin)
    return tagged(
        await here.client_reading.client(caller.tenant, client_id, caller.actor), response
    )


@router.post(
    "/clients/{client_id}/purge",
    scope="clients:delete",
    summary="Purge a deleted client",
    operation_id="purge_client",
    status_code=204,
    response_model=None,
)
async def purge_client(here: RuntimeOf, caller: CallerOf, client_id: ClientId) -> None:
    """Nothing is left of the client but its events, before its time is over."""
    await here.client_lifecycle.purge(caller.tenant, client_id, caller.origin)
