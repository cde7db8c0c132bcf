"""What the database answers about initial access tokens and admin tokens."""

from __future__ import annotations

from collections.abc import Iterator

from dcrserver.cli.administration.answers.here import Here, page, place_in, told, validated
from dcrserver.metadata.bounds import Bounds
from dcrserver.names import ALL_TENANTS
from dcrserver.schemas.admin.tokens import (
    AdminToken,
    AdminTokenAsked,
    InitialAccessToken,
    InitialAccessTokenAsked,
    NewAdminToken,
    NewInitialAccessToken,
    UsedInitialAccessToken,
)
from dcrserver.services.audit import SubjectKind
from dcrserver.strict_json import JsonObject
from dcrserver.tenants import Tenant


async def _place(here: Here, all_tenants: str) -> str:
    return ALL_TENANTS if all_tenants else (await here.tenant()).name


async def _list_initial_access_tokens(
    here: Here, *, limit: int, cursor: str | None = None
) -> JsonObject:
    reading, tenant = here.operations.token_reading, await here.tenant()
    found = await reading.initial_access_tokens(tenant.name, place_in(cursor), limit + 1)
    return page(found, limit, reading.place_of, lambda each: told(InitialAccessToken, each))


async def _show_initial_access_token(here: Here, *, token_id: str) -> JsonObject:
    reading, tenant = here.operations.token_reading, await here.tenant()
    found = await reading.initial_access_token(tenant.name, token_id)
    return told(UsedInitialAccessToken, found)


async def _issue_initial_access_token(here: Here, *, body: JsonObject) -> JsonObject:
    from dcrserver.services.access import initial_access_tokens

    asked, tenant = validated(InitialAccessTokenAsked, body), here.configured()
    wanted = initial_access_tokens.NewInitialAccessToken.asked(tenant, **asked.model_dump())
    made = await here.operations.token_administration.issue_initial(tenant, wanted, here.origin)
    view = await here.operations.token_reading.initial_access_token(tenant.name, made.id)
    warnings = _warnings(here, tenant, wanted.bounds)
    return NewInitialAccessToken.of(made.token, view, warnings).model_dump(mode="json")


def _warnings(here: Here, tenant: Tenant, bounds: Bounds) -> Iterator[str]:
    """Servers that run may have been started with an earlier file than is read here."""
    from dcrserver.services.access import initial_access_tokens

    yield from initial_access_tokens.doubts(tenant, bounds)
    if bounds.policy in here.operations.settings.policies:
        told = f"servers that do not know policies.{bounds.policy} yet refuse it with 503"
        yield f"{told}: restart them"


async def _revoke_initial_access_token(here: Here, *, token_id: str) -> JsonObject:
    kind, tenant = SubjectKind.INITIAL_ACCESS_TOKEN, await here.tenant()
    tokens = here.operations.token_administration
    await tokens.revoke(kind, tenant.name, token_id, here.origin)
    return {}


async def _list_admin_tokens(
    here: Here, *, limit: int, cursor: str | None = None, all_tenants: str = ""
) -> JsonObject:
    reading, place = here.operations.token_reading, await _place(here, all_tenants)
    found = await reading.admin_tokens(place, place_in(cursor), limit + 1)
    return page(found, limit, reading.place_of, lambda each: told(AdminToken, each))


async def _show_admin_token(here: Here, *, token_id: str, all_tenants: str = "") -> JsonObject:
    place = await _place(here, all_tenants)
    return told(AdminToken, await here.operations.token_reading.admin_token(place, token_id))


async def _issue_admin_token(here: Here, *, body: JsonObject) -> JsonObject:
    from dcrserver.services.access import admin_tokens

    asked = validated(AdminTokenAsked, body)
    place = ALL_TENANTS if asked.all_tenants else here.configured().name
    wanted = admin_tokens.NewAdminToken.asked(**asked.model_dump(exclude={"all_tenants"}))
    made = await here.operations.token_administration.issue_admin(place, wanted, here.origin)
    view = await here.operations.token_reading.admin_token(place, made.id)
    return NewAdminToken.of(made.token, view).model_dump(mode="json")


async def _revoke_admin_token(here: Here, *, token_id: str, all_tenants: str = "") -> JsonObject:
    kind, place = SubjectKind.ADMIN_TOKEN, await _place(here, all_tenants)
    await here.operations.token_administration.revoke(kind, place, token_id, here.origin)
    return {}


ANSWERS = (
    _list_initial_access_tokens, _show_initial_access_token, _issue_initial_access_token,
    _revoke_initial_access_token,
    _list_admin_tokens, _show_admin_token, _issue_admin_token, _revoke_admin_token,
)  # fmt: skip
