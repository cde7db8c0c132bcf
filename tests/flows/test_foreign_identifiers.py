"""Clients that came with identifiers of other servers: URLs, spaces, any letters, 512 of them."""

from __future__ import annotations

import base64
import itertools
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from conftest import MakeApplication
from dcrserver.metadata.bounds import Bounds
from dcrserver.tenants import Tenant
from harness.actors import OPERATOR
from harness.application import BASE_URL, Application, update_of

SECRET = "vZ8pQ3xK7nR2mT6wY1cF5bH9jL4sD0gA"
TOKEN = "their-registration-access-token"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
# What is shared by several tests of one database is told apart by these.
_NUMBERS = itertools.count()
IDENTIFIERS = [
    "acme:inventory/eu{}",
    "https://app{}.example.org/client.json",
    "a/secret{}",
    "secret/{}/secret",
    "trailing{}/",
    "Ünïcode client {}",
    "half%2Fencoded{}",
    "question?and=hash#{}",
    "../../{}",
    "+ & = ~{}",
    "日本語😀{}".ljust(512, "x"),
]


async def imported(app: Application, client_id: str, tenant: Tenant | None = None) -> None:
    line = {
        "client_id": client_id,
        "client_secret": SECRET,
        "registration_access_token": TOKEN,
        "grant_types": ["client_credentials"],
        "response_types": [],
    }
    where, service = tenant or app.runtime.default_tenant, app.operations.client_import
    told, client = service.judge(where, Bounds(), OPERATOR, line)
    assert client is not None, told.refused
    assert await service.write(where, [client], OPERATOR) == 1


def named(pattern: str) -> str:
    return pattern.replace("{}", str(next(_NUMBERS)))[:512]


@pytest.mark.parametrize("pattern", IDENTIFIERS)
async def test_every_endpoint_knows_them(any_app: Application, pattern: str) -> None:
    client_id = named(pattern)
    await imported(any_app, client_id)
    url = f"/register/{quote(client_id, '')}"
    read = await any_app.http.get(url, headers=BEARER)
    assert read.status_code == 200, read.text
    told: dict[str, Any] = read.json()
    assert told["client_id"] == client_id
    assert told["registration_client_uri"] == BASE_URL + url
    await _rotate_and_end(any_app, url)
    changed = update_of(told, client_name="Renamed")
    answer = await any_app.http.put(told["registration_client_uri"], json=changed, headers=BEARER)
    assert (answer.status_code, answer.json()["client_name"]) == (200, "Renamed")
    await _gets_a_token(any_app, client_id)
    await _is_looked_up(any_app, client_id)
    headers = {"Authorization": f"Bearer {answer.json()['registration_access_token']}"}
    assert (await any_app.http.delete(url, headers=headers)).status_code == 204
    assert (await any_app.http.get(url, headers=headers)).status_code == 401


async def _rotate_and_end(app: Application, url: str) -> None:
    listed = await app.http.get(f"{url}/secret", headers=BEARER)
    assert len(listed.json()["client_secrets"]) == 1
    rotated = await app.http.post(f"{url}/secret", headers=BEARER)
    assert rotated.status_code == 201
    ended = await app.http.delete(f"{url}/secret/{rotated.json()['id']}", headers=BEARER)
    assert ended.status_code == 204


async def _gets_a_token(app: Application, client_id: str) -> None:
    pair = f"{quote_plus(client_id)}:{SECRET}".encode()
    headers = {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
    answer = await app.http.post(
        "/token", data={"grant_type": "client_credentials"}, headers=headers
    )
    assert answer.status_code == 200, answer.text


async def _is_looked_up(app: Application, client_id: str) -> None:
    headers = await app.admin_token("clients:read", "clients:authenticate")
    url = f"/authorization-server/clients/{quote(client_id, '')}"
    answer = await app.http.get(url, headers=headers)
    assert (answer.status_code, answer.json()["client_id"]) == (200, client_id)
    assert (await app.client(client_id)).client_id == client_id
    assert await app.events(client_id)


async def test_below_the_path_of_a_tenant(make_app: MakeApplication) -> None:
    app = await make_app(tenants={"acme": {"path": "/t/acme"}})
    tenant = next(each for each in app.runtime.tenants if each.name == "acme")
    await imported(app, "a/b", tenant)
    for url in ("/t/acme/register/a%2Fb", "/t/acme/register/%61%2fb"):
        answer = await app.http.get(url, headers=BEARER)
        assert (answer.status_code, answer.json()["client_id"]) == (200, "a/b"), url
    for url in ("/register/a%2Fb", "/t%2Facme/register/a%2Fb", "/t/acme/register/a/b"):
        assert (await app.http.get(url, headers=BEARER)).status_code in {401, 404}, url


@pytest.mark.parametrize("path", ["register/a%00b", "register/%FF", "register/" + "%41" * 513])
async def test_what_can_be_no_identifier_is_nobody(any_app: Application, path: str) -> None:
    assert (await any_app.http.get(f"/{path}", headers=BEARER)).status_code == 401


async def test_a_slash_in_an_identifier_makes_no_other_path(app: Application) -> None:
    client = await app.register(grant_types=["client_credentials"], redirect_uris=[])
    headers = {"Authorization": f"Bearer {client['registration_access_token']}"}
    rotated = await app.http.post(f"/register/{client['client_id']}%2Fsecret", headers=headers)
    assert (rotated.status_code, rotated.headers["allow"]) == (
        405,
        "DELETE, GET, HEAD, OPTIONS, PUT",
    )


async def test_guesses_at_long_identifiers_are_counted_apart(make_app: MakeApplication) -> None:
    app = await make_app(rate_limits={"enabled": True, "failed_authentication": "2/minute"})
    long = "x" * 100

    async def guess(client_id: str) -> int:
        data = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": "no"}
        return int((await app.http.post("/token", data=data)).status_code)

    assert [await guess(f"{long}a") for _ in range(3)] == [401, 401, 429]
    assert await guess(f"{long}b") == 401
