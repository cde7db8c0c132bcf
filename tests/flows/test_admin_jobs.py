"""/admin/v1: many clients are changed at once by jobs, which are looked at and cancelled."""

from __future__ import annotations

from typing import Any

import pytest

from conftest import MakeApplication
from dcrserver.repositories.transaction import Transaction
from dcrserver.services.access.admin_tokens import NewAdminToken
from harness.actors import OPERATOR
from harness.administration import Administrator, administrator
from harness.application import Application

SCOPES = ("clients:read", "clients:update", "clients:delete", "jobs:read", "jobs:write")


@pytest.fixture
async def admin(any_app: Application) -> Administrator:
    await any_app.do_job("do_jobs")  # what other tests left
    return await administrator(any_app, *SCOPES)


async def begun(admin: Administrator, **body: Any) -> dict[str, Any]:
    answer = await admin.ask("POST", "/clients/bulk", 202, json=body)
    job: dict[str, Any] = answer.json()
    assert answer.headers["location"].endswith(f"/admin/v1/jobs/{job['id']}")
    assert (job["state"], job["handled"]) == ("queued", 0)
    return job


async def done(admin: Administrator, **body: Any) -> dict[str, Any]:
    """The job after a worker had its turn."""
    job = await begun(admin, **body)
    await admin.app.do_job("do_jobs")
    shown: dict[str, Any] = await admin.get(f"/jobs/{job['id']}")
    return shown


async def named(app: Application, name: str, count: int) -> list[str]:
    return [(await app.register(client_name=name))["client_id"] for _ in range(count)]


async def statuses(admin: Administrator, client_ids: list[str]) -> list[str]:
    return [(await admin.get(f"/clients/{each}"))["status"] for each in client_ids]


async def test_clients_that_a_filter_means_are_suspended_and_no_others(
    any_app: Application, admin: Administrator
) -> None:
    meant = await named(any_app, "bulk suspended", 3)
    (other,) = await named(any_app, "bulk spared", 1)
    told = await done(admin, action="suspend", filter={"name": "bulk suspended"})
    assert (told["state"], told["total"], told["handled"]) == ("done", 3, 3)
    assert (told["changed"], told["failed"], told["errors"]) == (3, 0, [])
    assert await statuses(admin, meant) == ["suspended"] * 3
    assert await statuses(admin, [other]) == ["active"]
    (event,) = [e for e in await any_app.events(meant[0]) if e.type == "client.suspended"]
    assert event.actor_kind == "administrator"
    again = await done(admin, action="suspend", filter={"name": "bulk suspended"})
    assert (again["handled"], again["changed"]) == (3, 0)
    told = await done(admin, action="resume", filter={"name": "bulk suspended"})
    assert told["changed"] == 3
    assert await statuses(admin, meant) == ["active"] * 3


async def test_clients_are_deleted_tagged_and_given_to_an_owner(
    any_app: Application, admin: Administrator
) -> None:
    (one, two) = await named(any_app, "bulk moved", 2)
    await done(admin, action="tag", tag="blue", filter={"name": "bulk moved"})
    told = await done(admin, action="set_owner", owner="jobs-ann", filter={"tag": "blue"})
    assert told["changed"] == 2
    assert (await admin.get(f"/clients/{one}"))["owner"] == "jobs-ann"
    told = await done(admin, action="untag", tag="blue", filter={"name": "bulk moved"})
    assert told["changed"] == 2
    assert (await done(admin, action="delete", filter={"tag": "blue"}))["total"] == 0
    told = await done(admin, action="delete", filter={"owner": "jobs-ann"})
    assert told["changed"] == 2
    for gone in (one, two):
        await admin.get(f"/clients/{gone}", 404)
    await admin.post(f"/clients/{one}/restore")
    assert (await admin.get(f"/clients/{one}"))["owner"] == "jobs-ann"


async def test_a_dry_run_counts_and_changes_nothing(
    any_app: Application, admin: Administrator
) -> None:
    meant = await named(any_app, "bulk dry", 12)
    told = await done(admin, action="delete", filter={"name": "bulk dry"}, dry_run=True)
    assert (told["state"], told["dry_run"], told["changed"]) == ("done", True, 12)
    examples = told["report"]["examples"]
    assert len(examples) == 10
    assert {each["client_id"] for each in examples} < set(meant)
    assert examples[0]["client_name"] == "bulk dry"
    assert await statuses(admin, meant) == ["active"] * 12


async def test_a_client_that_cannot_be_changed_is_told_of_and_holds_up_nobody(
    any_app: Application, admin: Administrator
) -> None:
    await named(any_app, "bulk full", 1)
    for number in range(32):
        await done(admin, action="tag", tag=f"t{number}", filter={"name": "bulk full"})
    (full,) = await clients_of(admin, "bulk full")
    await named(any_app, "bulk full", 1)
    told = await done(admin, action="tag", tag="more", filter={"name": "bulk full"})
    assert (told["state"], told["handled"], told["changed"], told["failed"]) == ("done", 2, 1, 1)
    (error,) = told["errors"]
    assert error["client_id"] == full
    assert "at most 32" in error["reason"]


async def clients_of(admin: Administrator, name: str) -> list[str]:
    found = await admin.get(f"/clients?name={name}")
    return [each["client_id"] for each in found["items"]]


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"action": "suspend"}, "#/filter"),
        ({"action": "suspend", "filter": {}}, "#/filter"),
        ({"action": "explode", "all": True}, "#/action"),
        ({"action": "suspend", "filter": {"colour": "red"}}, "#/filter/colour"),
        ({"action": "suspend", "filter": {"created_after": "soon"}}, "#/filter/created_after"),
        ({"action": "tag", "all": True}, "#/tag"),
        ({"action": "tag", "tag": "a b", "all": True}, "#/tag"),
        ({"action": "set_owner", "owner": "x" * 256, "all": True}, "#/owner"),
        ({"action": "suspend", "all": True, "more": 1}, "#/more"),
    ],
)
async def test_what_cannot_be_done_is_refused_by_the_member(
    any_app: Application, body: dict[str, Any], where: str
) -> None:
    await any_app.do_job("do_jobs")
    admin = await administrator(any_app, *SCOPES)
    told = await admin.post("/clients/bulk", 400, json=body)
    assert [each["pointer"] for each in told["errors"]] == [where]
    assert (await admin.get("/jobs?state=queued"))["items"] == []


async def test_an_action_needs_the_scope_that_it_needs_for_one_client(
    any_app: Application,
) -> None:
    await any_app.do_job("do_jobs")
    reader = await administrator(any_app, "clients:read", "jobs:write")
    for action in ("suspend", "delete", "resume"):
        for dry_run in (False, True):
            body = {"action": action, "all": True, "dry_run": dry_run}
            await reader.post("/clients/bulk", 403, json=body)
    changer = await administrator(any_app, "clients:read", "clients:update", "jobs:write")
    await changer.post("/clients/bulk", 403, json={"action": "delete", "all": True})
    for missing in ("jobs:write", "clients:read", "clients:update"):
        scopes = {"jobs:write", "clients:read", "clients:update"} - {missing}
        lacking = await administrator(any_app, *scopes)
        await lacking.post("/clients/bulk", 403, json={"action": "suspend", "all": True})
    for scopes in ({"jobs:write"}, {"clients:create"}):
        lacking = await administrator(any_app, *scopes)
        await lacking.ask("POST", "/clients/import", 403, json={})
    assert await any_app.runtime.lists.jobs.page("default", None, "queued", None, 10) == []


async def owner_of(app: Application, name: str) -> Administrator:
    wanted = NewAdminToken(SCOPES, 3600, "", (), owner=name)
    token = await app.operations.token_administration.issue_admin_token("default", wanted, OPERATOR)
    return Administrator(app, {"Authorization": f"Bearer {token}"})


async def test_an_owner_changes_own_clients_only_and_sees_own_jobs_only(
    any_app: Application, admin: Administrator
) -> None:
    (own, foreign) = await named(any_app, "bulk owned", 2)
    for client_id, owner in ((own, "jobs-bob"), (foreign, "jobs-eve")):
        await set_owner(any_app, client_id, owner)
    bob, eve = await owner_of(any_app, "jobs-bob"), await owner_of(any_app, "jobs-eve")
    told = await done(bob, action="suspend", all=True)
    assert (told["total"], told["changed"]) == (1, 1)
    told = await done(bob, action="suspend", filter={"owner": "jobs-eve"})
    assert told["handled"] == 0
    assert await statuses(admin, [own, foreign]) == ["suspended", "active"]
    await bob.post(
        "/clients/bulk", 403, json={"action": "set_owner", "owner": "jobs-eve", "all": True}
    )
    await eve.get(f"/jobs/{told['id']}", 404)
    await eve.post(f"/jobs/{told['id']}/cancel", 404)
    assert (await eve.get("/jobs"))["items"] == []
    assert next(each["id"] for each in (await bob.get("/jobs"))["items"]) == told["id"]
    assert (await admin.get(f"/jobs/{told['id']}"))["id"] == told["id"]


async def set_owner(app: Application, client_id: str, owner: str) -> None:
    async def write(tx: Transaction) -> None:
        record = await tx.clients.find("default", client_id)
        assert record is not None
        assert await tx.clients.replace(record, record._replace(owner=owner))

    await app.runtime.database.transact(write)


async def test_a_job_that_was_cancelled_is_not_begun(
    any_app: Application, admin: Administrator
) -> None:
    meant = await named(any_app, "bulk cancelled", 1)
    job = await begun(admin, action="suspend", filter={"name": "bulk cancelled"})
    told = await admin.post(f"/jobs/{job['id']}/cancel")
    assert told["state"] == "cancelled"
    await admin.app.do_job("do_jobs")
    assert await statuses(admin, meant) == ["active"]
    assert (await admin.get(f"/jobs/{job['id']}"))["state"] == "cancelled"
    await admin.post(f"/jobs/{job['id']}/cancel", 409)
    await admin.get("/jobs/unknown", 404)
    await admin.get("/jobs/%00", 404)


async def test_jobs_are_listed_newest_first_by_pages(admin: Administrator) -> None:
    made = [(await begun(admin, action="resume", filter={"name": "x"}))["id"] for _ in range(3)]
    page = await admin.get("/jobs?limit=2&state=queued")
    rest = await admin.get(f"/jobs?limit=2&state=queued&cursor={page['next']}")
    assert [each["id"] for each in [*page["items"], *rest["items"]]] == made[::-1]
    assert rest["next"] is None
    await admin.get("/jobs?state=sleeping", 400)


async def test_a_job_stays_within_its_tenant(make_app: MakeApplication) -> None:
    app: Application = await make_app(tenants={"acme": {}})
    acme = app.runtime.tenants.now.by_name["acme"]
    (here,) = await named(app, "bulk crossing", 1)
    admin = await administrator(app, *SCOPES)
    job = await done(admin, action="suspend", filter={"name": "nobody"})
    token = await app.operations.token_administration.issue_admin_token(
        acme.name, NewAdminToken(SCOPES, 3600, "", ()), OPERATOR
    )
    there = Administrator(app, {"Authorization": f"Bearer {token}"})
    await there.ask("GET", f"/jobs/{job['id']}", 401)
    await there.ask("GET", f"/jobs/{job['id']}?tenant=acme", 404)
    await there.ask("POST", f"/jobs/{job['id']}/cancel?tenant=acme", 404)
    body = {"action": "suspend", "all": True}
    await there.ask("POST", "/clients/bulk?tenant=acme", 202, json=body)
    await app.do_job("do_jobs")
    assert await statuses(admin, [here]) == ["active"]


async def test_clients_whose_owner_has_no_name_are_nobodys(
    any_app: Application, admin: Administrator
) -> None:
    (mine,) = await named(any_app, "bulk disowned", 1)
    await set_owner(any_app, mine, "team-z")
    await done(admin, action="set_owner", owner="", filter={"name": "bulk disowned"})
    assert (await admin.get(f"/clients/{mine}"))["owner"] is None
