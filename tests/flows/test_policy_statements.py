"""Statements of a policy over HTTP: whoever writes is judged by them, for life."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conftest import MakeApplication
from dcrserver.metadata.bounds import Bounds
from dcrserver.services.clients.import_runs import ImportRun
from flows.test_admin_policies import active, writer
from harness.actors import OPERATOR
from harness.administration import Administrator, administrator
from harness.application import CALLBACK, Application, bearer, update_of

PUBLIC = {"token_endpoint_auth_method": "none"}
BOUNDS = Bounds()
EVIL = "https://evil.example/cb"
STATEMENTS = [
    {"name": "our-hosts", "when": {"redirect_uris.host": {"not": ["*.example.org"]}},
     "then": {"reject": {"error": "invalid_redirect_uri", "description": "not our host"}}},
    {"name": "scopes", "then": {"restrict": {"scope": ["read", "write"]}, "correct": True}},
    {"name": "label", "when": {"token_endpoint_auth_method": "none"},
     "then": {"tag": ["public"]}},
    {"name": "contacts", "when": {"origin": "open"},
     "then": {"default": {"contacts": ["desk@example.org"]}}},
]  # fmt: skip


SERVER = {"scopes_supported": ["read", "write", "admin"]}


@pytest.fixture
async def app(make_app: MakeApplication) -> Application:
    return await make_app(
        policy={"statements": STATEMENTS},
        authorization_server=SERVER,
        registration={"validate_endpoint": True},
    )


async def admin_of(app: Application, *more: str) -> Administrator:
    return await administrator(
        app, "clients:read", "clients:create", "clients:update", "policies:read", *more
    )


async def test_a_statement_refuses_with_its_own_words(app: Application) -> None:
    answer = await app.http.post("/register", json={"redirect_uris": [EVIL]})
    assert (answer.status_code, answer.json()) == (
        400, {"error": "invalid_redirect_uri", "error_description": "not our host"},
    )  # fmt: skip


async def test_what_statements_change_is_echoed_and_told_in_the_event(app: Application) -> None:
    made = await app.register(scope="read admin", token_endpoint_auth_method="none")
    assert (made["scope"], made["contacts"]) == ("read", ["desk@example.org"])
    assert "tags" not in made
    stored = await app.client(made["client_id"])
    assert stored.tags == ["public"]
    (event,) = await app.events(made["client_id"])
    told = json.loads(event.changes)
    assert told["policy_statements"] == ["scopes", "label", "contacts"]
    assert told["metadata"]["scope"] == "read"


async def test_an_update_is_judged_as_the_registration_was(app: Application) -> None:
    made = await app.register()
    own = f"/register/{made['client_id']}"
    refused = await app.http.put(
        own, json=update_of(made, redirect_uris=[EVIL]), headers=bearer(made)
    )
    assert refused.json()["error"] == "invalid_redirect_uri"
    body = {"client_id": made["client_id"], "redirect_uris": [CALLBACK], "scope": "write x"}
    updated = (await app.http.put(own, json=body, headers=bearer(made))).json()
    assert (updated["scope"], updated["contacts"]) == ("write", ["desk@example.org"])


async def test_administrators_are_judged_too_unless_they_say_otherwise(app: Application) -> None:
    admin = await admin_of(app)
    body: dict[str, Any] = {"metadata": {"redirect_uris": [EVIL]}}
    refused = (await admin.ask("POST", "/clients", 400, json=body)).json()
    assert "not our host" in refused["detail"]
    body["policy_override"] = True
    await admin.ask("POST", "/clients", 403, json=body)
    stronger = await admin_of(app, "policies:override")
    made = await stronger.post("/clients", 201, json=body)
    assert made["metadata"]["redirect_uris"] == [EVIL]
    assert "policy_override" not in made
    (event,) = await app.events(made["client_id"])
    assert json.loads(event.changes)["policy_override"] == ["our-hosts"]
    # The next write is judged again: also the unchanged members.
    change = {"metadata": {"client_name": "x"}}
    where = f"/clients/{made['client_id']}"
    await stronger.ask("PATCH", where, 400, json=change)
    await admin.ask("PATCH", where, 403, json=change | {"policy_override": True})
    await stronger.ask("PATCH", where, 200, json=change | {"policy_override": True})
    operations = [{"op": "add", "path": "/policy_override", "value": True}]
    headers = {"Content-Type": "application/json-patch+json"}
    content = json.dumps(operations)
    await stronger.ask("PATCH", where, 200, content=content, headers=headers)
    client = {"metadata": {"redirect_uris": [CALLBACK]}}
    await admin.ask("PUT", where, 200, json=client)


async def test_nobody_else_overrides_a_policy(app: Application) -> None:
    body = {"redirect_uris": [EVIL], "policy_override": True, "tags": ["x"], "owner": "me"}
    assert (await app.http.post("/register", json=body)).status_code == 400
    made = await app.register(policy_override=True, tags=["x"], owner="me", policy="none")
    stored = await app.client(made["client_id"])
    assert (stored.tags, stored.owner, stored.policy) == ([], None, None)
    answer = await app.http.put(
        f"/register/{made['client_id']}", headers=bearer(made),
        json=update_of(made, redirect_uris=[EVIL], policy_override=True),
    )  # fmt: skip
    assert answer.status_code == 400


async def test_dcrm_is_judged_and_overridden_alike(app: Application) -> None:
    plain = await app.admin_token("clients:create", "clients:update")
    strong = await app.admin_token("clients:create", "clients:update", "policies:override")
    body = {"redirect_uris": [EVIL]}
    for headers, sent, status in (
        (plain, body, 400),
        (plain, body | {"policy_override": True}, 403),
        (strong, body, 400),
        (strong, body | {"policy_override": True}, 201),
    ):
        answer = await app.http.post("/register", json=sent, headers=headers)
        assert answer.status_code == status, answer.text
    client_id = answer.json()["client_id"]
    change = {"client_id": client_id, "redirect_uris": [EVIL], "client_name": "x"}
    for sent, status in ((change, 400), (change | {"policy_override": True}, 200)):
        answer = await app.http.put(f"/register/{client_id}", json=sent, headers=strong)
        assert answer.status_code == status, answer.text


async def test_an_import_is_judged_too(app: Application) -> None:
    tenant = app.runtime.default_tenant
    run = ImportRun(app.operations.client_import, tenant, BOUNDS, OPERATOR)
    lines = [
        {"client_id": "statement-1", "redirect_uris": [EVIL], **PUBLIC},
        {"client_id": "statement-2", "redirect_uris": [CALLBACK], "scope": "read x", **PUBLIC,
         "tags": ["old"]},
    ]  # fmt: skip
    judged = [run._judged(line) for line in lines]  # noqa: SLF001 - a line of it
    assert judged[0][0].refused == "refused by its policy: not our host"
    (good,) = [client for _, client in judged if client]
    assert await app.operations.client_import.write(tenant, [good], OPERATOR) in {0, 1}
    stored = await app.client("statement-2")
    assert (stored.metadata["scope"], stored.tags) == ("read", ["old", "public"])


async def test_the_preview_names_the_statements(app: Application) -> None:
    async def told(**body: Any) -> Any:
        sent = {"redirect_uris": [CALLBACK]} | body
        return (await app.http.post("/register/validate", json=sent)).json()

    refused = await told(redirect_uris=[EVIL])
    assert (refused["acceptable"], refused["error"]) == (False, "invalid_redirect_uri")
    assert refused["policy"] == {"decision": "reject", "statements": ["our-hosts"]}
    assert refused["issues"][:1] == [
        {"member": "policy", "reason": "not our host", "requirement": "our-hosts",
         "specification": "policy.statements", "severity": "error",
         "error": "invalid_redirect_uri"}
    ]  # fmt: skip
    good = await told(scope="read admin")
    assert good["policy"] == {"decision": "accept", "statements": ["scopes", "contacts"]}
    assert good["changes"] == [
        {"member": "scope", "sent": "read admin", "registered": "read",
         "reason": "the statement scopes of the policy of this server"}
    ]  # fmt: skip
    assert good["defaults"]["contacts"] == ["desk@example.org"]
    assert good["registration"]["scope"] == "read"
    made = await app.register(scope="read admin")
    assert made.items() >= good["registration"].items()
    bad = await told(redirect_uris=["nonsense"])
    assert bad["policy"] == {"decision": "reject", "statements": []}


async def test_a_stored_policy_binds_who_was_born_under_it(any_app: Application) -> None:
    admin = await writer(any_app)
    name = f"strict-{id(any_app)}"
    await active(admin, name, {"statements": STATEMENTS})
    token = await any_app.initial_token(policy=name)
    headers = {"Authorization": f"Bearer {token}"}
    answer = await any_app.http.post("/register", json={"redirect_uris": [EVIL]}, headers=headers)
    assert answer.status_code == 400
    body = {"redirect_uris": [CALLBACK], **PUBLIC}
    made = (await any_app.http.post("/register", json=body, headers=headers)).json()
    assert (await any_app.client(made["client_id"])).tags == ["public"]
    assert "contacts" not in made  # that statement is for open registration
    own = f"/register/{made['client_id']}"
    # Without the token the same is not refused: it is the policy of birth that binds.
    assert (await any_app.http.post("/register", json={"redirect_uris": [EVIL]})).is_success
    changed = update_of(made, redirect_uris=[EVIL])
    answer = await any_app.http.put(own, json=changed, headers=bearer(made))
    assert answer.status_code == 400


async def test_a_bad_statement_is_refused_with_its_place(any_app: Application) -> None:
    admin = await writer(any_app)
    bad = [{"name": "a", "then": {"hold": True}},
           {"name": "b", "when": {"redirect_uri.host": "x"}, "then": {"hold": True}}]  # fmt: skip
    refused = await admin.ask("PUT", "/admin/v1/policies/bad", 400, {"statements": bad})
    (error,) = refused["errors"]
    assert error["pointer"] == "#/statements/1/when/redirect_uri.host"
    assert "did you mean redirect_uris" in error["detail"]
