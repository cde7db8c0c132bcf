"""/admin/v1/initial-access-tokens: credentials that let clients register."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from fastapi import Path
from starlette.responses import Response

from dcrserver.edge.administration import AdminRoute
from dcrserver.edge.callers import CallerOf, RuntimeOf
from dcrserver.edge.conditions import CHANGE, ExpectedOf
from dcrserver.edge.idempotency import REUSED, IdempotencyKeyOf
from dcrserver.edge.pages import Page, PagingOf
from dcrserver.edge.routers import Router
from dcrserver.schemas.admin.tokens import (
    InitialAccessToken,
    InitialAccessTokenAsked,
    NewInitialAccessToken,
    UsedInitialAccessToken,
)
from dcrserver.services.access import initial_access_tokens as tokens
from dcrserver.services.audit import SubjectKind

router = Router(AdminRoute, "/initial-access-tokens", "credentials")
TokenId: TypeAlias = Annotated[str, Path(description="its id", examples=["5d0e7c41e9a0"])]


@router.get(
    "",
    scope="tokens:read",
    summary="List initial access tokens",
    operation_id="list_initial_access_tokens",
    response_model=Page[InitialAccessToken],
)
async def list_initial_access_tokens(
    here: RuntimeOf, caller: CallerOf, paging: PagingOf
) -> Page[InitialAccessToken]:
    """All that were ever issued, newest first, and never a token itself."""
    reading = here.token_reading
    found = await reading.initial_access_tokens(caller.tenant.name, paging.after, paging.limit + 1)
    return paging.page(found, reading.place_of, InitialAccessToken.model_validate)


@router.post(
    "",
    scope="tokens:write",
    summary="Issue an initial access token",
    operation_id="issue_initial_access_token",
    status_code=201,
    response_model=NewInitialAccessToken,
    refusals=REUSED,
)
async def issue_initial_access_token(
    here: RuntimeOf,
    caller: CallerOf,
    body: InitialAccessTokenAsked,
    key: IdempotencyKeyOf,
    response: Response,
) -> NewInitialAccessToken:
    """A new token, shown this once."""
    wanted = tokens.NewInitialAccessToken.asked(caller.tenant, **body.model_dump())
    made = await here.token_administration.issue_initial(caller.tenant, wanted, caller.origin, key)
    view = await here.token_reading.initial_access_token(caller.tenant.name, made.id)
    response.headers["ETag"] = view.etag
    return NewInitialAccessToken.of(made.token, view, tokens.doubts(caller.tenant, wanted.bounds))


@router.get(
    "/{token_id}",
    scope="tokens:read",
    summary="Show an initial access token",
    operation_id="show_initial_access_token",
    response_model=UsedInitialAccessToken,
)
async def show_initial_access_token(
    here: RuntimeOf, caller: CallerOf, token_id: TokenId, response: Response
) -> UsedInitialAccessToken:
    """With the clients that were registered with it."""
    found = await here.token_reading.initial_access_token(caller.tenant.name, token_id)
    response.headers["ETag"] = found.etag
    return UsedInitialAccessToken.model_validate(found)


@router.delete(
    "/{token_id}",
    scope="tokens:write",
    summary="Revoke an initial access token",
    operation_id="revoke_initial_access_token",
    status_code=204,
    response_model=None,
    refusals=CHANGE,
)
async def revoke_initial_access_token(
    here: RuntimeOf, caller: CallerOf, token_id: TokenId, expected: ExpectedOf
) -> None:
    """Nothing is registered with it any more; what was stays."""
    kind, place = SubjectKind.INITIAL_ACCESS_TOKEN, caller.tenant.name
    await here.token_administration.revoke(kind, place, token_id, caller.origin, expected)
