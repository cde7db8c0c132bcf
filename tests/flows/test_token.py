"""RFC 6749 4.4 and 5.2, RFC 9068, over HTTP."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import jwt
import pytest

from conftest import MakeApplication
from dcrserver.security import SecretBox
from harness.application import BASE_URL, Application, bearer, update_of

GRANT = {"grant_type": "client_credentials"}


async def machine(app: Application, **metadata: Any) -> dict[str, Any]:
    return await app.register(
        **{"grant_types": ["client_credentials"], "scope": "profile email"} | metadata
    )


async def grant(app: Application, client: dict[str, Any], **fields: str) -> httpx.Response:
    auth = (client["client_id"], client["client_secret"])
    return await app.http.post("/token", data=GRANT | fields, auth=auth)


async def claims_of(app: Application, token: str) -> dict[str, Any]:
    keys = jwt.PyJWKSet.from_dict((await app.http.get("/jwks")).json())
    header = jwt.get_unverified_header(token)
    assert header["typ"] == "at+jwt"
    claims: dict[str, Any] = jwt.decode(
        token, keys[header["kid"]], algorithms=["ES256"], audience=BASE_URL, issuer=BASE_URL
    )
    return claims


async def test_a_client_gets_a_token_that_verifies(any_app: Application) -> None:
    client = await machine(any_app)
    answer = await grant(any_app, client)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    made = answer.json()
    assert (made["token_type"], made["expires_in"], made["scope"]) == (
        "Bearer",
        300,
        "profile email",
    )
    claims = await claims_of(any_app, made["access_token"])
    assert claims["sub"] == claims["client_id"] == client["client_id"]
    assert claims["exp"] - claims["iat"] == 300
    assert claims["scope"] == "profile email"
    assert claims["jti"]


@pytest.mark.requirement("OIDD-3-09")
async def test_the_keys_are_public_only(app: Application) -> None:
    answer = await app.http.get("/jwks")
    assert answer.headers["content-type"] == "application/jwk-set+json"
    (key,) = answer.json()["keys"]
    assert key.keys() == {"kty", "crv", "x", "y", "kid", "use", "alg"}
    assert (key["alg"], key["use"]) == ("ES256", "sig")


async def test_client_secret_post(app: Application) -> None:
    client = await machine(app, token_endpoint_auth_method="client_secret_post")
    form = GRANT | {"client_id": client["client_id"], "client_secret": client["client_secret"]}
    assert (await app.http.post("/token", data=form)).status_code == 200


async def test_only_the_registered_method_authenticates(app: Application) -> None:
    client = await machine(app, token_endpoint_auth_method="client_secret_post")
    answer = await grant(app, client)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert answer.headers["www-authenticate"].startswith("Basic ")


@pytest.mark.parametrize(
    ("requested", "granted"),
    [("profile", "profile"), ("email profile", "email profile"), ("", "profile email")],
)
async def test_scopes_are_limited_to_the_registered(
    app: Application, requested: str, granted: str
) -> None:
    answer = await grant(app, await machine(app), scope=requested)
    assert answer.json()["scope"] == granted


async def test_a_client_without_scope_gets_a_token_without(app: Application) -> None:
    answer = await grant(app, await machine(app, scope=""))
    assert "scope" not in answer.json()
    assert "scope" not in await claims_of(app, answer.json()["access_token"])


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"scope": "openid"}, 400, "invalid_scope"),
        ({"scope": "profile admin"}, 400, "invalid_scope"),
        ({"grant_type": "authorization_code"}, 400, "unsupported_grant_type"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": ""}, 400, "invalid_request"),
        ({"client_secret": "x"}, 401, "invalid_client"),
        ({"client_id": "other"}, 401, "invalid_client"),
    ],
)
async def test_refusals(app: Application, fields: dict[str, str], status: int, code: str) -> None:
    answer = await grant(app, await machine(app), **fields)
    assert (answer.status_code, answer.json()["error"]) == (status, code)
    assert answer.headers["cache-control"] == "no-store"


async def test_a_client_of_another_grant_is_unauthorized(app: Application) -> None:
    answer = await grant(app, await app.register())
    assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")


@pytest.mark.parametrize(
    "header",
    [
        None,
        "Bearer abc",
        "Basic",
        "Basic !!!",
        "Basic " + base64.b64encode(b"no-colon").decode(),
        "Basic " + base64.b64encode(b"\xff:\xff").decode(),
        "Basic " + base64.b64encode(b"unknown:secret").decode(),
        "Basic " + base64.b64encode(b"\x00:\x00").decode(),
    ],
)
async def test_who_does_not_authenticate_gets_nothing(
    any_app: Application, header: str | None
) -> None:
    headers = {"Authorization": header} if header else {}
    answer = await any_app.http.post("/token", data=GRANT, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert "www-authenticate" in answer.headers


async def test_a_public_client_cannot_use_its_name_alone(app: Application) -> None:
    client = await app.register(token_endpoint_auth_method="none")
    answer = await app.http.post("/token", data=GRANT | {"client_id": client["client_id"]})
    assert answer.json()["error"] == "unauthorized_client"


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b'{"grant_type":"client_credentials"}', "application/json"),
        (b"grant_type=client_credentials&grant_type=x", "application/x-www-form-urlencoded"),
        (b"scope=%ff", "application/x-www-form-urlencoded"),
        (b"\xff=1", "application/x-www-form-urlencoded"),
        (b"a=1&" * 60, "application/x-www-form-urlencoded"),
        (b"a=" + b"x" * 20000, "application/x-www-form-urlencoded"),
    ],
)
async def test_a_broken_form_is_an_invalid_request(
    app: Application, content: bytes, media_type: str
) -> None:
    answer = await app.http.post("/token", content=content, headers={"content-type": media_type})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_secrets_expire(make_app: MakeApplication, monkeypatch: pytest.MonkeyPatch) -> None:
    app = await make_app(policy={"secrets": {"lifetime": 60}})
    client = await machine(app)
    assert client["client_secret_expires_at"] == client["client_id_issued_at"] + 60
    assert (await grant(app, client)).status_code == 200
    later = client["client_secret_expires_at"] + 1.0
    monkeypatch.setattr("time.time", lambda: later)
    answer = await grant(app, client)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    where = f"/register/{client['client_id']}"
    renewed = await app.http.put(where, json=update_of(client), headers=bearer(client))
    assert renewed.json()["client_secret"] != client["client_secret"]
    assert renewed.json()["client_secret_expires_at"] == int(later) + 60
    assert (await grant(app, renewed.json())).status_code == 200


async def test_the_secret_survives_an_update(app: Application) -> None:
    client = await machine(app)
    where = f"/register/{client['client_id']}"
    answer = await app.http.put(where, json=update_of(client), headers=bearer(client))
    assert answer.status_code == 200
    assert (await grant(app, client)).status_code == 200


async def test_the_endpoint_can_be_switched_off(make_app: MakeApplication) -> None:
    app = await make_app(tokens={"enabled": False})
    assert (await app.http.post("/token", data=GRANT)).status_code == 404
    document = (await app.http.get("/.well-known/openid-configuration")).json()
    assert not {"token_endpoint", "jwks_uri"} & document.keys()


async def test_keys_are_encrypted_when_there_is_a_key(make_app: MakeApplication) -> None:
    key = base64.b64encode(b"k" * 32).decode()
    app = await make_app(secrets={"encryption_keys": [key]})
    assert (await grant(app, await machine(app))).status_code == 200
    async with app.runtime.database.read() as tx:
        (row,) = await tx.signing_keys.all("default")
    assert "PRIVATE KEY" not in row.private_key


async def test_a_parameter_without_a_value_was_not_sent(app: Application) -> None:
    """RFC 6749 3.2."""
    client = await machine(app)
    for empty in ("client_id", "client_secret", "scope"):
        answer = await grant(app, client, **{empty: ""})
        assert answer.status_code == 200, answer.text
    nothing = await app.http.post("/token", data={"grant_type": ""})
    assert nothing.status_code in {400, 401}


@pytest.mark.finding("B1")
async def test_a_signing_key_that_cannot_be_read_is_never_replaced(
    make_app: MakeApplication,
) -> None:
    """Other instances can read it: a key beside it would split what they publish."""
    keys = [base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2)]
    app = await make_app(secrets={"encryption_keys": keys[:1]})
    client = await machine(app)
    assert (await grant(app, client)).status_code == 200
    signing_keys = app.runtime.signing_keys
    signing_keys._box = SecretBox(keys[1:])  # noqa: SLF001 - as after a restart
    signing_keys._remembered.clear()  # noqa: SLF001
    for answer in (await grant(app, client), await app.http.get("/jwks")):
        assert answer.status_code == 503
