"""Pages for people: the authorization endpoint that waits for a server, the API's reference."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from dcrserver import __version__
from dcrserver.api.openapi import discovery as described
from dcrserver.console.reference import Reference
from dcrserver.edge import html
from dcrserver.edge.body import form_with
from dcrserver.edge.dependencies import TENANT_KEY, runtime, tenant
from dcrserver.edge.error_pages import prefers_html
from dcrserver.edge.responses import NO_STORE, json_response
from dcrserver.edge.routers import Router
from dcrserver.edge.routing import ProtocolRoute
from dcrserver.errors import AuthorizationError, InvalidRequest
from dcrserver.services.tokens.authorization import UNAVAILABLE
from dcrserver.strict_json import JsonValue
from dcrserver.tenants import Mode, Tenant

router = Router(ProtocolRoute, tag="authorization")


_REPEATABLE = "resource"  # RFC 8707 2
# Of those that we look at ourselves: which of two is meant is not for us to say (RFC 6749 3.1).
_LOOKED_AT = ("client_id", "redirect_uri", "request", "request_uri", "state")


@router.get("/authorize", access="public", **described.AUTHORIZE)
async def authorize(request: Request) -> Response:
    """Sends people on to the authorization server behind, or says that none is connected."""
    return await _authorize(request, _read(request.query_params.multi_items()))


@router.post("/authorize", access="public", **described.AUTHORIZE_BY_FORM)
async def authorize_by_form(request: Request) -> Response:
    """The same for a form (OpenID Connect Core 3.1.2.1)."""
    try:
        fields, _ = await form_with(request, _REPEATABLE)
    except InvalidRequest as error:
        return _refusal(request, f"The request is not valid: {error.description}.")
    return await _authorize(request, fields)


async def _authorize(request: Request, fields: dict[str, str] | None) -> Response:
    here = tenant(request)
    if fields is None:
        return _refusal(request, "The request includes a parameter more than once.")
    authorization, client = runtime(request).authorization, request.scope.get("client")
    address = client[0] if client else None
    try:
        if here.sign_in:
            query: bytes = request.scope["query_string"]
            location = await authorization.lead_on(here, fields, query.decode("latin-1"), address)
            return _led_on(request, location)
        way_back = await authorization.refuse(here, fields, address)
    except AuthorizationError as error:
        return _refusal(request, error.description)
    page = html.page(
        "authorize.html",
        reason=UNAVAILABLE,
        way_back=way_back,
        base=here.path,
        title="Not connected",
    )
    page.headers.update(NO_STORE)
    return page


def _led_on(request: Request, location: str) -> Response:
    """A form goes on as a form."""
    status = 302 if request.method in {"GET", "HEAD"} else 307
    return Response(status_code=status, headers={"Location": location, **NO_STORE})


def _refusal(request: Request, reason: str) -> Response:
    page = html.page(
        "authorize.html",
        400,
        reason=reason,
        way_back=None,
        base=tenant(request).path,
        title="Cannot continue",
    )
    page.headers.update(NO_STORE)
    return page


def _read(pairs: list[tuple[str, str]]) -> dict[str, str] | None:
    """Parameters without those that have no value; None where one is twice that we look at."""
    names = [name for name, _ in pairs]
    if any(names.count(name) > 1 for name in _LOOKED_AT):
        return None
    return {name: value for name, value in pairs if value}


@router.get("/docs", access="public", include_in_schema=False)
async def docs(request: Request) -> Response:
    """The OpenAPI document, readable, without anything from elsewhere."""
    here = tenant(request)
    app: FastAPI = request.app
    paths = frozenset(app.openapi()["paths"])
    return HTMLResponse(_docs(app, paths, here.path, here.issuer, here.mode))


@lru_cache(maxsize=8)
def _docs(app: FastAPI, paths: frozenset[str], base: str, issuer: str, mode: Mode) -> str:
    """Made once for each tenant of late, and what is on: it takes longer than a registration."""
    api = app.openapi()
    api |= {"paths": {path: item for path, item in api["paths"].items() if path in paths}}
    reference = Reference(api, issuer.rstrip("/"), is_open=mode == "open")
    return html.text(
        "docs.html",
        info=api["info"],
        schemes=api["components"]["securitySchemes"],
        groups=reference.groups(),
        schemas=reference.schemas(),
        issuer=issuer,
        mode=mode,
        base=base,
        title="API reference",
    )


@router.get("/openapi.json", access="public", include_in_schema=False)
async def openapi_document(request: Request) -> Response:
    """The OpenAPI document; FastAPI's own route for it is none that metrics and 405 know."""
    here: Tenant = request.scope[TENANT_KEY]
    here.awake()  # it is told before the metadata of an authorization server are known
    return json_response(request.app.openapi())


@router.get("/", access="public", include_in_schema=False)
async def index(request: Request) -> Response:
    """Says what this is and where things are: a page to a browser, JSON to a program."""
    vary = {"Vary": "Accept"}
    here = tenant(request)
    found = _whereabouts(here, here.members.get("registration_endpoint"))
    if not prefers_html(request):
        return json_response(found, headers=vary)
    page = html.page("index.html", base=here.path, title="dcrserver", **found)
    page.headers.update(vary)
    return page


def _whereabouts(here: Tenant, registration_endpoint: JsonValue) -> dict[str, Any]:
    known = ("oauth-authorization-server", "openid-configuration")
    return {
        "name": "dcrserver",
        "version": __version__,
        "description": "OAuth 2.0 and OpenID Connect dynamic client registration",
        "issuer": here.issuer,
        "registration_endpoint": registration_endpoint,
        "registration": here.mode,
        "metadata": [f"{here.root}/.well-known/{name}" for name in known],
        "documentation": f"{here.root}/docs",
        "openapi": f"{here.root}/openapi.json",
    }


@router.get("/static/{name}", access="public", include_in_schema=False)
async def static(request: Request) -> Response:
    """A file that pages use, by its name."""
    file = html.STATIC.get(request.path_params["name"])
    if file is None:
        raise HTTPException(404)
    return _file(file)


@router.get("/favicon.ico", access="public", include_in_schema=False)
async def favicon(_: Request) -> Response:
    """Where browsers look that show something which is no page of ours."""
    return _file(html.STATIC["favicon.ico"])


def _file(file: html.StaticFile) -> Response:
    headers = {"Cache-Control": "public, max-age=86400"}
    return Response(file.content, headers=headers, media_type=file.media_type)
