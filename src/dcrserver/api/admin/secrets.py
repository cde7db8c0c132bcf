"""/admin/v1/clients/{client_id}/secrets and .../registration-access-token."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path

from dcrserver.edge.administration import AdminRoute
from dcrserver.edge.callers import CallerOf, ClientId, RuntimeOf
from dcrserver.edge.conditions import CHANGE, ExpectedOf
from dcrserver.edge.routers import Router
from dcrserver.schemas.admin.secrets import (
    ClientSecrets,
    NewClientSecret,
    NewRegistrationAccessToken,
)

router = Router(AdminRoute, "/clients/{client_id}", "clients")


@router.get(
    "/secrets",
    scope="clients:read",
    summary="List the secrets of a client",
    operation_id="list_client_secrets",
    response_model=ClientSecrets,
)
async def list_secrets(here: RuntimeOf, caller: CallerOf, client_id: ClientId) -> ClientSecrets:
    """The secrets that work, newest first, by id; never a secret itself."""
    client = await here.client_reading.client(caller.tenant, client_id, caller.actor)
    return ClientSecrets.model_validate({"items": client.secrets})


@router.post(
    "/secrets",
    scope="secrets:write",
    summary="Rotate the secret of a client",
    operation_id="rotate_client_secret",
    status_code=201,
    response_model=NewClientSecret,
    refusals=CHANGE,
)
async def rotate_secret(
    here: RuntimeOf, caller: CallerOf, client_id: ClientId, expected: ExpectedOf
) -> NewClientSecret:
    """A new secret, shown this once; the one before works on for the policy's overlap."""
    made = await here.client_credentials.rotate_secret(
        caller.tenant, client_id, caller.origin, expected
    )
    return NewClientSecret.model_validate(made)


@router.delete(
    "/secrets/{secret_id}",
    scope="secrets:write",
    summary="End a secret of a client",
    operation_id="end_client_secret",
    status_code=204,
    response_model=None,
    refusals=CHANGE,
)
async def end_secret(
    here: RuntimeOf,
    caller: CallerOf,
    client_id: ClientId,
    secret_id: Annotated[str, Path(description="its id", examples=["k2"])],
    expected: ExpectedOf,
) -> None:
    """The secret works no longer; the only one cannot be ended."""
    await here.client_credentials.end_secret(
        caller.tenant, client_id, secret_id, caller.origin, expected
    )


@router.post(
    "/registration-access-token",
    scope="tokens:write",
    summary="Issue a new registration access token",
    operation_id="reissue_registration_access_token",
    status_code=201,
    response_model=NewRegistrationAccessToken,
    refusals=CHANGE,
)
async def reissue(
    here: RuntimeOf, caller: CallerOf, client_id: ClientId, expected: ExpectedOf
) -> NewRegistrationAccessToken:
    """A new token for the client, shown this once; older ones are dead at once."""
    token = await here.client_credentials.reissue_registration_token(
        caller.tenant, client_id, caller.origin, expected
    )
    return NewRegistrationAccessToken(
        registration_access_token=token,
        registration_client_uri=caller.tenant.registration_client_uri(client_id),
    )


@router.delete(
    "/registration-access-token",
    scope="tokens:write",
    summary="Revoke the registration access token",
    operation_id="revoke_registration_access_token",
    status_code=204,
    response_model=None,
    refusals=CHANGE,
)
async def revoke(
    here: RuntimeOf, caller: CallerOf, client_id: ClientId, expected: ExpectedOf
) -> None:
    """No token works any more: administrators alone manage the registration."""
    await here.client_credentials.revoke_registration_tokens(
        caller.tenant, client_id, caller.origin, expected
    )
