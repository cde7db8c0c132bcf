"""Idempotency-Key: what is sent again is done once, across crashes and instances."""

from __future__ import annotations

import asyncio
import base64
import secrets
import time
from typing import Any

import pytest
from sqlalchemy import select

from dcrserver.db.tables import idempotency_keys
from dcrserver.services.access import idempotency
from harness.administration import Administrator, administrator
from harness.application import CALLBACK, Application, application

SCOPES = ("tokens:read", "tokens:write", "clients:read", "clients:write")
CLIENT: dict[str, Any] = {"metadata": {"redirect_uris": [CALLBACK]}}
KEY = base64.b64encode(bytes(32)).decode()
REQUESTS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("/clients", CLIENT, CLIENT | {"tags": ["other"]}),
    ("/initial-access-tokens", {"label": "a"}, {"label": "b"}),
    ("/admin-tokens", {"scopes": ["clients:read"]}, {"scopes": ["tokens:read"]}),
]


def new_key() -> dict[str, str]:
    return {"Idempotency-Key": secrets.token_hex(16)}


@pytest.mark.parametrize(("path", "body", "other"), REQUESTS)
async def test_what_is_sent_again_is_done_once(
    any_app: Application, path: str, body: dict[str, Any], other: dict[str, Any]
) -> None:
    admin, key = await administrator(any_app, *SCOPES), new_key()
    first = await admin.ask("POST", path, 201, json=body, headers=key)
    again = await admin.ask("POST", path, 201, json=body, headers=key)
    assert again.json() == first.json()
    assert again.headers.get("location") == first.headers.get("location")
    told = await admin.post(path, 422, json=other, headers=key)
    assert told["code"] == "idempotency_key_reused"
    new = await admin.ask("POST", path, 201, json=body, headers=new_key())
    assert new.json() != first.json()


@pytest.mark.parametrize(("path", "body", "other"), REQUESTS)
async def test_of_many_at_once_one_is_done(
    any_app: Application, path: str, body: dict[str, Any], other: dict[str, Any]
) -> None:
    del other
    admin, key = await administrator(any_app, *SCOPES), new_key()
    answers = await asyncio.gather(
        *(admin.ask("POST", path, 201, json=body, headers=key) for _ in range(6))
    )
    assert len({answer.text for answer in answers}) == 1


async def test_a_chosen_identifier_is_no_conflict_with_itself(any_app: Application) -> None:
    admin, key = await administrator(any_app, *SCOPES), new_key()
    body = CLIENT | {"client_id": f"chosen-{secrets.token_hex(8)}"}
    answers = await asyncio.gather(
        *(admin.ask("POST", "/clients", 201, json=body, headers=key) for _ in range(4))
    )
    assert len({answer.text for answer in answers}) == 1
    await admin.post("/clients", 409, json=body, headers=new_key())


async def test_what_was_refused_can_be_sent_again_and_done(any_app: Application) -> None:
    admin, key = await administrator(any_app, *SCOPES), new_key()
    bad = {"metadata": {"redirect_uris": ["http://client.example.org/"]}}
    await admin.post("/clients", 400, json=bad, headers=key)
    await admin.post("/clients", 201, json=CLIENT, headers=key)


async def test_keys_of_different_callers_are_different(any_app: Application) -> None:
    key = new_key()
    one, two = await administrator(any_app, *SCOPES), await administrator(any_app, *SCOPES)
    first = await one.post("/clients", 201, json=CLIENT, headers=key)
    second = await two.post("/clients", 201, json=CLIENT, headers=key)
    assert first["client_id"] != second["client_id"]


@pytest.mark.parametrize("groups", [{}, {"secrets": {"encryption_keys": [KEY]}}])
async def test_another_instance_answers_alike_and_the_database_holds_no_secret(
    own_database: str, groups: dict[str, Any]
) -> None:
    key = new_key()
    async with application(own_database, **groups) as app:
        admin = await administrator(app, *SCOPES)
        first = await admin.post("/clients", 201, json=CLIENT, headers=key)
    async with application(own_database, **groups) as app:
        admin = Administrator(app, admin.headers)
        assert await admin.post("/clients", 201, json=CLIENT, headers=key) == first
        kept = str(await _kept(app))
    for name in ("client_secret", "registration_access_token"):
        assert first[name] not in kept
    assert key["Idempotency-Key"] not in kept


async def test_a_key_can_be_used_anew_when_its_time_is_over(
    any_app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "LIFETIME", 0)
    admin, key = await administrator(any_app, *SCOPES), new_key()
    path, body, other = REQUESTS[1]
    first = await admin.post(path, 201, json=body, headers=key)
    second = await admin.post(path, 201, json=other, headers=key)
    assert first["token"] != second["token"]


@pytest.mark.parametrize("sent", ["", '""', "a b", "ü", "x" * 256])
async def test_a_key_that_is_none_is_refused(app: Application, sent: str) -> None:
    admin = await administrator(app, *SCOPES)
    headers: Any = {"Idempotency-Key": sent.encode()}
    told = await admin.post("/clients", 400, json=CLIENT, headers=headers)
    assert told["errors"][0]["parameter"] == "Idempotency-Key"


async def test_answers_are_forgotten_when_their_time_is_over(
    any_app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A process that is young believes its clock less.
    monkeypatch.setattr(idempotency, "LIFETIME", -86_402)
    admin, key = await administrator(any_app, *SCOPES), new_key()
    await admin.post("/clients", 201, json=CLIENT, headers=key)
    assert await _kept(any_app)
    await any_app.do_job("forget_expired")
    now = int(time.time()) - 86_400
    assert all(row["expires_at"] > now for row in await _kept(any_app))


async def _kept(app: Application) -> list[dict[str, Any]]:
    async with app.runtime.database.read() as tx:
        rows = (await tx.session.execute(select(idempotency_keys), {})).all()
    return [dict(row) for row in rows]


JOBS = ("clients:read", "clients:update", "clients:create", "jobs:read", "jobs:write")
LINE = (
    b'{"client_id": "sent-again", "redirect_uris": ["https://a.example/cb"],'
    b' "token_endpoint_auth_method": "none"}\n'
)


@pytest.mark.finding("M23")
async def test_a_job_that_is_asked_for_again_is_begun_once(any_app: Application) -> None:
    """One after the other and at once; what is sent for it counts as part of the request."""
    admin = await administrator(any_app, *JOBS)
    await any_app.do_job("do_jobs")

    async def bulk(key: dict[str, str], tag: str = "a", status: int = 202) -> Any:
        body = {"action": "tag", "tag": tag, "filter": {"name": "nobody"}}
        return await admin.ask("POST", "/clients/bulk", status, json=body, headers=key)

    async def imported(key: dict[str, str], content: bytes = LINE, status: int = 202) -> Any:
        return await admin.ask("POST", "/clients/import", status, content=content, headers=key)

    made = []
    for ask, other in ((bulk, {"tag": "b"}), (imported, {"content": LINE + LINE})):
        key = new_key() | ({"Content-Type": "application/x-ndjson"} if ask is imported else {})
        answers = [*await asyncio.gather(*(ask(key) for _ in range(5))), await ask(key)]
        (job,) = {answer.json()["id"] for answer in answers}
        assert {answer.headers["location"].rpartition("/")[2] for answer in answers} == {job}
        refused = await ask(key, **other, status=422)
        assert refused.json()["code"] == "idempotency_key_reused"
        made.append(job)
    listed = await any_app.runtime.lists.jobs.page("default", None, None, None, 100)
    assert [each.id for each in listed if each.state in {"receiving", "queued"}] == made[::-1]
    async with any_app.runtime.database.read() as tx:
        assert await tx.job_inputs.content("default", made[1], 0) is not None
    await any_app.do_job("do_jobs")
    assert (await admin.get(f"/jobs/{made[1]}"))["changed"] == 1
    assert (await bulk(new_key())).json()["id"] not in made
