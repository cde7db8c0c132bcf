"""/admin/v1/tenants: administrators make, change and end tenants."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from fastapi import Path
from starlette.responses import Response

from dcrserver.edge.administration import AdminRoute
from dcrserver.edge.callers import CallerOf, RuntimeOf
from dcrserver.edge.conditions import ExpectedOf
from dcrserver.edge.pages import Page, PagingOf
from dcrserver.edge.routers import Router
from dcrserver.errors import InvalidInput
from dcrserver.schemas.admin.parts import example_of_body
from dcrserver.schemas.admin.tenants import NewTenant, Tenant, TenantPatch
from dcrserver.services.tenants.lifecycle import TenantView

router = Router(AdminRoute, "/tenants", "tenants")

_MERGE_PATCH = ("application/json", "application/merge-patch+json")
_CHANGING = (409, 412, 428)
NameOf: TypeAlias = Annotated[str, Path(description="its name", examples=["acme"])]


@router.get(
    "",
    scope="tenants:read",
    summary="List tenants",
    operation_id="list_tenants",
    response_model=Page[Tenant],
)
async def list_tenants(here: RuntimeOf, caller: CallerOf, paging: PagingOf) -> Page[Tenant]:
    """All tenants by name; administrators of one see that one."""
    (after,) = paging.after or ("",)
    found = await here.tenant_lifecycle.tenants(caller.actor, str(after), paging.limit + 1)
    return paging.page(found, lambda each: (each.name,), _told)


@router.post(
    "",
    scope="tenants:write",
    summary="Create a tenant",
    operation_id="create_tenant",
    openapi_extra=example_of_body(
        {"name": "acme", "mode": "protected", "webfinger": ["acme.example"]}
    ),
    status_code=201,
    response_model=Tenant,
    refusals=(409,),
)
async def create_tenant(
    here: RuntimeOf, caller: CallerOf, body: NewTenant, response: Response
) -> Tenant:
    """A new tenant beside those of the configuration file; every instance serves it in 2 s."""
    name = body.pop("name", None)
    if not isinstance(name, str):
        raise InvalidInput("a tenant needs a name", pointer="#/name")
    return _tagged(await here.tenant_lifecycle.create(name, body, caller.origin), response)


@router.get(
    "/{name}",
    scope="tenants:read",
    summary="Show a tenant",
    operation_id="show_tenant",
    response_model=Tenant,
)
async def show_tenant(
    here: RuntimeOf, caller: CallerOf, name: NameOf, response: Response
) -> Tenant:
    """A tenant with its settings, and how far its deletion is."""
    return _tagged(await here.tenant_lifecycle.tenant(caller.actor, name), response)


@router.patch(
    "/{name}",
    scope="tenants:write",
    summary="Change a tenant",
    operation_id="change_tenant",
    openapi_extra=example_of_body({"mode": "closed", "policy": None}),
    response_model=Tenant,
    accepts=_MERGE_PATCH,
    refusals=_CHANGING,
)
async def change_tenant(
    here: RuntimeOf,
    caller: CallerOf,
    name: NameOf,
    body: TenantPatch,
    expected: ExpectedOf,
    response: Response,
) -> Tenant:
    """The settings with a merge patch (RFC 7396): null takes one away."""
    changed = await here.tenant_lifecycle.configure(name, body, caller.origin, expected)
    return _tagged(changed, response)


@router.post(
    "/{name}/suspend",
    scope="tenants:write",
    summary="Suspend a tenant",
    operation_id="suspend_tenant",
    response_model=Tenant,
    refusals=_CHANGING,
)
async def suspend_tenant(
    here: RuntimeOf, caller: CallerOf, name: NameOf, expected: ExpectedOf, response: Response
) -> Tenant:
    """Everything below its issuer is answered with 503, until it is resumed."""
    return _tagged(await here.tenant_lifecycle.suspend(name, caller.origin, expected), response)


@router.post(
    "/{name}/resume",
    scope="tenants:write",
    summary="Resume a tenant",
    operation_id="resume_tenant",
    response_model=Tenant,
    refusals=_CHANGING,
)
async def resume_tenant(
    here: RuntimeOf, caller: CallerOf, name: NameOf, expected: ExpectedOf, response: Response
) -> Tenant:
    """It answers again as before it was suspended."""
    return _tagged(await here.tenant_lifecycle.resume(name, caller.origin, expected), response)


@router.delete(
    "/{name}",
    scope="tenants:write",
    summary="Delete a tenant",
    operation_id="delete_tenant",
    status_code=202,
    response_model=Tenant,
    refusals=_CHANGING,
)
async def delete_tenant(
    here: RuntimeOf, caller: CallerOf, name: NameOf, expected: ExpectedOf, response: Response
) -> Tenant:
    """Nothing of it answers from now on; a job deletes everything in it, and shows its progress
    as the tenant's own, until there is none.
    """
    return _tagged(await here.tenant_lifecycle.delete(name, caller.origin, expected), response)


def _tagged(tenant: TenantView, response: Response) -> Tenant:
    response.headers["ETag"] = tenant.etag
    return _told(tenant)


def _told(tenant: TenantView) -> Tenant:
    return Tenant.of(tenant, tenant.settings)
