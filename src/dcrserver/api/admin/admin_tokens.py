"""/admin/v1/admin-tokens: credentials of administrators and authorization servers."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from fastapi import Depends, Path, Query
from starlette.responses import Response

from dcrserver.edge.administration import AdminRoute
from dcrserver.edge.callers import Caller, CallerOf, RuntimeOf
from dcrserver.edge.conditions import CHANGE, ExpectedOf
from dcrserver.edge.idempotency import REUSED, IdempotencyKeyOf
from dcrserver.edge.pages import Page, PagingOf
from dcrserver.edge.routers import Router
from dcrserver.errors import Forbidden
from dcrserver.names import ALL_TENANTS
from dcrserver.schemas.admin.tokens import AdminToken, AdminTokenAsked, NewAdminToken
from dcrserver.services.access import admin_tokens as tokens
from dcrserver.services.audit import SubjectKind

router = Router(AdminRoute, "/admin-tokens", "credentials")
TokenId: TypeAlias = Annotated[str, Path(description="its id", examples=["b03f5d22c816"])]


def _place(
    caller: CallerOf,
    all_tenants: Annotated[  # noqa: FBT002 - a parameter of the query
        bool, Query(description="those that are good for all tenants")
    ] = False,
) -> str:
    return _name(caller, all_tenants=all_tenants)


def _name(caller: Caller, *, all_tenants: bool) -> str:
    if not all_tenants:
        return caller.tenant.name
    if caller.actor.tenant is not None:
        raise Forbidden("tokens for all tenants are for those who administer all of them")
    return ALL_TENANTS


# The name of the tenant whose tokens are meant, or * for those of all.
_PlaceOf: TypeAlias = Annotated[str, Depends(_place)]


@router.get(
    "",
    scope="tokens:read",
    summary="List admin tokens",
    operation_id="list_admin_tokens",
    response_model=Page[AdminToken],
)
async def list_admin_tokens(here: RuntimeOf, place: _PlaceOf, paging: PagingOf) -> Page[AdminToken]:
    """All that were ever issued, newest first, and never a token itself."""
    reading = here.token_reading
    found = await reading.admin_tokens(place, paging.after, paging.limit + 1)
    return paging.page(found, reading.place_of, AdminToken.model_validate)


@router.post(
    "",
    scope="tokens:write",
    summary="Issue an admin token",
    operation_id="issue_admin_token",
    status_code=201,
    response_model=NewAdminToken,
    refusals=REUSED,
)
async def issue_admin_token(
    here: RuntimeOf,
    caller: CallerOf,
    body: AdminTokenAsked,
    key: IdempotencyKeyOf,
    response: Response,
) -> NewAdminToken:
    """A new token, shown this once; nobody gives what they do not have."""
    place = _name(caller, all_tenants=body.all_tenants)
    wanted = tokens.NewAdminToken.asked(**body.model_dump(exclude={"all_tenants"}))
    made = await here.token_administration.issue_admin(place, wanted, caller.origin, key)
    view = await here.token_reading.admin_token(place, made.id)
    response.headers["ETag"] = view.etag
    return NewAdminToken.of(made.token, view)


@router.get(
    "/{token_id}",
    scope="tokens:read",
    summary="Show an admin token",
    operation_id="show_admin_token",
    response_model=AdminToken,
)
async def show_admin_token(
    here: RuntimeOf, place: _PlaceOf, token_id: TokenId, response: Response
) -> AdminToken:
    """What it is good for, and never the token itself."""
    view = await here.token_reading.admin_token(place, token_id)
    response.headers["ETag"] = view.etag
    return AdminToken.model_validate(view)


@router.delete(
    "/{token_id}",
    scope="tokens:write",
    summary="Revoke an admin token",
    operation_id="revoke_admin_token",
    status_code=204,
    response_model=None,
    refusals=CHANGE,
)
async def revoke_admin_token(
    here: RuntimeOf, caller: CallerOf, place: _PlaceOf, token_id: TokenId, expected: ExpectedOf
) -> None:
    """It works no longer, and stays in the list."""
    kind = SubjectKind.ADMIN_TOKEN
    await here.token_administration.revoke(kind, place, token_id, caller.origin, expected)
