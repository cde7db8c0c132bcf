"""POST /register under an Idempotency-Key: what is sent again is done once, and told alike."""

from __future__ import annotations

import asyncio
import base64
import secrets
import time
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from conftest import MakeApplication
from dcrserver.db.tables import clients, idempotency_keys
from dcrserver.services.access import idempotency
from dcrserver.services.audit import SubjectKind
from harness.actors import OPERATOR
from harness.application import CALLBACK, Application, application
from harness.statements import statement, trusting

SEALED: dict[str, Any] = {
    "secrets": {"encryption_keys": [base64.b64encode(bytes(32)).decode()]},
}
PROTECTED: dict[str, Any] = {"registration": {"mode": "protected"}}


def new_key() -> str:
    return str(uuid.uuid4())


def new_body(**members: Any) -> dict[str, Any]:
    return {"redirect_uris": [CALLBACK], "client_name": secrets.token_hex(8)} | members


async def send(
    app: Application, body: dict[str, Any], key: str, token: str | None = None, path: str = ""
) -> httpx.Response:
    headers = {"Idempotency-Key": key}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    return await app.http.post(f"{path}/register", json=body, headers=headers)


async def made_of(app: Application, name: str) -> int:
    """How many clients have this name, in all tenants."""
    async with app.runtime.database.read() as tx:
        statement = select(clients.c.client_id).where(clients.c.metadata.contains(name))
        return len((await tx.session.execute(statement, {})).all())


async def test_what_is_sent_again_is_told_again_and_done_once(any_app: Application) -> None:
    """Octet by octet: with the same secret and the same registration access token, which work."""
    body, key = new_body(), new_key()
    first, again = await send(any_app, body, key), await send(any_app, body, key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["cache-control"] == "no-store"
    assert await made_of(any_app, body["client_name"]) == 1
    token = {"Authorization": f"Bearer {again.json()['registration_access_token']}"}
    assert (await any_app.http.get(again.headers["location"], headers=token)).status_code == 200
    other = await send(any_app, new_body(), key)
    assert (other.status_code, other.json()["error"]) == (422, "idempotency_key_reused")
    assert "client_secret" not in other.text
    assert (await send(any_app, body, new_key())).json()["client_id"] != first.json()["client_id"]


async def test_of_many_at_once_one_is_done_and_all_are_told(any_app: Application) -> None:
    body, key = new_body(), new_key()
    answers = await asyncio.gather(*(send(any_app, body, key) for _ in range(6)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert await made_of(any_app, body["client_name"]) == 1


async def test_without_a_key_each_is_done(any_app: Application) -> None:
    body = new_body()
    for _ in range(2):
        assert (await any_app.http.post("/register", json=body)).status_code == 201
    assert await made_of(any_app, body["client_name"]) == 2


async def test_what_was_refused_can_be_mended_and_sent_under_the_same_key(
    any_app: Application,
) -> None:
    """Nothing of a refusal is kept."""
    key = new_key()
    bad = await send(any_app, new_body(redirect_uris=["http://client.example.org/"]), key)
    assert bad.status_code == 400
    assert (await send(any_app, new_body(), key)).status_code == 201


@pytest.mark.finding("I1")
async def test_the_last_use_of_a_token_is_taken_once_and_told_again(any_database: str) -> None:
    """The answer was lost, and the token is used up: nothing but the key brings it back."""
    async with application(any_database, **PROTECTED) as app:
        await _last_use(app)


async def _last_use(app: Application) -> None:
    token, body, key = await app.initial_token(1), new_body(), new_key()
    answers = await asyncio.gather(*(send(app, body, key, token) for _ in range(4)))
    answers.append(await send(app, body, key, token))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert await made_of(app, body["client_name"]) == 1
    # Whoever has the token alone, or the key alone, gets nothing by it.
    assert (await send(app, body, new_key(), token)).status_code == 401
    assert (await send(app, body, key)).status_code == 401
    assert (await send(app, new_body(), key, token)).status_code == 422
    other = await send(app, body, key, await app.initial_token(1))
    assert (other.status_code, other.content != answers[0].content) == (201, True)


async def test_a_statement_that_may_be_used_once_is_used_once_and_told_again(
    any_database: str, tmp_path: Path
) -> None:
    async with application(any_database, **trusting(tmp_path)) as app:
        body, key = new_body(software_statement=statement()), new_key()
        answers = await asyncio.gather(*(send(app, body, key) for _ in range(4)))
        answers.append(await send(app, body, key))
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.content for answer in answers}) == 1
        assert (await send(app, body, new_key())).status_code == 400


async def test_a_token_that_was_revoked_brings_no_answer_back(make_app: MakeApplication) -> None:
    app = await make_app(**PROTECTED)
    token, body, key = await app.initial_token(1), new_body(), new_key()
    assert (await send(app, body, key, token)).status_code == 201
    (issued,) = await app.operations.lists.tokens.initial_access_tokens("default")
    tokens, kind = app.operations.token_administration, SubjectKind.INITIAL_ACCESS_TOKEN
    await tokens.revoke(kind, "default", issued.id, OPERATOR)
    assert (await send(app, body, key, token)).status_code == 401


@pytest.mark.finding("I1")
async def test_nobody_is_told_what_another_was(make_app: MakeApplication) -> None:
    """The same key and body of another credential, or of another tenant, make another client."""
    app = await make_app(tenants={"a": {}})
    body, key = new_body(), new_key()
    admin = (await app.admin_token("clients:create"))["Authorization"].removeprefix("Bearer ")
    ways: list[tuple[str | None, str]] = [
        (None, ""), (None, "/t/a"), (await app.initial_token(), ""), (admin, ""),
    ]  # fmt: skip
    answers = [await send(app, body, key, token, path) for token, path in ways]
    again = [await send(app, body, key, token, path) for token, path in ways]
    assert [answer.status_code for answer in answers] == [201] * len(ways)
    assert len({answer.json()["client_id"] for answer in answers}) == len(ways)
    assert [answer.content for answer in again] == [answer.content for answer in answers]


@pytest.mark.finding("I1")
async def test_a_key_that_somebody_may_guess_is_refused(app: Application) -> None:
    body = new_body()
    chosen = (
        "my-app-production-client-registration", "register-client-my-app-2026-11-28",
        "client-registration-20261128-000001", "Register-Client-My-App-2026-11-28",
        "abcdefghijklmnopqrstuvwxyz", "123456789012345678901234567890",
        "11111111-2222-3333-4444-555555555555", "00000000-0000-4000-8000-000000000001",
        "https://client.example.org/callback",
    )  # fmt: skip
    short = ("1", "order-4711", "a" * 64, "0001-0001-0001-0001-0001", "x" * 256, "a b", '""')
    for bad in (*chosen, *short):
        told = await send(app, body, bad)
        assert (told.status_code, told.json()["error"]) == (400, "invalid_request"), bad
        assert "Idempotency-Key" in told.json()["error_description"], bad
    twice = [("Idempotency-Key", new_key()), ("Idempotency-Key", new_key())]
    answer = await app.http.post("/register", json=body, headers=twice)
    assert answer.status_code == 400
    assert await made_of(app, body["client_name"]) == 0
    for good in (new_key(), f'"{new_key()}"', secrets.token_hex(16), secrets.token_urlsafe(16),
                 "01ARZ3NDEKTSV4RRFFQ69G5FAV", "01890a5d-ac96-774b-bcce-b302099a8057"):  # fmt: skip
        assert (await send(app, body, good)).status_code == 201, good


async def test_with_and_without_quotes_it_is_the_same_key(app: Application) -> None:
    body, key = new_body(), new_key()
    first, again = await send(app, body, key), await send(app, body, f'"{key}"')
    assert first.content == again.content


@pytest.mark.parametrize("groups", [{}, SEALED], ids=["by the key itself", "by a configured key"])
async def test_another_instance_tells_it_and_the_database_holds_no_secret(
    own_database: str, groups: dict[str, Any]
) -> None:
    body, key = new_body(), new_key()
    async with application(own_database, **groups) as one, application(own_database) as other:
        first = await send(one, body, key)
        rows = await _kept(one)
        there = other if not groups else one
        assert (await send(there, body, key)).content == first.content
    async with application(own_database, **groups) as later:
        assert (await send(later, body, key)).content == first.content
    for secret in (first.json()["client_secret"], first.json()["registration_access_token"], key):
        assert secret not in str(rows)
    if groups:
        async with application(own_database) as keyless:
            lost = await send(keyless, body, key)
        assert (lost.status_code, lost.json()["error"]) == (409, "conflict")


async def test_it_is_forgotten_when_its_time_is_over(
    any_app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A process that is young believes its clock less.
    monkeypatch.setattr(idempotency, "LIFETIME", -86_402)
    body, key = new_body(), new_key()
    first = await send(any_app, body, key)
    long_ago = int(time.time()) - 86_400
    assert min(row["expires_at"] for row in await _kept(any_app)) < long_ago
    await any_app.do_job("forget_expired")
    assert all(row["expires_at"] > long_ago for row in await _kept(any_app))
    assert (await send(any_app, body, key)).content != first.content


async def test_scripts_of_any_page_may_send_it(app: Application) -> None:
    asked = {
        "Origin": "https://spa.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type, idempotency-key",
    }
    answer = await app.http.options("/register", headers=asked)
    assert answer.status_code == 200
    assert "idempotency-key" in answer.headers["access-control-allow-headers"].lower()


async def test_the_document_tells_of_it(app: Application) -> None:
    (document,) = [(await app.http.get("/openapi.json")).json()]
    asked = document["paths"]["/register"]["post"]
    assert [each["name"] for each in asked["parameters"]] == ["Idempotency-Key"]
    assert {"409", "422"} <= asked["responses"].keys()


async def _kept(app: Application) -> list[dict[str, Any]]:
    async with app.runtime.database.read() as tx:
        rows = (await tx.session.execute(select(idempotency_keys), {})).all()
    return [dict(row) for row in rows]
