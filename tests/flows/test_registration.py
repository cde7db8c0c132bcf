"""RFC 7591 section 3 and OpenID Connect Registration section 3, over HTTP."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest

from conftest import MakeApplication
from harness.application import BASE_URL, CALLBACK, Application

MINIMAL = {"redirect_uris": [CALLBACK]}

requirement = pytest.mark.requirement


@requirement(
    "R7591-2-01",
    "R7591-3-01",
    "R7591-3-04",
    "R7591-3.2-01",
    "R7591-3.2.1-01",
    "OIDR-3.2-04",
    "OIDR-3-02",
)
async def test_an_anonymous_post_registers_a_client(any_app: Application) -> None:
    answer = await any_app.http.post("/register", json=MINIMAL)
    assert answer.status_code == 201
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    made = answer.json()
    assert made["client_id"].isascii()
    assert made["redirect_uris"] == [CALLBACK]
    assert answer.headers["location"] == made["registration_client_uri"]


@requirement(
    "R7591-3.2.1-05", "R7591-3.2.1-04", "OIDR-3.2-08", "R7592-3-01", "R7592-3-02", "OIDR-3.2-07"
)
async def test_the_answer_holds_credentials_and_times(app: Application) -> None:
    made = await app.register()
    assert abs(made["client_id_issued_at"] - time.time()) < 60
    assert made["client_secret_expires_at"] == 0
    assert made["client_secret"]
    assert made["registration_client_uri"] == f"{BASE_URL}/register/{made['client_id']}"
    assert made["registration_access_token"].startswith("rat_")


@requirement(
    "R7591-2-03", "R7591-2-06", "R7591-2-07", "R7591-3.1-03", "OIDR-2-03", "OIDR-2-04", "OIDR-2-20"
)
async def test_defaults_are_filled_in_and_echoed(app: Application) -> None:
    made = await app.register()
    assert made["token_endpoint_auth_method"] == "client_secret_basic"
    assert made["grant_types"] == ["authorization_code"]
    assert made["response_types"] == ["code"]
    assert made["application_type"] == "web"
    assert made["id_token_signed_response_alg"] == "RS256"
    assert made["require_auth_time"] is False


@requirement(
    "R7591-3.2.1-06", "R7591-3.2.1-07", "R7591-3.2.1-10", "R7592-3-03", "OIDR-3.2-02", "OIDR-3.2-01"
)
async def test_every_registered_value_is_echoed_as_stored(any_app: Application) -> None:
    sent = {
        "redirect_uris": ["https://CLIENT.example.org:443/CB?x=%20y", "https://b.example.org/cb"],
        "client_name": "Cafe\u0301 ☕ مثال",  # decomposed, emoji, Arabic: kept as sent
        "client_name#ja-Jpan-JP": "クライアント名",
        "client_name#FR": "Exemple",
        "client_uri": "https://client.example.org/",
        "logo_uri#de": "https://client.example.org/logo.png",
        "contacts": ["a@client.example.org"],
        "software_id": "s-1",
        "software_version": "1.10",
        "scope": "openid profile",
        "default_max_age": 0,
        "initiate_login_uri": "https://client.example.org/login",
    }
    made = await any_app.register(**sent)
    assert {name: made[name] for name in sent} == sent
    again = await any_app.http.get(
        f"/register/{made['client_id']}",
        headers={"Authorization": f"Bearer {made['registration_access_token']}"},
    )
    del made["client_secret"]
    assert again.json() == made


@requirement("R7591-2-16", "OIDR-3.2-03", "R7591-2-19")
async def test_unknown_members_are_ignored_and_not_echoed(app: Application) -> None:
    made = await app.register(
        x_unknown={"a": 1}, Client_Name="x", **{"grant_types#en": ["implicit"]}
    )
    assert not {"x_unknown", "Client_Name", "grant_types#en"} & made.keys()


@requirement("R7591-6-01", "R7592-2.2-12")
async def test_a_client_cannot_choose_its_credentials(app: Application) -> None:
    chosen = {
        "client_id": "evil",
        "client_secret": "chosen-by-the-client-0123456789",
        "client_id_issued_at": 1,
        "registration_access_token": "mine",
        "registration_client_uri": "https://evil.example/",
    }
    made = await app.register(**chosen)
    assert not [name for name, value in chosen.items() if made[name] == value]


async def test_policy_can_refuse_chosen_credentials(make_app: MakeApplication) -> None:
    app = await make_app(policy={"registration": {"client_supplied_credentials": "reject"}})
    answer = await app.http.post("/register", json=MINIMAL | {"client_id": "evil"})
    assert answer.status_code == 400
    assert "client_id" in answer.json()["error_description"]


@requirement("R7591-2-04", "R7591-5-04", "OIDR-3.2-08")
@pytest.mark.parametrize("method", ["none", "client_secret_basic", "client_secret_post"])
async def test_a_secret_is_issued_where_the_method_needs_one(app: Application, method: str) -> None:
    made = await app.register(token_endpoint_auth_method=method)
    confidential = method != "none"
    assert ("client_secret" in made) is confidential
    assert ("client_secret_expires_at" in made) is confidential


@requirement("OIDR-2-26", "OIDC-16.19-01")
async def test_symmetric_algorithms_get_a_readable_secret(make_app: MakeApplication) -> None:
    methods = ["client_secret_jwt", "none"]
    app = await make_app(
        secrets={"encryption_keys": ["MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="]},
        authorization_server={"token_endpoint_auth_methods_supported": methods},
    )
    made = await app.register(token_endpoint_auth_method="client_secret_jwt")
    async with app.runtime.database.read() as tx:
        record = await tx.clients.find("default", made["client_id"])
    assert record is not None
    assert len(made["client_secret"]) >= 64
    assert record.client_secrets is not None
    assert made["client_secret"] not in record.client_secrets
    (secret,) = json.loads(record.client_secrets)
    assert secret["ciphertext"]


async def test_without_a_key_readable_secrets_are_refused_clearly(
    make_app: MakeApplication,
) -> None:
    methods = ["client_secret_jwt", "none"]
    app = await make_app(authorization_server={"token_endpoint_auth_methods_supported": methods})
    body = MINIMAL | {"token_endpoint_auth_method": "client_secret_jwt"}
    answer = await app.http.post("/register", json=body)
    assert answer.status_code == 400
    assert "encryption key" in answer.json()["error_description"]


@requirement(
    "R7591-3.1-02",
    "R7591-3.2.1-02",
    "R7591-3.2.1-03",
    "R7591-5-11",
    "OIDR-3.2-05",
    "OIDR-3.2-06",
    "R7592-5-03",
)
async def test_identifiers_secrets_and_tokens_never_repeat(app: Application) -> None:
    made = [await app.register() for _ in range(1000)]
    for name in ("client_id", "client_secret", "registration_access_token"):
        assert len({client[name] for client in made}) == 1000
    # 256 random bits are 43 characters of base64url behind the prefix.
    assert {len(client["registration_access_token"]) for client in made} == {4 + 43}


@requirement("R7591-2-05", "R7591-2-17")
async def test_an_unknown_method_is_refused(app: Application) -> None:
    body = MINIMAL | {"token_endpoint_auth_method": "https://example.com/method"}
    answer = await app.http.post("/register", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_client_metadata"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param({}, "invalid_redirect_uri", marks=requirement("R7591-2-02", "R7591-5-02")),
        pytest.param(
            {"redirect_uris": [f"{CALLBACK}#f"]},
            "invalid_redirect_uri",
            marks=requirement("R7591-3.2.2-05"),
        ),
        pytest.param(
            {"redirect_uris": ["http://client.example.org/cb"]},
            "invalid_redirect_uri",
            marks=requirement("R7591-5-03"),
        ),
        pytest.param(
            MINIMAL | {"grant_types": "x"},
            "invalid_client_metadata",
            marks=requirement("R7591-3.2.2-06"),
        ),
        pytest.param(
            MINIMAL | {"jwks": {"keys": []}, "jwks_uri": "https://client.example.org/jwks"},
            "invalid_client_metadata",
            marks=requirement("R7591-2-14", "OIDR-2-16"),
        ),
        pytest.param(
            MINIMAL | {"logo_uri": "javascript:alert(1)"},
            "invalid_client_metadata",
            marks=requirement("R7591-5-08", "R7591-2-10"),
        ),
    ],
)
@requirement("R7591-3.2.2-02", "R7591-3.2.2-03", "R7591-3.2.2-04", "OIDR-3.3-01")
async def test_refusals_have_the_shape_of_the_specification(
    any_app: Application, body: dict[str, Any], code: str
) -> None:
    answer = await any_app.http.post("/register", json=body)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert set(answer.json()) == {"error", "error_description"}
    assert answer.json()["error"] == code
    assert answer.text.isascii()


@requirement("R7591-3.2.2-04")
async def test_error_descriptions_stay_within_the_permitted_characters(app: Application) -> None:
    body = MINIMAL | {"client_name": 'ü"\\\n', "grant_types": ['"ü\\'], "scope": '"'}
    answer = await app.http.post("/register", json=body)
    text = answer.json()["error_description"]
    assert all(" " <= character <= "~" and character not in '"\\' for character in text)
    assert {"client_name", "grant_types", "scope"} <= set(text.replace("'", " ").split())


@requirement("R7591-3.1-01")
@pytest.mark.parametrize("raw", [b"[]", b'"x"', b"null", b"1", b"", b"{", b"{'a':1}", b"{} {}"])
async def test_only_a_json_object_is_a_request(app: Application, raw: bytes) -> None:
    answer = await _post(app, raw)
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_client_metadata"


HOSTILE = {
    "duplicate member": b'{"redirect_uris":["https://a.example/cb"],"redirect_uris":[]}',
    "duplicate by escape": b'{"redirect_uris":[],"redirect\\u005furis":[]}',
    "NaN": b'{"default_max_age":NaN}',
    "infinity by exponent": b'{"default_max_age":1e999}',
    "byte order mark": b'\xef\xbb\xbf{"redirect_uris":["https://a.example/cb"]}',
    "invalid UTF-8": b'{"client_name":"\xff"}',
    "lone surrogate": b'{"client_name":"\\ud800","redirect_uris":["https://a.example/cb"]}',
    "deep": b'{"x":' + b"[" * 5000 + b"]" * 5000 + b"}",
    "NUL": b'{"client_name":"a\\u0000b","redirect_uris":["https://a.example/cb"]}',
}


@requirement("POL-03", "POL-05", "POL-07", "POL-20")
@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE.keys())
async def test_hostile_json_is_refused_on_every_database(any_app: Application, raw: bytes) -> None:
    answer = await _post(any_app, raw)
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_client_metadata"


@requirement("POL-02")
@pytest.mark.parametrize(
    ("media_type", "status"),
    [
        ("Application/JSON; charset=UTF-8", 201),
        ("application/json", 201),
        ('application/json;charset = "utf8"', 201),
        ("application/json; odata=verbose; q=1; charset=utf-8", 201),
        ('application/json; profile="https://example.org/charset=latin-1"', 201),
        ("application/json;", 201),
        ("application/json; charset=latin-1", 201),
        ("application/json; q=1; Charset=UTF-16", 201),
        ("application/jsonp", 415),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("application/json-patch+json", 415),
    ],
)
async def test_the_body_is_json_in_utf_8(app: Application, media_type: str, status: int) -> None:
    raw = json.dumps(MINIMAL).encode()
    answer = await app.http.post("/register", content=raw, headers={"content-type": media_type})
    assert answer.status_code == status


@requirement("POL-02", "POL-03")
@pytest.mark.parametrize("charset", ["latin-1", "utf-16"])
async def test_another_encoding_is_refused_whatever_is_said_of_it(
    app: Application, charset: str
) -> None:
    raw = json.dumps(MINIMAL | {"client_name": "\u00e9t\u00e9"}, ensure_ascii=False).encode(charset)
    headers = {"content-type": f"application/json; charset={charset}"}
    answer = await app.http.post("/register", content=raw, headers=headers)
    assert answer.status_code == 400
    assert "UTF-8" in answer.json()["error_description"]


@requirement("POL-01")
async def test_a_large_body_is_refused_while_it_streams(app: Application) -> None:
    async def endless() -> Any:
        for _ in range(100):
            yield b" " * 4096
            sent.append(4096)

    sent: list[int] = []
    headers = {"content-type": "application/json"}
    answer = await app.http.post("/register", content=endless(), headers=headers)
    assert answer.status_code == 413
    assert answer.json()["error"] == "invalid_client_metadata"
    declared = await app.http.post("/register", content=b" " * 70000, headers=headers)
    assert declared.status_code == 413


@requirement("OIDR-7-01")
async def test_a_refused_registration_leaves_nothing_behind(make_app: MakeApplication) -> None:
    app = await make_app()
    await app.http.post("/register", json=MINIMAL | {"grant_types": 1})
    assert await app.runtime.lists.clients.total("default") == 0


@requirement("R7591-3-03", "R7591-3.1-04", "R7591-3.2.2-01", "OIDR-3-03")
async def test_protected_mode_takes_initial_access_tokens(make_app: MakeApplication) -> None:
    app = await make_app(registration={"mode": "protected"})
    missing = await app.http.post("/register", json=MINIMAL)
    assert missing.status_code == 401
    assert missing.headers["www-authenticate"] == f'Bearer realm="{BASE_URL}"'
    wrong = await app.http.post(
        "/register", json=MINIMAL, headers={"Authorization": "Bearer iat_wrong"}
    )
    assert wrong.status_code == 401
    assert 'error="invalid_token"' in wrong.headers["www-authenticate"]

    token = await app.initial_token(uses=1)
    headers = {"Authorization": f"bearer {token}"}  # the scheme has no case (R6750-2.1-01)
    assert (await app.http.post("/register", json={}, headers=headers)).status_code == 400
    assert (await app.http.post("/register", json=MINIMAL, headers=headers)).status_code == 201
    assert (await app.http.post("/register", json=MINIMAL, headers=headers)).status_code == 401


async def test_closed_mode_registers_nobody(make_app: MakeApplication) -> None:
    app = await make_app(registration={"mode": "closed"})
    assert (await app.http.post("/register", json=MINIMAL)).status_code == 401
    token = await app.initial_token(uses=None)
    headers = {"Authorization": f"Bearer {token}"}
    assert (await app.http.post("/register", json=MINIMAL, headers=headers)).status_code == 403
    document = (await app.http.get("/.well-known/oauth-authorization-server")).json()
    assert "registration_endpoint" not in document


async def test_the_trail_tells_of_anonymous_registrations(any_app: Application) -> None:
    answer = await any_app.http.post(
        "/register", json=MINIMAL, headers={"X-Request-ID": "request-7"}
    )
    client_id = answer.json()["client_id"]
    events = await any_app.events(client_id)
    assert [event.type for event in events] == ["client.registered"]
    event = events[0]
    assert (event.actor_kind, event.actor_id, event.address, event.request_id) == (
        "anonymous",
        None,
        "203.0.113.7",
        "request-7",
    )
    assert json.loads(event.changes)["metadata"]["redirect_uris"] == [CALLBACK]
    assert answer.json()["client_secret"] not in event.changes


async def test_only_digests_are_stored(any_app: Application) -> None:
    made = await any_app.register()
    async with any_app.runtime.database.read() as tx:
        record = await tx.clients.find("default", made["client_id"])
    events = await any_app.events(made["client_id"])
    stored = f"{record}{events}"
    assert made["client_secret"] not in stored
    assert made["registration_access_token"] not in stored


@requirement("POL-12", "R8252-7.3-01")
@pytest.mark.parametrize(
    "uris",
    [["http://localhost:33418/callback"], ["cursor://anysphere.cursor-retrieval/oauth/callback"]],
)
async def test_native_clients_that_do_not_say_so_are_taken_as_native(
    app: Application, uris: list[str]
) -> None:
    made = await app.register(redirect_uris=uris, token_endpoint_auth_method="none")
    assert made["application_type"] == "native"
    assert made["redirect_uris"] == uris


async def test_known_habits_of_clients_are_tolerated(app: Application) -> None:
    made = await app.register(
        token_endpoint_auth_signing_alg="RS256",
        contacts=[],
        request_uris=[],
        response_types=["code", "id_token", "code id_token", "token id_token", "code token"],
        grant_types=["authorization_code", "implicit", "refresh_token"],
    )
    assert made["response_types"] == ["code"]
    assert made["grant_types"] == ["authorization_code", "refresh_token"]
    assert made["token_endpoint_auth_signing_alg"] == "RS256"
    assert "contacts" not in made
    assert "request_uris" not in made


@requirement("R7591-3-05", "POL-47")
async def test_open_registrations_are_limited_by_address(make_app: MakeApplication) -> None:
    app = await make_app(rate_limits={"enabled": True, "open_registration": "2/minute"})
    statuses = [(await app.http.post("/register", json=MINIMAL)) for _ in range(3)]
    assert [answer.status_code for answer in statuses] == [201, 201, 429]
    assert 1 <= int(statuses[2].headers["retry-after"]) <= 60
    assert (await app.http.get("/readyz")).status_code == 200


async def test_open_registration_tells_what_is_left(make_app: MakeApplication) -> None:
    """draft-ietf-httpapi-ratelimit-headers 3 and 4, also where it refuses."""
    app = await make_app(rate_limits={"enabled": True, "open_registration": "2/minute"})
    bodies: list[dict[str, Any]] = [MINIMAL, {}, MINIMAL, MINIMAL]
    answers = [await app.http.post("/register", json=body) for body in bodies]
    assert [answer.status_code for answer in answers] == [201, 400, 201, 429]
    left = []
    for answer in answers:
        assert answer.headers["ratelimit-policy"] == (
            '"open_registration_attempts";q=300;w=60, "open_registration";q=2;w=60'
        )
        found = re.fullmatch(
            r'"open_registration_attempts";r=(\d+);t=\d+, "open_registration";r=(\d+);t=(\d+)',
            answer.headers["ratelimit"],
        )
        assert found is not None
        assert 1 <= int(found[3]) <= 60
        left.append((int(found[1]), int(found[2])))
    assert left == [(299, 1), (298, 1), (297, 0), (296, 0)]
    seconds = answers[-1].headers["retry-after"]
    assert answers[-1].json()["error_description"] == (
        f"too many registrations from this address; try again in {seconds} s"
    )


async def test_who_is_not_limited_is_told_of_no_limits(make_app: MakeApplication) -> None:
    for limits in ({"enabled": False}, {"enabled": True}):
        app = await make_app(rate_limits=limits)
        headers = {"Authorization": f"Bearer {await app.initial_token()}"}
        answer = await app.http.post("/register", json=MINIMAL, headers=headers)
        assert answer.status_code == 201
        assert not {"ratelimit", "ratelimit-policy", "retry-after"} & answer.headers.keys()


async def _post(app: Application, raw: bytes) -> Any:
    headers = {"content-type": "application/json"}
    return await app.http.post("/register", content=raw, headers=headers)


@requirement("OIDR-2-24")
async def test_an_omitted_userinfo_algorithm_stays_omitted(app: Application) -> None:
    """Plain JSON is no algorithm: there is no default to fill in."""
    made = await app.register()
    headers = {"Authorization": f"Bearer {made['registration_access_token']}"}
    read = await app.http.get(f"/register/{made['client_id']}", headers=headers)
    assert "userinfo_signed_response_alg" not in made
    assert "userinfo_signed_response_alg" not in read.json()


@requirement("R7591-3-02", "R6750-3-01")
@pytest.mark.parametrize("path", ["/register", "/register/validate"])
@pytest.mark.parametrize("mode", ["protected", "closed"])
async def test_the_body_of_a_stranger_is_not_read(
    make_app: MakeApplication, mode: str, path: str
) -> None:
    app = await make_app(registration={"mode": mode})
    for content, media_type in ((b"{", "application/json"), (b"x", "text/plain")):
        answer = await app.http.post(path, content=content, headers={"Content-Type": media_type})
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
