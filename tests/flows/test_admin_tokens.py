"""/admin/v1: initial access tokens and admin tokens are issued, listed and revoked."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

import pytest

from conftest import MakeApplication
from dcrserver.services.access.admin_tokens import NewAdminToken
from dcrserver.services.access.scopes import ROLES
from harness.actors import OPERATOR
from harness.administration import Administrator, administrator
from harness.application import CALLBACK, Application, application

SCOPES = ("tokens:read", "tokens:write", "clients:read")
INITIAL, ADMIN = "/initial-access-tokens", "/admin-tokens"


async def registers(app: Application, token: str) -> int:
    answer = await app.http.post(
        "/register",
        json={"redirect_uris": [CALLBACK]},
        headers={"Authorization": f"Bearer {token}"},
    )
    return answer.status_code


async def test_an_initial_access_token_is_issued_used_and_revoked(any_database: str) -> None:
    async with application(any_database, registration={"mode": "protected"}) as app:
        admin = await administrator(app, *SCOPES)
        made = await admin.post(INITIAL, 201, json={"label": "partners", "uses": 2})
        assert (made["label"], made["uses_left"], made["status"]) == ("partners", 2, "active")
        assert await registers(app, made["token"]) == 201
        shown = await admin.get(f"{INITIAL}/{made['id']}")
        assert (shown["uses_left"], len(shown["used"])) == (1, 1)
        assert shown["used"][0]["used_at"].endswith("Z")
        listed = await admin.ask("GET", f"{INITIAL}?limit=500")
        assert made["token"] not in listed.text
        assert made["id"] in [item["id"] for item in listed.json()["items"]]
        await admin.delete(f"{INITIAL}/{made['id']}")
        await admin.delete(f"{INITIAL}/{made['id']}", 404)
        assert await registers(app, made["token"]) == 401
        shown = await admin.get(f"{INITIAL}/{made['id']}")
        assert (shown["status"], shown["revoked_at"] is None) == ("revoked", False)


async def test_an_initial_access_token_is_bounded(make_app: MakeApplication) -> None:
    app = await make_app(policies={"small": {}})
    admin = await administrator(app, *SCOPES, "tokens:outlive")
    made = await admin.post(
        INITIAL, 201, json={"policy": "small", "scopes": ["openid"], "expires_in": 0}
    )
    assert (made["policy"], made["scopes"], made["expires_at"]) == ("small", ["openid"], None)
    for body, pointer in (
        ({"policy": "unknown"}, "#/policy"), ({"uses": 0}, "#/uses"), ({"uses": "1"}, "#/uses"),
        ({"expires_in": -1}, "#/expires_in"), ({"label": "x" * 201}, "#/label"),
    ):  # fmt: skip
        told = await admin.post(INITIAL, 400, json=body)
        assert told["errors"][0]["pointer"] == pointer


async def test_an_admin_token_is_issued_used_and_revoked(any_app: Application) -> None:
    admin = await administrator(any_app, *SCOPES)
    made = await admin.post(ADMIN, 201, json={"label": "reader", "scopes": ["clients:read"]})
    assert (made["scopes"], made["status"], made["tenant"]) == (
        ["clients:read"], "active", "default",
    )  # fmt: skip
    other = Administrator(any_app, {"Authorization": f"Bearer {made['token']}"})
    await other.get("/clients")
    listed = await admin.ask("GET", f"{ADMIN}?limit=500")
    assert made["token"] not in listed.text
    assert made["id"] in [item["id"] for item in listed.json()["items"]]
    await admin.delete(f"{ADMIN}/{made['id']}")
    await other.get("/clients", 401)
    shown = await admin.get(f"{ADMIN}/{made['id']}")
    assert (shown["status"], "token" in shown) == ("revoked", False)
    await admin.get(f"{ADMIN}/unknown", 404)
    await admin.get(f"{ADMIN}/a%00b", 404)


async def test_nobody_gives_what_they_do_not_have(any_app: Application) -> None:
    admin = await administrator(any_app, *SCOPES)
    for body in (
        {"scopes": ["clients:delete"]}, {"role": "administrator"},
        {"scopes": ["clients:read"], "all_tenants": True},
    ):  # fmt: skip
        told = await admin.post(ADMIN, 403, json=body)
        assert told["code"] == "forbidden"
    await admin.get(f"{ADMIN}?all_tenants=true", 403)
    for body, pointer in (
        ({}, "#/scopes"), ({"scopes": ["clients:look"]}, "#/scopes"), ({"role": "x"}, "#/role"),
        ({"role": "owner"}, "#/owner"), ({"scopes": ["clients:read"], "audiences": ["x"]},
                                         "#/audiences"),
    ):  # fmt: skip
        told = await admin.post(ADMIN, 400, json=body)
        assert told["errors"][0]["pointer"] == pointer, body


async def test_who_administers_all_tenants_issues_tokens_for_all(
    make_app: MakeApplication,
) -> None:
    app = await make_app(tenants={"acme": {}})
    wanted = NewAdminToken(ROLES["administrator"], 3600)
    token = await app.operations.token_administration.issue_admin_token("*", wanted, OPERATOR)
    admin = Administrator(app, {"Authorization": f"Bearer {token}"})
    made = await admin.post(ADMIN, 201, json={"role": "viewer", "all_tenants": True})
    assert made["tenant"] == "*"
    listed = await admin.get(f"{ADMIN}?all_tenants=true")
    assert made["id"] in [item["id"] for item in listed["items"]]
    viewer = Administrator(app, {"Authorization": f"Bearer {made['token']}"})
    await viewer.get("/clients?tenant=acme")
    await admin.delete(f"{ADMIN}/{made['id']}", 404)
    await admin.delete(f"{ADMIN}/{made['id']}?all_tenants=true")
    own = await admin.post(f"{ADMIN}?tenant=acme", 201, json={"role": "viewer"})
    acme = Administrator(app, {"Authorization": f"Bearer {own['token']}"})
    await acme.get("/clients?tenant=acme")
    await acme.get("/clients", 401)


@pytest.mark.finding("M5")
async def test_who_looks_at_some_access_tokens_lets_nobody_look_at_others(
    any_app: Application,
) -> None:
    scopes, mine = ["tokens:introspect", "tokens:write", "tokens:read"], ["https://mine.example"]
    headers = await any_app.admin_token(*scopes, audiences=tuple(mine))
    admin = Administrator(any_app, headers)
    for audiences in ([], ["https://other.example"], [*mine, "https://other.example"]):
        body = {"scopes": scopes[:1], "audiences": audiences}
        assert "audiences" in (await admin.post("/admin-tokens", 403, json=body))["detail"]
    await admin.post("/admin-tokens", 201, json={"scopes": scopes[:1], "audiences": mine})
    await admin.post("/admin-tokens", 201, json={"scopes": scopes[1:]})


def seconds(moment: str | None) -> float:
    return 0 if moment is None else datetime.fromisoformat(moment).timestamp()


@pytest.mark.finding("M10")
async def test_no_token_outlives_the_one_that_issued_it(app: Application) -> None:
    """Else a token for an hour is one for ever: it issues another."""
    admin = await administrator(app, *SCOPES)
    last = time.time() + 3600
    more: dict[str, dict[str, Any]] = {INITIAL: {}, ADMIN: {"scopes": ["clients:read"]}}
    for noun, body in more.items():
        made = await admin.post(noun, 201, json=body)  # as long as others, if that were shorter
        assert last - 60 < seconds(made["expires_at"]) <= last
        made = await admin.post(noun, 201, json=body | {"expires_in": 60})
        assert seconds(made["expires_at"]) < last - 3000
        for expires_in in (0, 3700, 2**40):
            told = await admin.post(noun, 403, json=body | {"expires_in": expires_in})
            assert "tokens:outlive" in told["detail"]
    lasting = await administrator(app, *SCOPES, "tokens:outlive")
    for noun, body in more.items():
        made = await lasting.post(noun, 201, json=body)
        assert seconds(made["expires_at"]) > last + 86400
        made = await lasting.post(noun, 201, json=body | {"expires_in": 0})
        assert made["expires_at"] is None


async def test_a_token_without_an_end_issues_others_without_one(app: Application) -> None:
    wanted = NewAdminToken(SCOPES, 0)
    issue = app.operations.token_administration.issue_admin_token
    token = await issue("default", wanted, OPERATOR)
    admin = Administrator(app, {"Authorization": f"Bearer {token}"})
    for noun, body in ((INITIAL, {}), (ADMIN, {"scopes": ["clients:read"]})):
        assert (await admin.post(noun, 201, json=body))["expires_at"] is not None
        assert (await admin.post(noun, 201, json=body | {"expires_in": 0}))["expires_at"] is None
