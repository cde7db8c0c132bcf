"""/clients/{client_id}/metadata: registered clients as documents (CIMD)."""

from __future__ import annotations

import hashlib

from starlette.requests import Request
from starlette.responses import Response

from dcrserver.api.openapi import discovery as described
from dcrserver.edge.dependencies import runtime, tenant
from dcrserver.edge.responses import tagged
from dcrserver.edge.routers import Router
from dcrserver.edge.routing import ProtocolRoute
from dcrserver.errors import NotFound
from dcrserver.strict_json import dumps

router = Router(ProtocolRoute, tag="discovery")

_PUBLIC = {"Cache-Control": "public, max-age=300"}


@router.get("/clients/{client_id}/metadata", access="public", **described.CLIENT_DOCUMENT)
async def client_document(request: Request) -> Response:
    """The metadata of a client that is published, at the URL that is its client_id there."""
    found = await runtime(request).published_documents.document(
        tenant(request), request.path_params["client_id"]
    )
    if found is None:
        raise NotFound("there is no such document")
    text = dumps(found)
    etag = f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
    return tagged(request, text, etag, _PUBLIC)
