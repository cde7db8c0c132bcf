"""The built-in token service: /token, /introspect, /revoke, and the keys of its tokens."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from dcrserver.api.openapi import tokens
from dcrserver.edge.body import form, form_with
from dcrserver.edge.client_certificates import client_certificate
from dcrserver.edge.dependencies import administrator, bearer_token, headers, runtime, tenant
from dcrserver.edge.responses import NO_STORE, Credentials, json_response
from dcrserver.edge.routers import Router
from dcrserver.edge.routing import ProtocolRoute
from dcrserver.errors import InvalidRequest
from dcrserver.services.access.actors import Actor
from dcrserver.services.authentication.presented import Presented
from dcrserver.services.tokens.grant import TokenRequest
from dcrserver.services.tokens.status import INTROSPECT
from dcrserver.strict_json import dumps
from dcrserver.tenants import Tenant

router = Router(ProtocolRoute, tag="token")


def _issues_tokens(here: Tenant) -> bool:
    """The built-in endpoints do not exist beside an authorization server's own."""
    return here.issues_tokens


@router.post("/token", access="client", offered=_issues_tokens, **tokens.TOKEN)
async def token(request: Request) -> Response:
    """Issues an access token by the client credentials grant (RFC 6749 4.4)."""
    fields, resources = await form_with(request, "resource")
    granted = await runtime(request).token_grant.grant(
        tenant(request),
        TokenRequest(_presented(request, fields), fields, resources, headers(request, b"dpop")),
    )
    return Credentials(dumps(granted))


@router.post(
    "/introspect", access="client_or_administrator", offered=_issues_tokens, **tokens.INTROSPECT
)
async def introspect(request: Request) -> Response:
    """Tells whether an access token is good, and what for (RFC 7662)."""
    fields = await form(request)
    asks: Actor | Presented
    if bearer_token(request) is not None:
        asks = await administrator(request, INTROSPECT)
    else:
        asks = _presented(request, fields)
    told = await runtime(request).token_status.introspect(tenant(request), asks, fields)
    return json_response(told, headers=NO_STORE)


@router.post("/revoke", access="client", offered=_issues_tokens, **tokens.REVOKE)
async def revoke(request: Request) -> Response:
    """Ends an access token of the client's own (RFC 7009)."""
    fields = await form(request)
    await runtime(request).token_status.revoke(tenant(request), _presented(request, fields), fields)
    return Response(status_code=200, headers=NO_STORE)


@router.get("/jwks", access="public", offered=_issues_tokens, **tokens.KEYS)
async def keys(request: Request) -> Response:
    """The public keys of access tokens (RFC 7517 5)."""
    signing_keys = runtime(request).signing_keys
    await signing_keys.current(tenant(request).name)
    public = [key.public_jwk for key in await signing_keys.all(tenant(request).name)]
    cache = {"Cache-Control": "public, max-age=300"}
    return json_response({"keys": public}, headers=cache, media_type="application/jwk-set+json")


def _presented(request: Request, fields: Mapping[str, str]) -> Presented:
    """What is in the request that could authenticate a client (RFC 6749 2.3)."""
    sent = headers(request, b"authorization")
    if len(sent) > 1:
        raise InvalidRequest("Authorization must be sent once")
    client = request.scope.get("client")
    return Presented(
        parameters=fields,
        authorization=sent[0] if sent else None,
        certificate=client_certificate(request),
        endpoint=f"{tenant(request).root}{request.scope['path']}",
        address=client[0] if client else None,
    )
