"""Tokens for resources, bound to keys, opaque or signed: RFC 8707, 9449, 9068, and 8705 3."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import time
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from conftest import MakeApplication
from dcrserver.services.tokens.signing_keys import PUBLISHED_AHEAD
from dcrserver.settings import MAX_TOKEN_LIFETIME
from harness.actors import OPERATOR
from harness.application import BASE_URL, CALLBACK, Application
from harness.clients import certificate, escaped, new_key, proof, public_jwk

requirement = pytest.mark.requirement
GRANT = {"grant_type": "client_credentials"}


async def machine(app: Application, **metadata: Any) -> dict[str, Any]:
    body = {"grant_types": ["client_credentials"], "redirect_uris": [], "scope": "profile email"}
    return await app.register(**body | metadata)


async def grant(
    app: Application,
    client: dict[str, Any],
    headers: dict[str, str] | None = None,
    **fields: Any,
) -> httpx.Response:
    auth = (client["client_id"], client["client_secret"])
    return await app.http.post("/token", data=GRANT | fields, auth=auth, headers=headers)


async def verified(app: Application, token: str, algorithm: str = "ES256") -> dict[str, Any]:
    """The claims, as a resource server reads them from what is published."""
    keys = jwt.PyJWKSet.from_dict((await app.http.get("/jwks")).json())
    header = jwt.get_unverified_header(token)
    assert (header["typ"], header["alg"]) == ("at+jwt", algorithm)
    options: Any = {"verify_aud": False}
    claims: dict[str, Any] = jwt.decode(
        token, keys[header["kid"]], [algorithm], issuer=BASE_URL, options=options
    )
    return claims


def told(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("error", "")


@requirement("R6749-5.1-01", "R6749-5.1-02", "R6749-3.3-02", "R6749-4.4-01", "R6749-4.4.3-01")
async def test_the_answer_is_what_rfc_6749_says(any_app: Application) -> None:
    answer = await grant(any_app, await machine(any_app))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")
    assert answer.json().keys() == {"access_token", "token_type", "expires_in", "scope"}


@requirement("R6749-3.3-01", "R6749-5.2-06")
async def test_the_scope_that_is_granted_is_told(app: Application) -> None:
    client = await machine(app)
    assert (await grant(app, client, scope="email")).json()["scope"] == "email"
    for scope in ("admin", "profile admin", "profile  email", 'pro"file', "ü"):
        assert told(await grant(app, client, scope=scope)) == (400, "invalid_scope")


@requirement("R6749-3.2-02", "R6749-3.2-03", "R6749-5.2-01", "R6749-5.2-02", "R6749-5.2-07")
async def test_parameters_come_once(app: Application) -> None:
    client = await machine(app)
    assert (await grant(app, client, scope="", unknown="x", nonsense="")).status_code == 200
    twice = await grant(app, client, scope=["profile", "email"])
    assert told(twice) == (400, "invalid_request")
    assert twice.headers["content-type"] == "application/json"
    description = twice.json()["error_description"]
    assert description.isascii()
    assert not set('"\\') & set(description)


@requirement("R6749-5.2-05")
async def test_grants_that_are_closed(app: Application) -> None:
    client = await machine(app)
    for name in ("password", "authorization_code", "urn:x", "client_credentials "):
        assert told(await grant(app, client, grant_type=name)) == (400, "unsupported_grant_type")
    other = await app.register(redirect_uris=[CALLBACK])
    assert told(await grant(app, other)) == (400, "unauthorized_client")


@requirement("R6749-5.2-04")
async def test_a_failed_header_is_challenged_by_its_scheme(app: Application) -> None:
    client = await machine(app) | {"client_secret": "wrong"}
    answer = await grant(app, client)
    assert answer.headers["www-authenticate"] == f'Basic realm="{BASE_URL}"'


@requirement("R6749-2.3.1-02")
async def test_a_secret_in_the_query_authenticates_nobody(app: Application) -> None:
    client = await machine(app, token_endpoint_auth_method="client_secret_post")
    query = {name: client[name] for name in ("client_id", "client_secret")}
    assert told(await app.http.post("/token", params=query, data=GRANT)) == (401, "invalid_client")


@requirement("R6749-2.3.1-03")
async def test_guessing_is_slowed_down(make_app: MakeApplication) -> None:
    app = await make_app(rate_limits={"enabled": True, "failed_authentication": "3/minute"})
    client, other = await machine(app), await machine(app)
    wrong = client | {"client_secret": "cs_wrong"}
    answers = [(await grant(app, wrong)).status_code for _ in range(4)]
    assert answers == [401, 401, 401, 429]
    blocked = await grant(app, wrong)
    assert told(blocked) == (429, "too_many_requests")
    assert int(blocked.headers["retry-after"]) > 0
    assert (await grant(app, client)).status_code == 200
    assert (await grant(app, other)).status_code == 200


# Resources


@requirement("R8707-2-01", "R8707-2-02", "R8707-2-03", "R9068-3-01", "R9068-5-01")
async def test_tokens_are_for_the_resources_that_are_asked_for(make_app: MakeApplication) -> None:
    one, two = "https://api.example.com/one", "urn:example:two"
    app = await make_app(tokens={"resources": [one, two]})
    client = await machine(app)
    made = await grant(app, client, resource=one)
    assert (await verified(app, made.json()["access_token"]))["aud"] == one
    both = await grant(app, client, resource=[one, two, one])
    assert (await verified(app, both.json()["access_token"]))["aud"] == [one, two]
    for bad in (f"{one}#", f"{one}#x", "/one", "one", "https://api.example.com/three", "//x", "["):
        assert told(await grant(app, client, resource=bad)) == (400, "invalid_target")
    assert told(await grant(app, client, resource=[one, "/x"])) == (400, "invalid_target")


@pytest.mark.finding("S15")
@pytest.mark.parametrize(
    "resource",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "https://api.example.com/\n",
        " https://api.example.com/",
        "https://api.example.com/ x",
        "https://api.example.com\\@evil.example/",
        "https://u@api.example.com/",
        "https://api.example.com/#f",
        "https://api.example.com/*",
        "file:///etc/passwd",
        "api://other",
    ],
)
async def test_any_resource_is_any_that_every_reader_reads_alike(
    make_app: MakeApplication, resource: str
) -> None:
    app = await make_app(tokens={"resources": ["*", "api://named"]})
    client = await machine(app)
    for good in ("https://api.example.com/mcp", "http://127.0.0.1:1/mcp", "urn:x:y", "api://named"):
        assert (await grant(app, client, resource=good)).status_code == 200
    assert told(await grant(app, client, resource=resource)) == (400, "invalid_target")


@requirement("R9068-3-02")
async def test_without_a_resource_the_audience_is_the_configured_one(
    make_app: MakeApplication,
) -> None:
    app = await make_app(tokens={"audience": "https://api.example.com"})
    made = await grant(app, await machine(app), resource="")
    claims = await verified(app, made.json()["access_token"])
    assert claims["aud"] == "https://api.example.com"


# RFC 9068


@requirement("R9068-2.1-01", "R9068-2.1-03", "R9068-2.2-01", "R9068-2.2-02", "R9068-2.2.3-01")
async def test_the_claims_of_a_token(any_app: Application) -> None:
    client = await machine(any_app)
    claims = await verified(any_app, (await grant(any_app, client)).json()["access_token"])
    assert claims.keys() == {"iss", "exp", "aud", "sub", "client_id", "iat", "jti", "scope"}
    assert claims["sub"] == claims["client_id"] == client["client_id"]


@requirement("R9068-2.1-02")
@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "EdDSA", "ES256"])
async def test_tokens_are_signed_as_configured(make_app: MakeApplication, algorithm: str) -> None:
    app = await make_app(tokens={"signing_algorithm": algorithm})
    made = await grant(app, await machine(app))
    assert await verified(app, made.json()["access_token"], algorithm)


# Per client


async def test_lifetime_and_format_are_per_client(any_app: Application) -> None:
    client = await machine(any_app)
    await any_app.set_members(
        client["client_id"],
        client_credentials_access_token_lifetime=77,
        access_token_format="opaque",
    )
    made = (await grant(any_app, client)).json()
    assert made["expires_in"] == 77
    assert made["access_token"].startswith("at_")
    events = await any_app.events(client["client_id"])
    assert events[-1].type == "client.updated"
    await any_app.set_members(
        client["client_id"],
        client_credentials_access_token_lifetime=None,
        access_token_format=None,
    )
    made = (await grant(any_app, client)).json()
    assert made["expires_in"] == 300
    await verified(any_app, made["access_token"])


# DPoP


@requirement("R9449-4.2-01", "R9449-5-02", "R9449-6.1-01", "R9449-11.2-01")
@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA", "RS256", "PS256"])
async def test_a_token_is_bound_to_the_key_of_a_proof(app: Application, algorithm: str) -> None:
    client = await machine(app)
    key = new_key(algorithm)
    answer = await grant(app, client, proof(key, algorithm))
    assert answer.status_code == 200, answer.text
    assert answer.json()["token_type"] == "DPoP"
    jwk = public_jwk(key, algorithm)
    required = {"EC": "crv kty x y", "OKP": "crv kty x", "RSA": "e kty n"}[jwk["kty"]].split()
    text = json.dumps({name: jwk[name] for name in required}, separators=(",", ":"))
    expected = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=")
    claims = await verified(app, answer.json()["access_token"])
    assert claims["cnf"] == {"jkt": expected.decode()}


@requirement("R9449-5.2-02")
async def test_who_registered_for_dpop_needs_a_proof(app: Application) -> None:
    client = await machine(app, dpop_bound_access_tokens=True)
    assert told(await grant(app, client)) == (400, "invalid_dpop_proof")
    assert (await grant(app, client, proof(new_key()))).status_code == 200


@requirement("R9449-4.3-01", "R9449-4.3-02", "R9449-4.3-03", "R9449-4.3-04", "R9449-5-01",
             "R9449-11.1-01")  # fmt: skip
@pytest.mark.parametrize(
    ("headers", "changes"),
    [
        ({"typ": "JWT"}, {}),
        ({"typ": None}, {}),
        ({"jwk": None}, {}),
        ({"jwk": {"kty": "oct", "k": "c2VjcmV0"}}, {}),
        ({"jwk": public_jwk(new_key())}, {}),
        ({"jwk": {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}}, {}),
        ({"crit": ["exp"]}, {}),
        ({}, {"htm": "GET"}),
        ({}, {"htm": ...}),
        ({}, {"htu": f"{BASE_URL}/register"}),
        ({}, {"htu": "https://other.example/token"}),
        ({}, {"htu": ...}),
        ({}, {"htu": "https://[/token"}),
        ({}, {"iat": 1}),
        ({}, {"iat": 10**11}),
        ({}, {"iat": 10**400}),
        ({}, {"iat": ...}),
        ({}, {"iat": "now"}),
        ({}, {"jti": ...}),
        ({}, {"jti": ""}),
        ({}, {"jti": "x" * 300}),
    ],
)
async def test_a_bad_proof_is_refused(
    app: Application, headers: dict[str, Any], changes: dict[str, Any]
) -> None:
    client = await machine(app)
    answer = await grant(app, client, proof(new_key(), headers=headers, **changes))
    assert told(answer) == (400, "invalid_dpop_proof")


@requirement("R9449-4.3-03")
async def test_a_private_key_in_a_proof_is_refused(app: Application) -> None:
    key = new_key()
    private = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key))  # type: ignore[arg-type]
    answer = await grant(app, await machine(app), proof(key, headers={"jwk": private}))
    assert told(answer) == (400, "invalid_dpop_proof")


@requirement("R9449-4.3-02")
async def test_a_symmetric_proof_is_refused(app: Application) -> None:
    header = {"typ": "dpop+jwt", "jwk": public_jwk(new_key())}
    for algorithm, key in (("HS256", "k" * 32), ("none", None)):
        token = jwt.encode({"htm": "POST"}, key, algorithm, headers=header)
        answer = await grant(app, await machine(app), {"DPoP": token})
        assert told(answer) == (400, "invalid_dpop_proof")
    for text in ("", "no.jwt", "x" * 20000):
        answer = await grant(app, await machine(app), {"DPoP": text})
        assert told(answer) == (400, "invalid_dpop_proof")


@requirement("R9449-4.3-05")
@pytest.mark.parametrize(
    "htu",
    ["HTTPS://SERVER.example.com/token", f"{BASE_URL}:443/token", f"{BASE_URL}/token?a=b#c"],
)
async def test_spellings_of_the_same_address_are_the_same(app: Application, htu: str) -> None:
    answer = await grant(app, await machine(app), proof(new_key(), htu=htu))
    assert answer.status_code == 200


async def test_a_proof_is_good_once(any_app: Application) -> None:
    client, header = await machine(any_app), proof(new_key())
    answers = await asyncio.gather(*(grant(any_app, client, header) for _ in range(12)))
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 11
    two = [("DPoP", proof(new_key())["DPoP"]) for _ in range(2)]
    auth = (client["client_id"], client["client_secret"])
    answer = await any_app.http.post("/token", data=GRANT, auth=auth, headers=two)
    assert told(answer) == (400, "invalid_dpop_proof")


# Certificates


@requirement("R8705-3.1-01", "R8705-3.1-02", "R8705-3.3-01")
async def test_a_token_is_bound_to_the_certificate(make_app: MakeApplication) -> None:
    app = await make_app(mutual_tls={"header": "X-Client-Cert", "trusted_proxies": ["203.0.113.7"]})
    document = (await app.http.get("/.well-known/oauth-authorization-server")).json()
    assert document["tls_client_certificate_bound_access_tokens"] is True
    client = await machine(app, tls_client_certificate_bound_access_tokens=True)
    assert told(await grant(app, client)) == (400, "invalid_request")
    made = certificate(new_key())
    key = new_key()
    headers = {"X-Client-Cert": escaped(made)}
    answer = await grant(app, client, headers)
    der = made.public_bytes(serialization.Encoding.DER)
    digest = base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()
    claims = await verified(app, answer.json()["access_token"])
    assert claims["cnf"] == {"x5t#S256": digest}
    both = await grant(app, client, headers | proof(key))
    assert (await verified(app, both.json()["access_token"]))["cnf"].keys() == {"x5t#S256", "jkt"}


@requirement("R8705-3.3-01")
async def test_without_certificates_nothing_is_said_of_them(app: Application) -> None:
    document = (await app.http.get("/.well-known/oauth-authorization-server")).json()
    assert "tls_client_certificate_bound_access_tokens" not in document


# Signing keys


async def kids(app: Application) -> list[str]:
    return [key["kid"] for key in (await app.http.get("/jwks")).json()["keys"]]


async def test_signing_keys_rotate_on_a_schedule(
    any_app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new key is published before it signs, an old one until its tokens have expired."""
    client = await machine(any_app)
    start, offset = time.time(), 0.0
    monkeypatch.setattr("time.time", lambda: start + offset)

    async def signs() -> str:
        any_app.runtime.signing_keys._remembered.clear()  # noqa: SLF001 - as half a minute later
        token = (await grant(any_app, client)).json()["access_token"]
        return str(jwt.get_unverified_header(token)["kid"])

    await signs()
    # Other tests may have made keys in this database; the newest is what counts.
    await any_app.runtime.signing_keys.create("default", OPERATOR)
    offset = PUBLISHED_AHEAD + 1
    first = await signs()
    offset = 2592000 - 5
    await any_app.do_job("rotate_signing_keys")
    assert await signs() == first
    offset = 2592000 + 5
    await any_app.do_job("rotate_signing_keys")
    before = await kids(any_app)
    second = before[-1]
    assert second != first
    assert await signs() == first  # not yet: copies of the key set may lack the new one
    offset += PUBLISHED_AHEAD
    assert await signs() == second
    assert first in await kids(any_app)
    # A process that read the keys a moment before may have signed with it for half a minute more.
    offset += MAX_TOKEN_LIFETIME + 25
    await any_app.do_job("rotate_signing_keys")
    assert first in await kids(any_app)
    offset += 10
    await any_app.do_job("rotate_signing_keys")
    assert first not in await kids(any_app)
    async with any_app.runtime.database.read() as tx:
        assert second in [row.kid for row in await tx.signing_keys.all("default")]
