"""Bearers of administrators that nobody knows: at every door, an address has so many tries."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import httpx
import pytest

from conftest import MakeApplication
from dcrserver.app import create_app
from harness.application import BASE_URL, Application
from harness.clients import public_jwk
from harness.metadata_server import MetadataServer, metadata_server
from harness.provider import AUDIENCE, KEY, signed

LIMITS = {"enabled": True, "failed_authentication": "5/minute"}
ASGARDEO = "/api/identity/oauth2/dcr/v1.1/register/nobody"
# Where administrators are let in: each path, and what comes of a token that is good.
DOORS = {
    "/admin/v1/clients": 200,
    "/admin/v1/clients?tenant=nobody": 403,
    "/t/acme/admin/v1/clients": 429,  # nobody knows it there
    "/register?client_name=nobody": 200,
    "/register/nobody": 404,
    "/authorization-server/clients/nobody": 404,
    ASGARDEO: 404,
}


@pytest.fixture
def provider() -> Iterator[MetadataServer]:
    with metadata_server() as made:
        issuer = made.location.removesuffix("/metadata")
        keys = [public_jwk(KEY, kid="k1")]
        made.says = {"issuer": issuer, "jwks_uri": f"{issuer}/jwks", "keys": keys}
        yield made


async def status(app: Application, path: str, token: str) -> int:
    answer = await app.http.get(path, headers={"Authorization": f"Bearer {token}"})
    if answer.status_code == 429:
        assert 0 < int(answer.headers["retry-after"]) <= 60
        assert answer.headers["cache-control"] == "no-store"
        is_problem = answer.headers["content-type"] == "application/problem+json"
        assert is_problem is ("/admin/v1" in path)
    return answer.status_code


@pytest.mark.finding("M11")
async def test_an_address_has_so_many_tries_at_all_doors_together(
    make_app: MakeApplication,
) -> None:
    app = await make_app(rate_limits=LIMITS, tenants={"acme": {}}, asgardeo={"enabled": True})
    good = (await app.admin_token("clients:read"))["Authorization"].removeprefix("Bearer ")
    guesses = [f"adm_{'x' * 40}{number}" for number in range(20)]
    told = [
        await status(app, path, guess)
        for path, guess in zip([*DOORS] * 3, guesses, strict=False)
    ]  # fmt: skip
    assert told == [401] * 5 + [429] * 15
    # Whoever has a good one is let in all the same, and pays for nobody's failures.
    for path, expected in DOORS.items():
        assert await status(app, path, good) == expected
    assert await status(app, "/admin/v1/clients", guesses[0]) == 429


@pytest.mark.finding("M11")
async def test_many_guesses_at_once_are_no_more_than_one_after_the_other(
    make_app: MakeApplication,
) -> None:
    app = await make_app(rate_limits=LIMITS)
    told = await asyncio.gather(
        *(status(app, "/admin/v1/clients", f"adm_{number:040}") for number in range(40))
    )
    assert (told.count(401), told.count(429)) == (5, 35)


@pytest.mark.finding("M11")
async def test_forged_jwts_are_guesses_too(
    make_app: MakeApplication, provider: MetadataServer
) -> None:
    issuer = provider.says["issuer"]
    corp = {"issuer": issuer, "audience": AUDIENCE}
    app = await make_app(rate_limits=LIMITS, admin={"providers": {"corp": corp}})
    forged = [
        signed(KEY, iss=issuer, aud="https://other.example.com"),
        signed(KEY, iss="https://other.example.com"),
        signed(KEY, iss=issuer, kid="k2"),
        signed(KEY, iss=issuer, exp=1),
        "a.b.c",
    ]
    told = [await status(app, "/admin/v1/clients", token) for token in forged * 2]
    assert told == [401] * 5 + [429] * 5
    assert await status(app, "/admin/v1/clients", signed(KEY, iss=issuer)) == 200


async def test_what_is_known_or_missing_is_no_guess(make_app: MakeApplication) -> None:
    """Nor is a client's own token that is wrong, which is another matter."""
    app = await make_app(rate_limits=LIMITS)
    known = (await app.admin_token("events:read"))["Authorization"].removeprefix("Bearer ")
    for _ in range(10):
        assert await status(app, "/admin/v1/clients", known) == 403
        assert (await app.http.get("/admin/v1/clients")).status_code == 401
        assert await status(app, "/register/nobody", "rat_nobody") == 401
    assert await status(app, "/admin/v1/clients", "adm_nobody") == 401


@pytest.mark.finding("M11")
async def test_an_address_does_not_pay_for_another(make_app: MakeApplication) -> None:
    app = await make_app(rate_limits=LIMITS)
    for _ in range(6):
        await status(app, "/admin/v1/clients", "adm_nobody")
    transport = httpx.ASGITransport(create_app(app.runtime), client=("203.0.113.8", 40000))
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as elsewhere:
        other = Application(app.runtime, app.operations, elsewhere)
        assert await status(other, "/admin/v1/clients", "adm_nobody") == 401
    assert await status(app, "/admin/v1/clients", "adm_nobody") == 429
