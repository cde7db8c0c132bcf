"""What surrounds the protocol: health, headers, CORS, OpenAPI, logs, errors."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from conftest import MakeApplication
from dcrserver.db.failures import Absent
from dcrserver.errors import Unavailable
from dcrserver.settings import TelemetrySettings
from dcrserver.telemetry import configure_logging
from harness.application import BASE_URL, CALLBACK, Application, bearer, update_of

requirement = pytest.mark.requirement


async def test_liveness_asks_nobody(app: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(app.runtime.database), "not_ready_reason", _unreachable)
    assert (await app.http.get("/healthz")).json() == {"status": "alive"}
    answer = await app.http.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "not ready", "reason": "the database cannot be reached"}


async def _unreachable(_: object) -> None:
    raise Unavailable("away")


async def test_readiness_tells_why_not(any_app: Application) -> None:
    assert (await any_app.http.get("/readyz")).json() == {"status": "ready"}
    any_app.runtime.draining = True
    answer = await any_app.http.get("/readyz")
    assert (answer.status_code, answer.json()["reason"]) == (503, "shutting down")


async def test_metrics_count_by_route_template(app: Application) -> None:
    await app.http.get("/register/no-such-client")
    await app.http.get("/no/such/path")
    await app.http.get("/openapi.json")
    text = (await app.http.get("/metrics")).text
    assert 'method="GET",route="/register/{client_id}",status="401"' in text
    assert 'method="(any)",route="(none)",status="404"' in text
    assert 'method="GET",route="/openapi.json",status="200"' in text
    assert "no-such-client" not in text


async def test_security_headers_are_everywhere(app: Application) -> None:
    for path in ("/", "/docs", "/healthz", "/nope", "/register/x"):
        headers = (await app.http.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert "max-age" in headers["strict-transport-security"]


async def test_no_transport_security_is_promised_over_http(make_app: MakeApplication) -> None:
    app = await make_app(server={"base_url": "http://127.0.0.1:8000"})
    assert "strict-transport-security" not in (await app.http.get("/")).headers


@pytest.mark.parametrize(
    ("given", "kept"), [("abc-1.2_X", True), ("a b", False), ("x" * 65, False), ("ü", False)]
)
async def test_request_ids(app: Application, given: str, *, kept: bool) -> None:
    answer = await app.http.get("/healthz", headers={"X-Request-ID": given.encode("latin-1")})
    assert (answer.headers["x-request-id"] == given) is kept
    assert answer.headers["x-request-id"]


@requirement("OIDR-3-01", "OIDR-4-01", "OIDD-4-04", "POL-54")
@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/register", "POST"),
        ("/register/x", "PUT"),
        ("/.well-known/webfinger", "GET"),
        ("/token", "POST"),
        ("/revoke", "POST"),
    ],
)
async def test_scripts_of_any_page_may_call(app: Application, path: str, method: str) -> None:
    preflight = {
        "Origin": "https://app.example",
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    answer = await app.http.options(path, headers=preflight)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert method in answer.headers["access-control-allow-methods"]
    assert "access-control-allow-credentials" not in answer.headers
    refusal = await app.http.get("/register/x", headers={"Origin": "https://app.example"})
    assert refusal.headers["access-control-allow-origin"] == "*"
    assert "WWW-Authenticate" in refusal.headers["access-control-expose-headers"]


async def test_cors_is_for_the_protocol_only(app: Application) -> None:
    for path in ("/introspect", "/healthz", "/metrics", "/authorize"):
        answer = await app.http.get(path, headers={"Origin": "https://app.example"})
        assert "access-control-allow-origin" not in answer.headers


async def test_cors_can_be_switched_off(make_app: MakeApplication) -> None:
    app = await make_app(policy={"cors": {"enabled": False}})
    answer = await app.http.get("/register/x", headers={"Origin": "https://app.example"})
    assert "access-control-allow-origin" not in answer.headers


async def test_cors_works_below_a_tenant(make_app: MakeApplication) -> None:
    app = await make_app(tenants={"acme": {}})
    answer = await app.http.get("/t/acme/register/x", headers={"Origin": "https://app.example"})
    assert answer.headers["access-control-allow-origin"] == "*"


async def test_plain_options_tells_what_is_allowed(app: Application) -> None:
    answer = await app.http.options("/register")
    assert (answer.status_code, answer.headers["allow"]) == (204, "GET, HEAD, OPTIONS, POST")


async def test_an_unknown_path_is_a_json_404(app: Application) -> None:
    answer = await app.http.get("/nope")
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")
    assert "detail" not in answer.json()


@pytest.mark.parametrize(
    ("method", "path", "meant"),
    [
        ("POST", "/register/", "/register"),
        ("POST", "//register", "/register"),
        ("PUT", "/register/x/", "/register/x"),
        ("POST", "/token//", "/token"),
        ("POST", "/t/acme/register/", "/t/acme/register"),
    ],
)
async def test_a_slash_too_many_is_told(
    make_app: MakeApplication, method: str, path: str, meant: str
) -> None:
    app = await make_app(tenants={"acme": {}})
    answer = await app.http.request(method, f"{BASE_URL}{path}", json={})
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")
    assert f"did you mean {meant}, " in answer.json()["error_description"]


@pytest.mark.parametrize("path", ["/nope/", "//", "/t/nobody/register/", "/registers/"])
async def test_no_slash_too_many_is_told_of_where_nothing_is(app: Application, path: str) -> None:
    answer = await app.http.post(f"{BASE_URL}{path}", json={})
    assert answer.status_code in {404, 405}
    assert "did you mean" not in answer.json()["error_description"]


async def test_what_breaks_is_logged_and_never_shown(
    app: Application, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("very private: rat_0123456789abcdef0123456789abcdef")

    configure_logging(TelemetrySettings())  # to the stderr that is captured
    monkeypatch.setattr(type(app.runtime.registration), "register", broken)
    answer = await app.http.post("/register", json={})
    assert answer.status_code == 500
    assert answer.json()["error"] == "server_error"
    assert "private" not in answer.text
    assert "Traceback" not in answer.text
    log = capsys.readouterr().err
    assert "very private: [hidden]" in log
    assert "Traceback" in log


async def test_no_secret_gets_into_the_log(
    app: Application, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(TelemetrySettings())  # to the stderr that is captured
    client = await app.register(grant_types=["client_credentials"], client_name="Canary")
    auth = (client["client_id"], client["client_secret"])
    granted = await app.http.post("/token", data={"grant_type": "client_credentials"}, auth=auth)
    where = f"/register/{client['client_id']}"
    await app.http.get(where, headers=bearer(client))
    await app.http.get(where, params={"access_token": client["registration_access_token"]})
    body = update_of(client, client_secret="wrong-secret-canary", redirect_uris=["x"])
    await app.http.put(where, json=body, headers=bearer(client))
    log = capsys.readouterr().err
    assert log.count('"event": "request"') == 5
    for line in log.splitlines():
        json.loads(line)
    secrets = [client["client_secret"], client["registration_access_token"], "wrong-secret-canary"]
    assert not [secret for secret in [*secrets, granted.json()["access_token"]] if secret in log]


async def test_openapi_tells_of_bodies_examples_and_errors(app: Application) -> None:
    document = (await app.http.get("/openapi.json")).json()
    register = document["paths"]["/register"]["post"]
    assert set(register["responses"]) == {
        "201", "400", "401", "403", "408", "409", "413", "415", "422", "429", "503",
    }  # fmt: skip
    body = register["requestBody"]["content"]["application/json"]["schema"]
    assert body == {"$ref": "#/components/schemas/ClientMetadata"}
    metadata = document["components"]["schemas"]["ClientMetadata"]
    assert metadata["properties"]["grant_types"]["default"] == ["authorization_code"]
    assert set(document["paths"]["/register/{client_id}"]) == {"get", "put", "delete"}
    # FastAPI's own; ours is what an Idempotency-Key of another body is told.
    assert "HTTPValidationError" not in str(document["paths"])
    told = {path for path, item in document["paths"].items()
            for each in item.values() if "422" in each["responses"]}  # fmt: skip
    created = ("clients", "clients/bulk", "clients/import", "initial-access-tokens", "admin-tokens")
    refreshed = "/admin/v1/clients/{client_id}/refresh"
    assert told <= {"/register", refreshed, *(f"/admin/v1/{name}" for name in created)}
    assert {"/authorize", "/token", "/jwks"} <= document["paths"].keys()


async def test_openapi_promises_only_answers_that_are_described(app: Application) -> None:
    """FastAPI adds JSON of any kind to a success, unless the route says what it answers with."""
    document = (await app.http.get("/openapi.json")).json()
    undescribed = [
        (path, method, status, media_type)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        for status, answer in operation["responses"].items()
        for media_type, content in answer.get("content", {}).items()
        if not content.get("schema")
    ]
    assert undescribed == []


async def test_openapi_leaves_out_what_is_off(make_app: MakeApplication) -> None:
    server = {
        "authorization_endpoint": "https://as.example/authorize",
        "token_endpoint": "https://as.example/token",
    }
    settled = await make_app(authorization_server=server)
    paths = (await settled.http.get("/openapi.json")).json()["paths"]
    off = {"/token", "/jwks", "/register/validate"}
    assert not off & paths.keys()
    for path in off:
        assert f"<code>{path}</code>" not in (await settled.http.get("/docs")).text
    mixed = await make_app(
        authorization_server=server, tenants={"a": {}}, registration={"mode": "protected"}
    )
    assert off <= (await mixed.http.get("/t/a/openapi.json")).json()["paths"].keys()


async def test_every_reference_in_openapi_leads_somewhere(app: Application) -> None:
    document = (await app.http.get("/openapi.json")).json()

    def references(node: Any) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
            return own + [found for value in node.values() for found in references(value)]
        if isinstance(node, list):
            return [found for value in node for found in references(value)]
        return []

    for reference in references(document):
        target: Any = document
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]
        assert isinstance(target, dict)


async def test_the_examples_of_openapi_are_true(app: Application) -> None:
    schemas = (await app.http.get("/openapi.json")).json()["components"]["schemas"]
    example = schemas["ClientMetadata"]["example"]
    answer = await app.http.post("/register", json=example)
    assert answer.status_code == 201
    assert answer.json().keys() == schemas["ClientInformation"]["example"].keys()
    update = schemas["ClientUpdate"]["example"] | {"client_id": answer.json()["client_id"]}
    where = f"/register/{answer.json()['client_id']}"
    updated = await app.http.put(where, json=update, headers=bearer(answer.json()))
    assert updated.status_code == 200


async def test_the_pages_load_nothing_from_elsewhere(app: Application) -> None:
    for path in ("/", "/docs"):
        answer = await app.http.get(path, headers={"Accept": "text/html"})
        assert answer.status_code == 200
        assert 'src="' not in answer.text
        assert '<link rel="stylesheet" href="/static/style.css?v=' in answer.text
        assert "<script" not in answer.text
    style = await app.http.get("/static/style.css")
    assert style.headers["content-type"].startswith("text/css")


@requirement("R7591-2.2-02")
async def test_the_authorization_page_shows_nothing_a_client_sent(app: Application) -> None:
    client = await app.register(client_name="<script>alert(1)</script>")
    params = {"client_id": client["client_id"], "redirect_uri": "<script>"}
    assert "<script>" not in (await app.http.get("/authorize", params=params)).text


async def test_a_database_that_is_away_is_503(
    make_app: MakeApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = await make_app()

    def away(*_: object, **__: object) -> None:
        raise Absent("no route to the database at 10.0.0.1")

    monkeypatch.setattr("dcrserver.db.protocol.drivers.sqlite.SqliteDriver._begin", away)
    answer = await app.http.post("/register", json={"redirect_uris": [CALLBACK]})
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert "10.0.0.1" not in answer.text
    assert BASE_URL not in answer.text


async def test_a_body_that_does_not_come_is_not_waited_for(make_app: MakeApplication) -> None:
    app = await make_app(server={"body_seconds": 0.1})

    async def dripping() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(5)
        yield b"}"

    headers = {"Content-Type": "application/json"}
    answer = await app.http.post("/register", content=dripping(), headers=headers)
    assert answer.status_code == 408
    assert answer.json()["error"] == "request_timeout"
