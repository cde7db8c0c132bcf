"""/admin/v1/keys: administrators look at signing keys, replace and discard them."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from fastapi import Path
from starlette.responses import Response

from dcrserver.edge.administration import AdminRoute
from dcrserver.edge.callers import CallerOf, RuntimeOf
from dcrserver.edge.conditions import CHANGE, ExpectedOf
from dcrserver.edge.routers import Router
from dcrserver.schemas.admin.keys import SigningKey, SigningKeys
from dcrserver.services.tokens.key_administration import KeyView

router = Router(AdminRoute, "/keys", "keys")
KeyId: TypeAlias = Annotated[str, Path(description="as the list shows it", examples=["k"])]


@router.get(
    "",
    scope="keys:read",
    summary="List signing keys",
    operation_id="list_signing_keys",
    response_model=SigningKeys,
)
async def list_keys(here: RuntimeOf, caller: CallerOf) -> SigningKeys:
    """The keys that sign the tenant's access tokens, oldest first, and until when each is good."""
    found = await here.administration.keys.keys(caller.tenant.name)
    return SigningKeys(items=[SigningKey.model_validate(each) for each in found])


@router.post(
    "",
    scope="keys:write",
    summary="Rotate the signing key",
    operation_id="rotate_signing_key",
    status_code=201,
    response_model=SigningKey,
)
async def rotate_key(here: RuntimeOf, caller: CallerOf, response: Response) -> SigningKey:
    """A new key, before the schedule would make it: it is published first, and signs later."""
    made = await here.administration.keys.rotate(caller.tenant.name, caller.origin)
    return _tagged(made, response)


@router.get(
    "/{kid}",
    scope="keys:read",
    summary="Show a signing key",
    operation_id="show_signing_key",
    response_model=SigningKey,
)
async def show_key(here: RuntimeOf, caller: CallerOf, kid: KeyId, response: Response) -> SigningKey:
    """What it does now, and until when it is good; without its private part."""
    return _tagged(await here.administration.keys.key(caller.tenant.name, kid), response)


@router.delete(
    "/{kid}",
    scope="keys:write",
    summary="Discard a signing key",
    operation_id="discard_signing_key",
    status_code=204,
    response_model=None,
    refusals=CHANGE,
)
async def discard_key(here: RuntimeOf, caller: CallerOf, kid: KeyId, expected: ExpectedOf) -> None:
    """For one that leaked: tokens that it signed are good nowhere afterwards.

    Other processes sign with it for up to 30 seconds more.
    """
    await here.administration.keys.discard(caller.tenant.name, kid, caller.origin, expected)


def _tagged(key: KeyView, response: Response) -> SigningKey:
    response.headers["ETag"] = key.etag
    return SigningKey.model_validate(key)
