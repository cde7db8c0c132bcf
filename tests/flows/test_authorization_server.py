"""What an authorization server with a token endpoint of its own asks us about clients."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from conftest import MakeApplication
from harness.actors import OPERATOR
from harness.application import Application, bearer, update_of
from harness.clients import assertion, certificate, new_key, pem, public_jwk

AUTHENTICATE = "/authorization-server/authenticate"
THEIR_TOKEN_ENDPOINT = "https://as.example.com/oauth/token"
METHODS = [
    "client_secret_basic",
    "client_secret_post",
    "client_secret_jwt",
    "private_key_jwt",
    "tls_client_auth",
    "self_signed_tls_client_auth",
    "none",
]


@pytest.fixture
async def directory(make_app: MakeApplication) -> Application:
    """In front of an authorization server that has every method and its own token endpoint, with
    clients from before RFC 10070.
    """
    made: Application = await make_app(
        secrets={"encryption_keys": [base64.b64encode(bytes(32)).decode()]},
        policy={"authentication": {"assertion_audience": "any"}},
        authorization_server={
            "token_endpoint": THEIR_TOKEN_ENDPOINT,
            "token_endpoint_auth_methods_supported": METHODS,
        },
    )
    return made


async def ask(app: Application, **presented: Any) -> dict[str, Any]:
    headers = await app.admin_token("clients:authenticate")
    answer = await app.http.post(AUTHENTICATE, json=presented, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    made: dict[str, Any] = answer.json()
    return made


def basic(client: dict[str, Any], secret: str | None = None) -> str:
    pair = f"{client['client_id']}:{secret or client['client_secret']}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


async def test_secrets(directory: Application) -> None:
    client = await directory.register(client_name="One")
    told = await ask(directory, authorization=basic(client))
    assert (told["active"], told["method"]) == (True, "client_secret_basic")
    assert told["client_id"] == told["client"]["client_id"] == client["client_id"]
    assert told["client"]["client_name"] == "One"
    assert told["client"]["redirect_uris"] == client["redirect_uris"]
    assert not {"client_secret", "registration_access_token"} & told["client"].keys()
    assert not (await ask(directory, authorization=basic(client, "wrong")))["active"]
    posted = {"client_id": client["client_id"], "client_secret": client["client_secret"]}
    refused = await ask(directory, parameters=posted)
    assert refused == {
        "active": False,
        "error": "invalid_client",
        "error_description": "the client is registered for client_secret_basic",
    }


async def test_assertions_for_their_token_endpoint(directory: Application) -> None:
    key = new_key()
    keyed = await directory.register(
        token_endpoint_auth_method="private_key_jwt", jwks={"keys": [public_jwk(key)]}
    )
    shared = await directory.register(token_endpoint_auth_method="client_secret_jwt")
    for client, secret, algorithm in (
        (keyed, key, "ES256"),
        (shared, shared["client_secret"], "HS256"),
    ):
        fields = assertion(client["client_id"], secret, algorithm, aud=THEIR_TOKEN_ENDPOINT)
        told = await ask(directory, parameters=fields)
        assert told["active"], told
        assert told["method"] == client["token_endpoint_auth_method"]
        assert not (await ask(directory, parameters=fields))["active"], "replayed"
        elsewhere = assertion(client["client_id"], secret, algorithm, aud="https://evil.example")
        assert not (await ask(directory, parameters=elsewhere))["active"]


async def test_an_endpoint_of_theirs_may_be_the_audience(directory: Application) -> None:
    key, endpoint = new_key(), "https://as.example.com/device"
    client = await directory.register(
        token_endpoint_auth_method="private_key_jwt", jwks={"keys": [public_jwk(key)]}
    )
    fields = assertion(client["client_id"], key, aud=endpoint)
    assert not (await ask(directory, parameters=fields))["active"]
    assert (await ask(directory, parameters=fields, endpoint=endpoint))["active"]


@pytest.mark.parametrize("audience", ["any", "issuer"])
async def test_their_issuer_may_be_the_audience(make_app: MakeApplication, audience: str) -> None:
    """It is another than ours; by FAPI 2.0 it is the only one that may be."""
    app = await make_app(policy={"authentication": {"assertion_audience": audience}})
    key, issuer = new_key(), "https://as.example.com"
    client = await app.register(
        token_endpoint_auth_method="private_key_jwt", jwks={"keys": [public_jwk(key)]}
    )
    fields = assertion(client["client_id"], key, aud=issuer)
    assert not (await ask(app, parameters=fields))["active"]
    assert (await ask(app, parameters=fields, issuer=issuer))["active"]
    ours = assertion(client["client_id"], key, aud=app.runtime.default_tenant.issuer)
    told = await ask(app, parameters=ours, issuer=issuer)
    assert told["active"] is (audience == "any")


async def test_certificates(directory: Application) -> None:
    key = new_key()
    theirs = certificate(key, "CN=one,O=Example")
    named = await directory.register(
        token_endpoint_auth_method="tls_client_auth", tls_client_auth_subject_dn="CN=one,O=Example"
    )
    listed = await directory.register(
        token_endpoint_auth_method="self_signed_tls_client_auth",
        jwks={
            "keys": [
                public_jwk(key)
                | {"x5c": [base64.b64encode(theirs.public_bytes(Encoding.DER)).decode()]}
            ]
        },
    )
    for client, verified, active in (
        (named, True, True),
        (named, False, False),
        (listed, False, True),
    ):
        told = await ask(
            directory,
            parameters={"client_id": client["client_id"]},
            certificate=pem(theirs),
            certificate_verified=verified,
        )
        assert told["active"] is active, client["token_endpoint_auth_method"]
        assert ("certificate_thumbprint" in told) is active


async def test_public_clients(directory: Application) -> None:
    client = await directory.register(token_endpoint_auth_method="none")
    told = await ask(directory, parameters={"client_id": client["client_id"], "code": "x"})
    assert (told["active"], told["method"]) == (True, "none")


async def test_nobody_is_nobody(directory: Application) -> None:
    client = await directory.register()
    nobody = {"client_id": "0" * 32}
    assert await ask(directory, parameters=nobody) == await ask(
        directory, parameters={"client_id": client["client_id"]}
    )
    assert not (await ask(directory))["active"]
    twice = await ask(
        directory,
        authorization=basic(client),
        parameters={"client_secret": client["client_secret"], "client_id": client["client_id"]},
    )
    assert (twice["active"], twice["error"]) == (False, "invalid_client")


@pytest.mark.parametrize(
    "body",
    [
        {"parameters": []},
        {"parameters": {"client_id": 1}},
        {"authorization": ["x"]},
        {"certificate": "no certificate"},
        {"certificate_verified": "yes"},
        {"endpoint": 1},
    ],
    ids=str,
)
async def test_a_question_that_is_none_is_refused(app: Application, body: dict[str, Any]) -> None:
    headers = await app.admin_token("clients:authenticate")
    answer = await app.http.post(AUTHENTICATE, json=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert next(iter(body)).partition(".")[0] in answer.json()["error_description"]


@pytest.mark.parametrize("scope", ["clients:read", "tokens:introspect", "clients:create"])
async def test_each_credential_is_for_its_own_purpose(app: Application, scope: str) -> None:
    client = await app.register()
    url = f"/authorization-server/clients/{client['client_id']}"
    assert (await app.http.post(AUTHENTICATE, json={})).status_code == 401
    assert (await app.http.get(url)).status_code == 401
    assert (await app.http.get(url, headers=bearer(client))).status_code == 401
    headers = await app.admin_token(scope)
    refused = await app.http.post(AUTHENTICATE, json={}, headers=headers)
    assert (refused.status_code, refused.json()["error"]) == (403, "insufficient_scope")
    read = await app.http.get(url, headers=headers)
    assert read.status_code == (200 if scope == "clients:read" else 403)


async def test_a_client_is_read_and_remembered(any_app: Application) -> None:
    client = await any_app.register(client_name="One")
    headers = await any_app.admin_token("clients:read")
    url = f"/authorization-server/clients/{client['client_id']}"

    async def read(etag: str | None = None) -> httpx.Response:
        known = {"If-None-Match": etag} if etag else {}
        return await any_app.http.get(url, headers=headers | known)

    first = await read()
    assert first.headers["cache-control"] == "private, max-age=30"
    assert first.json()["client_name"] == "One"
    assert client["client_secret"] not in first.text
    assert client["registration_access_token"] not in first.text
    etag = first.headers["etag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = await read(known)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == etag
    where = client["registration_client_uri"]
    body = update_of(client, client_secret=..., client_name="Two")
    assert (await any_app.http.put(where, json=body, headers=bearer(client))).status_code == 200
    changed = await read(etag)
    assert (changed.status_code, changed.json()["client_name"]) == (200, "Two")


async def test_a_client_that_is_away_is_not_found(any_app: Application) -> None:
    client = await any_app.register()
    headers = await any_app.admin_token("clients:read")
    url = f"/authorization-server/clients/{client['client_id']}"
    clients, tenant = any_app.operations.client_lifecycle, any_app.runtime.default_tenant
    await clients.suspend(tenant, client["client_id"], OPERATOR)
    assert (await any_app.http.get(url, headers=headers)).status_code == 404
    assert not (await ask(any_app, authorization=basic(client)))["active"]
    await clients.resume(tenant, client["client_id"], OPERATOR)
    assert (await any_app.http.get(url, headers=headers)).status_code == 200
    assert (await ask(any_app, authorization=basic(client)))["active"]
    await clients.delete(tenant, client["client_id"], OPERATOR)
    assert (await any_app.http.get(url, headers=headers)).status_code == 404
    assert not (await ask(any_app, authorization=basic(client)))["active"]


async def test_how_long_it_may_be_remembered_is_configured(make_app: MakeApplication) -> None:
    app = await make_app(authorization_server={"client_cache_seconds": 0})
    client = await app.register()
    headers = await app.admin_token("clients:read")
    answer = await app.http.get(
        f"/authorization-server/clients/{client['client_id']}", headers=headers
    )
    assert answer.headers["cache-control"] == "private, max-age=0"
