"""Many clients that wait for an approval are approved, or rejected, by one job; and what else a
job asks of each client before it changes it.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest

from dcrserver.security import new_client_id
from flows.test_admin_jobs import done, statuses
from flows.test_approvals import HOLD, PUBLIC, read
from harness.administration import Administrator, administrator
from harness.application import Application, application, bearer, update_of

SCOPES = ("clients:read", "clients:approve", "clients:update", "jobs:read", "jobs:write")


@pytest.fixture
async def app(any_database: str) -> AsyncIterator[Application]:
    async with application(any_database, policy={"statements": HOLD}) as made:
        await made.do_job("do_jobs")  # what other tests left
        yield made


@pytest.fixture
async def admin(app: Application) -> Administrator:
    return await administrator(app, *SCOPES)


async def waiting(app: Application, name: str, number: int) -> list[dict[str, Any]]:
    """Each of a software of its own: the same would be told of the first."""
    return [
        await app.register(client_name=name, software_id=new_client_id(), **PUBLIC)
        for _ in range(number)
    ]


async def test_all_that_a_filter_means_are_approved_but_what_changed_since(
    app: Application, admin: Administrator
) -> None:
    name = secrets.token_hex(8)
    made = await waiting(app, name, 4)
    ids = [each["client_id"] for each in made]
    own = made[1]["registration_client_uri"]
    body = update_of(made[1], client_name=name, logo_uri="https://evil.example/l.png")
    assert (await app.http.put(own, json=body, headers=bearer(made[1]))).status_code == 200
    await admin.post(f"/clients/{ids[2]}/reject", json={"reason": "no"})
    tried = await done(admin, action="approve", filter={"name": name}, dry_run=True)
    assert (tried["changed"], tried["failed"], tried["total"]) == (2, 1, 3)
    assert {each["client_id"] for each in tried["report"]["examples"]} == {ids[0], ids[3]}
    assert await statuses(admin, ids) == ["pending", "pending", "rejected", "pending"]
    told = await done(admin, action="approve", filter={"name": name})
    assert (told["state"], told["changed"], told["failed"]) == ("done", 2, 1)
    (error,) = told["errors"]
    assert error["client_id"] == ids[1]
    assert "changed since it was held" in error["reason"]
    assert await statuses(admin, ids) == ["active", "pending", "rejected", "active"]
    assert "client_status" not in await read(app, made[0])
    *_, event = await app.events(ids[0])
    assert event.type == "client.approved"
    assert json.loads(event.changes).items() >= {"job": told["id"]}.items()
    assert json.loads(event.changes)["statements"] == ["ask first", "label"]


async def test_all_that_a_filter_means_are_rejected_with_a_reason(
    app: Application, admin: Administrator
) -> None:
    name = secrets.token_hex(8)
    made = await waiting(app, name, 3)
    told = await done(admin, action="reject", filter={"name": name}, reason="nobody knows you")
    assert (told["state"], told["changed"], told["failed"]) == ("done", 3, 0)
    for client in made:
        shown = await read(app, client)
        assert shown["client_status"] == "rejected"
        assert shown["client_status_reason"] == "nobody knows you"
        shown = await admin.get(f"/clients/{client['client_id']}")
        assert shown["approval"]["ends_at"]
    again = await done(admin, action="approve", filter={"name": name})
    assert (again["handled"], again["changed"]) == (0, 0)


async def test_who_may_not_decide_begins_nothing(app: Application, admin: Administrator) -> None:
    wrong: list[dict[str, Any]] = [
        {"action": "reject"}, {"action": "reject", "reason": " "},
        {"action": "reject", "reason": "a\u202eb"},
    ]  # fmt: skip
    for body in wrong:
        await admin.ask("POST", "/clients/bulk", 400, json=body | {"all": True})
    await admin.ask("POST", "/clients/bulk", 400, json={"action": "approve", "filter": {}})
    some = await administrator(app, "clients:read", "clients:update", "jobs:write")
    for body in ({"action": "approve"}, {"action": "reject", "reason": "no"}):
        await some.ask("POST", "/clients/bulk", 403, json=body | {"all": True})


async def test_a_job_asks_how_many_an_owner_may_have(any_database: str) -> None:
    few = {"name": "few", "when": {"software_id": "counted"},
           "then": {"limit": {"by": "owner", "clients": 3}}}  # fmt: skip
    async with application(any_database, policy={"statements": [few]}) as app:
        await app.do_job("do_jobs")
        admin = await administrator(app, *SCOPES)
        name, owner = secrets.token_hex(8), secrets.token_hex(8)
        ids = [
            (await app.register(client_name=name, software_id=software))["client_id"]
            for software in ("counted", "counted", "other", "counted", "counted", "counted")
        ]
        wanted = {"action": "set_owner", "owner": owner, "filter": {"name": name}}
        tried = await done(admin, **wanted, dry_run=True)
        told = await done(admin, **wanted)
        # The one of other software is let in by all means, and counts once it is there.
        assert (told["changed"], told["failed"]) in {(3, 3), (4, 2)}
        assert (tried["changed"], tried["failed"]) == (told["changed"], told["failed"])
        assert {"may be no more" in error["reason"] for error in told["errors"]} == {True}
        owners = [(await admin.get(f"/clients/{each}"))["owner"] for each in ids]
        assert owners.count(owner) == told["changed"]
        assert owners[2] == owner
        # They have as many by now, and nobody else's are asked about.
        again = await done(admin, **wanted)
        assert (again["changed"], again["failed"]) == (0, told["failed"])
        free = await done(admin, action="set_owner", filter={"name": name})
        assert (free["changed"], free["failed"]) == (told["changed"], 0)


async def test_what_has_no_approval_has_none_where_it_is_imported(
    app: Application, admin: Administrator
) -> None:
    mover = await administrator(
        app, *SCOPES, "clients:create", "clients:delete", "secrets:export", "policies:override"
    )
    name = secrets.token_hex(8)
    made = await waiting(app, name, 2)
    ids = [each["client_id"] for each in made]
    await admin.post(f"/clients/{ids[1]}/reject", json={"reason": "no"})
    exported = await mover.ask("GET", f"/clients/export?name={name}&credentials=true")
    lines = exported.text
    assert [json.loads(each)["approval"] for each in lines.splitlines()] in (
        ["pending", "rejected"], ["rejected", "pending"],
    )  # fmt: skip
    for each in ids:
        await mover.delete(f"/clients/{each}")
        await mover.ask("POST", f"/clients/{each}/purge", 204)
    headers = {"content-type": "application/x-ndjson"}
    answer = await mover.ask("POST", "/clients/import", 202, content=lines, headers=headers)
    await app.do_job("do_jobs")
    report = await mover.get(f"/jobs/{answer.json()['id']}")
    assert (report["changed"], report["failed"]) == (2, 0), report
    assert await statuses(admin, ids) == ["pending", "rejected"]
    for each, client in zip(("pending", "rejected"), made, strict=True):
        shown = await read(app, client)
        assert shown["client_status"] == each
        await admin.ask("POST", f"/clients/{client['client_id']}/resume", 409)
    assert (await admin.post(f"/clients/{ids[0]}/approve"))["status"] == "active"
    again = await mover.ask("GET", f"/clients/export?name={name}&credentials=true")
    (line,) = [each for each in again.text.splitlines() if ids[1] in each]
    assert line in lines.splitlines()
    bad = json.dumps(json.loads(line) | {"client_id": new_client_id(), "approval": "maybe"})
    answer = await mover.ask("POST", "/clients/import", 202, content=bad, headers=headers)
    await app.do_job("do_jobs")
    report = await mover.get(f"/jobs/{answer.json()['id']}")
    assert (report["changed"], report["failed"]) == (0, 1)
