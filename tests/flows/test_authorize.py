"""The authorization endpoint while no authorization server is connected (RFC 6749 4.1.2.1)."""

from __future__ import annotations

import html
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from harness.actors import OPERATOR
from harness.application import BASE_URL, CALLBACK, Application

requirement = pytest.mark.requirement


async def test_a_registered_uri_is_told_temporarily_unavailable(app: Application) -> None:
    uri = "https://client.example.org/cb?tenant=1"
    client = await app.register(redirect_uris=[uri])
    params = {
        "client_id": client["client_id"],
        "redirect_uri": uri,
        "state": "a b&c",
        "response_type": "code",
    }
    answer = await app.http.get("/authorize", params=params)
    target = way_back(answer)
    assert target.startswith(f"{uri}&")
    query = parse_qs(urlsplit(target).query)
    assert query["error"] == ["temporarily_unavailable"]
    assert query["state"] == ["a b&c"]
    assert query["iss"] == [BASE_URL]
    assert "[authorization_server]" in query["error_description"][0]
    assert "[authorization_server]" in answer.text
    assert answer.headers["cache-control"] == "no-store"


async def test_the_only_registered_uri_need_not_be_named(app: Application) -> None:
    client = await app.register()
    answer = await app.http.post("/authorize", data={"client_id": client["client_id"]})
    assert way_back(answer).startswith(f"{CALLBACK}?error=")


@pytest.mark.finding("S14")
async def test_a_suspended_client_has_no_way_back(app: Application) -> None:
    client = await app.register()
    tenant, lifecycle = app.runtime.default_tenant, app.operations.client_lifecycle
    await lifecycle.suspend(tenant, client["client_id"], OPERATOR)
    answer = await app.http.get("/authorize", params={"client_id": client["client_id"]})
    assert answer.status_code == 400
    assert CALLBACK not in answer.text


@pytest.mark.finding("S14")
@pytest.mark.parametrize(
    ("uri", "host"),
    [
        ("https://evil.example/x?a=%22%3E", "evil.example"),
        ("com.evil.app:/cb", "com.evil.app:"),
        ("com.evil.app://cb", "cb"),
    ],
)
async def test_a_person_is_told_where_the_way_back_leads_and_sent_nowhere(
    app: Application, uri: str, host: str
) -> None:
    client = await app.register(redirect_uris=[uri], application_type="native")
    answer = await app.http.get("/authorize", params={"client_id": client["client_id"]})
    assert way_back(answer).startswith(uri)
    assert f"<strong>{host}</strong>" in answer.text
    assert 'rel="noreferrer noopener"' in answer.text
    assert "http-equiv" not in answer.text
    assert "<script" not in answer.text
    assert "refresh" not in answer.headers


def way_back(answer: httpx.Response) -> str:
    """The link of the page, which leads nowhere by itself."""
    assert answer.status_code == 200
    assert "location" not in answer.headers
    found = re.search(r'<a href="([^"]+)" rel=', answer.text)
    assert found is not None
    return html.unescape(found.group(1))


@requirement("OIDR-2-02", "OIDR-6-01", "R9700-2.1-01", "R9700-2.1-02")
@pytest.mark.parametrize(
    "requested",
    [
        "https://client.example.org/cb/",
        "https://client.example.org:443/cb",
        "https://CLIENT.example.org/cb",
        "https://client.example.org/cb?x=1",
        "https://evil.example/cb",
        "javascript:alert(1)",
        "http://[",
    ],
)
async def test_an_unregistered_uri_is_never_redirected_to(app: Application, requested: str) -> None:
    client = await app.register()
    params = {"client_id": client["client_id"], "redirect_uri": requested}
    answer = await app.http.get("/authorize", params=params)
    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert requested not in answer.text


@requirement("R8252-7.3-01")
@pytest.mark.parametrize(
    ("registered", "requested", "status"),
    [
        ("http://127.0.0.1/cb", "http://127.0.0.1:50123/cb", 200),
        ("http://[::1]:1/cb", "http://[::1]:50123/cb", 200),
        ("http://127.0.0.1/cb", "http://127.0.0.1:50123/other", 400),
        ("http://127.0.0.1/cb", "http://u@127.0.0.1:50123/cb", 400),
        ("http://127.0.0.1/cb", "http://127.0.0.1:50123/cb#f", 400),
        ("http://localhost/cb", "http://localhost:49567/cb", 200),
        ("http://localhost:1/cb?a=b", "http://localhost:2/cb?a=b", 200),
        ("http://localhost/cb", "http://localhost:49567/cb?a=b", 400),
        ("http://localhost/cb", "http://127.0.0.1:49567/cb", 400),
        ("http://localhost/cb", "http://localhost.evil.example:49567/cb", 400),
        ("http://localhost/cb", "https://localhost:49567/cb", 400),
        ("https://localhost/cb", "https://localhost:49567/cb", 400),
    ],
)
async def test_the_local_machine_takes_any_port(
    app: Application, registered: str, requested: str, status: int
) -> None:
    client = await app.register(redirect_uris=[registered], token_endpoint_auth_method="none")
    params = {"client_id": client["client_id"], "redirect_uri": requested}
    assert (await app.http.get("/authorize", params=params)).status_code == status


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"client_id": "unknown", "redirect_uri": CALLBACK},
        [("client_id", "a"), ("client_id", "b")],
        {"client_id": "\x00"},
    ],
)
async def test_an_unknown_client_gets_a_page(any_app: Application, params: Any) -> None:
    answer = await any_app.http.get("/authorize", params=params)
    assert answer.status_code == 400
    assert "<h1>Cannot continue</h1>" in answer.text


async def test_one_of_several_uris_must_be_named(app: Application) -> None:
    client = await app.register(redirect_uris=[CALLBACK, "https://b.example/cb"])
    answer = await app.http.get("/authorize", params={"client_id": client["client_id"]})
    assert answer.status_code == 400


async def test_a_form_that_is_none_gets_a_page(app: Application) -> None:
    answer = await app.http.post("/authorize", json={})
    assert answer.status_code == 400
    assert "text/html" in answer.headers["content-type"]
