"""An issuer is published as it was written: clients compare it by octets (RFC 8414 3.3)."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import httpx
import pytest

from conftest import MakeApplication
from dcrserver.settings import ConfigurationError, load
from harness.application import BASE_URL, CALLBACK, Application, bearer
from harness.process import serving

requirement = pytest.mark.requirement

OPENID = "/.well-known/openid-configuration"
OAUTH = "/.well-known/oauth-authorization-server"
# Of each issuer: its spelling, where it is configured, and the path of its endpoints.
ISSUERS = [
    pytest.param(f"{BASE_URL}/", {"server": {"base_url": f"{BASE_URL}/"}}, "", id="root"),
    pytest.param(
        f"{BASE_URL}/auth/", {"server": {"base_url": f"{BASE_URL}/auth/"}}, "/auth", id="path"
    ),
    pytest.param(
        f"{BASE_URL}/acme/", {"tenants": {"a": {"base_url": f"{BASE_URL}/acme/"}}}, "/acme",
        id="tenant",
    ),
]  # fmt: skip


@requirement("R8414-3.3-01", "R8414-2-01", "OIDD-4-01")
@pytest.mark.parametrize(("issuer", "settings", "path"), ISSUERS)
async def test_a_final_slash_is_kept_and_in_no_endpoint(
    make_app: MakeApplication, issuer: str, settings: dict[str, Any], path: str
) -> None:
    app = await make_app(**settings)
    found = [f"{path}{name}{end}" for name in (OPENID, OAUTH) for end in ("", "/")]
    found += [f"{name}{path}{end}" for name in (OPENID, OAUTH) for end in ("", "/")]
    found += [f"{path}/{name}" for name in (OPENID, OAUTH)]  # appended as it stands
    for where in found:
        answer = await app.http.get(f"{BASE_URL}{where}")
        assert answer.status_code == 200, where
        document = answer.json()
        assert document["issuer"] == issuer
        for name in ("registration", "token", "authorization", "introspection", "revocation"):
            assert document[f"{name}_endpoint"].startswith(issuer)
        assert not [url for url in urls_of(document) if "//" in url.removeprefix("https://")]
    finger = await app.http.get("/.well-known/webfinger", params={"resource": issuer})
    assert finger.json()["links"][0]["href"] == issuer


def urls_of(document: dict[str, Any]) -> list[str]:
    return [each for each in document.values() if isinstance(each, str)]


@pytest.mark.parametrize(("issuer", "settings", "path"), ISSUERS)
async def test_a_client_lives_there(
    make_app: MakeApplication, issuer: str, settings: dict[str, Any], path: str
) -> None:
    app = await make_app(**settings)
    for endpoint in (f"{path}/register", f"{path}//register"):  # the MCP SDK for Go
        client = await register(app, endpoint)
        uri = client["registration_client_uri"]
        assert uri == f"{issuer}register/{client['client_id']}"
        assert (await app.http.get(uri, headers=bearer(client))).status_code == 200
        asked = {"grant_type": "client_credentials"}
        auth = (client["client_id"], client["client_secret"])
        answer = await app.http.post(f"{BASE_URL}{path}/token", data=asked, auth=auth)
        inspected = await app.http.post(
            f"{BASE_URL}{path}/introspect",
            data={"token": answer.json()["access_token"]}, auth=auth,
        )  # fmt: skip
        assert (inspected.json()["active"], inspected.json()["iss"]) == (True, issuer)


async def register(app: Application, endpoint: str) -> dict[str, Any]:
    body = {"redirect_uris": [CALLBACK], "grant_types": ["client_credentials"]}
    answer = await app.http.post(f"{BASE_URL}{endpoint}", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def test_without_a_final_slash_no_double_one_is_taken(app: Application) -> None:
    assert (await app.http.get(f"{BASE_URL}/{OAUTH}")).status_code == 404
    assert (await app.http.post(f"{BASE_URL}//register", json={})).status_code == 404
    for name in (OPENID, OAUTH):
        assert (await app.http.get(f"{name}/")).json()["issuer"] == BASE_URL
        assert (await app.http.get(f"{BASE_URL}{name}//")).status_code == 404


async def test_a_double_slash_leads_to_no_operation(make_app: MakeApplication) -> None:
    """A proxy that hides /metrics does not hide //metrics."""
    app = await make_app(server={"base_url": f"{BASE_URL}/"})
    for path in ("/metrics", "/healthz", "/readyz"):
        assert (await app.http.get(f"{BASE_URL}/{path}")).status_code == 404
        assert (await app.http.get(path)).status_code == 200


async def test_a_tenant_is_below_the_base_url_whatever_that_ends_in(
    make_app: MakeApplication,
) -> None:
    app = await make_app(server={"base_url": f"{BASE_URL}/"}, tenants={"a": {}})
    assert (await app.http.get(f"/t/a{OAUTH}")).json()["issuer"] == f"{BASE_URL}/t/a"


async def test_several_slashes_stop_the_start() -> None:
    with pytest.raises(ConfigurationError, match="several slashes"):
        load(server={"base_url": f"{BASE_URL}//"})


def test_two_slashes_come_through_a_socket(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    issuer = f"http://127.0.0.1:{port}/"
    env = {"DCR_SERVER__BASE_URL": issuer}
    with serving(tmp_path, env=env) as server, httpx.Client(trust_env=False) as http:
        found = http.get(f"{server.base_url}/{OAUTH}")
        assert (found.status_code, found.json()["issuer"]) == (200, issuer)
        made = http.post(f"{server.base_url}//register", json={"redirect_uris": [CALLBACK]})
        assert made.status_code == 201
