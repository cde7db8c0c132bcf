"""POST /token and the keys that verify what it issues."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from urllib.parse import unquote_plus

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from dcrserver.api import openapi
from dcrserver.api.body import form
from dcrserver.api.dependencies import runtime, tenant
from dcrserver.api.responses import NO_STORE, json_response
from dcrserver.errors import InvalidClient, InvalidRequest
from dcrserver.services.token_grant import Credentials

router = APIRouter(tags=["token"])


@router.post("/token", **openapi.TOKEN)
async def token(request: Request) -> Response:
    """Issues an access token by the client credentials grant (RFC 6749 4.4)."""
    here = tenant(request)
    _must_issue_tokens(request)
    fields = await form(request)
    granted = await runtime(request).token_grant.grant(here, _credentials(request, fields), fields)
    return json_response(granted, headers=NO_STORE)


@router.get("/jwks", **openapi.KEYS)
async def keys(request: Request) -> Response:
    """The public keys of access tokens (RFC 7517 5)."""
    _must_issue_tokens(request)
    signing_keys = runtime(request).signing_keys
    await signing_keys.current(tenant(request).name)
    public = [key.public_jwk for key in await signing_keys.all(tenant(request).name)]
    headers = {
        "Cache-Control": "public, max-age=300",
        "Access-Control-Allow-Origin": "*",
    }
    return json_response({"keys": public}, headers=headers, media_type="application/jwk-set+json")


def _must_issue_tokens(request: Request) -> None:
    """The built-in endpoint does not exist beside an authorization server's own."""
    if not tenant(request).issues_tokens:
        raise HTTPException(404)


def _credentials(request: Request, fields: Mapping[str, str]) -> Credentials | None:
    """Client authentication by the header or the body, never both (RFC 6749 2.3)."""
    header = request.headers.get("authorization")
    if header is not None and "client_secret" in fields:
        raise InvalidRequest("the client must authenticate by one method only")
    if header is not None:
        client_id, secret = _basic(header)
        if fields.get("client_id", client_id) != client_id:
            raise InvalidRequest("client_id differs from the one in the Authorization header")
        return Credentials("client_secret_basic", client_id, secret)
    if "client_id" not in fields:
        return None
    if "client_secret" in fields:
        return Credentials("client_secret_post", fields["client_id"], fields["client_secret"])
    return Credentials("none", fields["client_id"], "")


def _basic(header: str) -> tuple[str, str]:
    """Both parts are form-encoded before they are joined (RFC 6749 2.3.1)."""
    scheme, _, encoded = header.partition(" ")
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        decoded = ""
    client_id, colon, secret = decoded.partition(":")
    if scheme.lower() != "basic" or not colon:
        raise InvalidClient("the Authorization header must be Basic client authentication")
    return unquote_plus(client_id), unquote_plus(secret)
