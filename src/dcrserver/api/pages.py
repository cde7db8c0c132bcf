"""Pages for people: the authorization endpoint that waits for a server, and the API's document."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from dcrserver import __version__
from dcrserver.api import openapi
from dcrserver.api.body import form
from dcrserver.api.dependencies import runtime, tenant
from dcrserver.api.responses import NO_STORE, json_response
from dcrserver.errors import AuthorizationError, InvalidRequest
from dcrserver.services.authorization import UNAVAILABLE
from dcrserver.strict_json import dumps

router = APIRouter()

_templates = Environment(
    loader=PackageLoader("dcrserver.api"), autoescape=True, undefined=StrictUndefined
)
_templates.filters["json"] = dumps
_STYLE = (Path(__file__).parent / "static" / "style.css").read_bytes()


def _page(name: str, status: int = 200, **values: Any) -> HTMLResponse:  # noqa: ANN401
    return HTMLResponse(_templates.get_template(name).render(**values), status)


@router.get("/authorize", tags=["authorization"], **openapi.AUTHORIZE)
async def authorize(request: Request) -> Response:
    """Says that no authorization server is connected (RFC 6749 4.1.2.1)."""
    return await _refuse(request, _single(request))


@router.post("/authorize", tags=["authorization"], **openapi.AUTHORIZE_BY_FORM)
async def authorize_by_form(request: Request) -> Response:
    """The same for a form (OpenID Connect Core 3.1.2.1)."""
    try:
        fields = await form(request)
    except InvalidRequest as error:
        return _refusal(request, f"The request is not valid: {error.description}.")
    return await _refuse(request, fields)


async def _refuse(request: Request, fields: dict[str, str] | None) -> Response:
    here = tenant(request)
    if not here.refuses_authorization:
        raise HTTPException(404)
    if fields is None:
        return _refusal(request, "The request includes a parameter more than once.")
    try:
        way_back = await runtime(request).authorization.refuse(here, fields)
    except AuthorizationError as error:
        return _refusal(request, error.description)
    page = _page(
        "authorize.html",
        reason=UNAVAILABLE,
        way_back=way_back,
        base=here.path,
        title="Not connected",
    )
    page.headers.update(NO_STORE)
    return page


def _refusal(request: Request, reason: str) -> Response:
    page = _page(
        "authorize.html",
        400,
        reason=reason,
        way_back=None,
        base=tenant(request).path,
        title="Cannot continue",
    )
    page.headers.update(NO_STORE)
    return page


def _single(request: Request) -> dict[str, str] | None:
    """The query without what has no value, unless a parameter is there twice (RFC 6749 3.1)."""
    pairs = request.query_params.multi_items()
    if len(dict(pairs)) != len(pairs):
        return None
    return {name: value for name, value in pairs if value}


@router.get("/docs", include_in_schema=False)
async def docs(request: Request) -> Response:
    """The OpenAPI document, readable, without anything from elsewhere."""
    return _page(
        "docs.html",
        api=request.app.openapi(),
        issuer=tenant(request).issuer,
        base=tenant(request).path,
        title="API",
    )


@router.get("/openapi.json", include_in_schema=False)
async def openapi_document(request: Request) -> Response:
    """The OpenAPI document; FastAPI's own route for it is none that metrics and 405 know."""
    return json_response(request.app.openapi())


@router.get("/", include_in_schema=False)
async def index(request: Request) -> Response:
    """Where a person who opens the base URL finds what is here."""
    here = runtime(request)
    return _page(
        "index.html",
        metadata=here.discovery.document(tenant(request)),
        mode=here.settings.registration.mode,
        version=__version__,
        base=tenant(request).path,
        title="dcrserver",
    )


@router.get("/static/style.css", include_in_schema=False)
async def style(_: Request) -> Response:
    headers = {"Cache-Control": "public, max-age=86400"}
    return Response(_STYLE, headers=headers, media_type="text/css")
