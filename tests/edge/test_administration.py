"""Routes of the administrators' API: scopes, bodies, parameters, problems."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import cache
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Query
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from conftest import MakeApplication
from dcrserver.app import ROUTERS, Api, create_app
from dcrserver.edge.administration import AdminRoute
from dcrserver.edge.callers import CallerOf
from dcrserver.edge.pages import Page, PagingOf
from dcrserver.edge.routers import Router
from dcrserver.schemas.admin.parts import Asked, Told
from harness.application import BASE_URL, Application

PROBES = "/admin/v1/probes"


class Inner(Asked):
    name: str


class Probe(Asked):
    number: int
    inner: Inner | None = None


class ProbeTold(Told):
    number: int
    tenant: str


def probes() -> Router[...]:
    router = Router(AdminRoute, "/probes", "probes")

    @router.get(
        "", scope="clients:read", summary="List", operation_id="list_probes",
        response_model=Page[ProbeTold],
    )  # fmt: skip
    async def several(
        caller: CallerOf, paging: PagingOf, kind: Annotated[list[str] | None, Query()] = None
    ) -> Page[ProbeTold]:
        del kind
        (after,) = paging.after or (0,)
        assert isinstance(after, int)
        numbers = range(after + 1, min(after + 1 + paging.limit + 1, 8))
        return paging.page(
            numbers, lambda number: (number,),
            lambda number: ProbeTold(number=number, tenant=caller.tenant.name),
        )  # fmt: skip

    @router.post(
        "", scope="clients:create", summary="Make", operation_id="make_probe", status_code=201,
        response_model=ProbeTold,
    )  # fmt: skip
    async def make(caller: CallerOf, probe: Probe) -> ProbeTold:
        if probe.number == 500:
            raise RuntimeError("canary")
        if probe.number == 409:
            raise HTTPException(409, "there is one already")
        return ProbeTold(number=probe.number, tenant=caller.tenant.name)

    @router.get(
        "/{name}", scope="clients:read", summary="Show", operation_id="show_probe",
        response_model=None,
    )  # fmt: skip
    async def show(name: str) -> Any:
        return {"name": name}

    return router


@cache
def _api() -> Api:
    """Made once: it takes many times as long as what each test asks of it."""
    return Api([*ROUTERS, probes().api])


@pytest.fixture
async def http(app: Application) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app) as made:
        yield made


def client_of(app: Application) -> httpx.AsyncClient:
    server = create_app(app.runtime, _api())
    transport = httpx.ASGITransport(server, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url=BASE_URL)


def is_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    told: dict[str, Any] = answer.json()
    assert (told["status"], told["code"], told["type"]) == (status, code, "about:blank")
    assert told["title"]
    assert told["detail"]
    return told


def test_a_route_without_a_scope_cannot_be_made() -> None:
    async def probe() -> None:
        raise AssertionError

    router = Router(AdminRoute, "/probes", "probes")
    with pytest.raises(TypeError, match="scope"):
        router.get("", summary="x", operation_id="x")(probe)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="clients:look: no such scope"):
        router.get("", scope="clients:look", summary="x", operation_id="x")(probe)
    assert not router.api.routes


async def test_nobody_is_let_in_without_the_scope(
    app: Application, http: httpx.AsyncClient
) -> None:
    answer = await http.get(PROBES)
    is_problem(answer, 401, "invalid_token")
    assert answer.headers["www-authenticate"] == f'Bearer realm="{BASE_URL}"'
    answer = await http.get(PROBES, headers={"Authorization": "Bearer adm_unknown"})
    is_problem(answer, 401, "invalid_token")
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    other = await app.admin_token("clients:create")
    answer = await http.get(PROBES, headers=other)
    told = is_problem(answer, 403, "insufficient_scope")
    assert "clients:read" in told["detail"]
    assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]


async def test_who_may_not_is_refused_before_the_body_is_read(http: httpx.AsyncClient) -> None:
    async def never() -> AsyncIterator[bytes]:
        raise AssertionError("somebody reads it")
        yield b""

    is_problem(await http.post(PROBES, content=never()), 401, "invalid_token")


async def test_a_compound_scope_is_its_parts(app: Application, http: httpx.AsyncClient) -> None:
    writer = await app.admin_token("clients:write")
    answer = await http.post(PROBES, json={"number": 1}, headers=writer)
    assert (answer.status_code, answer.json()) == (201, {"number": 1, "tenant": "default"})


@pytest.mark.parametrize(
    ("body", "pointer", "detail"),
    [
        (b"", "#", "is required"),
        (b"{", "#", "the body is not valid JSON (line 1 column 2)"),
        (b'{"number": 1, "number": 2}', "#", "the body holds two"),
        (b'{"number": NaN}', "#", "NaN is not JSON"),
        (b"[" * 99 + b"]" * 99, "#", "nested deeper"),
        (b"[]", "#", "must be an object"),
        (b"{}", "#/number", "is required"),
        (b'{"number": "cs_canary"}', "#/number", "must be a whole number"),
        (b'{"number": 1, "a/b~c d": "cs_canary"}', "#/a~1b~0c%20d", "is not known here"),
        (b'{"number": 1, "inner": {"name": 5}}', "#/inner/name", "must be a text"),
    ],
)
async def test_a_body_that_is_not_right_is_refused_with_the_place_and_without_the_value(
    app: Application, http: httpx.AsyncClient, body: bytes, pointer: str, detail: str
) -> None:
    headers = await app.admin_token("clients:create") | {"Content-Type": "application/json"}
    answer = await http.post(PROBES, content=body, headers=headers)
    told = is_problem(answer, 400, "invalid_request")
    assert told["errors"][0]["pointer"] == pointer
    assert detail.removeprefix("the body holds two") in told["errors"][0]["detail"]
    assert "canary" not in answer.text


async def test_a_body_is_bounded_while_it_is_read(
    app: Application, http: httpx.AsyncClient
) -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 65536
            yield b" " * 65536

    headers = await app.admin_token("clients:create") | {"Content-Type": "application/json"}
    is_problem(await http.post(PROBES, content=endless(), headers=headers), 413, "body_too_large")
    assert read < 400_000
    headers["Content-Type"] = "text/plain"
    answer = await http.post(PROBES, content=b"{}", headers=headers)
    is_problem(answer, 415, "unsupported_media_type")


async def test_a_body_that_comes_too_slowly_is_refused(make_app: MakeApplication) -> None:
    app = await make_app(server={"body_seconds": 0.05})

    async def slow() -> AsyncIterator[bytes]:
        import asyncio  # noqa: PLC0415

        yield b"{"
        await asyncio.sleep(30)

    headers = await app.admin_token("clients:create") | {"Content-Type": "application/json"}
    async with client_of(app) as http:
        answer = await http.post(PROBES, content=slow(), headers=headers)
    is_problem(answer, 408, "request_timeout")


async def test_what_is_refused_by_the_endpoint_is_a_problem(
    app: Application, http: httpx.AsyncClient
) -> None:
    headers = await app.admin_token("clients:create")
    answer = await http.post(PROBES, json={"number": 409}, headers=headers)
    assert is_problem(answer, 409, "conflict")["detail"] == "there is one already"
    answer = await http.post(PROBES, json={"number": 500}, headers=headers)
    is_problem(answer, 500, "server_error")
    assert "canary" not in answer.text


async def test_what_is_not_there_is_a_problem(http: httpx.AsyncClient) -> None:
    is_problem(await http.get("/admin/v1/nothing"), 404, "not_found")
    answer = await http.put(PROBES)
    is_problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"


async def test_a_parameter_that_nobody_reads_is_refused(
    app: Application, http: httpx.AsyncClient
) -> None:
    headers = await app.admin_token("clients:read")
    for query, name in (("colour=red", "colour"), ("limit=1&limit=2", "limit"),
                        ("limit=0", "limit"), ("limit=501", "limit"), ("limit=x", "limit"),
                        ("fields=number,colour", "fields"), ("tenant=a&tenant=b", "tenant"),
                        ("cursor=x", "cursor"), ("cursor=%C3%BC", "cursor")):  # fmt: skip
        answer = await http.get(f"{PROBES}?{query}", headers=headers)
        told = is_problem(answer, 400, "invalid_request")
        assert told["errors"][0]["parameter"] == name
    answer = await http.get(f"{PROBES}?kind=a&kind=b", headers=headers)
    assert answer.status_code == 200


async def test_pages_follow_each_other(app: Application, http: httpx.AsyncClient) -> None:
    headers = await app.admin_token("clients:read")
    seen, url = [], f"{PROBES}?limit=3&fields=number"
    while True:
        answer = await http.get(url, headers=headers)
        seen.append([item["number"] for item in answer.json()["items"]])
        assert {*answer.json()["items"][0]} == {"number"}
        if answer.json()["next"] is None:
            break
        url = answer.headers["link"].removeprefix("<").removesuffix('>; rel="next"')
        assert url.startswith(f"{BASE_URL}{PROBES}?limit=3&fields=number&cursor=")
    assert seen == [[1, 2, 3], [4, 5, 6], [7]]
    assert "link" not in answer.headers


async def test_a_cursor_is_of_one_list_alone(app: Application, http: httpx.AsyncClient) -> None:
    headers = await app.admin_token("clients:read")
    cursor = (await http.get(f"{PROBES}?limit=3", headers=headers)).json()["next"]
    good = await http.get(f"{PROBES}?cursor={cursor}&limit=1", headers=headers)
    assert good.json()["items"][0]["number"] == 4
    other = cursor[:-2] + ("A" if cursor[-2] != "A" else "B") + cursor[-1]
    for query in (f"cursor={cursor}&kind=a", f"cursor={other}", f"cursor={cursor}AAAA", "cursor="):
        answer = await http.get(f"{PROBES}?{query}", headers=headers)
        told = is_problem(answer, 400, "invalid_request")
        assert told["errors"][0]["parameter"] == "cursor"


async def test_the_tenant_is_that_of_the_path_or_of_the_query(make_app: MakeApplication) -> None:
    app = await make_app(tenants={"acme": {}})
    headers = await app.admin_token("clients:create")
    async with client_of(app) as http:
        told = []
        for name in ("acme", "unknown"):
            answer = await http.post(f"{PROBES}?tenant={name}", json={"number": 1}, headers=headers)
            told.append(is_problem(answer, 403, "forbidden"))
        assert told[0] == told[1]
        answer = await http.post(f"/t/acme{PROBES}", json={"number": 1}, headers=headers)
        is_problem(answer, 401, "invalid_token")
        answer = await http.post(f"{PROBES}?tenant=default", json={"number": 1}, headers=headers)
        assert answer.json()["tenant"] == "default"
        answer = await http.get(f"/t/acme{PROBES}?tenant=default", headers=headers)
        is_problem(answer, 400, "invalid_request")


async def test_an_identifier_may_hold_a_slash(app: Application, http: httpx.AsyncClient) -> None:
    headers = await app.admin_token("clients:read")
    for name in ("a%2Fb", "100%25", "a%252Fb", "https%3A%2F%2Fa.example%2F%20"):
        answer = await http.get(f"{PROBES}/{name}", headers=headers)
        assert answer.json() == {"name": httpx.URL(f"https://a/?x={name}").params["x"]}, name


async def test_routes_are_counted_and_told_in_openapi(
    app: Application, http: httpx.AsyncClient
) -> None:
    await http.get(PROBES, headers=await app.admin_token("clients:read"))
    assert f'route="{PROBES}",status="200"' in (await http.get("/metrics")).text
    api = (await http.get("/openapi.json")).json()
    listing, making = api["paths"][PROBES]["get"], api["paths"][PROBES]["post"]
    assert listing["security"] == [{"admin_token": ["clients:read"]}]
    assert {each["name"] for each in listing["parameters"]} == {
        "tenant", "limit", "cursor", "kind", "fields",
    }  # fmt: skip
    assert {*making["responses"]} == {
        "201", "400", "401", "403", "404", "408", "413", "415", "429", "503",
    }  # fmt: skip
    schema = {"$ref": "#/components/schemas/Problem"}
    assert making["responses"]["400"]["content"] == {"application/problem+json": {"schema": schema}}


def test_every_route_of_the_api_demands_a_scope() -> None:
    routes: list[Any] = [route for router in ROUTERS for route in router.routes]
    found = [route for route in routes if route.path.startswith("/admin/v1")]
    assert found
    for route in found:
        assert isinstance(route, AdminRoute), route.path
        assert route.scope, route.path
    assert issubclass(Probe, BaseModel)
