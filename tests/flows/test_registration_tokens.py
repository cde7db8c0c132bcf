"""Registration access tokens: rotation with grace, expiry, re-issue, suspension."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.requests import ClientDisconnect

from conftest import MakeApplication
from harness.actors import OPERATOR
from harness.application import CALLBACK, Application, application, bearer, update_of
from harness.long_run import FIRST_EVERYDAY
from harness.process import serving

requirement = pytest.mark.requirement


async def get(app: Application, client: dict[str, Any]) -> httpx.Response:
    return await app.http.get(client["registration_client_uri"], headers=bearer(client))


async def put(app: Application, client: dict[str, Any], **changes: Any) -> httpx.Response:
    body = update_of(client, client_secret=..., **changes)
    where = client["registration_client_uri"]
    return await app.http.put(where, json=body, headers=bearer(client))


@requirement("R7592-A-01", "POL-42", "POL-43")
async def test_the_old_token_works_until_the_new_one_does(any_app: Application) -> None:
    old = await any_app.register()
    for _ in range(3):  # the answers of all of them may have been lost
        answer = await put(any_app, old)
        assert answer.status_code == 200
        assert (await get(any_app, old)).status_code == 200
    new = answer.json()
    assert (await get(any_app, new)).status_code == 200
    assert (await get(any_app, old)).status_code == 401
    assert (await get(any_app, new)).status_code == 200


async def test_grace_can_be_limited(
    make_app: MakeApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = await make_app(policy={"management": {"registration_access_token_grace_seconds": 60}})
    old = await app.register()
    new = (await put(app, old)).json()
    assert (await get(app, old)).status_code == 200
    later = time.time() + 61
    monkeypatch.setattr("time.time", lambda: later)
    assert (await get(app, old)).status_code == 401
    assert (await get(app, new)).status_code == 200


async def test_without_grace_the_old_token_dies_at_once(make_app: MakeApplication) -> None:
    app = await make_app(policy={"management": {"registration_access_token_grace_seconds": 0}})
    old = await app.register()
    assert (await put(app, old)).status_code == 200
    assert (await get(app, old)).status_code == 401


async def test_a_read_may_rotate_too(any_database: str) -> None:
    policy = {"management": {"registration_access_token_rotation": "on_read"}}
    async with application(any_database, policy=policy) as app:
        first = await app.register()
        second = (await get(app, first)).json()
        assert second["registration_access_token"] != first["registration_access_token"]
        third = (await get(app, second)).json()
        assert (await get(app, first)).status_code == 401
        answers = await asyncio.gather(*(get(app, third) for _ in range(6)))
        assert {answer.status_code for answer in answers} == {200}
        # However they came about, each leaves a way in.
        assert (await get(app, third)).status_code == 200


async def test_where_tokens_no_longer_change_the_one_before_works_on(any_database: str) -> None:
    """The answer with the new token was lost, and the policy has changed meanwhile."""
    async with application(any_database) as app:
        old = await app.register()
        new = (await put(app, old)).json()
    async with application(
        any_database, policy={"management": {"registration_access_token_rotation": "never"}}
    ) as app:
        for _ in range(2):
            answer = await put(app, old)
            assert answer.status_code == 200
            assert answer.json()["registration_access_token"] == old["registration_access_token"]
        assert (await put(app, new)).status_code == 200
        assert (await get(app, old)).status_code == 401
        assert (await get(app, new)).status_code == 200


async def test_an_update_that_is_not_sent_to_its_end_was_a_use_of_the_token(
    any_app: Application,
) -> None:
    old = await any_app.register()
    new = (await put(any_app, old)).json()

    async def left() -> AsyncIterator[bytes]:
        yield b'{"client_id":'
        raise ClientDisconnect

    headers = bearer(new) | {"Content-Type": "application/json"}
    await any_app.http.put(new["registration_client_uri"], headers=headers, content=left())
    assert (await get(any_app, old)).status_code == 401
    assert (await get(any_app, new)).status_code == 200


@pytest.mark.finding("S10")
async def test_a_replaced_token_reads_and_repeats_its_update_and_nothing_else(
    any_app: Application,
) -> None:
    old = await any_app.register()
    assert (await put(any_app, old, client_name="mine")).status_code == 200
    where, headers = old["registration_client_uri"], bearer(old)
    refused = [
        await put(any_app, old, client_name="theirs"),
        await put(any_app, old),
        await any_app.http.delete(where, headers=headers),
        await any_app.http.post(f"{where}/secret", headers=headers),
        await any_app.http.get(f"{where}/secret", headers=headers),
    ]
    assert {answer.status_code for answer in refused} == {401}
    assert {answer.json()["error"] for answer in refused} == {"invalid_token"}
    assert (await get(any_app, old)).json()["client_name"] == "mine"
    repeated = await put(any_app, old, client_name="mine")
    assert repeated.status_code == 200
    assert (await put(any_app, repeated.json(), client_name="next")).status_code == 200
    assert (await get(any_app, old)).status_code == 401


@pytest.mark.finding("S10")
async def test_the_grace_ends_by_itself_however_often_the_update_is_repeated(
    make_app: MakeApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = await make_app()
    start = time.time()
    old = new = await app.register()
    for seconds in (0, 200, 290):
        monkeypatch.setattr("time.time", lambda now=start + seconds: now)
        answer = await put(app, old)
        assert answer.status_code == 200
        new = answer.json()
    monkeypatch.setattr("time.time", lambda: start + 302)
    assert (await put(app, old)).status_code == 401
    assert (await get(app, new)).status_code == 200


@pytest.mark.finding("S10")
async def test_a_repeated_update_renews_no_secret(
    make_app: MakeApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = await make_app(policy={"secrets": {"lifetime": 60}})
    start = time.time()
    old = await app.register()
    assert (await put(app, old)).status_code == 200
    monkeypatch.setattr("time.time", lambda: start + 100)
    repeated = (await put(app, old)).json()
    assert "client_secret" not in repeated
    assert "client_secret" in (await put(app, repeated)).json()


@pytest.mark.finding("S25")
async def test_head_changes_nothing(any_database: str) -> None:
    """Neither a rotation, whose token nobody would see, nor the end of a grace."""
    policy = {"management": {"registration_access_token_rotation": "on_read"}}
    async with application(any_database, policy=policy) as app:
        old = await app.register()
        new = (await put(app, old)).json()
        where = new["registration_client_uri"]
        for path in (where, f"{where}/secret"):
            answer = await app.http.head(path, headers=bearer(new))
            assert answer.status_code == 200
        assert (await app.http.head(where, headers=bearer(old))).status_code == 200
        assert (await get(app, new)).status_code == 200


@pytest.mark.parametrize(
    ("preset", "rotates"),
    [("default", True), ("oidc", True), ("fapi2", True), ("open-finance-brasil", False)],
)
async def test_presets_say_when_tokens_change(
    make_app: MakeApplication,
    preset: str,
    rotates: bool,  # noqa: FBT001 - a parameter
) -> None:
    app = await make_app(policy={"preset": preset})
    policy = app.runtime.default_tenant.terms.policy
    assert policy.management.registration_access_token_rotation == (
        "on_update" if rotates else "never"
    )


async def test_a_token_expires(make_app: MakeApplication, monkeypatch: pytest.MonkeyPatch) -> None:
    app = await make_app(policy={"management": {"registration_access_token_lifetime": 60}})
    client = await app.register()
    start = time.time()
    monkeypatch.setattr("time.time", lambda: start + 50)
    renewed = (await put(app, client)).json()
    monkeypatch.setattr("time.time", lambda: start + 61)
    assert (await get(app, client)).status_code == 401  # no grace beyond its own life
    assert (await get(app, renewed)).status_code == 200
    monkeypatch.setattr("time.time", lambda: start + 111)
    answer = await get(app, renewed)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")


async def test_an_administrator_issues_a_new_one(any_app: Application) -> None:
    client = await any_app.register()
    after = (await put(any_app, client)).json()
    token = await any_app.operations.client_credentials.reissue_registration_token(
        any_app.runtime.default_tenant, client["client_id"], OPERATOR
    )
    assert (await get(any_app, client)).status_code == 401
    assert (await get(any_app, after)).status_code == 401
    assert (await get(any_app, client | {"registration_access_token": token})).status_code == 200
    events = await any_app.events(client["client_id"])
    assert events[-1].type == "registration_access_token.reissued"
    assert token not in events[-1].changes


@requirement("R7592-2.1-05")
async def test_the_token_of_a_suspended_client_is_dead(any_app: Application) -> None:
    """Row 12: it must not bring the client back."""
    client = await any_app.register()
    lifecycle, tenant = any_app.operations.client_lifecycle, any_app.runtime.default_tenant
    await lifecycle.suspend(tenant, client["client_id"], OPERATOR)
    where, headers = client["registration_client_uri"], bearer(client)
    answers = [
        await any_app.http.get(where, headers=headers),
        await any_app.http.put(where, json=update_of(client), headers=headers),
        await any_app.http.delete(where, headers=headers),
        await any_app.http.post(f"{where}/secret", headers=headers),
        await any_app.http.get(f"{where}/secret", headers=headers),
    ]
    assert {answer.status_code for answer in answers} == {401}
    async with any_app.runtime.database.read() as tx:
        record = await tx.clients.find("default", client["client_id"])
    assert record is not None
    assert record.suspended_at
    await lifecycle.resume(tenant, client["client_id"], OPERATOR)
    assert (await get(any_app, client)).status_code == 200


async def test_every_token_is_good_for_its_own_client_only(app: Application) -> None:
    """Row 13: N clients, N tokens."""
    clients = [await app.register() for _ in range(5)]
    for client in clients:
        for other in clients:
            crossed = client | {"registration_access_token": other["registration_access_token"]}
            assert (await get(app, crossed)).status_code == (200 if client is other else 401)


async def test_each_kind_of_token_is_good_for_its_own_endpoints(make_app: MakeApplication) -> None:
    """Row 35: one-time stores are apart."""
    app = await make_app(registration={"mode": "protected"})
    initial = await app.initial_token()
    admin = (await app.admin_token("clients:read", "clients:authenticate"))["Authorization"][7:]
    headers = {"Authorization": f"Bearer {initial}"}
    body = {
        "redirect_uris": [CALLBACK],
        "grant_types": ["client_credentials", "authorization_code"],
    }
    client = (await app.http.post("/register", json=body, headers=headers)).json()
    auth = (client["client_id"], client["client_secret"])
    granted = await app.http.post("/token", data={"grant_type": "client_credentials"}, auth=auth)
    tokens = {
        "initial": initial,
        "registration": client["registration_access_token"],
        "admin": admin,
        "access": granted.json()["access_token"],
        "secret": client["client_secret"],
    }
    where = client["registration_client_uri"]
    directory = f"/authorization-server/clients/{client['client_id']}"
    doors = {
        ("GET", where): {"registration", "admin"},
        ("GET", f"{where}/secret"): {"registration", "admin"},
        ("DELETE", f"{where}/secret/unknown"): {"registration"},
        ("GET", directory): {"admin"},
        ("POST", "/authorization-server/authenticate"): {"admin"},
        ("POST", "/register"): {"initial"},
    }
    for (method, url), expected in doors.items():
        let_in = set()
        for kind, token in tokens.items():
            answer = await app.http.request(
                method, url, json={}, headers={"Authorization": f"Bearer {token}"}
            )
            if answer.status_code not in {401, 403}:
                let_in.add(kind)
        assert let_in == expected, url


async def test_an_update_that_overlaps_a_deletion_brings_nothing_back(any_database: str) -> None:
    policy = {"management": {"registration_access_token_rotation": "never"}}
    async with application(any_database, policy=policy) as app:
        for _ in range(10):
            client = await app.register()
            where, headers = client["registration_client_uri"], bearer(client)
            answers = await asyncio.gather(
                *(put(app, client, client_name=f"n{number}") for number in range(4)),
                app.http.delete(where, headers=headers),
                *(put(app, client, client_name=f"m{number}") for number in range(4)),
            )
            assert answers[4].status_code == 204
            assert {answer.status_code for answer in answers} <= {200, 204, 401}
            assert (await get(app, client)).status_code == 401
            async with app.runtime.database.read() as tx:
                assert await tx.clients.find("default", client["client_id"]) is None


@pytest.mark.parametrize("any_database", FIRST_EVERYDAY, indirect=True)
async def test_a_connection_that_dies_locks_nobody_out(any_database: str, tmp_path: Path) -> None:
    """The update is sent and the line cut at once: the client always has a token that works."""
    with serving(tmp_path, any_database) as server:
        async with httpx.AsyncClient(base_url=server.base_url, trust_env=False) as http:
            happened = 0
            for seconds in _moments_to_cut():
                if happened and seconds > _SOON:
                    break
                # Each time another: a replaced token repeats its own update, and no other.
                made = await http.post("/register", json={"redirect_uris": [CALLBACK]})
                client = made.json()
                await _cut(server.base_url, client, seconds)
                answer = await http.get(
                    client["registration_client_uri"], headers=bearer(client), timeout=30
                )
                assert answer.status_code == 200, f"locked out when cut after {seconds} s"
                happened += "client_name" in answer.json()
            assert happened  # some of the updates that were cut off were stored
            renewed = await http.put(
                client["registration_client_uri"],
                json=update_of(answer.json()),
                headers=bearer(answer.json()),
            )
            assert renewed.status_code == 200


_SOON = 0.01  # an update takes about as long on a quiet machine


def _moments_to_cut() -> Iterator[float]:
    """Densely while an update runs, then later and later, for a machine where it takes longer."""
    yield from (turn * _SOON / 40 for turn in range(40))
    yield from (turn / 20 for turn in range(1, 40))


async def _cut(base_url: str, client: dict[str, Any], seconds: float) -> None:
    """Sends an update and closes the connection after ``seconds``, whatever came of it."""
    parts = urlsplit(base_url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    body = json.dumps(update_of(client, client_secret=..., client_name="after the cut")).encode()
    head = (
        f"PUT /register/{client['client_id']} HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: Bearer {client['registration_access_token']}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    await writer.drain()
    await asyncio.sleep(seconds)
    del reader
    writer.transport.abort()
    await asyncio.sleep(0.05)
