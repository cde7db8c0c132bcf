"""A policy is tried before it counts: with recorded requests, and with clients that there are."""

from __future__ import annotations

from typing import Any

from dcrserver.security import new_client_id
from flows.test_admin_policies import POLICIES
from flows.test_admin_tenants import Administrator, administrator
from harness.application import CALLBACK, Application

STATEMENTS = [
    {"name": "no-evil", "when": {"redirect_uris.host": "evil.example"},
     "then": {"reject": {"error": "invalid_redirect_uri", "description": "not there"}}},
    {"name": "named", "when": {"application_type": "web"},
     "then": {"force": {"client_name": "Same"}}},
    {"name": "asked", "when": {"token_endpoint_auth_method": "none"}, "then": {"hold": True}},
]  # fmt: skip
EVIL = "https://evil.example/cb"


async def _admin(app: Application, *more: str) -> tuple[Administrator, str]:
    admin = await administrator(app, "policies:read", "policies:write", *more, tenant="default")
    name = new_client_id()
    await admin.ask("PUT", f"{POLICIES}/{name}", 200, {"statements": STATEMENTS})
    return admin, f"{POLICIES}/{name}/test"


async def test_recorded_requests_are_told_by_kinds(any_app: Application) -> None:
    admin, where = await _admin(any_app)
    requests: list[Any] = [
        {"request": {"redirect_uris": [CALLBACK], "client_name": "Same"}},
        {"request": {"redirect_uris": [EVIL]}},
        {"request": {"redirect_uris": [EVIL], "client_name": "x"}, "origin": "update"},
        {"request": {"redirect_uris": ["nonsense"]}},
        {"request": {"redirect_uris": [CALLBACK], "client_name": "Other"},
         "address": "192.0.2.1"},
    ]  # fmt: skip
    told = await admin.ask("POST", f"{where}/requests", 200, {"requests": requests, "draft": True})
    assert told["counts"] == {"accept": 2, "reject": 3}
    first = told["groups"][0]
    assert (first["count"], first["statements"], first["error"]) == (
        2, ["no-evil"], "invalid_redirect_uri",
    )  # fmt: skip
    assert first["examples"] == ["2", "3"]
    changed = next(each for each in told["groups"] if each["statements"] == ["named"])
    assert changed["change"]["client_name"] == ["Other", "Same"]
    refused = next(each for each in told["groups"] if each["examples"] == ["4"])
    assert (refused["decision"], refused["statements"]) == ("reject", [])
    await admin.ask("POST", f"{where}/requests", 400, {"requests": []})
    await admin.ask("POST", f"{where}/requests", 409, {"requests": requests, "draft": False})


async def test_clients_that_there_are_are_judged_and_stay_as_they_are(any_app: Application) -> None:
    admin, where = await _admin(any_app, "clients:read", "jobs:read", "jobs:write")
    mark = new_client_id()
    good = await any_app.register(client_name="Same", software_id=mark)
    others = [await any_app.register(client_name=f"Other {n}", software_id=mark) for n in range(3)]
    evil = await any_app.register(redirect_uris=[EVIL], software_id=mark)
    public = await any_app.register(
        client_name="Same", software_id=mark, token_endpoint_auth_method="none"
    )
    body = {"filter": {"software_id": mark}}
    job = await admin.ask("POST", f"{where}/clients", 202, body)
    await any_app.do_job("do_jobs")
    job = await admin.ask("GET", f"/admin/v1/jobs/{job['id']}", 200)
    assert (job["state"], job["kind"], job["total"]) == ("done", "policy_test", 6)
    assert (job["handled"], job["changed"], job["failed"]) == (6, 3, 1)
    assert job["report"]["counts"] == {"accept": 4, "hold": 1, "reject": 1}
    assert job["errors"] == [{"client_id": evil["client_id"], "reason": "not there", "place": None}]
    groups = {tuple(each["statements"]): each for each in job["report"]["groups"]}
    assert groups[("named",)]["count"] == 3
    assert {*groups[("named",)]["examples"]} == {each["client_id"] for each in others}
    assert groups[("named",)]["changed"] == ["client_name"]
    assert groups[("no-evil",)]["error"] == "invalid_redirect_uri"
    assert groups[("asked",)]["examples"] == [public["client_id"]]
    assert groups[()]["examples"] == [good["client_id"]]
    for each in (*others, evil):
        stored = await any_app.client(each["client_id"])
        assert stored.version == 1


async def test_who_may_not_see_clients_tries_no_policy_with_them(any_app: Application) -> None:
    for scopes in ((), ("clients:read",), ("jobs:write",)):
        admin, where = await _admin(any_app, *scopes)
        await admin.ask("POST", f"{where}/clients", 403, {"filter": {}})
    admin, where = await _admin(any_app, "clients:read", "jobs:write")
    refused = await admin.ask("POST", f"{where}/clients", 400, {"filter": {"colour": "red"}})
    assert refused["errors"][0]["pointer"] == "#/filter/colour"
