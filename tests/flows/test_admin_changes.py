"""/admin/v1/clients: administrators make, replace and patch clients."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import pytest
from fastapi.routing import iter_route_contexts

from conftest import MakeApplication
from dcrserver.app import ROUTERS
from dcrserver.services.access.admin_tokens import NewAdminToken
from harness.actors import OPERATOR
from harness.administration import Administrator, administrator
from harness.application import CALLBACK, Application, bearer, update_of

SCOPES = ("clients:read", "clients:write", "clients:delete", "jobs:write")
METADATA: dict[str, Any] = {"redirect_uris": [CALLBACK], "client_name": "made"}
PATCH = {"Content-Type": "application/json-patch+json"}
MERGE = {"Content-Type": "application/merge-patch+json"}


async def made(admin: Administrator, **members: Any) -> dict[str, Any]:
    found: dict[str, Any] = await admin.post("/clients", 201, json={"metadata": METADATA} | members)
    return found


async def status_of(app: Application, client: dict[str, Any]) -> int:
    answer = await app.http.get(client["registration_client_uri"], headers=bearer(client))
    return answer.status_code


async def test_an_administrator_makes_a_client_in_every_mode(make_app: MakeApplication) -> None:
    for mode in ("open", "protected", "closed"):
        app = await make_app(registration={"mode": mode})
        client = await made(await administrator(app, *SCOPES))
        assert await status_of(app, client) == 200


async def test_a_new_client_is_told_with_its_credentials_once(any_app: Application) -> None:
    admin = await administrator(any_app, *SCOPES)
    answer = await admin.ask(
        "POST", "/clients", 201, json={"metadata": METADATA, "owner": "team-a", "tags": ["b", "a"]}
    )
    client = answer.json()
    where = f"/clients/{client['client_id']}"
    assert answer.headers["location"].endswith(f"/admin/v1{where}")
    assert (client["owner"], client["tags"], client["origin"]) == (
        "team-a", ["b", "a"], "administrator",
    )  # fmt: skip
    assert client["metadata"]["client_name"] == "made"
    assert client["metadata"]["grant_types"] == ["authorization_code"]
    assert await status_of(any_app, client) == 200
    shown = await admin.ask("GET", where)
    assert shown.headers["etag"] == answer.headers["etag"]
    for name in ("client_secret", "registration_access_token"):
        assert client[name] not in shown.text
        assert client[name] not in (await admin.ask("GET", "/clients?limit=500")).text


async def test_an_identifier_and_a_secret_may_be_chosen(any_app: Application) -> None:
    admin = await administrator(any_app, *SCOPES)
    chosen = {"client_id": f"chosen-{secrets.token_hex(8)}",
              "client_secret": secrets.token_urlsafe(48)}  # fmt: skip
    client = await made(admin, **chosen)
    assert {name: client[name] for name in chosen} == chosen
    told = await admin.post("/clients", 409, json={"metadata": METADATA} | chosen)
    assert told["code"] == "conflict"
    await admin.delete(f"/clients/{chosen['client_id']}")
    await admin.post("/clients", 409, json={"metadata": METADATA} | chosen)
    await admin.ask("POST", f"/clients/{chosen['client_id']}/purge", 204)
    await made(admin, **chosen)


async def test_of_two_that_choose_one_identifier_one_has_it(any_app: Application) -> None:
    admin = await administrator(any_app, *SCOPES)
    body = {"metadata": METADATA, "client_id": f"raced-{secrets.token_hex(8)}"}
    answers = await asyncio.gather(
        *(any_app.http.post("/admin/v1/clients", json=body, headers=admin.headers)
          for _ in range(6))
    )  # fmt: skip
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "#/metadata"),
        ({"metadata": []}, "#/metadata"),
        ({"metadata": METADATA, "colour": 1}, "#/colour"),
        ({"metadata": METADATA, "tags": "a"}, "#/tags"),
        ({"metadata": METADATA | {"redirect_uris": ["http://x.example/"]}},
         "#/metadata/redirect_uris"),
    ],
)  # fmt: skip
async def test_what_is_not_acceptable_is_refused_with_its_place(
    app: Application, body: dict[str, Any], pointer: str
) -> None:
    admin = await administrator(app, *SCOPES)
    told = await admin.post("/clients", 400, json=body)
    assert told["errors"][0]["pointer"] == pointer
    assert (await admin.get("/clients?contains=made"))["items"] == []


async def test_replacing_leaves_nothing_of_before(any_app: Application) -> None:
    client = await any_app.register(client_name="old", client_uri="https://client.example.org")
    admin = await administrator(any_app, *SCOPES)
    where = f"/clients/{client['client_id']}"
    told = (await admin.ask("PUT", where, json={"metadata": METADATA, "tags": ["x"]})).json()
    assert told["metadata"]["client_name"] == "made"
    assert "client_uri" not in told["metadata"]
    assert (told["tags"], told["version"], told["client_secret"]) == (["x"], 2, None)
    assert told["registration_access_token"] is None
    # The client's own token works on, and a change of its own starts from what is there now.
    assert await status_of(any_app, client) == 200
    told = (await admin.ask("PUT", where, json={"metadata": METADATA})).json()
    assert told["tags"] == []


async def test_an_update_by_the_client_keeps_what_administrators_chose(
    any_app: Application,
) -> None:
    client = await any_app.register()
    admin = await administrator(any_app, *SCOPES)
    where = f"/clients/{client['client_id']}"
    await admin.ask("PATCH", where, json={"owner": "team-a", "tags": ["t"]}, headers=MERGE)
    body = update_of(client, client_name="by itself")
    answer = await any_app.http.put(
        client["registration_client_uri"], json=body, headers=bearer(client)
    )
    assert answer.status_code == 200, answer.text
    shown = await admin.get(where)
    assert (shown["owner"], shown["tags"], shown["metadata"]["client_name"]) == (
        "team-a", ["t"], "by itself",
    )  # fmt: skip


async def test_a_merge_patch_changes_what_it_names(any_app: Application) -> None:
    client = await any_app.register(client_name="old", client_uri="https://client.example.org")
    admin = await administrator(any_app, *SCOPES)
    where = f"/clients/{client['client_id']}"
    patch = {"metadata": {"client_name": "new", "client_uri": None}, "owner": "team-a"}
    for headers in (MERGE, {}):
        told = (await admin.ask("PATCH", where, json=patch, headers=headers)).json()
        assert (told["owner"], told["metadata"]["client_name"]) == ("team-a", "new")
        assert "client_uri" not in told["metadata"]
        assert told["metadata"]["redirect_uris"] == [CALLBACK]
    assert await status_of(any_app, client) == 200


async def test_a_patch_is_judged_by_what_comes_of_it(any_app: Application) -> None:
    client = await any_app.register(client_name="old")
    admin = await administrator(any_app, *SCOPES)
    where = f"/clients/{client['client_id']}"
    other = "https://client.example.org/other"
    told = (await admin.ask("PATCH", where, headers=PATCH, json=[
        {"op": "test", "path": "/metadata/client_name", "value": "old"},
        {"op": "add", "path": "/metadata/redirect_uris/-", "value": other},
        {"op": "add", "path": "/tags", "value": ["new"]},
    ])).json()  # fmt: skip
    assert told["metadata"]["redirect_uris"] == [CALLBACK, other]
    assert told["tags"] == ["new"]
    refused: list[tuple[list[dict[str, Any]], int, str | None]] = [
        ([{"op": "test", "path": "/metadata/client_name", "value": "x"}], 409, None),
        ([{"op": "remove", "path": "/metadata/nothing"}], 400, "#/0"),
        ([{"op": "add", "path": "/status", "value": "active"}], 400, "#/status"),
        ([{"op": "remove", "path": "/metadata"}], 400, "#/metadata"),
        ([{"op": "replace", "path": "/metadata/redirect_uris", "value": []}], 400, None),
        ([{"op": "replace", "path": "", "value": 5}], 400, "#"),
    ]
    for patch, status, pointer in refused:
        problem = (await admin.ask("PATCH", where, status, json=patch, headers=PATCH)).json()
        if pointer:
            assert problem["errors"][0]["pointer"] == pointer
    assert (await admin.get(where))["version"] == 2


async def test_of_two_patches_of_one_version_one_is_applied(any_app: Application) -> None:
    client = await any_app.register()
    admin = await administrator(any_app, *SCOPES)
    where = f"/clients/{client['client_id']}"
    seen = (await admin.ask("GET", where)).headers["etag"]
    headers = admin.headers | {"If-Match": seen}
    answers = await asyncio.gather(
        *(any_app.http.patch(f"/admin/v1{where}", json={"tags": [f"t{number}"]}, headers=headers)
          for number in range(6))
    )  # fmt: skip
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 5


async def test_without_if_match_no_patch_is_lost(any_app: Application) -> None:
    client = await any_app.register()
    admin = await administrator(any_app, *SCOPES)
    where = f"/clients/{client['client_id']}"
    await admin.ask("PATCH", where, json={"tags": ["start"]})
    add = [{"op": "add", "path": "/tags/-", "value": "x"}]
    names = [f"t{number}" for number in range(5)]
    await asyncio.gather(
        *(admin.ask("PATCH", where, json=[add[0] | {"value": name}], headers=PATCH)
          for name in names)
    )  # fmt: skip
    assert set((await admin.get(where))["tags"]) == {"start", *names}


async def test_the_policy_of_birth_binds_administrators_too(make_app: MakeApplication) -> None:
    app = await make_app(
        policies={"small": {"registration": {"required": ["client_uri"]}}},
    )
    admin = await administrator(app, *SCOPES)
    uri = {"client_uri": "https://client.example.org"}
    await admin.post("/clients", 400, json={"metadata": METADATA, "policy": "small"})
    client = await made(admin, policy="small", metadata=METADATA | uri)
    where = f"/clients/{client['client_id']}"
    await admin.ask("PUT", where, 400, json={"metadata": METADATA})
    patch = {"metadata": {"client_uri": None}}
    await admin.ask("PATCH", where, 400, json=patch)
    assert (await admin.get(where))["policy"] == "small"


async def test_whoever_moves_a_client_to_another_policy_needs_a_scope_for_it(
    make_app: MakeApplication,
) -> None:
    app = await make_app(policies={"small": {}, "large": {}})
    admin = await administrator(app, *SCOPES)
    client = await made(admin, policy="small")
    where = f"/clients/{client['client_id']}"
    moved = {"policy": "large"}
    refused = await admin.ask("PATCH", where, 403, json=moved)
    assert 'error="insufficient_scope"' in refused.headers["www-authenticate"]
    assert "policies:override" in refused.text
    await admin.ask("PATCH", where, json={"policy": "small", "tags": ["stays"]})
    assert (await admin.get(where))["policy"] == "small"
    mover = await administrator(app, *SCOPES, "policies:override")
    assert (await mover.ask("PATCH", where, json=moved)).json()["policy"] == "large"


async def test_an_owner_makes_and_changes_own_clients_only(any_app: Application) -> None:
    wanted = NewAdminToken(SCOPES, 3600, owner="team-b")
    issue = any_app.operations.token_administration.issue_admin_token
    token = await issue("default", wanted, OPERATOR)
    owner = Administrator(any_app, {"Authorization": f"Bearer {token}"})
    client = await made(owner)
    assert client["owner"] == "team-b"
    where = f"/clients/{client['client_id']}"
    await owner.ask("PATCH", where, json={"metadata": {"client_name": "mine"}})
    await owner.ask("PATCH", where, 400, json={"owner": "team-c"})
    other = await any_app.register()
    for method in ("PUT", "PATCH"):
        await owner.ask(method, f"/clients/{other['client_id']}", 404, json={"metadata": METADATA})


@pytest.mark.finding("M3")
async def test_changes_make_no_client_that_could_not_be_registered(any_app: Application) -> None:
    """Neither bit by bit, nor by copies within one patch, nor over a template."""
    admin = await administrator(any_app, *SCOPES)
    key = {"kty": "RSA", "e": "AQAB", "n": "v" * 342, "kid": "1", "x-more": "x" * 40_000}
    client = await made(admin, metadata=METADATA | {"jwks": {"keys": [key]}})
    where = f"/clients/{client['client_id']}"
    copied = [{"op": "copy", "from": "/metadata/jwks/keys/0", "path": "/metadata/jwks/more"}]
    another = {"metadata": {"jwks": {"more": "x" * 40_000}}}
    for headers, body in ((PATCH, copied), (MERGE, another)):
        told = (await admin.ask("PATCH", where, 400, json=body, headers=headers)).json()
        assert "larger than 65536 octets" in told["detail"]
    deeper = [
        {"op": "add", "path": "/metadata/jwks/a", "value": {"b": {"c": {"d": {"e": {}}}}}},
        *[{"op": "copy", "from": "/metadata/jwks/a", "path": "/metadata/jwks/a/b/c/d/e/f"}] * 2,
        {"op": "copy", "from": "/metadata/jwks/a", "path": "/metadata/jwks/a/b/c/d/e/f/b/c/d/e/f"},
    ]
    told = (await admin.ask("PATCH", where, 400, json=deeper, headers=PATCH)).json()
    assert "nested deeper" in told["detail"]
    body = {"template": client["client_id"], "metadata": {"software_statement_": "x" * 60_000}}
    assert "larger" in (await admin.post("/clients", 400, json=body))["detail"]
    await admin.ask("PATCH", where, json={"tags": ["small"]})


async def test_a_mistake_in_a_name_is_pointed_at(any_app: Application) -> None:
    client = await any_app.register()
    admin = await administrator(any_app, *SCOPES)
    where = f"/clients/{client['client_id']}"
    told = (await admin.ask("PATCH", where, 400, json={"a/b\r\n": 1})).json()
    assert told["errors"][0]["pointer"] == "#/a~1b%0D%0A"


@pytest.mark.finding("M4")
async def test_no_client_is_called_as_what_stands_beside_clients(any_app: Application) -> None:
    """Else nobody could look at it: /admin/v1/clients/count is how many there are."""
    admin = await administrator(any_app, *SCOPES)
    beside = {
        found.path.removeprefix("/admin/v1/clients/")
        for found in iter_route_contexts([each for router in ROUTERS for each in router.routes])
        if str(found.path).startswith("/admin/v1/clients/") and "{" not in str(found.path)
    }
    assert "count" in beside
    records = [
        {"client_id": name, "client_name": name, "redirect_uris": [CALLBACK],
         "token_endpoint_auth_method": "none"}
        for name in beside
    ]  # fmt: skip
    for record in records:
        body = {"metadata": METADATA, "client_id": record["client_id"]}
        told = await admin.post("/clients", 400, json=body)
        assert told["errors"][0]["pointer"] == "#/client_id"
        # Nor does one come from elsewhere.
        await admin.ask("POST", "/clients/import?skip_refused=true", 202, json=record)
        await any_app.do_job("do_jobs")
        listed = await admin.get(f"/clients?metadata.client_name={record['client_id']}")
        assert listed["items"] == []
