"""Members of the bodies that administrators send: each means something, or is pointed at."""

from __future__ import annotations

import re
import secrets
from typing import Any

import pytest
from fastapi.routing import iter_route_contexts

from conftest import MakeApplication
from dcrserver.app import ROUTERS
from dcrserver.edge.administration import AdminRoute
from dcrserver.metadata.catalogue import SERVER_ASSIGNED
from dcrserver.names import ALL_TENANTS
from dcrserver.services.access.admin_tokens import NewAdminToken
from dcrserver.services.access.scopes import ROLES
from harness.actors import OPERATOR
from harness.administration import Administrator, administrator
from harness.application import CALLBACK, Application

SCOPES = ("clients:read", "clients:write", "jobs:write")
METADATA: dict[str, Any] = {"redirect_uris": [CALLBACK], "client_name": "members"}
PATCH = {"Content-Type": "application/json-patch+json"}
# Beside the metadata, and not in it.
BESIDE = {"owner": "x", "tags": ["x"], "policy": "x", "template": "x"}
OWNER = "team-members"


async def of_all(app: Application) -> Administrator:
    wanted = NewAdminToken(ROLES["administrator"], 3600)
    issue = app.operations.token_administration.issue_admin_token
    return Administrator(
        app, {"Authorization": f"Bearer {await issue(ALL_TENANTS, wanted, OPERATOR)}"}
    )


async def owner_of(app: Application, owner: str) -> Administrator:
    wanted = NewAdminToken(SCOPES, 3600, owner=owner)
    issue = app.operations.token_administration.issue_admin_token
    return Administrator(
        app, {"Authorization": f"Bearer {await issue('default', wanted, OPERATOR)}"}
    )


def pointers(told: dict[str, Any]) -> list[str]:
    return [mistake["pointer"] for mistake in told["errors"]]


async def test_what_only_the_server_sets_is_refused_within_the_metadata(
    app: Application,
) -> None:
    """By whichever way it is sent: nothing that was meant is done without it."""
    admin = await administrator(app, *SCOPES)
    client = await app.register()
    where = f"/clients/{client['client_id']}"
    for name, value in [*dict.fromkeys(SERVER_ASSIGNED, "x").items(), *BESIDE.items()]:
        metadata, place = METADATA | {name: value}, f"#/metadata/{name}"
        add = [{"op": "add", "path": f"/metadata/{name}", "value": value}]
        for told in (
            await admin.post("/clients", 400, json={"metadata": metadata}),
            (await admin.ask("PUT", where, 400, json={"metadata": metadata})).json(),
            (await admin.ask("PATCH", where, 400, json={"metadata": {name: value}})).json(),
            (await admin.ask("PATCH", where, 400, json=add, headers=PATCH)).json(),
        ):
            assert pointers(told) == [place], told
    assert (await admin.get(where))["version"] == 1


async def test_what_is_not_for_an_owner_to_set_is_refused_unless_it_is_so_already(
    app: Application,
) -> None:
    owner = await owner_of(app, OWNER)
    metadata = METADATA | {"skip_consent": True}
    assert pointers(await owner.post("/clients", 400, json={"metadata": metadata})) == [
        "#/metadata/skip_consent"
    ]
    client = await owner.post("/clients", 201, json={"metadata": METADATA})
    await app.set_members(client["client_id"], skip_consent=True)
    where = f"/clients/{client['client_id']}"
    for body in ({"metadata": {"skip_consent": False}}, {"metadata": {"third_party": True}}):
        told = (await owner.ask("PATCH", where, 400, json=body)).json()
        assert pointers(told) == [f"#/metadata/{next(iter(body['metadata']))}"]
    shown = (await owner.get(where))["metadata"] | {"client_name": "mine"}
    told = (await owner.ask("PUT", where, json={"metadata": shown})).json()
    assert (told["metadata"]["client_name"], told["metadata"]["skip_consent"]) == ("mine", True)


async def test_no_body_has_a_member_that_nobody_reads(app: Application) -> None:
    """Of every route that takes one."""
    admin, wrong, tried = await of_all(app), [], 0
    name = f"members-{secrets.token_hex(4)}"
    await admin.post("/tenants", 201, json={"name": name})
    there = {"client_id": (await app.register())["client_id"], "name": name}
    # What they would want beside it.
    needs: dict[str, Any] = {"/tenants": {"name": f"{name}-2"}}
    for found in iter_route_contexts([each for router in ROUTERS for each in router.routes]):
        route = found.original_route
        if not isinstance(route, AdminRoute) or route.body_field is None:
            continue
        (method,) = route.methods
        path = str(found.path).removeprefix("/admin/v1")
        body = needs.get(path, {}) | {"colour": 1}
        status = 200 if path.endswith("/check") else 400
        path = re.sub(r"{(\w+)}", lambda found: there.get(found[1], "nobody"), path)
        told = (await admin.ask(method, path, status, json=body)).json()
        tried += 1
        mistakes = told["problems"] if status == 200 else told.get("errors", ())
        if "#/colour" not in [mistake.get("pointer") for mistake in mistakes]:
            wrong.append(f"{method} {path}: {told}")
    assert tried > 8
    assert not wrong, "\n".join(wrong)


async def test_null_takes_away_what_it_names(make_app: MakeApplication) -> None:
    """A policy too: the client is judged by that of its tenant from then on."""
    app = await make_app(policies={"small": {}})
    admin = await administrator(app, *SCOPES, "policies:override")
    body = {"metadata": METADATA, "policy": "small", "owner": OWNER, "tags": ["t"]}
    remove = [{"op": "remove", "path": f"/{name}"} for name in ("policy", "owner", "tags")]
    nothing = dict.fromkeys(("policy", "owner", "tags"))
    for sent in (
        {"method": "PATCH", "json": nothing},
        {"method": "PATCH", "json": remove, "headers": PATCH},
        {"method": "PUT", "json": nothing | {"metadata": METADATA}},
    ):
        client = await admin.post("/clients", 201, json=body)
        where = f"/clients/{client['client_id']}"
        told = (await admin.ask(path=where, **sent)).json()
        assert (told["policy"], told["owner"], told["tags"]) == (None, None, [])
        event = (await app.events(client["client_id"]))[-1]
        assert '"policy":["small",null]' in str(event.changes)


async def test_a_replacement_that_says_nothing_of_the_policy_leaves_it(
    make_app: MakeApplication,
) -> None:
    app = await make_app(policies={"small": {}})
    admin = await administrator(app, *SCOPES)
    client = await admin.post("/clients", 201, json={"metadata": METADATA, "policy": "small"})
    where = f"/clients/{client['client_id']}"
    told = (await admin.ask("PUT", where, json={"metadata": METADATA})).json()
    assert told["policy"] == "small"


async def test_who_may_not_take_a_policy_or_an_owner_away_is_told(
    make_app: MakeApplication,
) -> None:
    app = await make_app(policies={"small": {}})
    admin, owner = await administrator(app, *SCOPES), await owner_of(app, OWNER)
    body = {"metadata": METADATA, "policy": "small", "owner": OWNER}
    where = f"/clients/{(await admin.post('/clients', 201, json=body))['client_id']}"
    refused = await admin.ask("PATCH", where, 403, json={"policy": None})
    assert "policies:override" in refused.text
    for name in ("policy", "owner"):
        for sent in ({name: None}, {name: "other"}):
            told = (await owner.ask("PATCH", where, 400, json=sent)).json()
            assert pointers(told) == [f"#/{name}"]
    shown = await admin.get(where)
    assert (shown["policy"], shown["owner"], shown["version"]) == ("small", OWNER, 1)


async def test_a_mistake_beside_the_metadata_is_pointed_at(make_app: MakeApplication) -> None:
    app = await make_app(policies={"small": {}})
    admin = await administrator(app, *SCOPES, "policies:override")
    taken = f"taken-{secrets.token_hex(4)}"
    made = await admin.post("/clients", 201, json={"metadata": METADATA, "client_id": taken})
    where = f"/clients/{made['client_id']}"
    cases: list[tuple[str, dict[str, Any]]] = [
        ("owner", {"owner": "a\nb"}), ("owner", {"owner": "x" * 256}),
        ("owner", {"owner": 7}), ("tags", {"tags": ["a b"]}), ("tags", {"tags": ["x"] * 40}),
        ("tags", {"tags": [7]}), ("tags", {"tags": "a"}),
        ("policy", {"policy": "unknown"}), ("policy", {"policy": "p" * 65}),
    ]  # fmt: skip
    of_birth: list[tuple[str, dict[str, Any]]] = [
        ("client_id", {"client_id": "a/b"}), ("client_id", {"client_id": "count"}),
        ("client_secret", {"client_secret": "short"}), ("template", {"template": "nobody"}),
        ("client_secret_expires_at", {"client_secret_expires_at": 1}),
    ]  # fmt: skip
    for name, sent in (*cases, *of_birth):
        told = await admin.post("/clients", 400, json={"metadata": METADATA} | sent)
        assert name in {place.split("/")[1] for place in pointers(told)}, (sent, told)
    for name, sent in cases:
        told = (await admin.ask("PUT", where, 400, json={"metadata": METADATA} | sent)).json()
        assert name in {place.split("/")[1] for place in pointers(told)}, (sent, told)
        told = (await admin.ask("PATCH", where, 400, json=sent)).json()
        assert pointers(told) == [f"#/{name}"], (sent, told)
    told = await admin.post("/clients", 409, json={"metadata": METADATA, "client_id": taken})
    assert pointers(told) == ["#/client_id"]
    public = METADATA | {"token_endpoint_auth_method": "none"}
    body = {"metadata": public, "client_secret": secrets.token_urlsafe(48)}
    assert pointers(await admin.post("/clients", 400, json=body)) == ["#/client_secret"]
    assert (await admin.get(where))["version"] == 1


async def test_two_mistakes_are_told_each_with_its_place(app: Application) -> None:
    admin = await administrator(app, *SCOPES)
    body = {"metadata": METADATA, "owner": "a\nb", "tags": ["a b"]}
    assert pointers(await admin.post("/clients", 400, json=body)) == ["#/owner", "#/tags"]


@pytest.mark.parametrize(
    ("sent", "pointer"),
    [
        ({"action": "tag", "all": True}, "#/tag"),
        ({"action": "tag", "all": True, "tag": "a b"}, "#/tag"),
        ({"action": "set_owner", "all": True, "owner": "a\nb"}, "#/owner"),
        ({"action": "suspend", "filter": {"colour": "x"}}, "#/filter/colour"),
        ({"action": "suspend", "all": True, "colour": "x"}, "#/colour"),
    ],
)
async def test_a_mistake_in_a_job_is_pointed_at(
    app: Application, sent: dict[str, Any], pointer: str
) -> None:
    admin = await administrator(app, *SCOPES)
    assert pointers(await admin.post("/clients/bulk", 400, json=sent)) == [pointer]
