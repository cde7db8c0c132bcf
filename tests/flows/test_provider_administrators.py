"""Administrators with access tokens of an OpenID provider: of some tenants, and of one owner."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from structlog.testing import capture_logs

from conftest import MakeApplication
from harness.application import CALLBACK, Application, bearer
from harness.clients import public_jwk
from harness.metadata_server import MetadataServer, metadata_server
from harness.provider import AUDIENCE, KEY, signed

TENANTS: dict[str, Any] = {"acme": {}, "beta": {}}


@pytest.fixture
def provider() -> Iterator[MetadataServer]:
    """Discovery document and key set in one."""
    with metadata_server() as made:
        issuer = made.location.removesuffix("/metadata")
        keys = [public_jwk(KEY, kid="k1")]
        made.says = {"issuer": issuer, "jwks_uri": f"{issuer}/jwks", "keys": keys}
        yield made


def by(provider: MetadataServer, **claims: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {signed(KEY, iss=provider.says['issuer'], **claims)}"}


async def made_with(
    make_app: MakeApplication, provider: MetadataServer, **settings: Any
) -> Application:
    corp = {"issuer": provider.says["issuer"], "audience": AUDIENCE} | settings
    app: Application = await make_app(
        admin={"providers": {"corp": corp}},
        tenants=TENANTS,
        registration={"mode": "closed"},
        secrets={"encryption_keys": (f"{'A' * 43}=",)},
    )
    return app


async def status(app: Application, path: str, headers: dict[str, str]) -> int:
    return (await app.http.get(path, headers=headers)).status_code


async def test_who_is_of_one_tenant_is_no_administrator_elsewhere(
    make_app: MakeApplication, provider: MetadataServer
) -> None:
    """Nor learns which others there are."""
    app, ada = await made_with(make_app, provider, tenants=["acme"]), by(provider)
    assert await status(app, "/t/acme/admin/v1/clients", ada) == 200
    assert await status(app, "/admin/v1/clients?tenant=acme", ada) == 200
    assert await status(app, "/t/beta/admin/v1/clients", ada) == 403
    assert await status(app, "/admin/v1/clients", ada) == 403
    assert await status(app, "/t/acme/authorization-server/clients/nobody", ada) == 404
    assert await status(app, "/t/beta/authorization-server/clients/nobody", ada) == 403
    told = []
    for name in ("beta", "nobody"):
        answer = await app.http.get(f"/admin/v1/clients?tenant={name}", headers=ada)
        told.append((answer.status_code, answer.json() | {"request_id": "", "instance": ""}))
    assert told[0] == told[1]
    assert told[0][0] == 403


@pytest.mark.finding("J3")
async def test_an_owner_makes_and_sees_the_own_clients(
    make_app: MakeApplication, provider: MetadataServer
) -> None:
    app = await made_with(make_app, provider, owner_claim="department")
    scope = "clients:read clients:create"
    sales, legal = (by(provider, scope=scope, department=name) for name in ("sales", "legal"))
    body = {"redirect_uris": [CALLBACK]}
    answer = await app.http.post("/register", json=body, headers=sales)
    assert answer.status_code == 201
    client_id = answer.json()["client_id"]
    for who, found in ((sales, [client_id]), (legal, [])):
        listed = await app.http.get("/admin/v1/clients", headers=who)
        assert [each["client_id"] for each in listed.json()["items"]] == found
        path = f"/authorization-server/clients/{client_id}"
        assert await status(app, path, who) == (200 if found else 404)


async def test_a_provider_that_is_away_is_a_problem_of_its_own(
    make_app: MakeApplication, provider: MetadataServer
) -> None:
    app = await made_with(make_app, provider)
    provider.status = 500
    answer = await app.http.get("/admin/v1/clients", headers=by(provider))
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) > 0
    assert "127.0.0.1" not in answer.text


async def test_the_configuration_is_tried_without_a_log(
    make_app: MakeApplication, provider: MetadataServer
) -> None:
    """Whoever tries it is told; requests that fail for the same reason are logged."""
    app = await made_with(make_app, provider, algorithms=["ES256"])
    with capture_logs() as logged:
        assert await app.operations.base.providers.problems() == {"corp": None}
        provider.says["keys"] = [public_jwk(KEY)]
        assert "no key with a kid" in str(await app.operations.base.providers.problems())
        provider.status = 404
        assert "status 404" in str(await app.operations.base.providers.problems())
        assert logged == []
        assert await status(app, "/admin/v1/clients", by(provider)) == 503
    told = [line for line in logged if line["event"] == "admin_provider_unreachable"]
    assert len(told) == 1
    assert "status 404" in told[0]["problem"]


async def test_a_client_is_managed_by_a_jwt_where_it_is(
    make_app: MakeApplication, provider: MetadataServer
) -> None:
    """And what the client has for itself stays: its own token is good after that."""
    app = await made_with(make_app, provider, scopes={"dcr": ["administrator"]})
    ada, guest = by(provider, scope="dcr"), by(provider, scope="clients:read")
    body = {"redirect_uris": [CALLBACK], "client_name": "Before"}
    made = (await app.http.post("/register", json=body, headers=ada)).json()
    path = f"/register/{made['client_id']}"
    assert await status(app, path, guest) == 200
    assert (await app.http.delete(path, headers=guest)).status_code == 403
    changed = await app.http.put(
        path, json=body | {"client_id": made["client_id"], "client_name": "After"}, headers=ada
    )
    assert (changed.status_code, changed.json()["client_name"]) == (200, "After")
    assert await status(app, path, bearer(made)) == 200
    assert (await app.http.delete(path, headers=ada)).status_code == 204
    assert await status(app, path, ada) == 404
    forged = by(provider, aud="https://other.example.com")
    assert await status(app, path, forged) == 401


@pytest.mark.finding("M10")
async def test_what_a_jwt_issues_ends_with_it(
    make_app: MakeApplication, provider: MetadataServer
) -> None:
    """Unless it says that its bearer may do more."""
    app = await made_with(make_app, provider)
    ends_at = int(time.time()) + 300
    for scope, is_lasting in (("tokens:write", False), ("tokens:write tokens:outlive", True)):
        ada = by(provider, scope=f"{scope} clients:read", exp=ends_at)
        for noun, body in (
            ("initial-access-tokens", {}), ("admin-tokens", {"scopes": ["clients:read"]}),
        ):  # fmt: skip
            path = f"/admin/v1/{noun}"
            made = (await app.http.post(path, json=body, headers=ada)).json()
            told = datetime.fromisoformat(made["expires_at"]).timestamp()
            assert (told == ends_at) is not is_lasting
            answer = await app.http.post(path, json=body | {"expires_in": 0}, headers=ada)
            assert answer.status_code == (201 if is_lasting else 403)


@pytest.mark.finding("J7")
async def test_a_token_of_a_client_that_looks_like_a_jwt_needs_no_provider(
    make_app: MakeApplication, provider: MetadataServer
) -> None:
    """Keycloak's registration access tokens are JWTs of the issuer that administrators have."""
    app = await made_with(make_app, provider)
    issuer = provider.says["issuer"]
    provider.status = 500  # and is away
    for number, token in enumerate(
        (signed(KEY, iss=issuer, typ="RegistrationAccessToken"), "a.b.c", f"adm_{'x' * 40}")
    ):
        client_id = f"from-keycloak-{number}"
        body = {
            "client_id": client_id, "client_name": "Moved", "redirect_uris": [CALLBACK],
            "token_endpoint_auth_method": "none", "registration_access_token": token,
        }  # fmt: skip
        sent = await app.http.post(
            "/admin/v1/clients/import",
            json=body,
            headers=await app.admin_token("clients:create", "jobs:write"),
        )
        assert sent.status_code == 202
        await app.do_job("do_jobs")
        path = f"/register/{client_id}"
        answer = await app.http.get(path, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 200, answer.text
    # It is good for its own client alone, and is nobody else's.
    other = (await app.http.get("/register/from-keycloak-1", headers=by(provider))).status_code
    assert other == 503
    path = "/register/from-keycloak-0"
    assert await status(app, path, {"Authorization": "Bearer a.b.c"}) == 401
