"""/authorize where an authorization server is connected: people are led on to it."""

from __future__ import annotations

from typing import Any

import pytest

from harness.actors import OPERATOR
from harness.application import CALLBACK, Application

_THERE = "https://as.example/login?theme=a%20b&ui"
_SERVER = {"authorization_endpoint": _THERE, "token_endpoint": "https://as.example/token"}


@pytest.fixture
async def behind(make_app: Any) -> Application:
    return await make_app(authorization_server=_SERVER)


async def test_the_query_goes_on_octet_by_octet_after_that_of_the_endpoint(
    behind: Application,
) -> None:
    client = await behind.register()
    query = (
        f"state=%7e~%2B+a&response_type=code&client_id={client['client_id']}&x&resource=a&resource=b"
        f"&redirect_uri=https%3a//client.example.org/cb&&scope=openid%20profile&empty="
    )
    answer = await behind.http.get(f"/authorize?{query}")
    assert answer.status_code == 302
    assert answer.headers["location"] == f"{_THERE}&{query}"
    assert answer.headers["cache-control"] == "no-store"


async def test_an_endpoint_without_a_query_gets_one(make_app: Any) -> None:
    server = _SERVER | {"authorization_endpoint": "https://as.example/login"}
    app = await make_app(authorization_server=server)
    client = await app.register()
    answer = await app.http.get(f"/authorize?client_id={client['client_id']}")
    assert answer.headers["location"] == (
        f"https://as.example/login?client_id={client['client_id']}"
    )


@pytest.mark.parametrize(
    "query",
    [
        "",
        "client_id=unknown",
        "client_id={id}&redirect_uri=https://evil.example/cb",
        "client_id={id}&client_id={id}",
        "client_id={id}&redirect_uri={cb}&redirect_uri=https://evil.example",
        "client_id={id}&state=a&state=b",
        "client_id={id}&request_uri=urn:x&redirect_uri=https://evil.example/cb",
    ],
)
async def test_an_unknown_client_or_uri_gets_a_page_and_no_location(
    behind: Application, query: str
) -> None:
    client = await behind.register()
    asked = query.replace("{id}", client["client_id"]).replace("{cb}", CALLBACK)
    answer = await behind.http.get(f"/authorize?{asked}")
    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert "<h1>Cannot continue</h1>" in answer.text


async def test_a_suspended_client_is_led_nowhere(behind: Application) -> None:
    client = await behind.register()
    tenant, lifecycle = behind.runtime.default_tenant, behind.operations.client_lifecycle
    await lifecycle.suspend(tenant, client["client_id"], OPERATOR)
    answer = await behind.http.get(f"/authorize?client_id={client['client_id']}")
    assert answer.status_code == 400
    assert "location" not in answer.headers


@pytest.mark.parametrize("name", ["request_uri", "request"])
async def test_a_request_that_was_pushed_or_signed_holds_its_own_redirect_uri(
    behind: Application, name: str
) -> None:
    """RFC 9126 4: beside client_id and request_uri there is nothing."""
    client = await behind.register(redirect_uris=[CALLBACK, "https://b.example/cb"])
    query = f"client_id={client['client_id']}&{name}=urn:ietf:params:oauth:request_uri:x"
    answer = await behind.http.get(f"/authorize?{query}")
    assert answer.headers["location"] == f"{_THERE}&{query}"


async def test_a_form_goes_on_as_a_form(behind: Application) -> None:
    client = await behind.register()
    form = {
        "client_id": client["client_id"],
        "resource": ["https://a.example", "https://b.example"],
    }
    answer = await behind.http.post("/authorize", data=form)
    assert answer.status_code == 307
    assert answer.headers["location"] == _THERE


async def test_discovery_names_the_server_s_own_endpoint_or_the_door(make_app: Any) -> None:
    for front_door, endpoint in ((False, _THERE), (True, "https://dcr.example/authorize")):
        app = await make_app(authorization_server=_SERVER | {"front_door": front_door})
        root = app.runtime.default_tenant.root
        answer = await app.http.get("/.well-known/oauth-authorization-server")
        expected = endpoint.replace("https://dcr.example", root)
        assert answer.json()["authorization_endpoint"] == expected


async def test_a_server_whose_endpoint_is_ours_leads_nobody_in_circles(make_app: Any) -> None:
    root = (await make_app()).runtime.default_tenant.root
    app = await make_app(
        authorization_server=_SERVER | {"authorization_endpoint": f"{root}/authorize"}
    )
    client = await app.register()
    answer = await app.http.get(f"/authorize?client_id={client['client_id']}")
    assert answer.status_code == 200
    assert "location" not in answer.headers
