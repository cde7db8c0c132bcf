"""What every route declares, and which endpoints a protocol route takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from dcrserver.app import ROUTERS, create_app
from dcrserver.edge.routing import SECURITY, ProtocolRoute, ProtocolRouter
from dcrserver.tenants import TenantConflict
from harness.application import Application

# What OpenAPI says nothing of: pages, the document itself, what is for monitoring.
UNDOCUMENTED = {"/", "/docs", "/favicon.ico", "/metrics", "/openapi.json", "/static/{name}"}


def every_route() -> list[Any]:
    return [route for router in ROUTERS for route in router.routes]


def test_every_route_says_who_may_call_it() -> None:
    for route in every_route():
        # Those of FastAPI's own decide by a dependency.
        declared = isinstance(route, ProtocolRoute) or route.dependant.dependencies
        assert declared, route.path
        assert not isinstance(route, ProtocolRoute) or route.access in SECURITY, route.path


async def test_every_route_is_in_openapi_under_its_own_name(app: Application) -> None:
    paths = (await app.http.get("/openapi.json")).json()["paths"]
    hidden = {route.path for route in every_route() if not route.include_in_schema}
    assert hidden == UNDOCUMENTED
    # By default validation is not offered in open mode.
    told = [route for route in every_route() if route.path not in hidden | {"/register/validate"}]
    names = [paths[route.path][_verb(route)]["operationId"] for route in told]
    assert len(set(names)) == len(names) > len(hidden)


def _verb(route: Any) -> str:
    (method,) = route.methods
    return str(method).lower()


SEGMENTS = {route.path.split("/")[1] for route in every_route()} - {""}


@pytest.mark.parametrize("segment", sorted(SEGMENTS))
async def test_no_tenant_has_a_path_that_begins_as_a_route(app: Application, segment: str) -> None:
    default = app.runtime.default_tenant
    other = replace(default, name="other", issuer=f"{default.root}/{segment}/x")
    with pytest.raises(TenantConflict, match=f"/{segment}/x cannot be that of a tenant"):
        app.runtime.tenants.replace([default, other])


async def _two(_: Request, limit: int = 100) -> Response:
    raise AssertionError(limit)


async def _none() -> Response:
    raise AssertionError


async def _other(limit: int) -> Response:
    raise AssertionError(limit)


def _no_coroutine(_: Request) -> Response:
    raise AssertionError


@pytest.mark.parametrize("endpoint", [_two, _none, _other, _no_coroutine])
def test_an_endpoint_that_cannot_be_called_with_the_request_is_refused(
    endpoint: Callable[..., Any],
) -> None:
    router = ProtocolRouter()
    with pytest.raises(TypeError, match=f"{endpoint.__name__}: an endpoint of a protocol route"):
        router.get("/probe", access="public")(endpoint)
    assert not router.api.routes


async def test_a_route_that_begins_with_a_parameter_is_refused(app: Application) -> None:
    router = APIRouter()

    @router.get("/{name}/probe")
    async def probe(name: str) -> str:
        return name

    with pytest.raises(ValueError, match=r"/\{name\}/probe: a route must not begin"):
        create_app(app.runtime, [*ROUTERS, router])
