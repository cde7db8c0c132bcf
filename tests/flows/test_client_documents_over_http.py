"""Clients that name themselves by the URL of their metadata document (CIMD)."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from harness.actors import OPERATOR
from harness.application import CALLBACK, Application, application
from harness.clients import assertion, new_key, public_jwk
from harness.document_host import DocumentHost, document_host

_THERE = {"authorization_endpoint": "https://as.example/login", "token_endpoint": "https://as/t"}
_SERVER = {"authorization_server": _THERE | {"code_challenge_methods_supported": ["S256"]}}
requirement = pytest.mark.requirement


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[DocumentHost]:
    async with document_host(tmp_path) as made:
        yield made


@pytest.fixture
async def behind(host: DocumentHost, make_app: Any) -> Application:
    made: Application = await make_app(**host.settings, **_SERVER)
    return made


async def asked_for(app: Application, client_id: str, **params: str) -> httpx.Response:
    query = {"client_id": client_id, "redirect_uri": CALLBACK} | params
    return await app.http.get("/authorize", params=query)


async def looked_up(app: Application, client_id: str) -> httpx.Response:
    path = f"/authorization-server/clients/{quote(client_id, '')}"
    return await app.http.get(path, headers=await app.admin_token("clients:read"))


async def events_of(app: Application, client_id: str) -> list[str]:
    return [each.type for each in await app.events(client_id)]


@requirement("CIMD-4-01", "CIMD-5-01")
async def test_a_client_is_known_by_its_document(host: DocumentHost, behind: Application) -> None:
    url = host.publish("/a", token_endpoint_auth_method="none")
    metadata = (await behind.http.get("/.well-known/oauth-authorization-server")).json()
    assert metadata["client_id_metadata_document_supported"] is True
    assert "none" in metadata["token_endpoint_auth_methods_supported"]
    answer = await asked_for(behind, url, state="x")
    assert answer.status_code == 302
    assert answer.headers["location"].startswith("https://as.example/login?client_id=https")
    told = (await looked_up(behind, url)).json()
    assert told["client_id"] == url
    assert told["client_name"] == "An app"
    assert told["redirect_uris"] == [CALLBACK]
    assert told["token_endpoint_auth_method"] == "none"
    assert told["verified_facts"]["origin"] == "document"
    assert b"\r\nAccept: application/json\r\n" in host.server.requests[0]
    assert host.asked == 1
    assert await events_of(behind, url) == ["client.registered"]


async def test_administrators_see_it_as_every_other_client(
    host: DocumentHost, behind: Application
) -> None:
    url = host.publish("/seen")
    await asked_for(behind, url)
    headers = await behind.admin_token("clients:read", "clients:update")
    listed = await behind.http.get("/admin/v1/clients?origin=document", headers=headers)
    assert [each["client_id"] for each in listed.json()["items"]] == [url]
    path = f"/admin/v1/clients/{quote(url, '')}"
    assert (await behind.http.get(path, headers=headers)).json()["origin"] == "document"
    assert (await behind.http.post(f"{path}/suspend", headers=headers)).status_code == 200
    assert (await asked_for(behind, url)).status_code == 400
    assert (await looked_up(behind, url)).status_code == 404
    assert (await behind.http.post(f"{path}/resume", headers=headers)).status_code == 200
    assert (await asked_for(behind, url)).status_code == 302


@requirement("CIMD-4-02", "CIMD-4-03", "CIMD-4.3-01", "CIMD-4.4-02", "CIMD-6.6-01", "CIMD-4.1-04")
@pytest.mark.parametrize(
    ("status", "headers", "body", "code"),
    [
        ("404 Not Found", "", b"{}", 502),
        ("201 Created", "", None, 502),
        ("500 Oops", "", None, 502),
        ("302 Found", "Location: https://localhost:{port}/good\r\n", b"", 502),
        ("200 OK", "Content-Type: text/html\r\n", b"<html>", 422),
        ("200 OK", "", b'{"client_id": "https://other.example/"}', 422),
        ("200 OK", "", b" " * 6000, 502),
        ("200 OK", "Content-Encoding: gzip\r\n", b"x", 502),
    ],
)
async def test_what_does_not_count_leads_nowhere_and_is_not_remembered(
    host: DocumentHost, behind: Application, status: str, headers: str, body: bytes, code: int
) -> None:
    host.publish("/good")
    url = host.publish("/bad")
    good = host.pages["/bad"]
    headers = headers.replace("{port}", str(host.server.port))
    host.put("/bad", good[2] if body is None else body, headers, status)
    answer = await asked_for(behind, url)
    assert answer.status_code == 400
    assert "location" not in answer.headers
    refused = await looked_up(behind, url)
    assert refused.status_code == code
    assert "document at client_id" in refused.json()["error_description"]
    assert "127.0.0.1" not in refused.text
    assert host.asked == 2
    host.pages["/bad"] = good
    assert (await asked_for(behind, url)).status_code == 302


@requirement("CIMD-3-01", "CIMD-6.5-01")
@pytest.mark.parametrize(
    "url",
    [
        "https://localhost:{port}",
        "https://localhost:{port}/a/../good",
        "https://localhost:{port}/good#x",
        "https://u@localhost:{port}/good",
        "https://127.0.0.1:{port}/good",
        "https://169.254.169.254/latest",
        "https://[fd00::1]/x",
        "https://[::ffff:10.0.0.1]/x",
    ],
)
async def test_nothing_is_read_from_where_nothing_may_be(
    host: DocumentHost, behind: Application, url: str
) -> None:
    host.publish("/good")
    answer = await asked_for(behind, url.replace("{port}", str(host.server.port)))
    assert answer.status_code == 400
    assert host.server.connections == 0


@requirement("CIMD-6.5-02")
@pytest.mark.parametrize(
    ("member", "uri"),
    [
        ("logo_uri", "https://169.254.169.254/logo.png"),
        ("jwks_uri", "https://127.0.0.1/keys"),
        ("policy_uri", "https://[fd00::1]/policy"),
        ("sector_identifier_uri", "https://router.local/sector"),
    ],
)
async def test_nor_may_a_document_lead_there(
    host: DocumentHost, behind: Application, member: str, uri: str
) -> None:
    url = host.publish("/a", **{member: uri})
    refused = await looked_up(behind, url)
    assert refused.status_code == 422
    assert member in refused.json()["error_description"]


async def test_while_it_is_off_a_url_is_nobody(host: DocumentHost, make_app: Any) -> None:
    app = await make_app(outbound=host.settings["outbound"], **_SERVER)
    url = host.publish("/a")
    assert (await asked_for(app, url)).status_code == 400
    assert (await looked_up(app, url)).status_code == 404
    metadata = (await app.http.get("/.well-known/oauth-authorization-server")).json()
    assert "client_id_metadata_document_supported" not in metadata
    assert host.server.connections == 0


@requirement("CIMD-4.5-01")
async def test_only_a_redirect_uri_of_the_document_is_sent_on(
    host: DocumentHost, behind: Application
) -> None:
    url = host.publish("/a")
    answer = await asked_for(behind, url, redirect_uri=f"{CALLBACK}/x")
    assert answer.status_code == 400
    assert "location" not in answer.headers


@requirement("CIMD-4.4-01", "CIMD-6.3-01")
async def test_a_document_is_good_for_as_long_as_its_server_says(
    host: DocumentHost, behind: Application
) -> None:
    url = host.publish("/a", "Cache-Control: max-age=600\r\n")
    for _ in range(3):
        assert (await asked_for(behind, url)).status_code == 302
    assert host.asked == 1
    other = host.publish("/b", "Cache-Control: no-store\r\n")
    await asked_for(behind, other)
    host.publish("/b", client_name="Another name")
    assert (await looked_up(behind, other)).json()["client_name"] == "Another name"
    assert await events_of(behind, other) == ["client.registered", "client.updated"]


async def test_while_it_cannot_be_read_the_one_before_counts(
    host: DocumentHost, behind: Application
) -> None:
    url = host.publish("/a", "Cache-Control: no-store\r\n")
    await asked_for(behind, url)
    host.put("/a", b"", status="503 Away")
    assert (await asked_for(behind, url)).status_code == 302
    asked = host.asked
    assert (await asked_for(behind, url)).status_code == 302
    assert host.asked == asked  # it is left alone for a moment


async def test_one_that_is_not_acceptable_any_more_does_not_count(
    host: DocumentHost, behind: Application
) -> None:
    url = host.publish("/a", "Cache-Control: no-store\r\n")
    await asked_for(behind, url)
    host.publish("/a", redirect_uris=["javascript:alert(1)"])
    assert (await asked_for(behind, url)).status_code == 400
    assert (await looked_up(behind, url)).status_code == 422
    host.publish("/a")
    assert (await asked_for(behind, url)).status_code == 302


async def test_an_old_copy_counts_no_longer_than_it_may(host: DocumentHost, make_app: Any) -> None:
    documents = host.settings["documents"] | {"stale_seconds": 0}
    app = await make_app(**host.settings | {"documents": documents}, **_SERVER)
    url = host.publish("/a", "Cache-Control: no-store\r\n")
    assert (await asked_for(app, url)).status_code == 302
    host.put("/a", b"", status="503 Away")
    assert (await asked_for(app, url)).status_code == 400


async def test_an_administrator_has_it_read_anew(host: DocumentHost, behind: Application) -> None:
    url = host.publish("/a", "Cache-Control: max-age=600\r\n")
    await asked_for(behind, url)
    host.publish("/a", "Cache-Control: max-age=600\r\n", client_name="New")
    headers = await behind.admin_token("clients:update", "clients:read")
    path = f"/admin/v1/clients/{quote(url, '')}/refresh"
    answer = await behind.http.post(path, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.json()["metadata"]["client_name"] == "New"
    host.put("/a", b"", status="500 Oops")
    assert (await behind.http.post(path, headers=headers)).status_code == 502
    host.put("/a", b"{}")
    assert (await behind.http.post(path, headers=headers)).status_code == 422
    unknown = f"/admin/v1/clients/{quote('nobody', '')}/refresh"
    assert (await behind.http.post(unknown, headers=headers)).status_code == 404
    registered = (await behind.register())["client_id"]
    answer = await behind.http.post(f"/admin/v1/clients/{registered}/refresh", headers=headers)
    assert answer.status_code == 409


async def test_one_that_an_administrator_deleted_does_not_come_back(
    host: DocumentHost, behind: Application
) -> None:
    url = host.publish("/a")
    await asked_for(behind, url)
    tenant = behind.runtime.default_tenant
    await behind.operations.client_lifecycle.delete(tenant, url, OPERATOR)
    assert (await asked_for(behind, url)).status_code == 400
    assert (await looked_up(behind, url)).status_code == 404
    await behind.operations.client_lifecycle.restore(tenant, url, OPERATOR)
    assert (await asked_for(behind, url)).status_code == 302


async def test_many_who_ask_at_once_have_it_read_once(
    host: DocumentHost, behind: Application
) -> None:
    url = host.publish("/a")
    host.answers.clear()
    asking = [asyncio.create_task(asked_for(behind, url)) for _ in range(20)]
    await host.is_asked.wait()
    host.answers.set()
    assert {each.status_code for each in await asyncio.gather(*asking)} == {302}
    assert host.asked == 1
    assert await events_of(behind, url) == ["client.registered"]


@pytest.mark.parametrize(
    ("documents", "status"),
    [
        ({"blocked": ["localhost"]}, 400),
        ({"allowed": ["*.example"]}, 400),
        ({"allowed": ["localhost"]}, 302),
        ({"allowed": ["localhost"], "blocked": ["localhost"]}, 400),
    ],
)
async def test_operators_say_whose_documents_count(
    host: DocumentHost, make_app: Any, documents: dict[str, Any], status: int
) -> None:
    settings = host.settings | {"documents": host.settings["documents"] | documents}
    app = await make_app(**settings, **_SERVER)
    assert (await asked_for(app, host.publish("/a"))).status_code == status


async def test_statements_of_the_policy_judge_documents(host: DocumentHost, make_app: Any) -> None:
    statements = [
        {
            "name": "no evil",
            "when": {"origin": "document", "client_name": "Evil"},
            "then": {"reject": {"error": "invalid_client_metadata", "description": "go away"}},
        },
        {
            "name": "look",
            "when": {"origin": "document", "client_name": "Look"},
            "then": {"hold": True},
        },
        {"name": "tag", "when": {"origin": "document"}, "then": {"tag": ["cimd"]}},
    ]
    app = await make_app(**host.settings, **_SERVER, policy={"statements": statements})
    evil = host.publish("/evil", client_name="Evil")
    assert "go away" in (await looked_up(app, evil)).json()["error_description"]
    held = host.publish("/held", client_name="Look")
    assert (await asked_for(app, held)).status_code == 400
    headers = await app.admin_token("clients:read", "clients:approve")
    path = f"/admin/v1/clients/{quote(held, '')}"
    assert (await app.http.get(path, headers=headers)).json()["status"] == "pending"
    assert (await app.http.post(f"{path}/approve", headers=headers)).status_code == 200
    assert (await asked_for(app, held)).status_code == 302
    good = host.publish("/good")
    assert (await asked_for(app, good)).status_code == 302
    shown = await app.http.get(f"/admin/v1/clients/{quote(good, '')}", headers=headers)
    assert shown.json()["tags"] == ["cimd"]


async def test_what_is_read_of_new_ones_is_limited_by_address(
    host: DocumentHost, make_app: Any
) -> None:
    limits = {"enabled": True, "open_registration_attempts": "2/minute"}
    app = await make_app(**host.settings, **_SERVER, rate_limits=limits)
    urls = [host.publish(f"/{number}") for number in range(4)]
    answers = [(await asked_for(app, url)).status_code for url in urls]
    assert answers == [302, 302, 429, 429]
    assert host.asked == 2
    assert (await asked_for(app, urls[0])).status_code == 302


async def test_tenants_do_not_share_what_was_read(host: DocumentHost, make_app: Any) -> None:
    """What one tenant's policy refuses another's may take, and neither hears of the other's."""
    reject = {"error": "invalid_client_metadata", "description": "not here"}
    statement = {"name": "no", "when": {"origin": "document"}, "then": {"reject": reject}}
    app = await make_app(
        **host.settings,
        policies={"strict": {"statements": [statement]}},
        tenants={
            "a": {"authorization_server": _THERE},
            "b": {"authorization_server": _THERE, "policy": "strict"},
        },
    )
    url = host.publish("/a", "Cache-Control: max-age=600\r\n")
    query = {"client_id": url}
    assert (await app.http.get("/t/a/authorize", params=query)).status_code == 302
    assert (await app.http.get("/t/b/authorize", params=query)).status_code == 400


@requirement("CIMD-6.2-01")
async def test_a_client_with_keys_is_let_in_by_them_alone(
    host: DocumentHost, any_database: str
) -> None:
    key = new_key()
    keys = {"keys": [public_jwk(key, use="sig", alg="ES256", kid="a")]}
    grant = {"grant_type": "client_credentials"}
    async with application(any_database, **host.settings) as app:
        url = host.publish(
            f"/{uuid.uuid4()}", token_endpoint_auth_method="private_key_jwt", jwks=keys,
            grant_types=["client_credentials"], response_types=[], redirect_uris=None,
            token_endpoint_auth_signing_alg="ES256",
        )  # fmt: skip
        refused = await app.http.post("/token", data=grant | {"client_id": url})
        assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
        proven = assertion(url, key, headers={"kid": "a"})
        answer = await app.http.post("/token", data=grant | proven)
        assert answer.status_code == 200, answer.text
        forged = assertion(url, new_key(), headers={"kid": "a"})
        assert (await app.http.post("/token", data=grant | forged)).status_code == 401


async def test_a_client_that_cannot_be_read_is_told_why_at_the_token_endpoint(
    host: DocumentHost, make_app: Any
) -> None:
    app = await make_app(**host.settings)
    grant = {"grant_type": "client_credentials", "client_id": host.url("/nothing")}
    answer = await app.http.post("/token", data=grant)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert "(status 404)" in answer.json()["error_description"]
