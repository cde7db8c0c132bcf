"""Registrations that a statement holds: nothing of such a client works until it is approved."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from dcrserver.names import ClientStatus
from dcrserver.security import new_client_id
from flows.test_authorization_server import basic
from harness.administration import Administrator, administrator
from harness.application import CALLBACK, Application, application, bearer, update_of

HOLD = [
    {"name": "no-evil", "when": {"redirect_uris.host": "evil.example"},
     "then": {"reject": {"description": "not our host"}}},
    {"name": "ask first", "when": {"redirect_uris.host": {"not": ["*.trusted.example"]}},
     "then": {"hold": True}},
    {"name": "label", "then": {"tag": ["seen"]}},
]  # fmt: skip
PUBLIC = {"token_endpoint_auth_method": "none"}
LET_IN = "https://app.trusted.example/cb"
EVIL = "https://evil.example/cb"
MACHINE = {"grant_types": ["client_credentials"], "redirect_uris": [CALLBACK], "scope": "read"}


@pytest.fixture
async def held_app(any_database: str) -> AsyncIterator[Application]:
    policy = {"statements": HOLD, "approval": {"pending_lifetime": 3600}}
    server = {"scopes_supported": ["read"]}
    async with application(
        any_database, policy=policy, authorization_server=server, tokens={"enabled": True},
        registration={"validate_endpoint": True},
    ) as made:  # fmt: skip
        yield made


@pytest.fixture
async def admin(held_app: Application) -> Administrator:
    return await administrator(
        held_app, "clients:read", "clients:update", "clients:delete", "clients:approve"
    )


async def hold(app: Application, **members: Any) -> dict[str, Any]:
    """A registration that waits; of a name that no other test has."""
    members = {"client_name": new_client_id(), **members}
    return await app.register(**members)


async def read(app: Application, client: dict[str, Any], status: int = 200) -> Any:
    answer = await app.http.get(f"/register/{client['client_id']}", headers=bearer(client))
    assert answer.status_code == status, answer.text
    return answer.json()


async def token(app: Application, client: dict[str, Any]) -> httpx.Response:
    sent = {"grant_type": "client_credentials"}
    return await app.http.post(
        "/token", data=sent, auth=(client["client_id"], client["client_secret"])
    )


async def types(app: Application, client_id: str) -> list[str]:
    return [each.type for each in await app.events(client_id)]


async def test_what_is_held_waits_and_works_when_it_is_approved(
    held_app: Application, admin: Administrator
) -> None:
    made = await hold(held_app, **MACHINE)
    client_id = made["client_id"]
    assert made["client_status"] == "pending"
    assert made["client_status_expires_at"] == made["client_id_issued_at"] + 3600
    assert (await token(held_app, made)).status_code == 401
    assert (await read(held_app, made))["client_status"] == "pending"
    head = await held_app.http.head(f"/register/{client_id}", headers=bearer(made))
    assert head.status_code == 200
    shown = await admin.get(f"/clients/{client_id}")
    assert (shown["status"], shown["tags"]) == ("pending", ["seen"])
    assert shown["approval"].pop("ends_at") > shown["created_at"]
    assert shown["approval"] == {"statements": ["ask first", "label"], "reason": None}
    listed = await admin.get(f"/clients?status=pending&name={made['client_name']}")
    assert [each["client_id"] for each in listed["items"]] == [client_id]
    for status in ("active", "suspended", "rejected", "expired"):
        found = await admin.get(f"/clients?status={status}&name={made['client_name']}")
        assert found["items"] == [], status
    told = await admin.post(f"/clients/{client_id}/approve")
    assert (told["status"], told["suspended_at"]) == ("active", None)
    assert (await token(held_app, made)).status_code == 200
    assert "client_status" not in await read(held_app, made)
    assert await types(held_app, client_id) == ["client.held", "client.approved"]
    event = json.loads((await held_app.events(client_id))[1].changes)
    assert event["statements"] == ["ask first", "label"]
    assert event["metadata"]["client_name"] == made["client_name"]
    again = await admin.ask("POST", f"/clients/{client_id}/approve", 409)
    assert "is active" in again.json()["detail"]
    await admin.ask("POST", f"/clients/{client_id}/reject", 409, json={"reason": "late"})


async def test_what_is_rejected_reads_why_and_changes_nothing_any_more(
    held_app: Application, admin: Administrator
) -> None:
    made = await hold(held_app, **PUBLIC)
    own = f"/register/{made['client_id']}"
    told = await admin.post(f"/clients/{made['client_id']}/reject", json={"reason": "who is this?"})
    assert (told["status"], told["approval"]["reason"]) == ("rejected", "who is this?")
    is_told = await read(held_app, made)
    assert is_told["client_status"] == "rejected"
    assert is_told["client_status_reason"] == "who is this?"
    assert "client_status_expires_at" not in is_told
    changed = update_of(made, redirect_uris=[LET_IN])
    for answer in (
        await held_app.http.put(own, json=changed, headers=bearer(made)),
        await held_app.http.delete(own, headers=bearer(made)),
    ):
        assert answer.status_code == 403, answer.text
    # Neither the same again nor an administrator who may not approve brings it back.
    same = {name: made[name] for name in ("client_name", "redirect_uris", *PUBLIC)}
    refused = await held_app.http.post("/register", json=same)
    assert refused.status_code == 400
    assert "who is this" not in refused.text
    for action in ("resume", "suspend", "approve"):
        await admin.ask("POST", f"/clients/{made['client_id']}/{action}", 409)
    await admin.delete(f"/clients/{made['client_id']}")
    await admin.ask("POST", f"/clients/{made['client_id']}/restore", 409)
    assert await types(held_app, made["client_id"]) == [
        "client.held", "client.rejected", "client.deleted",
    ]  # fmt: skip


@pytest.mark.finding("A1")
async def test_nothing_works_for_a_client_that_is_not_active(
    held_app: Application, admin: Administrator
) -> None:
    """Whatever status somebody adds tomorrow has to be thought of here."""
    made = {
        "active": await hold(held_app, **MACHINE | {"redirect_uris": [LET_IN]}),
        "suspended": await hold(held_app, **MACHINE | {"redirect_uris": [LET_IN]}),
        "pending": await hold(held_app, **MACHINE),
        "rejected": await hold(held_app, **MACHINE),
        "expired": await hold(held_app, **MACHINE),
    }
    await admin.post(f"/clients/{made['suspended']['client_id']}/suspend")
    await admin.post(f"/clients/{made['rejected']['client_id']}/reject", json={"reason": "no"})
    await expire(held_app, made["expired"]["client_id"])
    asks = await held_app.admin_token("clients:read", "clients:authenticate", "tokens:introspect")

    async def as_it_is(status: ClientStatus) -> None:
        client = made[status.value]
        client_id, is_active = client["client_id"], status == "active"
        assert (await held_app.client(client_id)).status == status
        assert (await token(held_app, client)).status_code == (200 if is_active else 401)
        where = f"/authorization-server/clients/{client_id}"
        looked_up = await held_app.http.get(where, headers=asks)
        assert looked_up.status_code == (200 if is_active else 404)
        sent = {"authorization": basic(client)}
        answer = await held_app.http.post(
            "/authorization-server/authenticate", headers=asks, json=sent
        )
        assert answer.json()["active"] == is_active, answer.text
        reads = await held_app.http.get(f"/register/{client_id}", headers=bearer(client))
        assert reads.status_code == (401 if status == "suspended" else 200)
        query = {"response_type": "code", "client_id": client_id, "redirect_uri": LET_IN}
        page = await held_app.http.get("/authorize", params=query)
        assert ("app.trusted.example" in page.text) == is_active

    for status in ClientStatus:
        await as_it_is(status)


async def is_over(app: Application, client_id: str) -> None:
    """Its time is over, and nobody looked yet."""
    await app.runtime.database.transact(
        lambda tx: tx.client_approvals.decide("default", client_id, int(time.time()) - 60)
    )


async def expire(app: Application, client_id: str) -> None:
    """Nobody decided about it in time."""
    await is_over(app, client_id)
    await app.do_job("end_approvals")


async def test_who_waits_too_long_expires_and_is_removed_later(
    held_app: Application, admin: Administrator
) -> None:
    made = await hold(held_app, **PUBLIC)
    await expire(held_app, made["client_id"])
    told = await read(held_app, made)
    assert told["client_status"] == "expired"
    await admin.ask("POST", f"/clients/{made['client_id']}/approve", 409)
    assert await types(held_app, made["client_id"]) == ["client.held", "client.approval_expired"]
    # The same may be asked for again, and is another client.
    same = {name: made[name] for name in ("client_name", "redirect_uris", *PUBLIC)}
    again = await held_app.register(**same)
    assert again["client_id"] != made["client_id"]
    assert again["registration_access_token"]
    await expire(held_app, made["client_id"])
    await read(held_app, made, 401)
    await admin.get(f"/clients/{made['client_id']}", 404)
    assert (await types(held_app, made["client_id"]))[-1] == "client.deleted"
    assert (await held_app.client(again["client_id"])).status == "pending"
    # An approved one stays, and what is known of it.
    await admin.post(f"/clients/{again['client_id']}/approve")
    await held_app.do_job("end_approvals")
    assert (await held_app.client(again["client_id"])).status == "active"


async def test_who_waits_may_change_and_leave(held_app: Application, admin: Administrator) -> None:
    made = await hold(held_app, **PUBLIC)
    own = f"/register/{made['client_id']}"
    changed = update_of(made, redirect_uris=[EVIL])
    refused = await held_app.http.put(own, json=changed, headers=bearer(made))
    assert refused.status_code == 400
    for uri in (LET_IN, CALLBACK):  # not even what nobody would hold is let in by that
        sent = update_of(made, redirect_uris=[uri])
        answer = await held_app.http.put(own, json=sent, headers=bearer(made))
        assert answer.status_code == 200, answer.text
        made = made | answer.json()
        assert made["client_status"] == "pending"
    # Administrators change it without approving it.
    await admin.ask("PATCH", f"/clients/{made['client_id']}", json={"tags": ["x"]})
    assert (await held_app.client(made["client_id"])).status == "pending"
    assert (await held_app.http.delete(own, headers=bearer(made))).status_code == 204
    await admin.ask("POST", f"/clients/{made['client_id']}/approve", 404)


@pytest.mark.finding("A2")
async def test_what_is_approved_is_what_was_seen(
    held_app: Application, admin: Administrator
) -> None:
    """It registers under a harmless name and takes another one while somebody looks at it."""
    made = await hold(held_app, **PUBLIC)
    where = f"/clients/{made['client_id']}"
    seen = await admin.ask("GET", where)
    sent = update_of(made, client_name=f"Bank {new_client_id()}")
    answer = await held_app.http.put(
        f"/register/{made['client_id']}", json=sent, headers=bearer(made)
    )
    assert answer.status_code == 200
    await admin.ask("POST", f"{where}/approve", 428)
    await admin.ask("POST", f"{where}/approve", 428, headers={"If-Match": "*"})
    await admin.ask("POST", f"{where}/approve", 412, headers={"If-Match": seen.headers["etag"]})
    version = seen.json()["version"]
    await admin.ask("POST", f"{where}/approve?version={version}", 412)
    now = await admin.get(where)
    assert (now["status"], now["metadata"]["client_name"]) == ("pending", sent["client_name"])
    told = await admin.post(f"{where}/approve?version={now['version']}")
    assert told["status"] == "active"


async def test_an_update_of_an_active_client_that_would_be_held_is_refused(
    held_app: Application, admin: Administrator
) -> None:
    made = await held_app.register(redirect_uris=[LET_IN])
    own = f"/register/{made['client_id']}"
    sent = update_of(made, redirect_uris=[CALLBACK])
    refused = await held_app.http.put(own, json=sent, headers=bearer(made))
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_client_metadata")
    assert "approval" in refused.json()["error_description"]
    assert (await read(held_app, made))["redirect_uris"] == [LET_IN]
    # Who may approve may write it; who may not, may not either.
    change = {"metadata": {"redirect_uris": [CALLBACK]}}
    lacking = await administrator(held_app, "clients:read", "clients:update")
    await lacking.ask("PATCH", f"/clients/{made['client_id']}", 400, json=change)
    await admin.ask("PATCH", f"/clients/{made['client_id']}", json=change)
    event = json.loads((await held_app.events(made["client_id"]))[-1].changes)
    assert event["approved"] is True


async def test_administrators_are_held_unless_they_may_approve(held_app: Application) -> None:
    body = {"metadata": {"redirect_uris": [CALLBACK], "client_name": new_client_id()}}
    lacking = await administrator(held_app, "clients:create", "clients:read")
    told = await lacking.post("/clients", 201, json=body)
    assert told["status"] == "pending"
    shown = await lacking.get(f"/clients/{told['client_id']}")
    assert shown["approval"]["statements"] == ["ask first", "label"]
    answer = await held_app.http.post(
        "/register", json=body["metadata"], headers=await held_app.admin_token("clients:create")
    )
    assert answer.json()["client_status"] == "pending"
    may = await administrator(held_app, "clients:create", "clients:approve")
    told = await may.post("/clients", 201, json=body)
    assert told["status"] == "active"
    (event,) = await held_app.events(told["client_id"])
    assert (event.type, json.loads(event.changes)["approved"]) == ("client.registered", True)


@pytest.mark.finding("A3")
async def test_the_same_attempt_finds_the_same_entry_and_gets_no_token_for_it(
    held_app: Application, admin: Administrator
) -> None:
    """Copies of an MCP client ask again and again, from another port each time."""
    name = new_client_id()
    ports = iter(range(5000, 5010))

    async def ask() -> dict[str, Any]:
        uris = [f"http://127.0.0.1:{next(ports)}/cb"]
        return await held_app.register(client_name=name, redirect_uris=uris, **PUBLIC)

    first = await ask()
    assert first["registration_access_token"]
    again = await ask()
    assert again["client_id"] == first["client_id"]
    assert again["client_status"] == "pending"
    secrets = {"registration_access_token", "registration_client_uri", "client_secret"}
    assert not secrets & again.keys()
    # What many were told is nobody's own: neither changed nor deleted by who was first.
    own = f"/register/{first['client_id']}"
    assert (await read(held_app, first))["client_status"] == "pending"
    for answer in (
        await held_app.http.put(own, json=update_of(first), headers=bearer(first)),
        await held_app.http.delete(own, headers=bearer(first)),
    ):
        assert answer.status_code == 403, answer.text
    await admin.post(f"/clients/{first['client_id']}/approve")
    now = await ask()
    assert now["client_id"] == first["client_id"]
    assert "client_status" not in now
    assert not secrets & now.keys()
    await admin.post(f"/clients/{first['client_id']}/suspend")
    refused = await held_app.http.post(
        "/register",
        json={"client_name": name, "redirect_uris": ["http://127.0.0.1:1/cb"], **PUBLIC},
    )
    assert refused.status_code == 400


@pytest.mark.finding("A4")
async def test_nobody_comes_to_the_entry_of_another(held_app: Application) -> None:
    """Another credential, a secret, another member: another entry."""
    name = new_client_id()
    body = {"client_name": name, "redirect_uris": [CALLBACK]}
    tokens = [await held_app.initial_token(), await held_app.initial_token()]

    async def made(given: str | None = None, **more: Any) -> str:
        headers = {} if given is None else {"Authorization": f"Bearer {given}"}
        answer = await held_app.http.post("/register", json=body | more, headers=headers)
        assert answer.status_code == 201, answer.text
        assert answer.json()["client_status"] == "pending"
        return str(answer.json()["client_id"])

    different = [
        await made(**PUBLIC),
        await made(tokens[0], **PUBLIC),
        await made(tokens[1], **PUBLIC),
        await made(**PUBLIC, client_uri="https://other.example"),
        await made(),
        await made(),
    ]
    assert len({*different}) == len(different)
    assert await made(tokens[0], **PUBLIC) == different[1]


async def test_a_use_of_a_token_is_taken_once_for_one_entry(held_app: Application) -> None:
    given = await held_app.initial_token(2)
    headers = {"Authorization": f"Bearer {given}"}
    body = {"client_name": new_client_id(), "redirect_uris": [CALLBACK], **PUBLIC}
    for _ in range(3):
        answer = await held_app.http.post("/register", json=body, headers=headers)
        assert answer.status_code == 201, answer.text
    for status in (201, 401):
        other = body | {"client_name": new_client_id()}
        answer = await held_app.http.post("/register", json=other, headers=headers)
        assert answer.status_code == status, answer.text


async def test_an_entry_that_changed_is_not_told_to_who_asks_for_what_it_was(
    held_app: Application,
) -> None:
    body = {"client_name": new_client_id(), **PUBLIC}
    made = await held_app.register(**body)
    sent = update_of(made, client_name=new_client_id())
    answer = await held_app.http.put(
        f"/register/{made['client_id']}", json=sent, headers=bearer(made)
    )
    assert answer.status_code == 200
    other = await held_app.register(**body)
    assert other["client_id"] != made["client_id"]
    assert other["registration_access_token"]
    assert (await held_app.register(**body))["client_id"] == other["client_id"]


@pytest.mark.finding("A5")
async def test_no_more_wait_than_may(any_database: str) -> None:
    policy = {"statements": HOLD, "approval": {"max_pending": 1}}
    async with application(any_database, policy=policy) as app:
        async with app.runtime.database.read() as tx:
            before = await tx.client_approvals.waiting("default")
        if not before:  # the database is that of other tests, too
            await hold(app)
        refused = await app.http.post("/register", json={"redirect_uris": [CALLBACK]})
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "600")
        assert refused.json()["error"] == "temporarily_unavailable"
        lacking = await administrator(app, "clients:create")
        body = {"metadata": {"redirect_uris": [CALLBACK]}}
        await lacking.ask("POST", "/clients", 503, json=body)
        await app.register(redirect_uris=[LET_IN])


async def test_the_preview_and_the_test_say_that_it_would_be_held(held_app: Application) -> None:
    body = {"redirect_uris": [CALLBACK]}
    told = (await held_app.http.post("/register/validate", json=body)).json()
    assert told["policy"] == {"decision": "hold", "statements": ["ask first", "label"]}
    assert told["acceptable"] is True


async def test_owners_and_others_without_the_scope_decide_nothing(
    held_app: Application, admin: Administrator
) -> None:
    made = await hold(held_app)
    where = f"/clients/{made['client_id']}"
    lacking = await administrator(held_app, "clients:read", "clients:write", "clients:delete")
    await lacking.ask("POST", f"{where}/approve", 403)
    await lacking.ask("POST", f"{where}/reject", 403, json={"reason": "no"})
    await lacking.ask("POST", f"{where}/resume", 409)
    for bad in ({}, {"reason": ""}, {"reason": " "}, {"reason": "a\u202eb"}, {"reason": "x" * 501}):
        await admin.ask("POST", f"{where}/reject", 400, json=bad)
    await admin.ask("POST", "/clients/nobody/approve", 404)
    assert (await held_app.client(made["client_id"])).status == "pending"


async def test_statistics_count_those_that_wait(held_app: Application) -> None:
    await hold(held_app)
    reads = await administrator(held_app, "statistics:read")
    told = await reads.get("/statistics?by=status")
    found = {row["value"]: row["clients"] for row in told["clients"]}
    assert found["pending"] >= 1
