"""What is configured for registration by Asgardeo's API: read, changed, and what it does."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from conftest import MakeApplication
from dcrserver.services.access.admin_tokens import NewAdminToken
from harness.actors import OPERATOR
from harness.application import Application, application
from harness.clients import new_key, public_jwk

PATH = "/api/server/v1/configs/dcr"
REGISTER = "/api/identity/oauth2/dcr/v1.1/register"
SCOPES = ("policies:read", "policies:write", "clients:read", "clients:create", "clients:update")
ENABLED = {"asgardeo": {"enabled": True}}
KEYS = "https://as.example.com/statements"
AT_FIRST = {"authenticationRequired": True, "mandateSSA": False, "enableFapiEnforcement": False}
NAME = "Configured"
# As each profile takes it.
FAPI = {
    "redirect_uris": ["https://client.example.org/cb"],
    "token_endpoint_auth_method": "private_key_jwt",
    "tls_client_certificate_bound_access_tokens": True,
}


class Configuration:
    """Theirs of one tenant, as an administrator calls it."""

    def __init__(self, app: Application, headers: dict[str, str], tenant: str = "") -> None:
        self.app, self.headers, self.root = app, headers, tenant

    async def read(self) -> dict[str, Any]:
        answer = await self.app.http.get(f"{self.root}{PATH}", headers=self.headers)
        assert answer.status_code == 200, answer.text
        assert answer.headers["cache-control"] == "no-store"
        made: dict[str, Any] = answer.json()
        return made

    async def patch(self, *operations: Any) -> httpx.Response:
        return await self.app.http.patch(
            f"{self.root}{PATH}", json=[*operations], headers=self.headers
        )

    async def set(self, **values: str) -> httpx.Response:
        return await self.patch(
            *({"operation": "REPLACE", "path": f"/{name}", "value": value}
              for name, value in values.items())
        )  # fmt: skip

    async def register(self, name: str, **members: Any) -> httpx.Response:
        body = {"redirect_uris": ["https://client.example.org/cb"], "client_name": name} | members
        url = f"{self.root}{REGISTER}"
        return await self.app.http.post(url, json=body, headers=self.headers)


@pytest.fixture
async def configuration(own_database: str) -> AsyncIterator[Configuration]:
    async with application(own_database, **ENABLED) as app:
        yield Configuration(app, await app.admin_token(*SCOPES))


@pytest.fixture
async def one(make_app: MakeApplication) -> Configuration:
    app = await make_app(**ENABLED)
    return Configuration(app, await app.admin_token(*SCOPES))


def key_set() -> dict[str, Any]:
    return {"jwks": {"keys": [public_jwk(new_key())]}}


# ---- read and change -----------------------------------------------------------------------


async def test_what_is_configured_is_read_and_changed(configuration: Configuration) -> None:
    assert await configuration.read() == AT_FIRST
    changed = await configuration.set(enableFapiEnforcement="true", fapiProfile="FAPI2_SECURITY")
    assert (changed.status_code, changed.content) == (200, b"")
    wanted = AT_FIRST | {"enableFapiEnforcement": True, "fapiProfile": "FAPI2_SECURITY"}
    assert await configuration.read() == wanted
    assert (await configuration.set(enableFapiEnforcement="false")).status_code == 200
    # What was chosen is there for the next time.
    assert await configuration.read() == AT_FIRST | {"fapiProfile": "FAPI2_SECURITY"}
    lists = configuration.app.runtime.lists
    events = await lists.events.of_subject("default", "dcr_configuration", "default")
    assert [event.type for event in events] == ["dcr_configuration.changed"] * 2
    assert '"enable_fapi_enforcement":[false,true]' in events[0].changes


async def test_a_change_counts_after_a_restart_and_in_other_processes(own_database: str) -> None:
    async with (
        application(own_database, **ENABLED) as app,
        application(own_database, **ENABLED) as other,
    ):
        here = Configuration(app, await app.admin_token(*SCOPES))
        there = Configuration(other, here.headers)
        assert (await here.set(enableFapiEnforcement="true")).status_code == 200
        assert (await there.read())["fapiProfile"] == "FAPI1_ADVANCED"
        # At once, though that process has not looked yet.
        refused = await there.register("Weak")
        assert refused.status_code == 400
        assert (await there.register("Strong", **FAPI, **key_set())).status_code == 201
    async with application(own_database, **ENABLED) as again:
        later = Configuration(again, here.headers)
        assert (await later.read())["enableFapiEnforcement"] is True
        assert (await later.register("Weak")).status_code == 400


async def test_a_json_patch_does_the_same(one: Configuration) -> None:
    answer = await one.app.http.patch(
        PATH,
        content='[{"op": "test", "path": "/mandateSSA", "value": false},'
        ' {"op": "replace", "path": "/enableFapiEnforcement", "value": true},'
        ' {"op": "add", "path": "/fapiProfile", "value": "FAPI2_SECURITY"}]',
        headers=one.headers | {"Content-Type": "application/json-patch+json"},
    )
    assert answer.status_code == 200, answer.text
    assert (await one.read())["fapiProfile"] == "FAPI2_SECURITY"
    removed = await one.patch(
        {"op": "remove", "path": "/fapiProfile"}, {"op": "remove", "path": "/enableFapiEnforcement"}
    )
    assert removed.status_code == 200
    assert await one.read() == AT_FIRST


async def test_all_operations_are_done_or_none(one: Configuration) -> None:
    answer = await one.patch(
        {"operation": "REPLACE", "path": "/enableFapiEnforcement", "value": "true"},
        {"op": "test", "path": "/mandateSSA", "value": True},
    )
    assert answer.status_code == 400
    assert answer.json()["description"] == "operation 1: mandateSSA has another value"
    assert await one.read() == AT_FIRST


async def test_the_name_of_their_documentation_is_understood(one: Configuration) -> None:
    """Their own code refused it."""
    assert (await one.set(clientAuthenticationRequired="true")).status_code == 200
    assert await one.read() == AT_FIRST


async def test_nothing_to_change_changes_nothing(one: Configuration) -> None:
    assert (await one.patch()).status_code == 200
    assert (await one.set(authenticationRequired="true", mandateSSA="false")).status_code == 200
    lists = one.app.runtime.lists
    assert not await lists.events.of_subject("default", "dcr_configuration", "default")


# ---- what is refused -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "code", "told"),
    [
        ({"authenticationRequired": "false"}, "CNF-65022", "only where mandateSSA is true"),
        ({"mandateSSA": "true"}, "CNF-65021", "mandateSSA needs ssaJwks"),
        ({"fapiProfile": "FAPI3"}, "CNF-65023", "must be FAPI1_ADVANCED or FAPI2_SECURITY"),
        ({"ssaJwks": "http://as.example.com/keys"}, "CNF-60517", "ssaJwks must be an https URL"),
        ({"ssaJwks": "keys"}, "CNF-60517", "ssaJwks "),
        ({"ssaJwks": KEYS, "authenticationRequired": "false"}, "CNF-65022", "only where"),
        ({"mandateSSA": "yes"}, "invalid_request", "mandateSSA must be true or false"),
        ({"unknown": "x"}, "invalid_request", "operation 0: path must be one of"),
    ],
)  # fmt: skip
async def test_what_cannot_be_is_refused_and_nothing_changes(
    one: Configuration, values: dict[str, str], code: str, told: str
) -> None:
    answer = await one.set(**values)
    assert answer.status_code == 400, answer.text
    body = answer.json()
    assert body.keys() == {"code", "message", "description", "traceId"}
    assert body["code"] == code
    assert told in body["description"]
    assert body["traceId"] == answer.headers["x-request-id"]
    assert await one.read() == AT_FIRST


@pytest.mark.parametrize(
    "operation",
    [
        "text",
        {"operation": "ADD", "path": "/mandateSSA", "value": "false"},
        {"operation": "REMOVE", "path": "/mandateSSA"},
        {"op": "REPLACE", "path": "/mandateSSA", "value": False},
        {"op": "move", "path": "/mandateSSA", "from": "/ssaJwks"},
        {"op": ["replace"], "path": "/mandateSSA", "value": False},
        {"operation": "REPLACE", "path": "/mandateSSA"},
        {"operation": "REPLACE", "path": "mandateSSA", "value": "false"},
        {"operation": "REPLACE", "value": "false"},
        {"operation": "REPLACE", "path": "/ssaJwks", "value": 5},
    ],
)
async def test_an_operation_that_is_none_is_refused(one: Configuration, operation: Any) -> None:
    answer = await one.patch(operation)
    assert answer.status_code == 400
    assert answer.json()["description"].startswith("operation 0: ")


@pytest.mark.parametrize("body", ["", "{}", "[", "null", "true"])
async def test_a_body_that_is_no_list_is_refused(one: Configuration, body: str) -> None:
    headers = one.headers | {"Content-Type": "application/json"}
    answer = await one.app.http.patch(PATH, content=body, headers=headers)
    assert answer.status_code == 400
    assert answer.json().keys() == {"code", "message", "description", "traceId"}


async def test_only_administrators_with_the_scope_come_in(one: Configuration) -> None:
    reader = await one.app.admin_token("policies:read")
    http = one.app.http
    assert (await http.get(PATH)).status_code == 401
    assert (await http.get(PATH, headers=reader)).status_code == 200
    refused = await http.patch(PATH, json=[], headers=reader)
    assert refused.status_code == 403
    assert refused.json()["code"] == "insufficient_scope"
    assert "policies:write" in refused.headers["www-authenticate"]
    creator = await one.app.admin_token("clients:create")
    assert (await http.get(PATH, headers=creator)).status_code == 403


# ---- what it does --------------------------------------------------------------------------


async def test_enforcement_binds_new_clients_for_life(configuration: Configuration) -> None:
    before = (await configuration.register("Before")).json()
    await configuration.set(enableFapiEnforcement="true", fapiProfile="FAPI2_SECURITY")
    refused = await configuration.register("Weak")
    assert refused.status_code == 400
    assert refused.json()["error"] == "invalid_client_metadata"
    key = key_set()
    made = (await configuration.register("Strong", **FAPI, **key)).json()
    assert made["require_pushed_authorization_requests"] is True
    # Off again: who was born under it keeps it, who was not was never bound.
    await configuration.set(enableFapiEnforcement="false")
    http, headers = configuration.app.http, configuration.headers
    weak = {"redirect_uris": ["https://client.example.org/cb"]}
    for client, status in ((made, 400), (before, 200)):
        body = weak | {"client_name": client["client_name"]}
        answer = await http.put(f"{REGISTER}/{client['client_id']}", json=body, headers=headers)
        assert answer.status_code == status, answer.text
    assert (await configuration.register("Weak again")).status_code == 201


async def test_an_owner_is_bound_as_well(one: Configuration) -> None:
    await one.set(enableFapiEnforcement="true", fapiProfile="FAPI2_SECURITY")
    administration = one.app.operations.token_administration
    wanted = NewAdminToken(("clients:create",), 3600, owner="bob")
    token = await administration.issue_admin_token("default", wanted, OPERATOR)
    bob = Configuration(one.app, {"Authorization": f"Bearer {token}"})
    assert (await bob.register("Weak")).status_code == 400
    assert (await bob.register("Strong", **FAPI, **key_set())).status_code == 201


async def test_without_its_policy_nobody_registers_and_a_patch_brings_it_back(
    configuration: Configuration,
) -> None:
    """As an earlier version could leave it."""
    await configuration.set(enableFapiEnforcement="true", fapiProfile="FAPI2_SECURITY")
    url, http = "/admin/v1/policies/asgardeo-fapi2", configuration.app.http
    shown = await http.get(url, headers=configuration.headers)
    assert shown.json()["policy"] == {"preset": "fapi2"}
    runtime = configuration.app.runtime
    await runtime.database.transact(
        lambda tx: tx.stored_policies.delete("default", "asgardeo-fapi2")
    )
    stored = runtime.stored_configuration
    await stored.changing(lambda: stored.change(_nothing))
    assert (await configuration.register("Strong", **FAPI, **key_set())).status_code == 503
    assert (await configuration.set(enableFapiEnforcement="true")).status_code == 200
    assert (await configuration.register("Weak")).status_code == 400
    assert (await configuration.register("Strong", **FAPI, **key_set())).status_code == 201
    # Now somebody is bound to it.
    assert (await http.delete(url, headers=configuration.headers)).status_code == 409


async def _nothing(*_: Any) -> None:
    """A change like any other, so that all is read again."""


@pytest.mark.finding("M21")
async def test_the_policy_that_is_enforced_is_not_deleted(configuration: Configuration) -> None:
    """Whoever takes the policy away has not ended enforcement: nobody could register."""
    await configuration.set(enableFapiEnforcement="true", fapiProfile="FAPI2_SECURITY")
    url, http = "/admin/v1/policies/asgardeo-fapi2", configuration.app.http
    refused = await http.delete(url, headers=configuration.headers)
    assert (refused.status_code, "Asgardeo's API" in refused.json()["detail"]) == (409, True)
    assert (await configuration.register("Weak")).status_code == 400
    await configuration.set(enableFapiEnforcement="true", fapiProfile="FAPI1_ADVANCED")
    assert (await http.delete(url, headers=configuration.headers)).status_code == 204
    await configuration.set(enableFapiEnforcement="false")
    for_fapi1 = "/admin/v1/policies/asgardeo-fapi1-advanced"
    assert (await http.delete(for_fapi1, headers=configuration.headers)).status_code == 204


async def test_that_its_policy_was_made_is_told_as_of_any_other(one: Configuration) -> None:
    await one.set(enableFapiEnforcement="true", fapiProfile="FAPI2_SECURITY")
    lists = one.app.runtime.lists.events
    (event,) = await lists.of_subject("default", "policy", "asgardeo-fapi2")
    assert (event.type, event.actor_kind) == ("policy.activated", "administrator")
    assert json.loads(event.changes)["policy"] == {"preset": "fapi2"}
    url = "/admin/v1/policies/asgardeo-fapi2"
    shown = (await one.app.http.get(url, headers=one.headers)).json()
    assert shown["activated_by"] == f"administrator:{event.actor_id}"


async def test_what_administrators_make_of_the_policy_counts(one: Configuration) -> None:
    await one.set(enableFapiEnforcement="true", fapiProfile="FAPI2_SECURITY")
    url, http = "/admin/v1/policies/asgardeo-fapi2", one.app.http
    stricter = {"preset": "fapi2", "registration": {"required": ["contacts"]}}
    drafted = await http.put(url, json=stricter, headers=one.headers)
    assert drafted.status_code == 200, drafted.text
    assert (await http.post(f"{url}/activate", headers=one.headers)).status_code == 200
    await one.set(enableFapiEnforcement="false")
    await one.set(enableFapiEnforcement="true")
    refused = await one.register("Strong", **FAPI, **key_set())
    assert "contacts" in refused.json()["error_description"]


async def test_a_policy_is_no_way_around_it(one: Configuration) -> None:
    await one.set(enableFapiEnforcement="true")
    assert (await one.register("Weak", policy="lax")).status_code == 400


@pytest.mark.parametrize(
    ("profile", "change", "status"),
    [
        ("FAPI1_ADVANCED", {}, 201),
        ("FAPI1_ADVANCED", {"token_endpoint_auth_method": "client_secret_basic"}, 400),
        ("FAPI1_ADVANCED", {"tls_client_certificate_bound_access_tokens": False}, 400),
        ("FAPI1_ADVANCED", {"id_token_signed_response_alg": "RS256"}, 400),
        ("FAPI1_ADVANCED", {"response_types": ["code id_token"]}, 201),
        ("FAPI2_SECURITY", {}, 201),
        ("FAPI2_SECURITY", {"response_types": ["code id_token"]}, 400),
        ("FAPI2_SECURITY", {"ext_public_client": True}, 400),
    ],
)
async def test_each_profile_is_enforced(
    one: Configuration, profile: str, change: dict[str, Any], status: int
) -> None:
    await one.set(enableFapiEnforcement="true", fapiProfile=profile)
    answer = await one.register("Profile", **FAPI | key_set() | change)
    assert answer.status_code == status, answer.text


async def test_each_tenant_has_its_own(make_app: MakeApplication) -> None:
    app = await make_app(
        asgardeo={"enabled": True}, tenants={"one": {}, "off": {"asgardeo": False}}
    )
    administration = app.operations.token_administration
    token = await administration.issue_admin_token("*", NewAdminToken(SCOPES, 3600), OPERATOR)
    headers = {"Authorization": f"Bearer {token}"}
    root, tenant = Configuration(app, headers), Configuration(app, headers, "/t/one")
    await tenant.set(enableFapiEnforcement="true")
    assert await root.read() == AT_FIRST
    assert (await tenant.register("Weak")).status_code == 400
    assert (await root.register("Weak")).status_code == 201
    off = await app.http.get(f"/t/off{PATH}", headers=headers)
    assert off.status_code == 404
    assert off.json()["code"] == "not_found"
