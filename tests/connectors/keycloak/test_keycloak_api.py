"""What refusals of Keycloak mean, and what is done about them: with answers as it gives them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import pytest

from connectors.keycloak.making import TENANT, wanted
from dcrserver.connectors.client import Held, NewSecret
from dcrserver.connectors.failures import (
    TargetAway,
    TargetMisconfigured,
    TargetMissing,
    TargetRefused,
    TargetTaken,
)
from dcrserver.connectors.http import Answer
from dcrserver.connectors.keycloak import api
from dcrserver.connectors.keycloak.connector import KeycloakConnector
from harness.wanted import target

UUID = "0b5a4b54-8f5b-4a9e-9f0a-4f6b3c3a2b10"
DUPLICATE = Answer(409, {}, {"errorMessage": "Duplicate resource error"})
TAKEN = Answer(409, {}, {"errorMessage": "Client c already exists"})
UNAUTHORIZED = Answer(401, {}, {"error": "HTTP 401 Unauthorized"})
MADE = Answer(201, {"location": f"http://k/admin/realms/r/clients/{UUID}"}, None)
DONE = Answer(204, {}, None)
MISSING = Answer(404, {}, {"error": "Could not find client"})


class Calls:
    """In place of the network: tokens and scopes as usual, of clients what is said here."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = iter(answers)
        self._tokens = itertools.count()
        self.made: list[tuple[str, str, Any]] = []

    async def call(self, method: str, url: str, **more: Any) -> Answer:
        if url.endswith("/token"):
            body = {"access_token": f"t{next(self._tokens)}", "expires_in": 300}
            return Answer(200, {}, body)
        if "client-scopes" in url:
            return Answer(200, {}, [])
        self.made.append((method, more["headers"]["Authorization"], more.get("json")))
        return next(self._answers)

    async def close(self) -> None:
        pass


Script = Callable[..., tuple[KeycloakConnector, Calls]]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    def make(*answers: Answer) -> tuple[KeycloakConnector, Calls]:
        calls = Calls(*answers)
        made = "dcrserver.connectors.keycloak.connector.TargetHttp"
        monkeypatch.setattr(made, lambda *_: calls)
        monkeypatch.setattr(api, "_PAUSE_SECONDS", 0.0)
        settings = target(
            "keycloak", url="http://127.0.0.1:1", realm="r", client_id="dcr", client_secret="s"
        )
        return KeycloakConnector("front", settings), calls

    return make


def ours(**members: Any) -> dict[str, Any]:
    marks = {"dcrserver.mark": "dcrserver", "dcrserver.tenant": TENANT, "dcrserver.client_id": "c"}
    return {"id": UUID, "clientId": "c", "attributes": marks} | members


async def test_a_token_that_is_not_taken_is_renewed_once(script: Script) -> None:
    connector, calls = script(UNAUTHORIZED, MADE)
    assert (await connector.create(wanted("c"), None)).held.remote_id == UUID
    assert [used for _, used, _ in calls.made] == ["Bearer t0", "Bearer t1"]
    connector, calls = script(UNAUTHORIZED, UNAUTHORIZED)
    with pytest.raises(TargetMisconfigured, match="not taken"):
        await connector.create(wanted("c"), None)


async def test_writes_that_meet_are_made_again_and_not_for_ever(script: Script) -> None:
    connector, calls = script(DUPLICATE, DUPLICATE, MADE)
    assert await connector.create(wanted("c"), None)
    assert len(calls.made) == 3
    connector, calls = script(*[DUPLICATE] * 5)
    with pytest.raises(TargetAway) as away:
        await connector.create(wanted("c"), None)
    assert away.value.is_unknown is False


@pytest.mark.parametrize(("answers", "error"), [
    ([Answer(403, {}, {"error": "HTTP 403 Forbidden"})], TargetMisconfigured),
    ([Answer(404, {}, {"error": "Realm not found."})], TargetMisconfigured),
    ([Answer(400, {}, {"error": "invalid_input", "error_description": "no"})], TargetRefused),
    ([TAKEN, Answer(200, {}, [])], TargetAway),
    ([TAKEN, Answer(200, {}, [{"id": UUID, "clientId": "c"}])], TargetTaken),
    ([TAKEN, Answer(200, {}, [ours()]), MISSING], TargetAway),
    ([Answer(201, {}, None)], TargetAway),
])  # fmt: skip
async def test_what_becomes_of_a_new_client(
    script: Script, answers: list[Answer], error: type[Exception]
) -> None:
    with pytest.raises(error) as raised:
        await script(*answers)[0].create(wanted("c"), None)
    assert type(raised.value) is error
    assert str(raised.value).startswith("front: ")


async def test_reasons_hold_no_addresses(script: Script) -> None:
    told = {"errorMessage": "not at http://10.0.0.1:8080/admin\nreally"}
    with pytest.raises(TargetRefused) as refused:
        await script(Answer(400, {}, told))[0].create(wanted("c"), None)
    assert refused.value.reason == "not at (address) really"


@pytest.mark.parametrize(("answers", "error"), [
    ([MISSING], TargetMissing),
    ([Answer(200, {}, {"id": UUID, "clientId": "c"})], TargetMissing),
    ([Answer(200, {}, ours()), MISSING], TargetMissing),
    ([Answer(200, {}, ours()), Answer(409, {}, {"error": "conflict"})], TargetTaken),
])  # fmt: skip
async def test_what_becomes_of_a_change(
    script: Script, answers: list[Answer], error: type[Exception]
) -> None:
    with pytest.raises(error) as raised:
        await script(*answers)[0].update(wanted("c"), Held(UUID), None)
    assert type(raised.value) is error


async def test_what_others_switched_on_is_named_in_an_update(script: Script) -> None:
    there = ours(authorizationServicesEnabled=True, secret="before")
    connector, calls = script(Answer(200, {}, there), DONE)
    await connector.update(wanted("c"), Held(UUID), None)
    sent = calls.made[1][2]
    assert sent["authorizationServicesEnabled"] is True
    assert "secret" not in sent


async def test_a_secret_that_keycloak_cannot_keep_is_refused(script: Script) -> None:
    connector, calls = script()
    with pytest.raises(TargetRefused, match="too long") as refused:
        await connector.create(wanted("c"), NewSecret("x" * 256))
    assert refused.value.reason.startswith("client_secret ")
    assert calls.made == []


async def test_no_secret_is_sent_that_the_method_does_not_need(script: Script) -> None:
    connector, calls = script(MADE)
    await connector.create(wanted("c", token_endpoint_auth_method="none"), NewSecret("s3cr3t"))
    assert "s3cr3t" not in str(calls.made)


@pytest.mark.parametrize("is_kept", [True, False])
async def test_whether_secrets_rotate_is_seen_once(script: Script, is_kept: bool) -> None:  # noqa: FBT001
    ends = {"client.secret.expiration.time": "4102444800"} if is_kept else {}
    connector, calls = script(MADE, DONE, Answer(200, {}, {"id": UUID, "attributes": ends}), MADE)
    for _ in range(2):
        await connector.create(wanted("c"), NewSecret("s"))
    assert connector.overlaps is is_kept
    assert [method for method, _, _ in calls.made] == ["POST", "PUT", "GET", "POST"]


@pytest.mark.parametrize("deleted", [0, 5, 40, 100])
async def test_a_row_that_moved_between_two_pages_is_seen_and_none_is_seen_twice(
    script: Script, deleted: int
) -> None:
    """Of 460 clients, some before the offset are deleted when the first page was read."""
    rows = [{"id": f"u{number}", "clientId": f"c{number}"} for number in range(460)]
    names, begun = [row["clientId"] for row in rows], [0]

    async def call(_: str, url: str, **more: Any) -> Answer:
        if not url.endswith("/clients"):
            body = [] if "client-scopes" in url else {"access_token": "t", "expires_in": 300}
            return Answer(200, {}, body)
        first = int(more["params"]["first"])
        page = rows[first : first + 100]
        if begun == [0]:
            del rows[:deleted]
        begun.append(first)
        return Answer(200, {}, page)

    connector, calls = script()
    calls.call = call  # type: ignore[method-assign]
    found = [each.client_id async for each in connector.list_all([TENANT])]
    assert found == names
    assert max(begun) >= len(names) - deleted - 100


async def test_who_stops_listing_leaves_no_page_behind(script: Script) -> None:
    connector, calls = script()
    begun, ended = asyncio.Semaphore(0), asyncio.Semaphore(0)

    async def call(_: str, url: str, **more: Any) -> Answer:
        if url.endswith("/token"):
            return Answer(200, {}, {"access_token": "t", "expires_in": 300})
        if "client-scopes" in url:
            return Answer(200, {}, [])
        if more["params"]["first"] != "0":
            begun.release()
            try:
                await asyncio.Event().wait()
            finally:
                ended.release()
        return Answer(200, {}, [{"id": f"u{n}", "clientId": f"c{n}"} for n in range(100)])

    calls.call = call  # type: ignore[method-assign]
    async with asyncio.timeout(5):
        async with aclosing(connector.list_all([TENANT])) as listing:
            assert await anext(listing)
            for _ in range(2):
                await begun.acquire()
        for _ in range(2):
            await ended.acquire()
