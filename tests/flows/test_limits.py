"""Limits of requests: who is counted, where, and what a refusal costs and tells."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from unittest.mock import AsyncMock

import httpx
import pytest

from conftest import MakeApplication
from dcrserver.app import create_app
from harness.application import BASE_URL, CALLBACK, Application

ON: dict[str, Any] = {"enabled": True}


def registration(**metadata: Any) -> dict[str, Any]:
    return {"redirect_uris": [CALLBACK]} | metadata


async def token_of(app: Application) -> dict[str, str]:
    return {"Authorization": f"Bearer {await app.initial_token()}"}


async def statuses(app: Application, path: str, count: int, **request: Any) -> list[int]:
    answers = [await app.http.post(path, **request) for _ in range(count)]
    for answer in answers:
        if answer.status_code == 429:
            assert 0 < int(answer.headers["retry-after"]) <= 3600
            assert ";r=0;t=" in answer.headers["ratelimit"]
            assert answer.headers["cache-control"] == "no-store"
    return [answer.status_code for answer in answers]


@asynccontextmanager
async def elsewhere(app: Application, address: str) -> AsyncIterator[Application]:
    transport = httpx.ASGITransport(create_app(app.runtime), client=(address, 40000))
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as http:
        yield Application(app.runtime, app.operations, http)


@contextmanager
def nothing_asked(app: Application, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The database is asked for nothing, and nothing is written."""
    asked = AsyncMock(side_effect=AssertionError("the database was asked"))
    with monkeypatch.context() as patch:
        patch.setattr(app.runtime.database, "_driver", asked)
        patch.setattr(app.runtime.database, "_reading", asked)
        yield
    assert not asked.mock_calls


async def test_an_initial_access_token_has_limits_of_its_own(
    make_app: MakeApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it makes, and what it tries; the token next to it is not concerned."""
    limits = {"initial_access_token": "2/hour", "initial_access_token_attempts": "5/hour"}
    app = await make_app(rate_limits=ON | limits, registration={"mode": "protected"})
    one, other = [await token_of(app) for _ in range(2)]
    bad = {"headers": one, "json": {"redirect_uris": "none"}}
    good = {"headers": one, "json": registration()}
    assert await statuses(app, "/register", 1, **bad) == [400], "takes none of what may be made"
    assert await statuses(app, "/register", 3, **good) == [201, 201, 429]
    assert await statuses(app, "/register", 2, **bad) == [429, 429]
    with nothing_asked(app, monkeypatch):
        assert await statuses(app, "/register", 9, **bad) == [429] * 9
    assert await statuses(app, "/register", 1, **good | {"headers": other}) == [201]


async def test_software_is_limited_whoever_registers_it(make_app: MakeApplication) -> None:
    app = await make_app(rate_limits=ON | {"software_id": "2/hour"})
    one, other = [{"json": registration(software_id=f"limited-{name}")} for name in "ab"]
    assert await statuses(app, "/register", 3, **one) == [201, 201, 429]
    token = await token_of(app)
    assert await statuses(app, "/register", 1, headers=token, **one) == [429]
    async with elsewhere(app, "203.0.113.9") as there:
        assert await statuses(there, "/register", 1, **one) == [429]
        assert await statuses(there, "/register", 1, **other) == [201]
    admin = await app.admin_token("clients:create")
    assert await statuses(app, "/register", 1, headers=admin, **one) == [201], "is not counted"


async def test_all_registrations_of_a_tenant_and_of_all_have_ceilings(
    make_app: MakeApplication,
) -> None:
    limits = {"registration": "2/hour", "all_registration": "3/hour"}
    app = await make_app(rate_limits=ON | limits, tenants={"acme": {}})
    token = await token_of(app)
    good = {"json": registration()}
    assert await statuses(app, "/register", 1, **good) == [201]
    assert await statuses(app, "/register", 2, headers=token, **good) == [201, 429]
    assert await statuses(app, "/t/acme/register", 2, **good) == [201, 429]


@pytest.mark.finding("L2")
async def test_an_administrator_has_a_limit_and_pays_for_nobody(
    make_app: MakeApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At all doors together; of what nobody knows, nothing is remembered."""
    app = await make_app(rate_limits=ON | {"administrator": "3/hour"}, tenants={"acme": {}})
    one, other = [await app.admin_token("clients:read") for _ in range(2)]
    doors = ["/admin/v1/clients", "/register?client_name=nobody", "/register/nobody"]
    told = [(await app.http.get(path, headers=one)).status_code for path in doors * 2]
    assert told == [200, 200, 404, 429, 429, 429]
    with nothing_asked(app, monkeypatch):
        answer = await app.http.get(doors[0], headers=one)
    assert answer.status_code == 429
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["ratelimit-policy"] == '"administrator";q=3;w=3600'
    assert 3500 < int(answer.headers["retry-after"]) <= 3600
    assert (await app.http.get(doors[0], headers=other)).status_code == 200
    before = len(app.runtime.limiter.buckets)
    for number in range(9):
        guess = {"Authorization": f"Bearer adm_{number:040}"}
        await app.http.get(doors[0], headers=guess)
    assert len(app.runtime.limiter.buckets) == before


@pytest.mark.finding("M11")
async def test_guesses_of_initial_access_tokens_are_an_address_s(
    make_app: MakeApplication,
) -> None:
    """Together with those of admin tokens; whoever has a good one is let in all the same."""
    app = await make_app(
        rate_limits=ON | {"failed_authentication": "3/hour"}, registration={"mode": "protected"}
    )
    good = {"json": registration()}
    guesses = [{"Authorization": f"Bearer {kind}_{'x' * 40}"} for kind in ("iat", "adm", "iat")]
    for guess in guesses:
        assert await statuses(app, "/register", 1, headers=guess, **good) == [401]
    answer = await app.http.post("/register", headers=guesses[0], **good)
    assert answer.status_code == 429
    token = await token_of(app)
    assert (await app.http.post("/register", headers=token, **good)).status_code == 201
    async with elsewhere(app, "203.0.113.9") as there:
        assert await statuses(there, "/register", 1, headers=guesses[0], **good) == [401]


@pytest.mark.finding("L3")
async def test_a_tenant_that_is_flooded_slows_no_other(
    make_app: MakeApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it is refused is refused before a route, a body or the database is looked at."""
    acme = {"rate_limits": {"tenant_requests": "5/hour"}}
    app = await make_app(rate_limits=ON, tenants={"acme": acme, "other": {}})
    good = {"json": registration()}
    assert await statuses(app, "/t/acme/register", 7, **good) == [201] * 5 + [429] * 2
    with nothing_asked(app, monkeypatch):
        for path in ("/t/acme/register", "/t/acme/token", "/t/acme/nothing"):
            assert await statuses(app, path, 20, content=b"{") == [429] * 20
        answer = await app.http.get("/t/acme/.well-known/openid-configuration")
        assert answer.status_code == 429
    assert await statuses(app, "/t/other/register", 9, **good) == [201] * 9
    assert await statuses(app, "/register", 1, **good) == [201]
    admin = await app.admin_token("clients:read")
    for path in ("/t/acme/admin/v1/clients", "/admin/v1/clients?tenant=acme"):
        answer = await app.http.get(path, headers=admin)
        assert answer.status_code in {200, 401, 403}, "who ends the flood is let in"


async def test_all_requests_together_have_a_ceiling(make_app: MakeApplication) -> None:
    app = await make_app(rate_limits=ON | {"all_requests": "3/hour"}, tenants={"acme": {}})
    for path, expected in (("/register", 201), ("/t/acme/register", 201)):
        assert await statuses(app, path, 1, json=registration()) == [expected]
    assert await statuses(app, "/t/acme/register", 2, json=registration()) == [201, 429]
    for path in ("/healthz", "/readyz"):
        assert (await app.http.get(path)).status_code == 200


async def test_a_tenant_may_have_other_limits_than_the_rest(make_app: MakeApplication) -> None:
    acme = {"rate_limits": {"open_registration": "3/hour", "registration": ""}}
    app = await make_app(
        rate_limits=ON | {"open_registration": "1/hour", "registration": "2/hour"},
        tenants={"acme": acme, "other": {}},
    )
    good = {"json": registration()}
    assert await statuses(app, "/t/acme/register", 4, **good) == [201, 201, 201, 429]
    assert await statuses(app, "/t/other/register", 2, **good) == [201, 429]


@pytest.mark.finding("T27")
async def test_a_forged_address_is_nobody_s(make_app: MakeApplication) -> None:
    """X-Forwarded-For and its kind count where a proxy is trusted, and nowhere else."""
    app = await make_app(rate_limits=ON | {"open_registration": "2/hour"})
    told = []
    for number in range(4):
        address = f"198.51.100.{number}"
        forged = {"X-Forwarded-For": address, "Forwarded": f"for={address}", "X-Real-IP": address}
        answer = await app.http.post("/register", headers=forged, json=registration())
        told.append(answer.status_code)
    assert told == [201, 201, 429, 429]
