"""The ASGI application."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from fastapi import APIRouter, FastAPI
from fastapi.routing import RouteContext, iter_route_contexts
from starlette.types import ASGIApp

from dcrserver import __version__
from dcrserver.api import admin, asgardeo
from dcrserver.api.openapi import document
from dcrserver.api.protocol import (
    authorization_server,
    client_documents,
    discovery,
    health,
    registration,
    token,
)
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
    client_documents.router.api,
    token.router.api,
    authorization_server.router.api,
    *admin.ROUTERS,
    *asgardeo.ROUTERS,
    pages.router.api,
    health.router.api,
)


class Api:
    """The routes of ``routers``, and what follows from them alone: made once for all applications
    of a process, as OpenAPI takes a quarter of a second.
    """

    def __init__(self, routers: Sequence[APIRouter]) -> None:
        # As they are: where FastAPI includes a router it makes each of its routes once more, for
        # every application.
        self.routes = [route for router in routers for route in router.routes]

    @cached_property
    def found(self) -> list[RouteContext]:
        """Every route, with the whole of its path where a router includes another."""
        return list(iter_route_contexts(self.routes))

    @cached_property
    def protocol_routes(self) -> list[ProtocolRoute]:
        """Those that the dispatcher answers; FastAPI would not ask which tenants offer them.

        Raises:
            ValueError: one was included under a prefix, which the dispatcher knows nothing of.
        """
        made = []
        for found in self.found:
            if isinstance(route := found.original_route, ProtocolRoute):
                if (path := found.path) != route.path:
                    raise ValueError(f"{path}: the prefix of a protocol route is its router's")
                made.append(route)
        return made

    @cached_property
    def openapi(self) -> document.Document:
        """What OpenAPI says of them.

        Raises:
            ValueError: a model of an ordinary route has the name of a schema of ours.
        """
        return document.made("dcrserver", __version__, _DESCRIPTION, self.routes)


API = Api(ROUTERS)


def create_app(runtime: Runtime, api: Api = API) -> AdmissionMiddleware:
    """All routes on ``runtime``, which the caller builds and closes; it is given requests only.

    Raises:
        ConfigurationError: a tenant is in the way of one of them.
        ValueError: a route is in the way of all tenants, or hidden from the dispatcher.
    """
    reserve_paths(runtime.tenants, api)
    fast = _fastapi(runtime, api)
    cors = runtime.settings.policy.cors.enabled
    rest = PreflightMiddleware(fast) if cors else fast
    app = _with_common_layers(Dispatcher(fast, api.protocol_routes, rest, runtime), runtime)
    refuse = _with_common_layers(OverloadResponse(), runtime)
    limit = runtime.settings.server.max_requests
    return AdmissionMiddleware(app, refuse, limit, in_turns=runtime.database.is_server)


def reserve_paths(tenants: TenantRegistry, api: Api = API) -> None:
    """From now on no tenant may have a path that begins as one of our routes does.

    Raises:
        ConfigurationError: one has.
        ValueError: a route begins with a parameter, so that no path is left for tenants.
    """
    try:
        tenants.reserve({_first_segment(route) for route in api.found})
    except TenantConflict as error:
        raise ConfigurationError(str(error)) from None


def _first_segment(route: RouteContext) -> str:
    segment = (route.path or "/").split("/")[1]
    if "{" in segment:
        raise ValueError(f"{route.path}: a route must not begin with a parameter, as tenants do")
    return segment


def _with_common_layers(app: ASGIApp, runtime: Runtime) -> ASGIApp:
    """``app`` with what every answer has, and for the paths of all tenants."""
    policy = runtime.settings.policy
    inserted = policy.discovery.inserted_oidc
    app = TenantMiddleware(app, runtime.tenants, inserted_oidc=inserted)
    https = runtime.default_tenant.issuer.startswith("https://")
    return RequestMiddleware(app, runtime.metrics, https=https, cors=policy.cors.enabled)


def _fastapi(runtime: Runtime, api: Api) -> FastAPI:
    app = FastAPI(
        routes=api.routes, docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False
    )
    # A 405 has to look at all routes of a path, those of included routers among them.
    app.state.routes = api.found
    errors.install(app)
    members = runtime.settings.members.items()
    api.openapi.install(app, runtime.tenants, [row.row(name) for name, row in members])
    return app
