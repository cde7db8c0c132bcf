"""/.well-known: server metadata and WebFinger."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from dcrserver.api import openapi
from dcrserver.api.dependencies import runtime, tenant
from dcrserver.api.error_handlers import error_body
from dcrserver.api.responses import json_response
from dcrserver.errors import BadQuery, ProtocolError

router = APIRouter(tags=["discovery"])

# Public documents for scripts of any page (RFC 7033 5, OIDD-4-04).
_ANY_ORIGIN = {"Access-Control-Allow-Origin": "*"}
_PUBLIC = _ANY_ORIGIN | {"Cache-Control": "public, max-age=300"}


@router.get("/.well-known/openid-configuration", **openapi.METADATA)
async def openid_configuration(request: Request) -> Response:
    """Provider metadata (OpenID Connect Discovery 4)."""
    return json_response(runtime(request).discovery.document(tenant(request)), headers=_PUBLIC)


@router.get("/.well-known/oauth-authorization-server", **openapi.METADATA)
async def authorization_server(request: Request) -> Response:
    """Authorization server metadata (RFC 8414 3)."""
    return json_response(runtime(request).discovery.document(tenant(request)), headers=_PUBLIC)


@router.get("/.well-known/webfinger", **openapi.WEBFINGER)
async def webfinger(request: Request) -> Response:
    """Finds the issuer for a person or a host (RFC 7033, OpenID Connect Discovery 2)."""
    try:
        query = _query(request)
        found = runtime(request).discovery.webfinger(
            query.getlist("resource"), query.getlist("rel")
        )
    except ProtocolError as error:  # these too for any origin (R7033-5-01)
        body = error_body(error.code, error.description)
        return json_response(body, error.status, _ANY_ORIGIN)
    return json_response(found, headers=_PUBLIC, media_type="application/jrd+json")


def _query(request: Request) -> QueryParams:
    """The query, unless its percent-encoding is broken (R7033-4.2-01)."""
    raw = request.scope["query_string"].decode("latin-1")
    parts = raw.split("%")[1:]
    if any(len(part) < 2 or not _is_hex(part[:2]) for part in parts):  # noqa: PLR2004 - %HH
        raise BadQuery("the query holds a broken percent-encoding")
    return request.query_params


def _is_hex(text: str) -> bool:
    return all(character in "0123456789abcdefABCDEF" for character in text)
