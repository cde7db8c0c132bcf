"""Introspection (RFC 7662) and revocation (RFC 7009)."""

from __future__ import annotations

import base64
import time
from typing import Any

import httpx
import jwt
import pytest

from conftest import MakeApplication
from dcrserver.services.upkeep.certain_time import CertainTime
from harness.actors import OPERATOR
from harness.application import BASE_URL, Application, bearer
from harness.clients import certificate, escaped, new_key, proof

requirement = pytest.mark.requirement
GRANT = {"grant_type": "client_credentials"}
INACTIVE = {"active": False}


async def machine(app: Application, **metadata: Any) -> dict[str, Any]:
    body = {"grant_types": ["client_credentials"], "redirect_uris": [], "scope": "profile"}
    return await app.register(**body | metadata)


async def token_of(
    app: Application, client: dict[str, Any], headers: dict[str, str] | None = None
) -> str:
    auth = (client["client_id"], client["client_secret"])
    answer = await app.http.post("/token", data=GRANT, auth=auth, headers=headers)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


async def call(
    app: Application, path: str, client: dict[str, Any], **fields: str
) -> httpx.Response:
    auth = (client["client_id"], client["client_secret"])
    return await app.http.post(path, data=fields, auth=auth)


async def look(app: Application, token: str, **fields: str) -> dict[str, Any]:
    """As a resource server with an admin token sees it."""
    headers = await app.admin_token("tokens:introspect")
    answer = await app.http.post("/introspect", data={"token": token} | fields, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    made: dict[str, Any] = answer.json()
    return made


async def opaque(app: Application, client: dict[str, Any]) -> None:
    await app.set_members(client["client_id"], access_token_format="opaque")


@requirement("R7662-2.2-01", "R7662-2.2-04")
@pytest.mark.parametrize("kind", ["jwt", "opaque"])
async def test_a_token_is_told(any_app: Application, kind: str) -> None:
    client = await machine(any_app)
    if kind == "opaque":
        await opaque(any_app, client)
    token = await token_of(any_app, client)
    assert token.startswith("at_") == (kind == "opaque")
    told = await look(any_app, token)
    now = int(time.time())
    assert now - 5 <= told.pop("iat") <= now
    assert now + 290 <= told.pop("exp") <= now + 300
    assert told.pop("jti")
    assert told == {
        "active": True,
        "token_type": "Bearer",
        "scope": "profile",
        "client_id": client["client_id"],
        "sub": client["client_id"],
        "aud": BASE_URL,
        "iss": BASE_URL,
    }


@requirement("R9449-6.2-01", "R8705-3.2-01")
async def test_what_binds_a_token_is_told(make_app: MakeApplication) -> None:
    app = await make_app(mutual_tls={"header": "X-Client-Cert", "trusted_proxies": ["203.0.113.7"]})
    client = await machine(app, tls_client_certificate_bound_access_tokens=True)
    headers = {"X-Client-Cert": escaped(certificate(new_key()))}
    bound = await look(app, await token_of(app, client, headers))
    assert (bound["token_type"], list(bound["cnf"])) == ("Bearer", ["x5t#S256"])
    both = await look(app, await token_of(app, client, headers | proof(new_key())))
    assert (both["token_type"], sorted(both["cnf"])) == ("DPoP", ["jkt", "x5t#S256"])


@requirement("R7662-2.1-01", "R7662-2.3-01", "R7662-4-04")
async def test_who_may_look(app: Application) -> None:
    client, other = await machine(app), await machine(app)
    token = await token_of(app, client)
    nobody = await app.http.post("/introspect", data={"token": token})
    assert (nobody.status_code, nobody.json()["error"]) == (401, "invalid_client")
    wrong = await call(app, "/introspect", client | {"client_secret": "x"}, token=token)
    assert wrong.status_code == 401
    # A client sees its own tokens, and nothing of another's.
    assert (await call(app, "/introspect", client, token=token)).json()["active"]
    assert (await call(app, "/introspect", other, token=token)).json() == INACTIVE
    for scope, status in (("clients:read", 403), ("tokens:introspect", 200)):
        headers = await app.admin_token(scope)
        answer = await app.http.post("/introspect", data={"token": token}, headers=headers)
        assert answer.status_code == status
    for header in (
        "Bearer adm_wrong",
        f"Bearer {token}",
        f"Bearer {client['registration_access_token']}",
    ):
        answer = await app.http.post(
            "/introspect", data={"token": token}, headers={"Authorization": header}
        )
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
    public = await app.register(token_endpoint_auth_method="none")
    fields = {"token": token, "client_id": public["client_id"]}
    assert (await app.http.post("/introspect", data=fields)).json()[
        "error"
    ] == "unauthorized_client"


@requirement("R7662-4-02")
async def test_a_resource_server_sees_tokens_for_itself(any_app: Application) -> None:
    client, here, there = await machine(any_app), "https://api.example/", "https://other.example/"
    auth = (client["client_id"], client["client_secret"])
    for resources, active in (([here], True), ([there], False), ([there, here], True), ([], False)):
        answer = await any_app.http.post("/token", data=GRANT | {"resource": resources}, auth=auth)
        token = answer.json()["access_token"]
        headers = await any_app.admin_token("tokens:introspect", audiences=(here,))
        told = await any_app.http.post("/introspect", data={"token": token}, headers=headers)
        assert told.json()["active"] is active, resources
        assert (await look(any_app, token))["active"]


@requirement("R7662-2.1-02", "R7662-5-01")
async def test_hints_hide_nothing(app: Application) -> None:
    token = await token_of(app, await machine(app))
    for hint in ("refresh_token", "access_token", "nonsense", ""):
        assert (await look(app, token, token_type_hint=hint))["active"]


@requirement("R7662-2.2-02", "R7662-2.2-03", "R7662-4-01")
async def test_what_is_no_good_token_is_inactive(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await machine(app)
    token = await token_of(app, client)
    header, claims, signature = token.split(".")
    forged = jwt.encode(
        jwt.decode(token, options={"verify_signature": False}), new_key(), "ES256",
        headers=jwt.get_unverified_header(token),
    )  # fmt: skip
    for bad in (
        "x",
        "at_unknown",
        f"{header}.{claims}.",
        f"{header}.{claims}.{'A' * len(signature)}",
        forged,
        client["registration_access_token"],
        client["client_secret"],
        "\u00fc",
        "a" * 9000,
    ):
        assert await look(app, bad) == INACTIVE
    later = time.time() + 301
    monkeypatch.setattr("time.time", lambda: later)
    headers = await app.admin_token("tokens:introspect")
    answer = await app.http.post("/introspect", data={"token": token}, headers=headers)
    assert answer.json() == INACTIVE
    missing = await app.http.post("/introspect", data={}, headers=headers)
    assert (missing.status_code, missing.json()["error"]) == (400, "invalid_request")


async def test_a_token_of_another_tenant_is_inactive(make_app: MakeApplication) -> None:
    """Row 36."""
    app = await make_app(tenants={"a": {}})
    token = await token_of(app, await machine(app))
    headers = await app.admin_token("tokens:introspect")
    ours = await app.http.post("/introspect", data={"token": token}, headers=headers)
    assert ours.json()["active"]
    theirs = await app.http.post("/t/a/introspect", data={"token": token}, headers=headers)
    assert theirs.status_code == 401


@requirement("UKOB-11")
@pytest.mark.parametrize("kind", ["jwt", "opaque"])
@pytest.mark.parametrize("end", ["delete", "suspend"])
async def test_the_end_of_a_client_is_the_end_of_its_tokens(
    any_app: Application, kind: str, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await machine(any_app)
    if kind == "opaque":
        await opaque(any_app, client)
    token = await token_of(any_app, client)
    assert (await look(any_app, token))["active"]
    tenant, clients = any_app.runtime.default_tenant, any_app.operations.client_lifecycle
    if end == "delete":
        uri, update = client["registration_client_uri"], {"client_id": client["client_id"]}
        update |= {"grant_types": client["grant_types"], "client_name": "Changed"}
        changed = await any_app.http.put(uri, headers=bearer(client), json=update)
        assert changed.status_code == 200, changed.text
        assert (await look(any_app, token))["active"]
        await any_app.http.delete(uri, headers=bearer(changed.json()))
    else:
        await clients.suspend(tenant, client["client_id"], OPERATOR)
    assert await look(any_app, token) == INACTIVE
    if end == "suspend":
        # A leak may be why it was suspended; resuming the client does not bring it back.
        await clients.resume(tenant, client["client_id"], OPERATOR)
        assert await look(any_app, token) == INACTIVE
        # The times in tokens are whole seconds.
        monkeypatch.setattr("time.time", lambda now=time.time: now() + 1)
        assert (await look(any_app, await token_of(any_app, client)))["active"]


@requirement("R7009-2-02", "R7009-2.1-01", "R7009-2.1-02", "R7009-2.1-03", "R7009-2.1-04",
             "R7009-2.2-01", "R7009-2.2.1-01")  # fmt: skip
@pytest.mark.parametrize("kind", ["jwt", "opaque"])
async def test_a_client_revokes_its_token(any_app: Application, kind: str) -> None:
    client, other = await machine(any_app), await machine(any_app)
    if kind == "opaque":
        await opaque(any_app, client)
    token, kept = await token_of(any_app, client), await token_of(any_app, client)
    anonymous = await any_app.http.post("/revoke", data={"token": token})
    assert anonymous.status_code == 401
    stranger = await call(any_app, "/revoke", other, token=token)
    assert (stranger.status_code, stranger.json()["error"]) == (400, "unauthorized_client")
    assert (await look(any_app, token))["active"]
    for _ in range(2):  # the second time it is none any more
        answer = await call(
            any_app, "/revoke", client, token=token, token_type_hint="refresh_token"
        )
        assert (answer.status_code, answer.content) == (200, b"")
        assert await look(any_app, token) == INACTIVE
    assert (await look(any_app, kept))["active"]
    for unknown in ("x", "at_x", "a.b.c"):
        assert (await call(any_app, "/revoke", client, token=unknown)).status_code == 200
    missing = await call(any_app, "/revoke", client)
    assert (missing.status_code, missing.json()["error"]) == (400, "invalid_request")


@requirement("R6749-2.3-01")
async def test_a_public_client_may_revoke_and_nothing_else(app: Application) -> None:
    """Anybody can say that they are it: it sees nothing, gets nothing, ends what is its own."""
    public, other = await app.register(token_endpoint_auth_method="none"), await machine(app)
    identity = {"client_id": public["client_id"]}
    token = await token_of(app, other)
    answer = await app.http.post("/revoke", data={"token": "x"} | identity)
    assert answer.status_code == 200
    for path in ("/revoke", "/introspect"):
        answer = await app.http.post(path, data={"token": token} | identity)
        assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")
    answer = await app.http.post("/token", data=GRANT | identity)
    assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")
    assert (await look(app, token))["active"]


async def test_what_expired_is_forgotten(
    any_app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await machine(any_app)
    await call(any_app, "/revoke", client, token=await token_of(any_app, client))
    await opaque(any_app, client)
    token = await token_of(any_app, client)
    digest_of = any_app.runtime.token_grant._tokens  # noqa: SLF001 - to look at the table
    tenant = any_app.runtime.default_tenant
    assert await digest_of.read(tenant, token)
    later = int(time.time()) + 400
    monkeypatch.setattr("time.time", lambda: later)
    monkeypatch.setattr(CertainTime, "now", lambda _: later)
    await any_app.do_job("forget_expired")
    assert await digest_of._opaque(tenant, token) is None  # noqa: SLF001


async def test_the_endpoints_are_found_and_can_be_off(
    app: Application, make_app: MakeApplication
) -> None:
    document = (await app.http.get("/.well-known/openid-configuration")).json()
    assert document["introspection_endpoint"] == f"{BASE_URL}/introspect"
    assert document["revocation_endpoint"] == f"{BASE_URL}/revoke"
    off = await make_app(tokens={"enabled": False})
    for path in ("/introspect", "/revoke"):
        basic = base64.b64encode(b"a:b").decode()
        answer = await off.http.post(
            path, data={"token": "x"}, headers={"Authorization": f"Basic {basic}"}
        )
        assert answer.status_code == 404
    document = (await off.http.get("/.well-known/openid-configuration")).json()
    assert not {"introspection_endpoint", "revocation_endpoint"} & document.keys()
