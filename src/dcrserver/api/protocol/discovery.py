"""/.well-known: server metadata and WebFinger."""

from __future__ import annotations

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from dcrserver.api.openapi import discovery as described
from dcrserver.edge.dependencies import runtime, tenant
from dcrserver.edge.responses import json_response, tagged
from dcrserver.edge.routers import Router
from dcrserver.edge.routing import ProtocolRoute
from dcrserver.errors import BadQuery

router = Router(ProtocolRoute, tag="discovery")

_PUBLIC = {"Cache-Control": "public, max-age=300"}


@router.get(
    "/.well-known/openid-configuration",
    access="public",
    summary="OpenID provider metadata",
    **described.METADATA,
)
async def openid_configuration(request: Request) -> Response:
    """Provider metadata (OpenID Connect Discovery 4)."""
    return _published(request)


@router.get(
    "/.well-known/oauth-authorization-server",
    access="public",
    summary="Authorization server metadata",
    **described.METADATA,
)
async def authorization_server(request: Request) -> Response:
    """Authorization server metadata (RFC 8414 3)."""
    return _published(request)


@router.get("/.well-known/webfinger", access="public", **described.WEBFINGER)
async def webfinger(request: Request) -> Response:
    """Finds the issuer for a person or a host (RFC 7033, OpenID Connect Discovery 2)."""
    query = _query(request)
    found = runtime(request).discovery.webfinger(query.getlist("resource"), query.getlist("rel"))
    return json_response(found, headers=_PUBLIC, media_type="application/jrd+json")


def _published(request: Request) -> Response:
    document = tenant(request).published
    return tagged(request, document.text, document.etag, _PUBLIC)


def _query(request: Request) -> QueryParams:
    """The query, unless its percent-encoding is broken (R7033-4.2-01)."""
    raw = request.scope["query_string"].decode("latin-1")
    parts = raw.split("%")[1:]
    if any(len(part) < 2 or not _is_hex(part[:2]) for part in parts):  # noqa: PLR2004 - %HH
        raise BadQuery("the query holds a broken percent-encoding")
    return request.query_params


def _is_hex(text: str) -> bool:
    return all(character in "0123456789abcdefABCDEF" for character in text)
