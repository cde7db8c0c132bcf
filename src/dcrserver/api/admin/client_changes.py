"""POST, PUT and PATCH of /admin/v1/clients: administrators make and change clients."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Body
from starlette.requests import Request
from starlette.responses import Response

from dcrserver.edge.administration import AdminRoute
from dcrserver.edge.body import JSON
from dcrserver.edge.callers import Caller, CallerOf, ClientId, RuntimeOf
from dcrserver.edge.conditions import CHANGE, ExpectedOf
from dcrserver.edge.dependencies import header
from dcrserver.edge.idempotency import REUSED, IdempotencyKeyOf
from dcrserver.edge.routers import Router
from dcrserver.schemas.admin.clients import ClientAsked, ClientReplacement, NewClient
from dcrserver.services.clients.changes import NewClientView

router = Router(AdminRoute, "/clients", "clients")

_JSON_PATCH = "application/json-patch+json"
_MERGE_PATCH = "application/merge-patch+json"
_MERGE_EXAMPLE = {"metadata": {"client_name": "New name"}}
_PATCH_EXAMPLE = [{"op": "replace", "path": "/metadata/client_name", "value": "New name"}]
# By their titles generators tell them apart.
_CHANGE, _MERGE = {"type": "object", "title": "Change"}, {"type": "object", "title": "MergePatch"}
_ARRAY = {"type": "array", "items": {"type": "object", "title": "Operation"}}
_PATCHES: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            JSON: {"schema": _CHANGE, "example": _MERGE_EXAMPLE},
            _MERGE_PATCH: {"schema": _MERGE, "example": _MERGE_EXAMPLE},
            _JSON_PATCH: {"schema": _ARRAY, "example": _PATCH_EXAMPLE},
        },
    }
}


@router.post(
    "",
    scope="clients:create",
    summary="Make a client",
    operation_id="create_client",
    status_code=201,
    response_model=NewClient,
    refusals=(409, *REUSED),
)
async def create_client(
    here: RuntimeOf,
    caller: CallerOf,
    body: ClientAsked,
    key: IdempotencyKeyOf,
    response: Response,
) -> NewClient:
    """Registers a client, in every mode; the answer alone tells its credentials."""
    chosen = body.model_dump(exclude={"metadata"}, exclude_none=True)
    made = await here.client_changes.create(
        caller.tenant, body.metadata, chosen, caller.origin, key
    )
    response.headers["Location"] = _location(caller, made)
    return _answer(made, response)


@router.put(
    "/{client_id}",
    scope="clients:update",
    summary="Replace a client",
    operation_id="replace_client",
    response_model=NewClient,
    refusals=(409, *CHANGE),
)
async def replace_client(
    here: RuntimeOf,
    caller: CallerOf,
    client_id: ClientId,
    body: ClientReplacement,
    expected: ExpectedOf,
    response: Response,
) -> NewClient:
    """What is not sent is gone (RFC 7592 2.2); the client's own token works on."""
    made = await here.client_changes.replace(
        caller.tenant, client_id, body.model_dump(exclude_unset=True), caller.origin, expected
    )
    return _answer(made, response)


@router.patch(
    "/{client_id}",
    scope="clients:update",
    summary="Change a client",
    operation_id="patch_client",
    response_model=NewClient,
    accepts=(_MERGE_PATCH, _JSON_PATCH, JSON),
    refusals=(409, *CHANGE),
    openapi_extra=_PATCHES,
)
async def patch_client(
    here: RuntimeOf,
    caller: CallerOf,
    client_id: ClientId,
    body: Annotated[Any, Body()],  # noqa: ANN401 - either of two kinds
    expected: ExpectedOf,
    request: Request,
    response: Response,
) -> NewClient:
    """By a merge patch (RFC 7396), or a patch (RFC 6902); what comes of it is judged whole."""
    media_type = header(request, b"content-type").partition(";")[0].strip().lower()
    changes = here.client_changes
    change = changes.patch if media_type == _JSON_PATCH else changes.merge
    made = await change(caller.tenant, client_id, body, caller.origin, expected)
    return _answer(made, response)


def _answer(client: NewClientView, response: Response) -> NewClient:
    response.headers["ETag"] = client.etag
    return NewClient.model_validate(client)


def _location(caller: Caller, client: NewClientView) -> str:
    return f"{caller.tenant.root}/admin/v1/clients/{quote(client.client_id, safe='')}"
