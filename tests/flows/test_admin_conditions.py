"""Entity tags of what administrators read one by one, and changes that are meant for a version."""

from __future__ import annotations

import re
from typing import Any

import pytest
from fastapi.routing import iter_route_contexts

from conftest import MakeApplication
from dcrserver.app import ROUTERS
from dcrserver.edge.administration import AdminRoute
from dcrserver.names import ALL_TENANTS
from dcrserver.services.access.admin_tokens import NewAdminToken
from dcrserver.services.access.scopes import ROLES
from harness.actors import OPERATOR
from harness.administration import Administrator
from harness.application import CALLBACK, Application

METADATA = {"redirect_uris": [CALLBACK]}


async def of_all(app: Application) -> Administrator:
    wanted = NewAdminToken(ROLES["administrator"], 3600)
    issue = app.operations.token_administration.issue_admin_token
    token = await issue(ALL_TENANTS, wanted, OPERATOR)
    return Administrator(app, {"Authorization": f"Bearer {token}"})


async def there(admin: Administrator) -> dict[str, str]:
    """One of everything, by where its path is."""
    client = (await admin.post("/clients", 201, json={"metadata": METADATA}))["client_id"]
    policy = {"preset": "mcp"}
    await admin.ask("PUT", "/policies/tagged", json=policy, headers={"If-Match": "*"})
    await admin.post("/tenants", 201, json={"name": "tagged"})
    job = await admin.post("/clients/bulk", 202, json={"action": "suspend", "all": True})
    admin_token = {"scopes": ["clients:read"]}
    return {
        "/clients/{client_id}": f"/clients/{client}",
        "/policies/{name}": "/policies/tagged",
        "/tenants/{name}": "/tenants/tagged",
        "/jobs/{job_id}": f"/jobs/{job['id']}",
        "/keys/{kid}": f"/keys/{(await admin.post('/keys', 201))['kid']}",
        "/admin-tokens/{token_id}":
            f"/admin-tokens/{(await admin.post('/admin-tokens', 201, json=admin_token))['id']}",
        "/initial-access-tokens/{token_id}": "/initial-access-tokens/"
            + (await admin.post("/initial-access-tokens", 201, json={}))["id"],
    }  # fmt: skip


def routes(method: str) -> list[str]:
    """Paths of this method, less the root."""
    found = iter_route_contexts([each for router in ROUTERS for each in router.routes])
    return [
        str(each.path).removeprefix("/admin/v1")
        for each in found
        if isinstance(each.original_route, AdminRoute) and method in each.original_route.methods
    ]


async def test_every_single_object_has_an_entity_tag(make_app: MakeApplication) -> None:
    file = {"kind": "json_file", "path": "/nonexistent", "tenants": ["nobody"]}
    secrets = {"encryption_keys": ["A" * 43 + "="]}
    app = await make_app(tokens={"enabled": True}, connectors={"file": file}, secrets=secrets)
    admin = await of_all(app)
    known, tried = await there(admin) | {"/connectors/{name}": "/connectors/file"}, set()
    for path in routes("GET"):
        single = re.fullmatch(r"/[a-z-]+/{\w+}", path)
        if single is None and "{" in path:
            continue
        where = known[path] if single else path
        if path.endswith("/export"):
            continue
        answer = await admin.ask("GET", where)
        if "items" in answer.json():
            continue
        tag = answer.headers.get("etag", "")
        assert re.fullmatch(r'"[!-~]+"', tag), path
        if single:
            tried.add(path)
            again = await admin.ask("GET", where, 304, headers={"If-None-Match": f'"x", {tag}'})
            assert (again.content, again.headers["etag"]) == (b"", tag)
            await admin.ask("GET", where, headers={"If-None-Match": '"other"'})
    assert tried == set(known)


def changes(known: dict[str, str]) -> list[tuple[str, str, Any]]:
    """Of each object, something that changes it: method, path, body."""
    bodies = {"/clients/{client_id}": {"tags": ["x"]}, "/tenants/{name}": {"mode": "open"}}
    made: list[tuple[str, str, Any]] = [
        ("PATCH", path, bodies[template]) for template, path in known.items() if template in bodies
    ]
    made += [("POST", f"{known['/jobs/{job_id}']}/cancel", None)]
    return made + [("DELETE", path, None) for path in known.values() if "/jobs/" not in path]


async def test_a_change_is_made_to_what_its_sender_saw_or_not_at_all(
    make_app: MakeApplication,
) -> None:
    app = await make_app(tokens={"enabled": True})
    admin = await of_all(app)
    known = await there(admin)
    for method, path, body in changes(known):
        where = path.removesuffix("/cancel")
        for wrong in ('"other"', 'W/"other"', ""):
            sent: dict[str, Any] = {"headers": {"If-Match": wrong}}
            told = await admin.ask(method, path, 412, **sent, **({"json": body} if body else {}))
            assert told.json()["code"] == "precondition_failed"
        tag = (await admin.ask("GET", where)).headers["etag"]
        sent = {"headers": admin.headers | {"If-Match": f'"other", {tag}'}}
        answer = await app.http.request(
            method, f"/admin/v1{path}", **sent, **({"json": body} if body else {})
        )
        assert answer.status_code < 300, (path, answer.text)


async def test_where_it_is_demanded_no_change_is_made_without_a_tag(
    make_app: MakeApplication,
) -> None:
    app = await make_app(tokens={"enabled": True}, admin={"require_if_match": True})
    admin = await of_all(app)
    known = await there(admin)
    for method, path, body in changes(known):
        told = await admin.ask(method, path, 428, **({"json": body} if body else {}))
        assert told.json()["code"] == "precondition_required"


@pytest.mark.parametrize("noun", ["admin-tokens", "initial-access-tokens"])
async def test_a_token_has_another_tag_when_it_was_changed(app: Application, noun: str) -> None:
    admin = await of_all(app)
    body: dict[str, Any] = {"scopes": ["clients:read"]} if noun == "admin-tokens" else {"uses": 2}
    made = await admin.ask("POST", f"/{noun}", 201, json=body)
    where = f"/{noun}/{made.json()['id']}"
    before = (await admin.ask("GET", where)).headers["etag"]
    assert made.headers["etag"] == before
    await admin.delete(where, headers={"If-Match": before})
    assert (await admin.ask("GET", where)).headers["etag"] != before
    await admin.ask("DELETE", where, 412, headers={"If-Match": before})
