"""GET and POST /register; GET, PUT, DELETE /register/{client_id}; its secrets."""

from __future__ import annotations

from functools import partial

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from dcrserver.api.openapi import document, tokens
from dcrserver.edge.body import json_octets, registration_octets
from dcrserver.edge.client_certificates import client_certificate
from dcrserver.edge.dependencies import bearer_token, is_head, origin, runtime, tenant
from dcrserver.edge.idempotency import registration_key
from dcrserver.edge.limits import count_permitted, registrant
from dcrserver.edge.responses import NO_STORE, Credentials, json_response
from dcrserver.edge.routers import Router
from dcrserver.edge.routing import ProtocolRoute
from dcrserver.limits import Stage
from dcrserver.rate_limit import UNCOUNTED
from dcrserver.services.access.client_access import ClientPermit
from dcrserver.services.access.client_certificates import managing, registering
from dcrserver.tenants import Tenant

router = Router(ProtocolRoute, tag="registration")


def _explains(here: Tenant) -> bool:
    return here.explains


def _is_open(request: Request, bearer: str | None) -> bool:
    return tenant(request).mode == "open" and bearer is None


@router.post("/register", access="initial_access_token", status_code=201, **document.REGISTER)
async def register(request: Request) -> Response:
    """Registers a client (RFC 7591 3.1, OpenID Connect Registration 3.1)."""
    registration, bearer = runtime(request).registration, bearer_token(request)
    by, key = tenant(request), registration_key(request)
    is_open = bearer is None and by.mode == "open"
    async with registrant(request, bearer, is_open=is_open) as who:
        if is_open and who is not UNCOUNTED:
            await who.charge(Stage.OPEN_MADE)
        permit = await registration.authorize(by, bearer, again=key is not None)
        if permit.token is not None and who is not UNCOUNTED:
            await count_permitted(who)
        if by.judges_by_body(permit.terms.policy):
            octets = await json_octets(request, permit.terms.policy)
        else:
            permit = registering(permit, partial(client_certificate, request))
            octets = await registration_octets(request, permit.terms)
        here = origin(request, permit.actor)
        made = await registration.register(permit, octets, here, key, who)
    if made.uri is None:
        return Credentials(made.information, 201)
    return Credentials(made.information, 201, (b"location", made.uri.encode()))


@router.post(
    "/register/validate", access="initial_access_token", offered=_explains, **document.VALIDATE
)
async def validate(request: Request) -> Response:
    """Explains what registering the same body would do, and does nothing."""
    here, bearer = runtime(request), bearer_token(request)
    who = registrant(request, bearer, is_open=_is_open(request, bearer))
    permit = await here.registration.authorize(tenant(request), bearer)
    if permit.token is not None:
        who.attempt(Stage.TOKEN_ATTEMPT)
    permit = registering(permit, partial(client_certificate, request))
    octets = await json_octets(request, permit.terms.policy)
    explained = await here.registration.explain(permit, octets, origin(request, permit.actor))
    return json_response(explained, headers=NO_STORE)


@router.get("/register", access="administrator", **document.BY_NAME)
async def by_name(request: Request) -> Response:
    """Finds registrations by their exact client_name."""
    names = request.query_params.getlist("client_name")
    name = names[0] if len(names) == 1 else None
    lookup = runtime(request).registration_lookup
    return Credentials(await lookup.by_name(tenant(request), bearer_token(request), name))


@router.get("/register/{client_id}", access="registration_access_token", **document.READ)
async def read(request: Request) -> Response:
    """Reads the registration (RFC 7592 2.1)."""
    permit = await _by_either_token(request, "clients:read")
    management = runtime(request).management
    if is_head(request):
        return Credentials(await management.describe(permit))
    return Credentials(await management.read(permit, origin(request, permit.actor)))


@router.put("/register/{client_id}", access="registration_access_token", **document.UPDATE)
async def update(request: Request) -> Response:
    """Replaces the registration (RFC 7592 2.2)."""
    here, permit = runtime(request), await _by_either_token(request, "clients:update")
    async with here.client_access.using(permit):
        octets = await registration_octets(request, permit.terms)
        information = await here.management.update(permit, octets, origin(request, permit.actor))
    return Credentials(information)


@router.delete(
    "/register/{client_id}", access="registration_access_token", status_code=204, **document.DELETE
)
async def delete(request: Request) -> Response:
    """Ends the registration (RFC 7592 2.3)."""
    if not tenant(request).terms.policy.management.delete and not _is_administrator_s(request):
        raise HTTPException(405)
    permit = await _by_current_token(request, "clients:delete")
    await runtime(request).management.delete(permit, origin(request, permit.actor))
    return Response(status_code=204, headers=NO_STORE)


@router.get(
    "/register/{client_id}/secret",
    access="registration_access_token",
    **tokens.SECRETS,
)
async def secrets(request: Request) -> Response:
    """Lists the secrets that work, by id; never a secret itself."""
    permit = await _by_current_token(request, "clients:read")
    rotation = runtime(request).secret_rotation
    listed = await (rotation.describe(permit) if is_head(request) else rotation.list(permit))
    return json_response(listed, headers=NO_STORE)


@router.post(
    "/register/{client_id}/secret",
    access="registration_access_token",
    status_code=201,
    **tokens.ROTATE_SECRET,
)
async def rotate_secret(request: Request) -> Response:
    """Issues a new client_secret; the one before works on for a while."""
    permit = await _by_current_token(request, "secrets:write")
    rotated = await runtime(request).secret_rotation.rotate(permit, origin(request, permit.actor))
    return json_response(rotated, 201, NO_STORE)


@router.delete(
    "/register/{client_id}/secret/{secret_id}",
    access="registration_access_token",
    status_code=204,
    **tokens.END_SECRET,
)
async def end_secret(request: Request) -> Response:
    """Ends one of two secrets before its time."""
    permit = await _by_current_token(request, "secrets:write")
    await runtime(request).secret_rotation.end(
        permit, request.path_params["secret_id"], origin(request, permit.actor)
    )
    return Response(status_code=204, headers=NO_STORE)


def _is_administrator_s(request: Request) -> bool:
    bearer = bearer_token(request)
    return bearer is not None and runtime(request).administrators.are_told_by(bearer)


async def _by_current_token(request: Request, scope: str) -> ClientPermit:
    permit = await runtime(request).client_access.by_current_token(
        tenant(request), request.path_params["client_id"], bearer_token(request), scope
    )
    return managing(permit, partial(client_certificate, request))


async def _by_either_token(request: Request, scope: str) -> ClientPermit:
    permit = await runtime(request).client_access.by_either_token(
        tenant(request), request.path_params["client_id"], bearer_token(request), scope
    )
    return managing(permit, partial(client_certificate, request))
