"""POST /register/validate: what registering would do, without doing it."""

from __future__ import annotations

from typing import Any

import pytest

from conftest import MakeApplication
from harness.application import CALLBACK, Application

MINIMAL = {"redirect_uris": [CALLBACK]}
SPEAKING = {"registration": {"validate_endpoint": True}}

requirement = pytest.mark.requirement


async def explained(app: Application, **members: Any) -> dict[str, Any]:
    answer = await app.http.post("/register/validate", json=members)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    made: dict[str, Any] = answer.json()
    return made


async def test_it_is_off_in_open_mode(app: Application) -> None:
    answer = await app.http.post("/register/validate", json=MINIMAL)
    assert answer.status_code == 404
    assert answer.json()["error"] == "not_found"


async def test_it_says_what_registering_says_and_registers_nothing(
    make_app: MakeApplication,
) -> None:
    app = await make_app(**SPEAKING)
    bad = {"redirect_uris": ["https://a.example/#f"], "contacts": "x", "client_name": "A"}
    told = await explained(app, **bad)
    refused = (await app.http.post("/register", json=bad)).json()
    assert not told["acceptable"]
    assert told["error"] == refused["error"] == "invalid_redirect_uri"
    errors = [issue for issue in told["issues"] if issue["severity"] == "error"]
    assert (
        "; ".join(f"{issue['member']} {issue['reason']}" for issue in errors)
        == (refused["error_description"])
    )
    assert told["registration"] is None
    good = await explained(app, **MINIMAL, client_name="A")
    assert good["acceptable"]
    assert good["error"] is None
    assert await app.runtime.lists.clients.page("default", limit=1) == []
    registered = await app.register(client_name="A")
    assert good["registration"].items() <= registered.items()


@requirement("POL-40")
async def test_members_of_the_server_are_judged_alike(make_app: MakeApplication) -> None:
    policy = {"registration": {"client_supplied_credentials": "reject"}}
    app = await make_app(**SPEAKING, policy=policy)
    told = await explained(app, **MINIMAL, client_id="mine")
    refused = await app.http.post("/register", json=MINIMAL | {"client_id": "mine"})
    assert (told["acceptable"], refused.status_code) == (False, 400)
    issue = told["issues"][0]
    assert f"{issue['member']} {issue['reason']}" == refused.json()["error_description"]


async def test_holders_of_a_token_are_told_in_protected_mode(make_app: MakeApplication) -> None:
    app = await make_app(registration={"mode": "protected"})
    anonymous = await app.http.post("/register/validate", json=MINIMAL)
    assert anonymous.status_code == 401
    assert anonymous.headers["www-authenticate"].startswith("Bearer")
    token = await app.initial_token(uses=1)
    headers = {"Authorization": f"Bearer {token}"}
    for _ in range(3):  # looking takes no use
        answer = await app.http.post("/register/validate", json=MINIMAL, headers=headers)
        assert answer.json()["acceptable"]
    assert (await app.http.post("/register", json=MINIMAL, headers=headers)).status_code == 201


@pytest.mark.parametrize("mode", ["closed"])
async def test_nobody_is_told_when_registration_is_closed(
    make_app: MakeApplication, mode: str
) -> None:
    app = await make_app(registration={"mode": mode})
    assert (await app.http.post("/register/validate", json=MINIMAL)).status_code == 401


@pytest.mark.parametrize("body", [b"", b"[]", b'{"a":1,"a":2}', b"\xff"])
async def test_what_is_no_submission_is_refused_as_by_registering(
    make_app: MakeApplication, body: bytes
) -> None:
    app = await make_app(**SPEAKING)
    headers = {"Content-Type": "application/json"}
    asked = await app.http.post("/register/validate", content=body, headers=headers)
    registering = await app.http.post("/register", content=body, headers=headers)
    assert asked.status_code == registering.status_code == 400
    assert asked.json() == registering.json()


async def test_it_is_limited_like_registering(make_app: MakeApplication) -> None:
    limits = {"enabled": True, "open_registration_attempts": "2/minute"}
    app = await make_app(**SPEAKING, rate_limits=limits)
    found = [await app.http.post("/register/validate", json=MINIMAL) for _ in range(4)]
    assert [answer.status_code for answer in found] == [200, 200, 429, 429]


async def test_a_client_cannot_be_called_validate(make_app: MakeApplication) -> None:
    app = await make_app(**SPEAKING)
    for method in ("GET", "PUT", "DELETE"):
        answer = await app.http.request(method, "/register/validate", json={})
        assert answer.status_code == 401


@requirement("POL-04")
async def test_the_code_of_a_malformed_body_can_be_chosen(make_app: MakeApplication) -> None:
    app = await make_app(policy={"json": {"malformed_error": "invalid_request"}})
    headers = {"Content-Type": "application/json"}
    answer = await app.http.post("/register", content=b"{", headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    bad = await app.http.post("/register", json={"redirect_uris": 1})
    assert bad.json()["error"] == "invalid_redirect_uri"


async def test_what_an_administrator_names_is_judged_as_by_registering(
    make_app: MakeApplication,
) -> None:
    """The policy of the client, and the client that is its template."""
    strict = {"registration": {"required": ["contacts"]}}
    app = await make_app(**SPEAKING, policies={"strict": strict})
    like = await app.register(contacts=["a@example.org"], client_name="first")
    headers = await app.admin_token("clients:create", "clients:read")
    creator = await app.admin_token("clients:create")
    template = {"template": like["client_id"]}

    async def status(body: dict[str, Any], headers: dict[str, str]) -> tuple[int, bool]:
        answers = [
            await app.http.post(path, json=body, headers=headers)
            for path in ("/register", "/register/validate")
        ]
        made, told = answers
        is_made = made.status_code == 201
        assert told.status_code == (200 if is_made or told.status_code == 200 else made.status_code)
        if told.status_code == 200:
            assert told.json()["acceptable"] is is_made, told.text
        if is_made:
            judged = told.json()["registration"].items()
            assert judged <= made.json().items()
        return told.status_code, is_made

    assert await status({"policy": "strict", **MINIMAL}, headers) == (200, False)
    assert await status({"policy": "strict", **template}, headers) == (200, True)
    assert await status({**template, "client_name": "second"}, headers) == (200, True)
    assert await status({"policy": "lax", **MINIMAL}, headers) == (400, False)
    assert await status({"template": "nobody"}, headers) == (400, False)
    assert await status(template, creator) == (403, False)
