"""Administrators register and manage clients where clients do: /register, by their own token."""

from __future__ import annotations

import asyncio
import base64
import time
from typing import Any

import httpx
import pytest

from conftest import MakeApplication
from dcrserver.services.access.admin_tokens import NewAdminToken
from dcrserver.services.audit import SubjectKind
from harness.actors import OPERATOR
from harness.application import Application, bearer, update_of

SCOPES = ("clients:read", "clients:create", "clients:update", "clients:delete", "secrets:write")
REDIRECTS = {"redirect_uris": ["https://client.example.org/cb"]}
MACHINE = {"grant_types": ["client_credentials"], "redirect_uris": []}
SECRET = "Fz3-kQ9xW1~vB7.mT5_pL2:hJ4"


async def post(app: Application, headers: dict[str, str], **body: Any) -> httpx.Response:
    return await app.http.post("/register", json=REDIRECTS | body, headers=headers)


# ---- register ------------------------------------------------------------------------------


async def test_an_administrator_chooses_what_others_are_given(any_app: Application) -> None:
    admin = await any_app.admin_token(*SCOPES)
    expires = int(time.time()) + 3600
    answer = await post(
        any_app, admin, **MACHINE, client_id="chosen.client-1", client_secret=SECRET,
        client_secret_expires_at=expires, owner="alice", tags=["b", "a", "b"],
        access_token_format="opaque", client_credentials_access_token_lifetime=60,
        audience=["https://api.example.org"],
    )  # fmt: skip
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"].endswith("/register/chosen.client-1")
    made = answer.json()
    assert (made["client_id"], made["client_secret"]) == ("chosen.client-1", SECRET)
    assert (made["client_secret_expires_at"], made["owner"]) == (expires, "alice")
    assert made["tags"] == ["b", "a"]
    granted = await any_app.http.post(
        "/token", data={"grant_type": "client_credentials"}, auth=("chosen.client-1", SECRET)
    )
    assert granted.json()["expires_in"] == 60
    assert granted.json()["access_token"].startswith("at_")
    told = await any_app.http.post(
        "/introspect",
        data={"token": granted.json()["access_token"]},
        auth=("chosen.client-1", SECRET),
    )
    assert told.json()["aud"] == "https://api.example.org"
    own = await any_app.http.get("/register/chosen.client-1", headers=bearer(made))
    assert own.status_code == 200
    assert not own.json().keys() & {"owner", "tags"}
    assert own.json()["access_token_format"] == "opaque"
    assert SECRET not in str((await any_app.client("chosen.client-1")).metadata)
    event = (await any_app.events("chosen.client-1"))[-1]
    assert (event.type, event.actor_kind) == ("client.registered", "administrator")
    assert SECRET not in event.changes


async def test_what_is_not_chosen_is_as_for_everybody(app: Application) -> None:
    admin = await app.admin_token("clients:create")
    made = (await post(app, admin, client_id=None, client_secret="")).json()
    assert len(made["client_id"]) == 32
    assert made["client_secret"].startswith("cs_")
    assert made["client_secret_expires_at"] == 0
    assert made.keys() == (await app.register()).keys()


async def test_a_chosen_secret_is_long_enough_to_sign_with(make_app: MakeApplication) -> None:
    """OpenID Connect Core 16.19: a key for HS512 has 64 octets."""
    app = await make_app(
        secrets={"encryption_keys": [base64.b64encode(bytes(32)).decode()]},
        authorization_server={"token_endpoint_auth_methods_supported": ["client_secret_jwt"]},
    )
    admin = await app.admin_token("clients:create")
    method = {"token_endpoint_auth_method": "client_secret_jwt"}
    short = await post(app, admin, **method, client_secret=SECRET)
    assert "64 characters" in short.json()["error_description"]
    assert (await post(app, admin, **method, client_secret=SECRET * 3)).status_code == 201


async def test_a_chosen_identifier_is_taken_once(any_app: Application) -> None:
    admin = await any_app.admin_token("clients:create")
    answers = await asyncio.gather(*(post(any_app, admin, client_id="same") for _ in range(8)))
    codes = sorted(answer.status_code for answer in answers)
    assert codes == [201, *[409] * 7]
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert refused.json() == {
        "error": "invalid_client_metadata",
        "error_description": "client_id is that of another client",
    }


async def test_the_identifier_of_a_deleted_client_is_taken_while_it_can_be_restored(
    make_app: MakeApplication,
) -> None:
    for window, status in ((3600, 409), (0, 201)):
        app = await make_app(clients={"restore_window": window})
        admin, name = await app.admin_token(*SCOPES), f"again-{window}"
        assert (await post(app, admin, client_id=name)).status_code == 201
        assert (await app.http.delete(f"/register/{name}", headers=admin)).status_code == 204
        assert (await post(app, admin, client_id=name)).status_code == status


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"client_id": "a/b"}, "client_id must be"),
    ({"client_id": ".."}, "client_id must be"),
    ({"client_id": "x" * 129}, "client_id must be"),
    ({"client_id": 7}, "client_id must be"),
    ({"client_id": "https://a.example/"}, "client_id must be"),
    ({"client_secret": "short"}, "client_secret must be"),
    ({"client_secret": "a" * 40}, "client_secret is too easily guessed"),
    ({"client_secret": "has a space in its middle 0123456789"}, "client_secret must be"),
    ({"client_secret": ["x"]}, "client_secret must be"),
    ({"client_secret_expires_at": 1}, "client_secret_expires_at is in the past"),
    ({"client_secret_expires_at": -1}, "client_secret_expires_at must be"),
    ({"client_secret_expires_at": True}, "client_secret_expires_at must be"),
    ({"client_secret_expires_at": "0"}, "client_secret_expires_at must be"),
    ({"client_secret": SECRET, "token_endpoint_auth_method": "none"},
     "client_secret must not be sent"),
    ({"client_secret_expires_at": 0, "public_client": True},
     "client_secret_expires_at must not be sent"),
    ({"owner": "a\nb"}, "owner must be"),
    ({"owner": "x" * 256}, "owner must be"),
    ({"owner": ["x"]}, "owner must be"),
    ({"policy": "unknown"}, "policy must be"),
    ({"tags": "x"}, "tags must be"),
    ({"tags": ["a b"]}, "tags must be"),
    ({"tags": [""]}, "tags must be"),
    ({"tags": [7]}, "tags must be"),
    ({"tags": [str(n) for n in range(33)]}, "tags must be"),
    ({"tags": ["x" * 501]}, "tags must be"),
    ({"policy": 7}, "policy must be"),
    ({"template": "unknown"}, "template must be"),
    ({"template": {}}, "template must be"),
    ({"template": "a\0b"}, "template must be"),
    ({"template": "x" * 30_000}, "template must be"),
    ({"skip_consent": "yes"}, "skip_consent must be"),
]  # fmt: skip


async def test_what_is_wrong_with_choices_is_told(app: Application) -> None:
    admin = await app.admin_token("clients:create", "clients:read")
    before = await app.runtime.lists.clients.count("default")
    for members, reason in WRONG:
        answer = await post(app, admin, **members)
        assert answer.status_code == 400, (members, answer.text)
        assert answer.json()["error"] == "invalid_client_metadata"
        assert reason in answer.json()["error_description"]
    answer = await post(app, admin, client_id="a/b", client_secret="x", owner=7)
    assert answer.json()["error_description"].count("must be") == 3
    assert await app.runtime.lists.clients.count("default") == before


@pytest.mark.finding("E4")
async def test_an_owner_changes_the_method_as_little_as_the_client_may(
    make_app: MakeApplication,
) -> None:
    app = await make_app(policy={"management": {"method_change": "reject"}})
    alice, admin = await owner_token(app, "alice"), await app.admin_token(*SCOPES)
    made = (await post(app, alice, client_id="bound")).json()
    public = {"client_id": "bound", **REDIRECTS, "token_endpoint_auth_method": "none"}
    assert made["token_endpoint_auth_method"] == "client_secret_basic"
    refused = await app.http.put("/register/bound", json=public, headers=alice)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_client_metadata")
    answer = await app.http.put("/register/bound", json=public | {"owner": "alice"}, headers=admin)
    assert answer.status_code == 200


async def test_a_template_is_for_those_who_may_read_clients(app: Application) -> None:
    admin, maker = await app.admin_token(*SCOPES), await app.admin_token("clients:create")
    made = (await post(app, admin, client_name="Read me", **MACHINE)).json()
    refused = await post(app, maker, template=made["client_id"])
    assert (refused.status_code, refused.json()["error"]) == (403, "insufficient_scope")
    assert (await post(app, maker)).status_code == 201


async def test_a_template_fills_in_what_is_not_sent(any_app: Application) -> None:
    admin = await any_app.admin_token(*SCOPES)
    first = (
        await post(any_app, admin, client_name="T", contacts=["a@example.org"], skip_consent=True,
                   owner="alice", client_id="template")
    ).json()  # fmt: skip
    made = (
        await post(any_app, admin, template="template", client_name="Own", contacts=None)
    ).json()
    assert made["client_name"] == "Own"
    assert made["skip_consent"] is True
    assert "contacts" not in made
    assert "owner" not in made
    assert made["client_id"] != first["client_id"]
    assert made["client_secret"] != first["client_secret"]


async def test_a_template_has_a_name(any_app: Application) -> None:
    """Its client_id goes before; of several with the name none is meant, and none of others."""
    admin, bob = await any_app.admin_token(*SCOPES), await owner_token(any_app, "bob")
    name = f"Template of {time.time_ns()}"
    await post(any_app, admin, client_name=name, contacts=["a@example.org"])
    made = await post(any_app, admin, template=name, client_name="Own")
    assert made.json()["contacts"] == ["a@example.org"]
    refused = await post(any_app, bob, template=name)
    assert (refused.status_code, "must be the client_id" in refused.text) == (400, True)
    await post(any_app, admin, client_name=name)
    refused = await post(any_app, admin, template=name)
    assert (refused.status_code, "several clients" in refused.text) == (400, True)


@pytest.mark.finding("E9")
async def test_nobody_else_names_a_client_to_be_the_template_of_an_administrator(
    any_app: Application,
) -> None:
    """Neither in the place of the one that is meant, nor beside it so that none is."""
    admin, bob = await any_app.admin_token(*SCOPES), await owner_token(any_app, "bob")
    name, evil = f"Standard {time.time_ns()}", ["https://evil.example.com/cb"]
    await any_app.register(client_name=name, redirect_uris=evil)
    await post(any_app, bob, client_name=name, redirect_uris=evil)
    asked = {"template": name, "client_name": "Own"}
    refused = await any_app.http.post("/register", json=asked, headers=admin)
    assert (refused.status_code, "must be the client_id" in refused.text) == (400, True)
    await post(any_app, admin, client_name=name)
    made = await any_app.http.post("/register", json=asked, headers=admin)
    assert made.json()["redirect_uris"] == REDIRECTS["redirect_uris"]
    made = await any_app.http.post("/register", json=asked, headers=bob)
    assert made.json()["redirect_uris"] == evil  # of bob's own


async def test_a_policy_of_the_administrator_s_stays_with_the_client(
    make_app: MakeApplication,
) -> None:
    app = await make_app(policies={"short": {"text": {"max_length": 3}}})
    admin = await app.admin_token(*SCOPES)
    refused = await post(app, admin, policy="short", client_name="longer")
    assert refused.status_code == 400
    made = (await post(app, admin, policy="short", client_name="abc")).json()
    assert made["policy"] == "short"
    path = f"/register/{made['client_id']}"
    for headers in (bearer(made), admin):
        body = update_of(made, client_name="longer", policy=...)
        assert (await app.http.put(path, json=body, headers=headers)).status_code == 400
    body = update_of(made, policy=..., client_name="ab")
    answer = await app.http.put(path, json=body, headers=admin)
    assert answer.json()["policy"] == "short"


async def test_the_preview_is_for_administrators_too(make_app: MakeApplication) -> None:
    app = await make_app(registration={"validate_endpoint": True})
    body = REDIRECTS | {"skip_consent": True, "client_id": "mine", "owner": "alice"}
    told = (await app.http.post("/register/validate", json=body)).json()
    assert {each["member"] for each in told["ignored"]} == {"skip_consent", "client_id", "owner"}
    admin = await app.admin_token("clients:create")
    told = (await app.http.post("/register/validate", json=body, headers=admin)).json()
    assert told["ignored"] == []
    assert told["registration"]["skip_consent"] is True


# ---- read, replace, delete -----------------------------------------------------------------


async def test_an_administrator_reads_without_credentials_of_the_client(
    any_app: Application,
) -> None:
    client = await any_app.register(client_name="M")
    admin = await any_app.admin_token("clients:read")
    for _ in range(2):
        answer = await any_app.http.get(f"/register/{client['client_id']}", headers=admin)
        assert answer.status_code == 200
        hidden = {"client_secret", "registration_access_token"}
        assert answer.json() == {n: v for n, v in client.items() if n not in hidden}
    assert (
        await any_app.http.get(f"/register/{client['client_id']}", headers=bearer(client))
    ).status_code == 200


async def test_an_administrator_replaces_and_the_client_s_token_works_on(
    any_app: Application,
) -> None:
    client = await any_app.register(client_name="M", contacts=["a@example.org"])
    admin = await any_app.admin_token("clients:update")
    path = f"/register/{client['client_id']}"
    body = {"client_id": client["client_id"], **REDIRECTS, "owner": "alice", "tags": ["t"]}
    body |= {"require_pkce": True}
    answer = await any_app.http.put(path, json=body, headers=admin)
    assert answer.status_code == 200, answer.text
    made = answer.json()
    assert (made["owner"], made["tags"]) == ("alice", ["t"])
    assert made["require_pkce"] is True
    assert not made.keys() & {
        "client_name", "contacts", "registration_access_token", "client_secret",
    }  # fmt: skip
    own = await any_app.http.get(path, headers=bearer(client))
    assert own.status_code == 200
    assert own.json()["registration_access_token"] == client["registration_access_token"]
    again = await any_app.http.put(
        path, json=update_of(own.json(), require_pkce=False), headers=bearer(client)
    )
    assert again.json()["require_pkce"] is True
    assert (await any_app.client(client["client_id"])).owner == "alice"
    left = await any_app.http.put(path, json={"client_id": client["client_id"], **REDIRECTS},
                                  headers=admin)  # fmt: skip
    assert not left.json().keys() & {"owner", "tags", "require_pkce"}
    event = (await any_app.events(client["client_id"]))[-1]
    assert (event.type, event.actor_kind) == ("client.updated", "administrator")
    assert '"owner":["alice",null]' in event.changes


async def test_an_update_of_an_administrator_s_is_one_of_rfc_7592(app: Application) -> None:
    client = await app.register()
    admin = await app.admin_token("clients:update")
    path = f"/register/{client['client_id']}"
    good = {"client_id": client["client_id"], **REDIRECTS}
    for changes in (
        {"client_id": "other"},
        {"client_id": None},
        {"client_secret": "wrong"},
        {"registration_client_uri": "https://a.example/"},
        {"redirect_uris": ["https://a.example/#"]},
        {"owner": 7},
    ):
        answer = await app.http.put(path, json=good | changes, headers=admin)
        assert answer.status_code == 400, changes
    current = good | {"client_secret": client["client_secret"]}
    assert (await app.http.put(path, json=current, headers=admin)).status_code == 200
    needless = good | {"token_endpoint_auth_method": "none"}
    public = (await app.http.put(path, json=needless, headers=admin)).json()
    assert "client_secret_expires_at" not in public
    secret = (await app.http.put(path, json=good, headers=admin)).json()
    assert secret["client_secret"].startswith("cs_")


async def test_an_administrator_s_update_meets_the_client_s(any_app: Application) -> None:
    """Of changes that overlap none is lost: each is one of the versions, whole."""
    admin = await any_app.admin_token("clients:update")
    client = await any_app.register(client_name="0")
    path = f"/register/{client['client_id']}"
    bodies = [{"client_id": client["client_id"], **REDIRECTS, "client_name": str(n)}
              for n in range(6)]  # fmt: skip
    answers = await asyncio.gather(
        *(any_app.http.put(path, json=body, headers=admin) for body in bodies)
    )
    assert {answer.status_code for answer in answers} == {200}
    events = await any_app.events(client["client_id"])
    assert [event.type for event in events].count("client.updated") == 6


async def test_an_administrator_deletes_whatever_the_policy_says_of_clients(
    make_app: MakeApplication,
) -> None:
    app = await make_app(policy={"management": {"delete": False}})
    client = await app.register()
    path = f"/register/{client['client_id']}"
    assert (await app.http.delete(path, headers=bearer(client))).status_code == 405
    admin = await app.admin_token("clients:delete")
    assert (await app.http.delete(path, headers=admin)).status_code == 204
    assert (await app.http.delete(path, headers=admin)).status_code == 404
    assert (await app.http.get(path, headers=bearer(client))).status_code == 401


async def test_an_administrator_rotates_and_ends_secrets(make_app: MakeApplication) -> None:
    app = await make_app(policy={"secrets": {"self_rotation": False}})
    client = await app.register()
    path = f"/register/{client['client_id']}/secret"
    assert (await app.http.post(path, headers=bearer(client))).status_code == 404
    admin = await app.admin_token("clients:read", "secrets:write")
    rotated = await app.http.post(path, headers=admin)
    assert rotated.status_code == 201, rotated.text
    listed = (await app.http.get(path, headers=admin)).json()["client_secrets"]
    assert listed[0]["id"] == rotated.json()["id"]
    old = listed[1]["id"]
    assert (await app.http.delete(f"{path}/{old}", headers=admin)).status_code == 204
    assert (await app.http.delete(f"{path}/{old}", headers=admin)).status_code == 404
    left = (await app.http.get(path, headers=admin)).json()["client_secrets"]
    assert [each["id"] for each in left] == [rotated.json()["id"]]


# ---- by name -------------------------------------------------------------------------------


async def test_registrations_are_found_by_their_exact_name(any_app: Application) -> None:
    name = f"Name \u00e4 {time.time_ns()}"
    admin, alice = await any_app.admin_token(*SCOPES), await owner_token(any_app, "alice")
    first = await any_app.register(client_name=name)
    second = (await post(any_app, alice, client_name=name)).json()
    await any_app.register(client_name=name.lower())
    await any_app.register(client_name=f"{name} x")

    async def found(headers: dict[str, str], client_name: str) -> list[dict[str, Any]]:
        answer = await any_app.http.get(
            "/register", params={"client_name": client_name}, headers=headers
        )
        assert answer.status_code == 200, answer.text
        assert answer.json()["next"] is None
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    items = await found(admin, name)
    assert {each["client_id"] for each in items} == {first["client_id"], second["client_id"]}
    hidden = {"client_secret", "registration_access_token"}
    assert not any(each.keys() & hidden for each in items)
    assert [each["client_id"] for each in await found(alice, name)] == [second["client_id"]]
    assert await found(admin, "nobody is called so") == []


async def test_a_look_up_by_name_needs_a_name_and_the_scope(app: Application) -> None:
    admin = await app.admin_token("clients:read")
    for query in ("", "?client_name=", "?client_name=a&client_name=b", "?client_name=%00"):
        answer = await app.http.get(f"/register{query}", headers=admin)
        assert answer.status_code == 400, query
        assert answer.json()["error"] == "invalid_request"
    assert (await app.http.get("/register?client_name=a")).status_code == 401
    other = await app.admin_token("clients:update")
    assert (await app.http.get("/register?client_name=a", headers=other)).status_code == 403


# ---- who may not ---------------------------------------------------------------------------

CALLS = [
    ("POST", "", "clients:create"),
    ("GET", "/{id}", "clients:read"),
    ("HEAD", "/{id}", "clients:read"),
    ("PUT", "/{id}", "clients:update"),
    ("DELETE", "/{id}", "clients:delete"),
    ("GET", "/{id}/secret", "clients:read"),
    ("POST", "/{id}/secret", "secrets:write"),
    ("DELETE", "/{id}/secret/x", "secrets:write"),
]


@pytest.mark.finding("E3")
async def test_every_call_needs_its_scope_and_says_so(any_app: Application) -> None:
    client = await any_app.register()
    others = set(SCOPES)
    for method, path, scope in CALLS:
        headers = await any_app.admin_token(*sorted(others - {scope}))
        where = f"/register{path.format(id=client['client_id'])}"
        answer = await any_app.http.request(method, where, json=REDIRECTS, headers=headers)
        assert answer.status_code == 403, (method, path)
        assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]
        if method != "HEAD":
            assert answer.json()["error"] == "insufficient_scope"


@pytest.mark.finding("E3")
async def test_tokens_that_are_no_good_are_refused_alike(make_app: MakeApplication) -> None:
    app = await make_app(tenants={"acme": {}})
    client = await app.register()
    revoked = await app.admin_token(*SCOPES)
    here, tokens = app.runtime.default_tenant, app.operations.token_administration
    for row in await app.operations.token_reading.admin_tokens(here.name, None, 500):
        await tokens.revoke(SubjectKind.ADMIN_TOKEN, here.name, row.id, OPERATOR)
    good = await app.admin_token(*SCOPES)
    for method, path, _ in CALLS:
        rest = f"/register{path.format(id=client['client_id'])}"
        for where, headers in (
            (rest, revoked),
            (f"/t/acme{rest}", good),
            (rest, {"Authorization": "Bearer adm_made-up"}),
            (rest, {"Authorization": "Bearer adm_"}),
        ):
            answer = await app.http.request(method, where, json=REDIRECTS, headers=headers)
            assert answer.status_code == 401, (method, where)
            assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    assert (await app.http.get(f"/register/{client['client_id']}", headers=good)).is_success


async def test_an_administrator_is_told_that_there_is_no_client(app: Application) -> None:
    """A 401, as clients get it (RFC 7592 2.1), would send it for another token."""
    admin = await app.admin_token(*SCOPES)
    for method, path, _ in CALLS[1:]:
        where = f"/register{path.format(id='unknown')}"
        body = {"client_id": "unknown", **REDIRECTS}
        answer = await app.http.request(method, where, json=body, headers=admin)
        assert answer.status_code == 404, (method, path)


# ---- owners --------------------------------------------------------------------------------


async def owner_token(app: Application, owner: str) -> dict[str, str]:
    wanted = NewAdminToken(SCOPES, 3600, owner=owner)
    token = await app.operations.token_administration.issue_admin_token("default", wanted, OPERATOR)
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.finding("E4")
async def test_an_owner_has_to_do_with_its_own_clients_only(any_app: Application) -> None:
    alice, bob = [await owner_token(any_app, name) for name in ("alice", "bob")]
    mine = (await post(any_app, alice, client_id="mine")).json()
    assert mine["owner"] == "alice"
    for client_id in ("mine", (await any_app.register())["client_id"]):
        for method, path, _ in CALLS[1:]:
            body = {"client_id": client_id, **REDIRECTS}
            where = f"/register{path.format(id=client_id)}"
            answer = await any_app.http.request(method, where, json=body, headers=bob)
            unknown = await any_app.http.request(
                method, f"/register{path.format(id='unknown')}",
                json=body | {"client_id": "unknown"}, headers=bob,
            )  # fmt: skip
            assert answer.status_code == unknown.status_code == 404
            assert answer.content == unknown.content
    copied = await post(any_app, bob, template="mine")
    assert "template must be" in copied.json()["error_description"]
    body = {"client_id": "mine", **REDIRECTS, "client_name": "N"}
    answer = await any_app.http.put("/register/mine", json=body, headers=alice)
    assert (answer.status_code, answer.json()["owner"]) == (200, "alice")
    assert (await any_app.http.delete("/register/mine", headers=alice)).status_code == 204


@pytest.mark.finding("E4")
async def test_an_owner_sets_nothing_that_is_an_administrator_s(
    make_app: MakeApplication,
) -> None:
    app = await make_app(policies={"loose": {}})
    alice = await owner_token(app, "alice")
    admin = await app.admin_token(*SCOPES, "policies:override")
    for members in ({"owner": "bob"}, {"policy": "loose"}):
        assert (await post(app, alice, **members)).status_code == 400
    made = (await post(app, alice, client_id="mine", skip_consent=True)).json()
    assert "skip_consent" not in made
    body = {"client_id": "mine", **REDIRECTS, "owner": "alice"}
    answer = await app.http.put(
        "/register/mine", json=body | {"require_pkce": True, "policy": "loose"}, headers=admin
    )
    assert answer.json()["require_pkce"] is True
    for members in ({"owner": "bob"}, {"policy": "default"}):
        refused = await app.http.put("/register/mine", json=body | members, headers=alice)
        assert refused.status_code == 400, members
    left = await app.http.put("/register/mine", json=body, headers=alice)
    assert (left.json()["require_pkce"], left.json()["policy"]) == (True, "loose")
