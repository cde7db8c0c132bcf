"""What every route declares, and which endpoints a protocol route takes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from conftest import MakeApplication
from dcrserver.app import ROUTERS, Api, create_app
from dcrserver.edge.routers import Router
from dcrserver.edge.routing import SECURITY, ProtocolRoute
from dcrserver.services.access.scopes import SCOPES
from dcrserver.tenants import TenantConflict
from harness.application import BASE_URL, Application

# What OpenAPI says nothing of: pages, the document itself, what is for monitoring.
UNDOCUMENTED = {"/", "/docs", "/favicon.ico", "/metrics", "/openapi.json", "/static/{name}"}


def every_route() -> list[Any]:
    return [route for router in ROUTERS for route in router.routes]


def test_every_route_says_who_may_call_it() -> None:
    for route in every_route():
        assert isinstance(route, ProtocolRoute) or route.scope in SCOPES, route.path
        assert not isinstance(route, ProtocolRoute) or route.access in SECURITY, route.path


async def test_every_route_is_in_openapi_under_its_own_name(make_app: MakeApplication) -> None:
    app = await make_app(asgardeo={"enabled": True})
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


def conditional() -> Router[...]:
    """A route of the tenant that is called shop."""
    router = Router(ProtocolRoute)

    @router.get("/probe", access="public", offered=lambda tenant: tenant.name == "shop")
    async def probe(_: Request) -> Response:
        return Response("here")

    return router


async def test_a_route_is_there_for_tenants_that_offer_it_and_in_openapi_if_any_does(
    make_app: MakeApplication,
) -> None:
    for tenants, is_told in (({"shop": {}, "other": {}}, True), ({"other": {}}, False)):
        app = await make_app(tenants=tenants)
        server = create_app(app.runtime, Api([*ROUTERS, conditional().api]))
        transport = httpx.ASGITransport(server)
        async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as http:
            for name in tenants:
                answer = await http.get(f"/t/{name}/probe")
                assert answer.status_code == (200 if name == "shop" else 404)
            missing = await http.get("/probe")
            assert missing.json() == {
                "error": "not_found", "error_description": "Not Found: /probe",
            }  # fmt: skip
            paths = (await http.get("/openapi.json")).json()["paths"]
            assert ("/probe" in paths) is is_told


async def _two(_: Request, limit: int = 100) -> Response:
    raise AssertionError(limit)


async def _none() -> Response:
    raise AssertionError


async def _other(limit: int) -> Response:
    raise AssertionError(limit)


def _no_coroutine(_: Request) -> Response:
    raise AssertionError


async def _no_response(_: Request) -> str:
    raise AssertionError


@pytest.mark.parametrize("endpoint", [_two, _none, _other, _no_coroutine, _no_response])
def test_an_endpoint_that_cannot_be_called_with_the_request_is_refused(
    endpoint: Callable[..., Any],
) -> None:
    router = Router(ProtocolRoute)
    with pytest.raises(TypeError, match=f"{endpoint.__name__}: an endpoint of a protocol route"):
        router.get("/probe", access="public")(endpoint)
    assert not router.api.routes


def test_a_route_that_does_not_say_who_may_call_it_is_refused() -> None:
    async def probe(_: Request) -> Response:
        raise AssertionError

    with pytest.raises(TypeError, match="'access'"):
        Router(ProtocolRoute).get("/probe")(probe)  # type: ignore[call-arg]


async def test_a_protocol_route_hidden_from_the_dispatcher_is_refused(app: Application) -> None:
    above = APIRouter()
    above.include_router(conditional().api, prefix="/above")
    with pytest.raises(ValueError, match="/above/probe: the prefix of a protocol route"):
        create_app(app.runtime, Api([*ROUTERS, above]))


async def test_a_route_that_begins_with_a_parameter_is_refused(app: Application) -> None:
    router = APIRouter()

    @router.get("/{name}/probe")
    async def probe(name: str) -> str:
        return name

    with pytest.raises(ValueError, match=r"/\{name\}/probe: a route must not begin"):
        create_app(app.runtime, Api([*ROUTERS, router]))


class ProbePage(BaseModel):
    limit: int
    names: list[str]


class Error(BaseModel):
    """Has the name of a schema of the protocols."""

    reason: str


def ordinary(model: type[BaseModel] = ProbePage) -> APIRouter:
    """A router as FastAPI's documentation makes one."""
    router = APIRouter(prefix="/probe")

    @router.get("/pages", response_model=model)
    async def pages(limit: int = 100) -> Any:
        return {"limit": limit, "names": ["a"]}

    @router.post("/pages", response_model=model)
    async def keep(page: ProbePage) -> Any:
        return page

    return router


@pytest.fixture
async def http(app: Application) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(app.runtime, Api([*ROUTERS, ordinary()])))
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as made:
        yield made


async def test_an_ordinary_route_of_fastapi_works_beside_the_protocols(
    http: httpx.AsyncClient,
) -> None:
    answer = await http.get("/probe/pages?limit=7")
    assert (answer.status_code, answer.json()) == (200, {"limit": 7, "names": ["a"]})
    assert answer.headers["x-content-type-options"] == "nosniff"
    kept = await http.post("/probe/pages", json={"limit": 1, "names": []})
    assert (kept.status_code, kept.json()) == (200, {"limit": 1, "names": []})
    metrics = (await http.get("/metrics")).text
    assert 'method="GET",route="/probe/pages",status="200"' in metrics
    refused = await http.put("/probe/pages")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, OPTIONS, POST")


async def test_what_an_ordinary_route_cannot_parse_is_refused_without_what_was_sent(
    http: httpx.AsyncClient,
) -> None:
    answer = await http.get("/probe/pages?limit=cs_canary")
    assert answer.status_code == 422
    assert answer.json() == {
        "error": "invalid_request",
        "error_description": "query.limit: must be a whole number",
    }


async def test_openapi_has_the_models_of_ordinary_routes_beside_its_own(
    http: httpx.AsyncClient,
) -> None:
    api = (await http.get("/openapi.json")).json()
    models = api["components"]["schemas"]
    assert models["ProbePage"]["required"] == ["limit", "names"]
    assert "ClientMetadata" in models
    told = api["paths"]["/probe/pages"]["get"]["responses"]["422"]["content"]["application/json"]
    refusal = models[told["schema"]["$ref"].rpartition("/")[2]]
    assert refusal["required"] == models["Error"]["required"]
    page = await http.get("/docs")
    assert (page.status_code, "<code>/probe/pages</code>" in page.text) == (200, True)


async def test_a_model_with_the_name_of_a_schema_of_ours_is_refused(app: Application) -> None:
    with pytest.raises(ValueError, match=r"components/schemas: \['Error'\] are there twice"):
        create_app(app.runtime, Api([*ROUTERS, ordinary(Error)]))
