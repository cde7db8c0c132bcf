"""/admin/v1/keys: administrators look at signing keys, replace and discard them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from conftest import MakeApplication
from dcrserver.services.tokens.signing_keys import PUBLISHED_AHEAD, RETIRED_AFTER
from harness.actors import OPERATOR
from harness.administration import Administrator, administrator
from harness.application import Application, application

_PRIVATE = {"d", "p", "q", "dp", "dq", "qi"}


@pytest.fixture
async def keyless(own_database: str) -> AsyncIterator[Application]:
    async with application(own_database) as made:
        yield made


async def keeper(app: Application) -> Administrator:
    return await administrator(app, "keys:read", "keys:write", "events:read")


async def test_keys_are_rotated_and_discarded_and_show_no_private_part(
    keyless: Application,
) -> None:
    admin = await keeper(keyless)
    for number in range(2):
        await admin.ask("POST", "/keys", 201)
        first, *others = (await admin.get("/keys"))["items"]
        assert len(others) == number
    assert (first["state"], others[0]["state"]) == ("signs", "published")
    moments = [each["created_at"] for each in (first, *others)]
    assert moments == sorted(moments)
    assert first["verifies_until"] > others[0]["signs_from"] > others[0]["created_at"]
    assert others[0]["verifies_until"] is None
    published = (await keyless.http.get("/jwks")).json()["keys"]
    assert [each["public_jwk"] for each in (first, *others)] == published
    assert not _PRIVATE & {*first["public_jwk"]}
    assert "PRIVATE" not in json.dumps(first)
    await admin.delete(f"/keys/{first['kid']}")
    (left,) = (await admin.get("/keys"))["items"]
    assert (left["kid"], left["state"]) == (others[0]["kid"], "signs")
    events = (await admin.get("/events?subject_kind=signing_key&oldest_first=true"))["items"]
    assert [each["type"] for each in events] == [
        "signing_key.created", "signing_key.created", "signing_key.discarded",
    ]  # fmt: skip
    assert {each["actor"]["kind"] for each in events} == {"administrator"}


async def test_an_old_key_verifies_until_nothing_of_it_is_good(
    keyless: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = await keeper(keyless)
    await admin.ask("POST", "/keys", 201)
    await admin.ask("POST", "/keys", 201)
    monkeypatch.setattr("dcrserver.services.tokens.key_administration.PUBLISHED_AHEAD", -1)
    monkeypatch.setattr("dcrserver.services.tokens.signing_keys.PUBLISHED_AHEAD", -1)
    old, new = (await admin.get("/keys"))["items"]
    assert (old["state"], new["state"]) == ("verifies", "signs")
    assert RETIRED_AFTER > PUBLISHED_AHEAD


async def test_only_keys_of_the_tenant_are_seen_and_ended(make_app: MakeApplication) -> None:
    app = await make_app(tenants={"other": {}})
    kid = await app.runtime.signing_keys.create("other", OPERATOR)
    admin = await keeper(app)
    assert (await admin.get("/keys"))["items"] == []
    for path in (f"/keys/{kid}", "/keys/unknown", "/keys/%2F", "/keys/' OR '1'='1"):
        await admin.delete(path, 404)
    for method, path in (("GET", "/keys"), ("POST", "/keys"), ("DELETE", f"/keys/{kid}")):
        await admin.ask(method, f"{path}?tenant=other", 403)
        await admin.ask(method, f"{path}?colour=red", 400)
    reader = await administrator(app, "keys:read")
    await reader.ask("POST", "/keys", 403)
    await reader.delete(f"/keys/{kid}", 403)
    assert [each.row.kid for each in await app.runtime.signing_keys.stored("other")] == [kid]
