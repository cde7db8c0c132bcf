"""The ASGI application."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, FastAPI
from fastapi.routing import RouteContext, iter_route_contexts
from starlette.types import ASGIApp

from dcrserver import __version__
from dcrserver.api import admin, asgardeo
from dcrserver.api.openapi import document
from dcrserver.api.protocol import authorization_server, discovery, health, registration, token
from dcrserver.console import pages
from dcrserver.edge import errors
from dcrserver.edge.admission import AdmissionMiddleware, OverloadResponse
from dcrserver.edge.cors import PreflightMiddleware
from dcrserver.edge.dispatch import Dispatcher
from dcrserver.edge.request import RequestMiddleware
from dcrserver.edge.routing import ProtocolRoute
from dcrserver.edge.tenancy import TenantMiddleware
from dcrserver.settings import ConfigurationError
from dcrserver.tenants import TenantConflict, TenantRegistry
from dcrserver.wiring.runtime import Runtime

_DESCRIPTION = (
    "OAuth 2.0 dynamic client registration (RFC 7591), its management protocol (RFC 7592),"
    " OpenID Connect Registration and discovery."
)
ROUTERS: Sequence[APIRouter] = (
    registration.router.api,
    discovery.router.api,
    token.router.api,
    authorization_server.router.api,
    *admin.ROUTERS,
    *asgardeo.ROUTERS,
    pages.router.api,
    health.router.api,
)


def create_app(runtime: Runtime, routers: Sequence[APIRouter] = ROUTERS) -> AdmissionMiddleware:
    """All routes on ``runtime``, which the caller builds and closes; it is given requests only.

    Raises:
        ConfigurationError: a tenant is in the way of one of them.
        ValueError: a route is in the way of all tenants, or hidden from the dispatcher.
    """
    reserve_paths(runtime.tenants, routers)
    fast = _fastapi(runtime, routers)
    cors = runtime.settings.policy.cors.enabled
    rest = PreflightMiddleware(fast) if cors else fast
    app = _with_common_layers(Dispatcher(fast, _protocol_routes(routers), rest, runtime), runtime)
    refuse = _with_common_layers(OverloadResponse(), runtime)
    limit = runtime.settings.server.max_requests
    return AdmissionMiddleware(app, refuse, limit, in_turns=runtime.database.is_server)


def reserve_paths(tenants: TenantRegistry, routers: Sequence[APIRouter] = ROUTERS) -> None:
    """From now on no tenant may have a path that begins as one of our routes does.

    Raises:
        ConfigurationError: one has.
        ValueError: a route begins with a parameter, so that no path is left for tenants.
    """
    try:
        tenants.reserve({_first_segment(route) for route in _routes(routers)})
    except TenantConflict as error:
        raise ConfigurationError(str(error)) from None


def _first_segment(route: RouteContext) -> str:
    segment = (route.path or "/").split("/")[1]
    if "{" in segment:
        raise ValueError(f"{route.path}: a route must not begin with a parameter, as tenants do")
    return segment


def _routes(routers: Sequence[APIRouter]) -> list[RouteContext]:
    """Every route, with the whole of its path where a router includes another."""
    return list(iter_route_contexts([route for router in routers for route in router.routes]))


def _protocol_routes(routers: Sequence[APIRouter]) -> list[ProtocolRoute]:
    """Those that the dispatcher answers; FastAPI would not ask which tenants offer them.

    Raises:
        ValueError: one was included under a prefix, which the dispatcher knows nothing of.
    """
    made = []
    for found in _routes(routers):
        if isinstance(route := found.original_route, ProtocolRoute):
            if found.path != route.path:
                raise ValueError(f"{found.path}: the prefix of a protocol route is its router's")
            made.append(route)
    return made


def _with_common_layers(app: ASGIApp, runtime: Runtime) -> ASGIApp:
    """``app`` with what every answer has, and for the paths of all tenants."""
    policy = runtime.settings.policy
    inserted = policy.discovery.inserted_oidc
    app = TenantMiddleware(app, runtime.tenants, inserted_oidc=inserted)
    https = runtime.default_tenant.issuer.startswith("https://")
    return RequestMiddleware(app, runtime.metrics, https=https, cors=policy.cors.enabled)


def _fastapi(runtime: Runtime, routers: Sequence[APIRouter]) -> FastAPI:
    app = FastAPI(
        title="dcrserver",
        version=__version__,
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    for router in routers:
        app.include_router(router)
    # FastAPI keeps included routers as they are; a 405 has to look at all routes of a path.
    app.state.routes = _routes(routers)
    errors.install(app)
    document.install(app, runtime.tenants)
    return app
