"""POST /register; GET, PUT, DELETE /register/{client_id}; its secrets."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, nullcontext

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from dcrserver.api.openapi import document, tokens
from dcrserver.edge.body import json_object, submission
from dcrserver.edge.dependencies import USES_KEY, bearer_token, is_head, origin, runtime, tenant
from dcrserver.edge.responses import NO_STORE, Credentials, json_response
from dcrserver.rate_limit import Uses

router = APIRouter(tags=["registration"])


def _is_open(request: Request, bearer: str | None) -> bool:
    return tenant(request).mode == "open" and bearer is None


def _address(request: Request) -> str | None:
    client = request.scope.get("client")
    return client[0] if client else None


def _uses(request: Request) -> Uses:
    """What every answer to this request, also a refusal, tells of limits."""
    uses: Uses = []
    request.scope[USES_KEY] = uses
    return uses


def _limited(request: Request, bearer: str | None) -> AbstractAsyncContextManager[None]:
    if not _is_open(request, bearer):
        return nullcontext()
    limiter = runtime(request).limiter
    return limiter.open_registration(tenant(request).name, _address(request), _uses(request))


@router.post("/register", status_code=201, **document.REGISTER)
async def register(request: Request) -> Response:
    """Registers a client (RFC 7591 3.1, OpenID Connect Registration 3.1)."""
    here, bearer = runtime(request), bearer_token(request)
    async with _limited(request, bearer):
        made = await here.registration.register(
            tenant(request), lambda: submission(request), bearer, origin(request, "anonymous")
        )
    return Credentials(made.information, 201, (b"location", made.uri.encode()))


@router.post("/register/validate", **document.VALIDATE)
async def validate(request: Request) -> Response:
    """Explains what registering the same body would do, and does nothing."""
    here, bearer = runtime(request), bearer_token(request)
    if not tenant(request).explains:
        raise HTTPException(404)
    if _is_open(request, bearer):
        await here.limiter.attempt(tenant(request).name, _address(request), _uses(request))
    explanation = await here.registration.explain(
        tenant(request), lambda: submission(request), bearer
    )
    return json_response(explanation, headers=NO_STORE)


@router.get("/register/{client_id}", **document.READ)
async def read(request: Request) -> Response:
    """Reads the registration (RFC 7592 2.1)."""
    information = await runtime(request).management.read(
        tenant(request),
        request.path_params["client_id"],
        bearer_token(request),
        origin(request, "client"),
        writes=not is_head(request),
    )
    return Credentials(information)


@router.put("/register/{client_id}", **document.UPDATE)
async def update(request: Request) -> Response:
    """Replaces the registration (RFC 7592 2.2)."""
    information = await runtime(request).management.update(
        tenant(request),
        request.path_params["client_id"],
        bearer_token(request),
        lambda: json_object(request),
        origin(request, "client"),
    )
    return Credentials(information)


@router.delete("/register/{client_id}", status_code=204, **document.DELETE)
async def delete(request: Request) -> Response:
    """Ends the registration (RFC 7592 2.3)."""
    if not tenant(request).terms.policy.management.delete:
        raise HTTPException(405)
    await runtime(request).management.delete(
        tenant(request),
        request.path_params["client_id"],
        bearer_token(request),
        origin(request, "client"),
    )
    return Response(status_code=204, headers=NO_STORE)


@router.get("/register/{client_id}/secret", **tokens.SECRETS)
async def secrets(request: Request) -> Response:
    """Lists the secrets that work, by id; never a secret itself."""
    listed = await runtime(request).secret_rotation.list(
        tenant(request),
        request.path_params["client_id"],
        bearer_token(request),
        writes=not is_head(request),
    )
    return json_response(listed, headers=NO_STORE)


@router.post("/register/{client_id}/secret", status_code=201, **tokens.ROTATE_SECRET)
async def rotate_secret(request: Request) -> Response:
    """Issues a new client_secret; the one before works on for a while."""
    rotated = await runtime(request).secret_rotation.rotate(
        tenant(request),
        request.path_params["client_id"],
        bearer_token(request),
        origin(request, "client"),
    )
    return json_response(rotated, 201, NO_STORE)


@router.delete("/register/{client_id}/secret/{secret_id}", status_code=204, **tokens.END_SECRET)
async def end_secret(request: Request) -> Response:
    """Ends one of two secrets before its time."""
    await runtime(request).secret_rotation.end(
        tenant(request),
        request.path_params["client_id"],
        request.path_params["secret_id"],
        bearer_token(request),
        origin(request, "client"),
    )
    return Response(status_code=204, headers=NO_STORE)
