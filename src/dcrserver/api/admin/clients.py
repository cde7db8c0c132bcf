"""/admin/v1/clients: administrators read, make, change and end clients."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from dcrserver.edge.administration import AdminRouter
from dcrserver.edge.callers import CallerOf, ClientId, RuntimeOf
from dcrserver.edge.pages import Page, PagingOf
from dcrserver.repositories.queries.clients import ClientFilters
from dcrserver.schemas.admin.clients import Client, ClientSummary
from dcrserver.services.clients.reading import ClientView

router = AdminRouter("/clients", "clients")


@router.get(
    "",
    scope="clients:read",
    summary="List clients",
    operation_id="list_clients",
    response_model=Page[ClientSummary],
)
async def list_clients(
    here: RuntimeOf,
    caller: CallerOf,
    paging: PagingOf,
    contains: Annotated[
        str | None, Query(description="a text of the registration, in whatever case")
    ] = None,
) -> Page[ClientSummary]:
    """The clients of a tenant, newest first."""
    reading = here.client_reading
    found = await reading.clients(
        caller.tenant, ClientFilters(contains), paging.after, paging.limit + 1, caller.actor
    )
    return paging.page(found, reading.place_of, ClientSummary.model_validate)


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
    found = await here.client_reading.client(caller.tenant, client_id, caller.actor)
    return _tagged(found, response)


def _tagged(client: ClientView, response: Response) -> Client:
    response.headers["ETag"] = client.etag
    return Client.model_validate(client)
