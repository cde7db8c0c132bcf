"""Registration requests that are JWTs, signed by a key of their statement (UK Open Banking 3.3)."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from dcrserver.signing import public_jwk
from harness.application import BASE_URL, CALLBACK, Application, application
from harness.statements import FORGERIES, SOFTWARE, statement, trusting

requirement = pytest.mark.requirement
KEY, OTHER = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
JWKS = {"keys": [public_jwk(KEY.public_key()) | {"kid": "mine", "use": "sig"}]}
JWT = {"Content-Type": "application/jwt"}
_NOW = time.time


def trusting_signed(folder: Path, how: str = "required", **choices: Any) -> dict[str, Any]:
    groups = trusting(folder)
    groups["policy"]["software_statements"] = {"signed_requests": how} | choices
    return groups


def vouched(**more: Any) -> str:
    return statement(jwks=JWKS, redirect_uris=[CALLBACK], **more)


def request(key: Any = KEY, header: dict[str, Any] | None = None, **claims: Any) -> str:
    """A good one, or with ``claims``; ... leaves one out."""
    now = int(time.time())
    made = {
        "iss": SOFTWARE, "aud": BASE_URL, "iat": now, "exp": now + 300, "jti": str(uuid.uuid4()),
        "token_endpoint_auth_method": "private_key_jwt", "contacts": ["a@b.example"],
    } | claims  # fmt: skip
    made.setdefault("software_statement", vouched())
    said = {name: value for name, value in made.items() if value is not ...}
    payload = json.dumps(said).encode()
    return jwt.PyJWS().encode(payload, key, "ES256", {"kid": "mine"} | (header or {}))


async def _post(app: Application, body: str, media_type: str = "application/jwt") -> Any:
    headers = {"Content-Type": media_type}
    return await app.http.post("/register", content=body, headers=headers)


@requirement("UKOB-02", "UKOB-09")
async def test_a_signed_request_is_answered_in_json(any_database: str, tmp_path: Path) -> None:
    async with application(any_database, **trusting_signed(tmp_path)) as app:
        for media_type in ("application/jwt", "application/jose"):
            sent = vouched()
            answer = await _post(app, request(software_statement=sent), media_type)
            assert answer.status_code == 201, answer.text
            assert answer.headers["Content-Type"] == "application/json"
            client = answer.json()
            assert client["software_statement"] == sent
            assert client["jwks"] == JWKS
            assert client["contacts"] == ["a@b.example"]
            assert not {"iss", "aud", "exp", "jti"} & client.keys()


@requirement("UKOB-02")
async def test_an_update_is_a_signed_request_as_well(any_database: str, tmp_path: Path) -> None:
    """With the statement of before, or a new one; nobody else's key makes it, and none twice."""
    async with application(any_database, **trusting_signed(tmp_path)) as app:
        client = (await _post(app, request())).json()
        path = f"/register/{client['client_id']}"
        bearer = {"Authorization": f"Bearer {client['registration_access_token']}"}

        async def put(body: str, media_type: str = "application/jwt") -> Any:
            headers = bearer | {"Content-Type": media_type}
            return await app.http.put(path, content=body, headers=headers)

        named = {"client_id": client["client_id"]}
        held = client["software_statement"]
        for sent in (held, ..., vouched()):
            body = request(software_statement=sent, contacts=["new@b.example"], **named)
            answer = await put(body)
            assert answer.status_code == 200, answer.text
            assert answer.json()["contacts"] == ["new@b.example"]
            bearer["Authorization"] = f"Bearer {answer.json()['registration_access_token']}"
            assert (await put(body)).json()["error"] == _BAD  # its jti was used
        for refused in (
            request(OTHER, **named),
            request(OTHER, jwks={"keys": [public_jwk(OTHER.public_key())]}, **named),
            request(),  # which says nothing of the client
            request(iss="other", **named),
        ):
            assert (await put(refused)).status_code == 400
        assert (await put(json.dumps(named), "application/json")).status_code == 415


_BAD = "invalid_client_metadata"
FORGED: dict[str, tuple[str, Callable[[], str]]] = {
    "no JWT": (_BAD, lambda: "x.y.z"),
    "JSON under a false name": (_BAD, lambda: json.dumps({"redirect_uris": [CALLBACK]})),
    "signed by a key that nobody vouches for": (_BAD, lambda: request(OTHER)),
    "by a key of its own in the body": (
        _BAD, lambda: request(OTHER, jwks={"keys": [public_jwk(OTHER.public_key())]})),
    "by a key of its own in the header": (
        _BAD, lambda: request(OTHER, {"jwk": public_jwk(OTHER.public_key()), "kid": "x"})),
    "keys of its own at x5u": (_BAD, lambda: request(OTHER, {"x5u": "https://rogue.example/"})),
    "expired": (_BAD, lambda: request(exp=int(_NOW()) - 3600)),
    "good for longer than a day": (_BAD, lambda: request(exp=int(_NOW()) + 90_000)),
    "without exp": (_BAD, lambda: request(exp=...)),
    "without iat": (_BAD, lambda: request(iat=...)),
    "without jti": (_BAD, lambda: request(jti=...)),
    "of tomorrow": (_BAD, lambda: request(iat=int(_NOW()) + 86400)),
    "for another audience": (_BAD, lambda: request(aud="https://other.example")),
    "without audience": (_BAD, lambda: request(aud=...)),
    "sent by other software": (_BAD, lambda: request(iss="other")),
    "another software_id than its statement's": (_BAD, lambda: request(software_id="other")),
    "without statement": ("invalid_software_statement", lambda: request(software_statement=...)),
    "with a forged statement": (
        "invalid_software_statement",
        lambda: request(software_statement=FORGERIES["alg none"][1]())),
    "with a statement of no keys": (
        _BAD, lambda: request(software_statement=statement(redirect_uris=[CALLBACK]))),
    "of metadata that are not acceptable": (
        "invalid_redirect_uri",
        lambda: request(software_statement=statement(jwks=JWKS, redirect_uris=["x:y"]))),
}  # fmt: skip


@requirement("UKOB-03", "UKOB-07", "UKOB-08", "UKOB-13")
async def test_no_forged_request_registers_anything(make_app: Any, tmp_path: Path) -> None:
    app = await make_app(**trusting_signed(tmp_path, must_match=["software_id"]))
    wrong = []
    for name, (code, make) in FORGED.items():
        answer = await _post(app, make())
        if (answer.status_code, answer.json().get("error")) != (400, code):
            wrong.append(f"{name}: {answer.status_code} {answer.text}")
    assert not wrong, "\n".join(wrong)
    reader = await app.admin_token("clients:read")
    assert (await app.http.get("/admin/v1/clients", headers=reader)).json()["items"] == []
    plain = await app.http.post("/register", json={"redirect_uris": [CALLBACK]})
    assert plain.status_code == 415


async def test_a_request_is_used_once(any_database: str, tmp_path: Path) -> None:
    """Its statement may be used again where it has no jti; the request itself not."""
    async with application(any_database, **trusting_signed(tmp_path)) as app:
        sent = request(software_statement=vouched(jti=...))
        found = await asyncio.gather(*(_post(app, sent) for _ in range(4)))
        assert sorted(answer.status_code for answer in found) == [201, 400, 400, 400]
        again = await _post(app, sent)
        assert again.json()["error_description"] == "the request was used before"


async def test_signed_requests_are_for_clients_and_where_they_are_wanted(
    make_app: Any, tmp_path: Path
) -> None:
    required = await make_app(**trusting_signed(tmp_path))
    admin = await required.admin_token("clients:write")
    by_json = {"redirect_uris": [CALLBACK]}
    made = await required.http.post("/register", json=by_json, headers=admin)
    assert made.status_code == 201, made.text
    allowed = await make_app(**trusting_signed(tmp_path, "allowed", request_audience="aspsp"))
    assert (await _post(allowed, request(aud=["x", "aspsp"]))).status_code == 201
    assert (await allowed.http.post("/register", json=by_json)).status_code == 201
    refused = await make_app(**trusting_signed(tmp_path, "refused"))
    ignored = await make_app(policy={"software_statements": {"signed_requests": "required"}})
    for app in (refused, ignored):
        assert (await _post(app, request())).status_code == 415
        assert (await app.http.post("/register", json=by_json)).status_code == 201
