"""/admin/v1/policies: drafted, checked, activated, rolled back; whoever is bound follows."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from conftest import MakeApplication
from dcrserver.db.queries import Queries
from dcrserver.names import ALL_TENANTS
from dcrserver.security import new_client_id
from flows.test_admin_tenants import TENANTS, Administrator, administrator
from harness.application import CALLBACK, Application, application, bearer, update_of

POLICIES = "/admin/v1/policies"
STRICT = {"registration": {"required": ["contacts"]}}


async def writer(app: Application, tenant: str = ALL_TENANTS) -> Administrator:
    scopes = ("policies:read", "policies:write", "tenants:read", "tenants:write")
    return await administrator(app, *scopes, tenant=tenant)


async def active(admin: Administrator, name: str, document: Any, query: str = "") -> Any:
    await admin.ask("PUT", f"{POLICIES}/{name}{query}", 200, document)
    return await admin.ask("POST", f"{POLICIES}/{name}/activate{query}", 200)


async def test_a_policy_is_drafted_activated_and_rolled_back(any_app: Application) -> None:
    name = new_client_id()
    admin = await writer(any_app)
    where = f"{POLICIES}/{name}"
    await admin.ask("GET", where, 404)
    await admin.ask("POST", f"{where}/activate", 404)
    made = await admin.ask("PUT", where, 200, {"preset": "mcp"})
    assert (made["version"], made["policy"], made["draft"]) == (None, None, {"preset": "mcp"})
    assert (made["tenant"], made["declared"]) == ("*", False)
    made = await admin.ask("POST", f"{where}/activate", 200)
    assert (made["version"], made["policy"], made["draft"]) == (1, {"preset": "mcp"}, None)
    await admin.ask("POST", f"{where}/activate", 409)
    await admin.ask("POST", f"{where}/rollback", 409)
    await admin.ask("PUT", where, 200, {})
    await admin.ask("PUT", where, 200, STRICT)
    assert (await admin.ask("GET", where, 200))["version"] == 1
    assert (await admin.ask("POST", f"{where}/activate", 200))["version"] == 2
    assert (await admin.ask("POST", f"{where}/rollback", 200))["policy"] == {"preset": "mcp"}
    assert (await admin.ask("GET", where, 200))["version"] == 1
    assert (await admin.ask("POST", f"{where}/rollback", 200, {"version": 2}))["version"] == 2
    await admin.ask("POST", f"{where}/rollback", 409, {"version": 7})
    assert (await active(admin, name, {}))["version"] == 3
    versions = (await admin.ask("GET", f"{where}/versions", 200))["items"]
    assert [(each["version"], each["state"]) for each in versions] == [
        (3, "active"), (2, "retired"), (1, "retired"),
    ]  # fmt: skip
    assert all(each["activated_by"].startswith("administrator:") for each in versions)
    await admin.ask("DELETE", where, 204)
    await admin.ask("GET", where, 404)


async def test_what_is_no_policy_is_refused_with_its_place(any_app: Application) -> None:
    name = new_client_id()
    admin = await writer(any_app)
    for body, pointer, told in (
        ({"presett": "mcp"}, "#/presett", "did you mean preset?"),
        ({"registration": {"requird": ["x"]}}, "#/registration/requird", "did you mean required?"),
        ({"registration": {"required": ["contact"]}}, "#/registration/required",
         "did you mean contacts?"),
        ({"preset": "none"}, "#/preset", "must be"),
        ({"redirect": {"localhost_name": "perhaps"}}, "#/redirect/localhost_name", "true or"),
    ):  # fmt: skip
        refused = await admin.ask("PUT", f"{POLICIES}/{name}", 400, body)
        assert [each["pointer"] for each in refused["errors"]] == [pointer]
        assert told in refused["detail"]
        checked = await admin.ask("POST", f"{POLICIES}/{name}/check", 200, body)
        assert (checked["valid"], checked["problems"][0]["pointer"]) == (False, pointer)
    await admin.ask("GET", f"{POLICIES}/{name}", 404)
    await admin.ask("PUT", f"{POLICIES}/a b", 400, {})
    assert (await admin.ask("POST", f"{POLICIES}/{name}/check", 200, {}))["valid"] is True


async def test_whoever_is_bound_to_a_policy_follows_its_active_version(
    any_app: Application,
) -> None:
    name = new_client_id()
    admin = await writer(any_app)
    await active(admin, name, {})
    token = await any_app.initial_token(policy=name)
    body = {"redirect_uris": [CALLBACK], "client_name": "a"}
    made = (
        await any_app.http.post(
            "/register", json=body, headers={"Authorization": f"Bearer {token}"}
        )
    ).json()
    await active(admin, name, STRICT)
    own = f"/register/{made['client_id']}"

    async def update(**more: Any) -> int:
        nonlocal made
        answer = await any_app.http.put(own, json=update_of(made, **more), headers=bearer(made))
        if answer.status_code == 200:
            made = made | answer.json()
        return answer.status_code

    assert await update(client_name="b") == 400
    assert await update(client_name="b", contacts=["a@example.org"]) == 200
    await admin.ask("POST", f"{POLICIES}/{name}/rollback", 200)
    made.pop("contacts")
    assert await update(client_name="c") == 200
    refused = await admin.ask("DELETE", f"{POLICIES}/{name}", 409)
    assert "1 clients" in refused["detail"]


async def test_a_tenant_is_judged_by_a_stored_policy_of_its_own(any_app: Application) -> None:
    name, tenant = new_client_id(), new_client_id()
    admin = await writer(any_app)
    await admin.ask("POST", TENANTS, 201, {"name": tenant})
    own = await writer(any_app, tenant)

    async def status() -> int:
        answer = await any_app.http.post(
            f"/t/{tenant}/register", json={"redirect_uris": [CALLBACK]}
        )
        return answer.status_code

    await own.ask("PATCH", f"/t/{tenant}{TENANTS}/{tenant}", 400, {"policy": name})
    await own.ask("PUT", f"/t/{tenant}{POLICIES}/{name}", 200, STRICT)
    await own.ask("POST", f"/t/{tenant}{POLICIES}/{name}/activate", 200)
    await own.ask("PATCH", f"/t/{tenant}{TENANTS}/{tenant}", 200, {"policy": name})
    assert await status() == 400
    # That of all tenants has the same name and says something else.
    await active(admin, name, {})
    assert await status() == 400
    assert (await admin.ask("GET", f"{POLICIES}/{name}", 200))["tenant"] == "*"
    assert (await admin.ask("GET", f"{POLICIES}/{name}?tenant={tenant}", 200))["tenant"] == tenant
    listed = (await own.ask("GET", f"/t/{tenant}{POLICIES}", 200))["items"]
    assert {(each["name"], each["tenant"]) for each in listed} >= {(name, tenant), (name, "*")}
    refused = await own.ask("DELETE", f"/t/{tenant}{POLICIES}/{name}", 409)
    assert "1 tenants" in refused["detail"]
    await own.ask("PATCH", f"/t/{tenant}{TENANTS}/{tenant}", 200, {"policy": None})
    assert await status() == 201
    await own.ask("DELETE", f"/t/{tenant}{POLICIES}/{name}", 204)


async def test_policies_of_one_tenant_are_nothing_to_another(any_app: Application) -> None:
    name, tenant = new_client_id(), new_client_id()
    everybody = await writer(any_app)
    await everybody.ask("POST", TENANTS, 201, {"name": tenant})
    default, own = await writer(any_app, "default"), await writer(any_app, tenant)
    made = await active(default, name, STRICT)
    assert made["tenant"] == "default"
    await own.ask("GET", f"/t/{tenant}{POLICIES}/{name}", 404)
    await own.ask("GET", f"{POLICIES}/{name}?tenant=default", 401)
    await own.ask("PUT", f"{POLICIES}/{name}?tenant=default", 401, {})
    await own.ask("PUT", f"/t/{tenant}{POLICIES}/{name}?tenant=default", 400, {})
    await own.ask("PATCH", f"/t/{tenant}{TENANTS}/{tenant}", 400, {"policy": name})
    # Nor does one of theirs touch that of all.
    await active(everybody, "all" + name, {})
    await default.ask("DELETE", f"{POLICIES}/all{name}", 404)
    await default.ask("POST", f"{POLICIES}/all{name}/rollback", 404)


async def test_declared_policies_are_shown_and_changed_by_nobody(
    make_app: MakeApplication,
) -> None:
    app = await make_app(policies={"filed": {"preset": "mcp"}})
    admin = await writer(app)
    shown = await admin.ask("GET", f"{POLICIES}/filed", 200)
    assert (shown["declared"], shown["version"], shown["policy"]["preset"]) == (True, None, "mcp")
    assert (await admin.ask("GET", f"{POLICIES}/filed/versions", 200))["items"] == []
    for method, path, body in (
        ("PUT", "", {}), ("POST", "/activate", None), ("POST", "/rollback", None),
        ("DELETE", "", None),
    ):  # fmt: skip
        refused = await admin.ask(method, f"{POLICIES}/filed{path}", 409, body)
        assert "configuration file" in refused["detail"]


async def test_a_policy_that_was_changed_meanwhile_is_not_changed(any_app: Application) -> None:
    name = new_client_id()
    admin = await writer(any_app)
    where = f"{POLICIES}/{name}"
    await admin.ask("PUT", where, 200, {})
    before = (await any_app.http.get(where, headers=admin.headers)).headers["etag"]
    await admin.ask("PUT", where, 200, STRICT, **{"If-Match": before})
    for method, path, body in (
        ("PUT", "", {}), ("POST", "/activate", None), ("DELETE", "", None),
    ):  # fmt: skip
        await admin.ask(method, where + path, 412, body, **{"If-Match": before})
    await admin.ask("PUT", f"{where}-new", 412, {}, **{"If-Match": before})


async def test_of_many_who_activate_one_draft_one_does(any_app: Application) -> None:
    name = new_client_id()
    admin = await writer(any_app)
    await admin.ask("PUT", f"{POLICIES}/{name}", 200, STRICT)
    answers = await asyncio.gather(
        *(any_app.http.post(f"{POLICIES}/{name}/activate", headers=admin.headers) for _ in range(5))
    )
    assert sorted(each.status_code for each in answers) == [200] + [409] * 4
    assert (await admin.ask("GET", f"{POLICIES}/{name}", 200))["version"] == 1


@pytest.mark.parametrize("scopes", [("policies:read",), ("tenants:write",)])
async def test_to_read_policies_is_not_to_write_them(
    any_app: Application, scopes: tuple[str, ...]
) -> None:
    admin = await administrator(any_app, *scopes)
    for method, path in (("PUT", ""), ("POST", "/activate"), ("DELETE", "")):
        refused = await admin.ask(method, f"{POLICIES}/x{path}", 403, {} if path == "" else None)
        assert refused["code"] == "insufficient_scope", json.dumps(refused)


async def test_a_policy_is_tried_before_it_counts(any_app: Application) -> None:
    name = new_client_id()
    admin = await writer(any_app)
    where = f"{POLICIES}/{name}"
    refuses = {"reject": {"error": "invalid_redirect_uri", "description": "not here"}}
    statements = [
        {"name": "home", "when": {"address": {"not": "192.0.2.0/24"}, "origin": "open"},
         "then": refuses},
        {"name": "named", "then": {"default": {"client_name": "Unnamed"}}},
        {"name": "asks", "when": {"software_id": "x"}, "then": {"hold": True}},
    ]  # fmt: skip
    await admin.ask("POST", f"{where}/test", 404, {"request": {}})
    await admin.ask("PUT", where, 200, {"statements": statements})

    async def tried(status: int = 200, **asked: Any) -> Any:
        request = {"redirect_uris": [CALLBACK]} | asked.pop("request", {})
        return await admin.ask("POST", f"{where}/test", status, {"request": request} | asked)

    await tried(409, draft=False)
    refused = await tried()
    assert (refused["decision"], refused["statements"]) == ("reject", ["home"])
    assert refused["result"] == {
        "error": "invalid_redirect_uri", "error_description": "not here",
    }  # fmt: skip
    good = await tried(address="192.0.2.7")
    assert (good["decision"], good["statements"]) == ("accept", ["named"])
    assert good["result"]["client_name"] == "Unnamed"
    held = await tried(address="192.0.2.7", request={"software_id": "x", "client_name": "A"})
    assert (held["decision"], held["statements"]) == ("hold", ["asks"])
    assert (await tried(origin="initial_access_token"))["decision"] == "accept"
    assert (await tried(origin="update"))["statements"] == ["home"]
    bad = await tried(address="192.0.2.7", request={"redirect_uris": ["nonsense"]})
    assert (bad["decision"], bad["statements"]) == ("reject", [])
    await tried(400, origin="elsewhere")
    await admin.ask("POST", f"{where}/activate", 200)
    await admin.ask("PUT", where, 200, {})
    assert (await tried())["decision"] == "reject"
    assert (await tried(draft=True))["statements"] == []


async def test_pages_of_policies_hold_declared_and_stored_ones_and_read_no_others(
    any_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = new_client_id()
    filed = {f"{name}{each}": {"preset": "mcp"} for each in ("B", "c")}
    async with application(any_database, policies=filed) as app:
        admin = await writer(app)
        await admin.ask("POST", TENANTS, 201, {"name": name})
        here, stored = f"?tenant={name}", ("A", "_", "a", "d")
        for each in stored:
            await admin.ask("PUT", f"{POLICIES}/{name}{each}{here}", 200, {})
            for _ in range(2):
                await active(admin, f"{name}{each}", STRICT)
            await admin.ask("PUT", f"{POLICIES}/{name}{each}", 200, {})
        whole = (await admin.ask("GET", f"{POLICIES}{here}&limit=500", 200))["items"]
        read: list[int] = []
        reading = Queries.all

        async def counted(self: Queries, statement: Any, *more: Any) -> Any:
            found = await reading(self, statement, *more)
            read.append(len(found))
            return found

        monkeypatch.setattr(Queries, "all", counted)
        seen: list[Any] = []
        url = f"{POLICIES}{here}&limit=2"
        while url:
            answer = await app.http.get(url, headers=admin.headers)
            assert len(answer.json()["items"]) <= 2
            seen += answer.json()["items"]
            url = answer.headers.get("link", "").partition(">")[0].removeprefix("<")
            assert bool(url) is (answer.json()["next"] is not None)
    assert seen == whole
    # Of a page and of two that may be of a tenant and of all, a draft and an active version.
    assert max(read) <= 2 * (2 + 2)
    ours = [(each["name"], each["tenant"]) for each in seen if each["name"].startswith(name)]
    both = {(f"{name}{each}", whose) for each in stored for whose in ("*", name)}
    assert ours == sorted(both | {(each, "*") for each in filed})
    shown = next(each for each in seen if each["name"] == f"{name}a" and each["tenant"] == "*")
    assert (shown["version"], shown["policy"], shown["draft"]) == (2, STRICT, {})
