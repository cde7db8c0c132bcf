"""/admin/v1/connectors: authorization servers that are told of clients."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from fastapi import Path
from starlette.responses import Response

from dcrserver.api.admin.jobs import begun
from dcrserver.edge.administration import AdminRoute
from dcrserver.edge.callers import CallerOf, RuntimeOf
from dcrserver.edge.routers import Router
from dcrserver.schemas.admin.connectors import (
    Connector,
    ConnectorDescription,
    ConnectorRetry,
    Connectors,
    ConnectorTest,
    Reconciliation,
)
from dcrserver.schemas.admin.jobs import Job

router = Router(AdminRoute, "/connectors", "connectors")

NameOf: TypeAlias = Annotated[str, Path(description="its name", examples=["keycloak"])]


@router.get(
    "",
    scope="connectors:read",
    summary="List connectors",
    operation_id="list_connectors",
    response_model=Connectors,
)
async def list_connectors(here: RuntimeOf, caller: CallerOf) -> Connectors:
    """The authorization servers that are told of clients, and how far each is."""
    found = await here.administration.connectors.connectors(caller.actor)
    return Connectors(items=[Connector.model_validate(each) for each in found])


@router.get(
    "/{name}",
    scope="connectors:read",
    summary="Describe a connector",
    operation_id="describe_connector",
    response_model=ConnectorDescription,
)
async def describe_connector(
    here: RuntimeOf, caller: CallerOf, name: NameOf
) -> ConnectorDescription:
    """A connector, and what becomes of each member of client metadata there."""
    found = await here.administration.connectors.connector(name, caller.actor)
    return ConnectorDescription.model_validate(found)


@router.post(
    "/{name}/test",
    scope="connectors:write",
    summary="Try a connector",
    operation_id="test_connector",
    response_model=ConnectorTest,
)
async def test_connector(here: RuntimeOf, caller: CallerOf, name: NameOf) -> ConnectorTest:
    """Whether the server answers now, lets us in, and can do what is needed."""
    return ConnectorTest.model_validate(
        await here.administration.connectors.test(name, caller.actor)
    )


@router.post(
    "/{name}/retry",
    scope="connectors:write",
    summary="Try what differs again",
    operation_id="retry_connector",
    response_model=ConnectorRetry,
)
async def retry_connector(here: RuntimeOf, caller: CallerOf, name: NameOf) -> ConnectorRetry:
    """All clients that the server does not have as they are here are sent now, also those that it
    refused.
    """
    return ConnectorRetry(retried=await here.administration.connectors.retry(name, caller.actor))


@router.post(
    "/{name}/reconcile",
    scope="connectors:write",
    summary="Compare a connector's server with what is here",
    operation_id="reconcile_connector",
    status_code=202,
    response_model=Job,
)
async def reconcile_connector(
    here: RuntimeOf, caller: CallerOf, name: NameOf, body: Reconciliation, response: Response
) -> Job:
    """A job lists what is there. Its report names clients that are missing there, changed there
    (`differences` has the members), foreign, and orphaned: ours, and no longer here; a thousand of
    each, and how many `more`. It takes `clients:read` as well, and to adopt `clients:create` and
    `clients:update`. Where tenants share the server, an administrator of one of them is told what
    is marked as its own.
    """
    target = here.administration.connectors.target(name, caller.actor)
    asked = {"connector": name, **body.model_dump(exclude_none=True)}
    made = await here.job_administration.reconcile(
        caller.tenant, asked, caller.origin, target.settings.drift
    )
    return begun(made, caller, response)
