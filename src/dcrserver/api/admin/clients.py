"""/admin/v1/clients: administrators read, make, change and end clients."""

from __future__ import annotations

from starlette.responses import Response

from dcrserver.edge.administration import AdminRoute
from dcrserver.edge.callers import Caller, CallerOf, ClientId, RuntimeOf
from dcrserver.edge.client_filters import FREE, FilterOf, SortOf
from dcrserver.edge.conditions import CHANGE, ExpectedOf
from dcrserver.edge.pages import Page, PagingOf
from dcrserver.edge.routers import Router
from dcrserver.schemas.admin.clients import Client, ClientCount, ListedClient
from dcrserver.services.clients.views import ClientView
from dcrserver.wiring.runtime import Runtime

router = Router(AdminRoute, "/clients", "clients")


@router.get(
    "",
    scope="clients:read",
    summary="List clients",
    operation_id="list_clients",
    response_model=Page[ListedClient],
    free=FREE,
)
async def list_clients(
    here: RuntimeOf, caller: CallerOf, paging: PagingOf, wanted: FilterOf, sort: SortOf
) -> Page[ListedClient]:
    """The clients of a tenant that the filters mean; `metadata.NAME` is any member of theirs.

    A page may have fewer than `limit`, even none, and a `next` all the same: where no index tells
    which clients are meant, each is read, and no page takes long.
    """
    found = await here.client_reading.clients(
        caller.tenant, wanted, sort, paging.after, paging.limit, caller.actor
    )
    return paging.answer([ListedClient.model_validate(each) for each in found.clients], found.next)


@router.get(
    "/count",
    scope="clients:read",
    summary="Count clients",
    operation_id="count_clients",
    response_model=ClientCount,
    free=FREE,
)
async def count_clients(here: RuntimeOf, caller: CallerOf, wanted: FilterOf) -> ClientCount:
    """How many clients the filters mean: exact up to 10,000, and an estimate above."""
    found = await here.client_reading.count(caller.tenant, wanted, caller.actor)
    return ClientCount.model_validate(found)


@router.get(
    "/{client_id}",
    scope="clients:read",
    summary="Show a client",
    operation_id="show_client",
    response_model=Client,
)
async def show_client(
    here: RuntimeOf, caller: CallerOf, client_id: ClientId, response: Response
) -> Client:
    """A client with its metadata and everything that is known of it, and no secret."""
    return await _shown(here, caller, client_id, response)


@router.delete(
    "/{client_id}",
    scope="clients:delete",
    summary="Delete a client",
    operation_id="delete_client",
    status_code=204,
    response_model=None,
    refusals=CHANGE,
)
async def delete_client(
    here: RuntimeOf, caller: CallerOf, client_id: ClientId, expected: ExpectedOf
) -> None:
    """Nothing of the client works any more; it can be restored for a while."""
    await here.client_lifecycle.delete(caller.tenant, client_id, caller.origin, expected)


@router.post(
    "/{client_id}/suspend",
    scope="clients:update",
    summary="Suspend a client",
    operation_id="suspend_client",
    response_model=Client,
    refusals=CHANGE,
)
async def suspend_client(
    here: RuntimeOf,
    caller: CallerOf,
    client_id: ClientId,
    expected: ExpectedOf,
    response: Response,
) -> Client:
    """No credential of the client works, until it is resumed; its access tokens are dead."""
    await here.client_lifecycle.suspend(caller.tenant, client_id, caller.origin, expected)
    return await _shown(here, caller, client_id, response)


@router.post(
    "/{client_id}/resume",
    scope="clients:update",
    summary="Resume a client",
    operation_id="resume_client",
    response_model=Client,
    refusals=CHANGE,
)
async def resume_client(
    here: RuntimeOf,
    caller: CallerOf,
    client_id: ClientId,
    expected: ExpectedOf,
    response: Response,
) -> Client:
    """The credentials of a suspended client work again."""
    await here.client_lifecycle.resume(caller.tenant, client_id, caller.origin, expected)
    return await _shown(here, caller, client_id, response)


async def _shown(here: Runtime, caller: Caller, client_id: str, response: Response) -> Client:
    return tagged(
        await here.client_reading.client(caller.tenant, client_id, caller.actor), response
    )


def tagged(client: ClientView, response: Response) -> Client:
    """The answer about a client, with its entity tag."""
    response.headers["ETag"] = client.etag
    return Client.model_validate(client)
