"""GET /clients/{client_id}/metadata: a registered client as a document, whose URL names it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from harness.actors import OPERATOR
from harness.application import BASE_URL, CALLBACK, Application, bearer, update_of
from harness.clients import new_key, public_jwk

_THERE = {"authorization_endpoint": "https://as.example/login", "token_endpoint": "https://as/t"}
_PUBLIC = {"token_endpoint_auth_method": "none"}


async def publish(app: Application, client_id: str, *, published: Any = True) -> Any:
    headers = await app.admin_token("clients:update", "clients:read")
    path = f"/admin/v1/clients/{client_id}"
    return await app.http.patch(path, json={"published": published}, headers=headers)


async def test_nothing_is_told_until_an_administrator_says_so(any_app: Application) -> None:
    client = await any_app.register(**_PUBLIC, client_name="Shown")
    path = f"/clients/{client['client_id']}/metadata"
    assert (await any_app.http.get(path)).status_code == 404
    answer = await publish(any_app, client["client_id"])
    assert answer.status_code == 200, answer.text
    headers = await any_app.admin_token("clients:read")
    shown = await any_app.http.get(f"/admin/v1/clients/{client['client_id']}", headers=headers)
    assert shown.json()["published"] is True
    told = await any_app.http.get(path, headers={"Origin": "https://anybody.example"})
    assert told.status_code == 200
    assert told.headers["access-control-allow-origin"] == "*"
    assert told.headers["content-type"] == "application/json"
    document = told.json()
    assert document["client_id"] == f"{BASE_URL}{path}"
    assert document["client_name"] == "Shown"
    assert document["redirect_uris"] == [CALLBACK]
    etag = {"If-None-Match": told.headers["etag"]}
    assert (await any_app.http.get(path, headers=etag)).status_code == 304
    await publish(any_app, client["client_id"], published=False)
    assert (await any_app.http.get(path)).status_code == 404


async def test_nothing_is_told_that_is_not_the_client_s_own(app: Application) -> None:
    client = await app.register(**_PUBLIC)
    await app.set_members(client["client_id"], published=True, skip_consent=True, audience=["a"])
    document = (await app.http.get(f"/clients/{client['client_id']}/metadata")).json()
    assert not {"published", "skip_consent", "audience", "client_secret"} & document.keys()
    assert not [name for name in document if name.startswith("registration_")]


async def test_a_client_with_a_secret_is_not_published(app: Application) -> None:
    client = await app.register()
    answer = await publish(app, client["client_id"])
    assert answer.status_code == 400
    assert "a document holds no secret" in answer.json()["detail"]
    assert (await app.http.get(f"/clients/{client['client_id']}/metadata")).status_code == 404


async def test_one_that_is_published_keeps_it_through_its_own_updates(app: Application) -> None:
    client = await app.register(**_PUBLIC)
    path = f"/clients/{client['client_id']}/metadata"
    await publish(app, client["client_id"])
    own = f"/register/{client['client_id']}"
    changed = update_of(client, client_name="Other")
    assert (await app.http.put(own, json=changed, headers=bearer(client))).status_code == 200
    assert (await app.http.get(path)).json()["client_name"] == "Other"
    secret = update_of(client, token_endpoint_auth_method="client_secret_basic")
    assert (await app.http.put(own, json=secret, headers=bearer(client))).status_code == 400


async def test_a_client_does_not_publish_itself_unless_the_policy_lets_it(make_app: Any) -> None:
    closed = await make_app()
    client = await closed.register(**_PUBLIC, published=True)
    assert "published" not in client
    assert (await closed.http.get(f"/clients/{client['client_id']}/metadata")).status_code == 404
    policy = {"extensions": {"self_service": ["published"]}}
    opened = await make_app(policy=policy)
    client = await opened.register(**_PUBLIC, published=True)
    assert (await opened.http.get(f"/clients/{client['client_id']}/metadata")).status_code == 200


@pytest.mark.parametrize("published", ["yes", 1, [True]])
async def test_it_is_true_or_false(app: Application, published: Any) -> None:
    client = await app.register(**_PUBLIC)
    answer = await publish(app, client["client_id"], published=published)
    assert answer.status_code == 400
    assert "published" in answer.json()["detail"]


async def test_who_is_suspended_or_deleted_is_not_told_of(app: Application) -> None:
    client = await app.register(**_PUBLIC)
    path = f"/clients/{client['client_id']}/metadata"
    await publish(app, client["client_id"])
    tenant, lifecycle = app.runtime.default_tenant, app.operations.client_lifecycle
    await lifecycle.suspend(tenant, client["client_id"], OPERATOR)
    assert (await app.http.get(path)).status_code == 404
    await lifecycle.resume(tenant, client["client_id"], OPERATOR)
    assert (await app.http.get(path)).status_code == 200
    await lifecycle.delete(tenant, client["client_id"], OPERATOR)
    assert (await app.http.get(path)).status_code == 404


async def test_this_server_takes_its_own_documents_and_asks_nobody_for_them(make_app: Any) -> None:
    app = await make_app(authorization_server=_THERE, documents={"enabled": True})
    keys = {"keys": [public_jwk(new_key(), use="sig", alg="ES256", kid="a")]}
    client = await app.register(token_endpoint_auth_method="private_key_jwt", jwks=keys)
    url = f"{BASE_URL}/clients/{client['client_id']}/metadata"
    query = {"client_id": url, "redirect_uri": CALLBACK}
    assert (await app.http.get("/authorize", params=query)).status_code == 400
    await publish(app, client["client_id"])
    assert (await app.http.get("/authorize", params=query)).status_code == 302
    headers = await app.admin_token("clients:read")
    path = f"/authorization-server/clients/{quote(url, '')}"
    told = (await app.http.get(path, headers=headers)).json()
    assert told["client_id"] == url
    assert told["jwks"] == keys
