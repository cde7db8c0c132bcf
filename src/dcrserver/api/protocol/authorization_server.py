"""What an authorization server with a token endpoint of its own asks us about clients."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from dcrserver.api.openapi import tokens
from dcrserver.edge.body import request_object
from dcrserver.edge.dependencies import administrator, runtime, tenant
from dcrserver.edge.responses import NO_STORE, json_response, tagged
from dcrserver.edge.routers import Router
from dcrserver.edge.routing import ProtocolRoute
from dcrserver.errors import InvalidRequest
from dcrserver.metadata.certificates import BadCertificate, ClientCertificate
from dcrserver.services.authentication.presented import Presented
from dcrserver.services.clients.directory import AUTHENTICATE, READ
from dcrserver.strict_json import JsonObject, dumps

router = Router(ProtocolRoute, "/authorization-server", tag="authorization server")


@router.post("/authenticate", access="administrator", **tokens.AUTHENTICATE)
async def authenticate(request: Request) -> Response:
    """Authenticates a client by what it presented to the authorization server."""
    await administrator(request, AUTHENTICATE)
    presented = _presented(await request_object(request))
    told = await runtime(request).client_directory.authenticate(tenant(request), presented)
    return json_response(told, headers=NO_STORE)


@router.get("/clients/{client_id}", access="administrator", **tokens.CLIENT)
async def client(request: Request) -> Response:
    """The registered metadata of a client, with an ETag and how long it may be remembered."""
    here, actor = runtime(request), await administrator(request, READ)
    described, etag = await here.client_directory.client(
        actor, tenant(request), request.path_params["client_id"]
    )
    seconds = here.settings.authorization_server.client_cache_seconds
    headers = {"Cache-Control": f"private, max-age={seconds}"}
    return tagged(request, dumps(described), etag, headers)


def _presented(body: JsonObject) -> Presented:
    """
    Raises:
        InvalidRequest: a member of the wrong type, or a certificate that is none.
    """
    parameters = body.get("parameters", {})
    if not isinstance(parameters, dict):
        raise InvalidRequest("parameters must be an object of texts")
    given = {name: _text(value, f"parameters.{name}") for name, value in parameters.items()}
    pem = _text(body.get("certificate"), "certificate")
    verified = body.get("certificate_verified", False)
    if not isinstance(verified, bool):
        raise InvalidRequest("certificate_verified must be true or false")
    try:
        certificate = ClientCertificate.from_pem(pem, verified=verified) if pem else None
    except BadCertificate as error:
        raise InvalidRequest(str(error)) from None
    return Presented(
        # Sent without a value is not sent (RFC 6749 3.2).
        parameters={name: value for name, value in given.items() if value},
        authorization=_text(body.get("authorization"), "authorization"),
        certificate=certificate,
        issuer=_text(body.get("issuer"), "issuer"),
        endpoint=_text(body.get("endpoint"), "endpoint"),
        address=_text(body.get("address"), "address"),
    )


def _text(value: object, name: str) -> str | None:
    if value is not None and not isinstance(value, str):
        raise InvalidRequest(f"{name} must be a text")
    return value
