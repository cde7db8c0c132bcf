"""What the database answers about tenants."""

from __future__ import annotations

from dcrserver.cli.administration.answers.here import Here, page, place_in
from dcrserver.errors import InvalidInput
from dcrserver.schemas.admin.tenants import Tenant
from dcrserver.services.tenants.lifecycle import TenantLifecycleService, TenantView
from dcrserver.strict_json import JsonObject


def _shown(found: TenantView) -> JsonObject:
    made: JsonObject = Tenant.of(found, found.settings).model_dump(mode="json")
    return made


def _changes(here: Here) -> TenantLifecycleService:
    """With the paths that no tenant can have: those of a server's routes."""
    from dcrserver.app import reserve_paths

    reserve_paths(here.operations.tenants)
    return here.operations.tenant_lifecycle


async def _list_tenants(here: Here, *, limit: int, cursor: str | None = None) -> JsonObject:
    (after,) = place_in(cursor) or ("",)
    tenants = here.operations.tenant_lifecycle
    found = await tenants.tenants(here.origin.actor, after, limit + 1)
    return page(found, limit, lambda each: (each.name,), _shown)


async def _show_tenant(here: Here, *, name: str) -> JsonObject:
    return _shown(await here.operations.tenant_lifecycle.tenant(here.origin.actor, name))


async def _create_tenant(here: Here, *, body: JsonObject) -> JsonObject:
    settings = dict(body)
    name = settings.pop("name", None)
    if not isinstance(name, str):
        raise InvalidInput("a tenant needs a name", pointer="#/name")
    return _shown(await _changes(here).create(name, settings, here.origin))


async def _change_tenant(here: Here, *, name: str, body: JsonObject) -> JsonObject:
    return _shown(await _changes(here).configure(name, body, here.origin))


async def _suspend_tenant(here: Here, *, name: str) -> JsonObject:
    return _shown(await here.operations.tenant_lifecycle.suspend(name, here.origin))


async def _resume_tenant(here: Here, *, name: str) -> JsonObject:
    return _shown(await here.operations.tenant_lifecycle.resume(name, here.origin))


async def _delete_tenant(here: Here, *, name: str) -> JsonObject:
    return _shown(await here.operations.tenant_lifecycle.delete(name, here.origin))


ANSWERS = (
    _list_tenants, _show_tenant, _create_tenant, _change_tenant, _suspend_tenant, _resume_tenant,
    _delete_tenant,
)  # fmt: skip
