"""A policy may bind clients for life to the version of their birth (``binding = "version"``)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from dcrserver.security import new_client_id
from flows.test_admin_policies import POLICIES, active
from flows.test_admin_tenants import TENANTS, Administrator, administrator, two
from harness.application import CALLBACK, Application, bearer, update_of

__all__ = ["two"]  # the fixture
CLIENTS = "/admin/v1/clients"
_SCOPES = (
    "policies:read", "policies:write", "policies:override", "clients:read", "clients:write",
    "clients:delete", "tenants:read", "tenants:write", "events:read", "jobs:write", "jobs:read",
)  # fmt: skip
_BODY = {"redirect_uris": [CALLBACK], "client_name": "a"}


def naming(name: str, *, binding: str = "version") -> dict[str, Any]:
    """A policy whose versions can be told apart by what they make of a name."""
    forced = {"name": "named", "then": {"force": {"client_name": name}}}
    return {"binding": binding, "statements": [forced]}


@dataclass
class Flow:
    """``apps``: processes on one database, asked in turns. ``policy``: version 1 is active."""

    apps: tuple[Application, ...]
    admin: Administrator
    policy: str

    async def know(self) -> None:
        for app in self.apps:
            await app.runtime.stored_configuration.look()

    async def activate(self, document: dict[str, Any]) -> int:
        made = await active(self.admin, self.policy, document)
        await self.know()
        return int(made["version"])

    async def born(self) -> dict[str, Any]:
        token = await self.apps[0].initial_token(policy=self.policy)
        headers = {"Authorization": f"Bearer {token}"}
        answer = await self.apps[0].http.post("/register", json=_BODY, headers=headers)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def named_by_update(self, client: dict[str, Any]) -> set[str]:
        """What the versions that judge it make of its name, at each process."""
        names = set()
        for app in self.apps:
            body = update_of(client, client_name="z", policy="other", policy_version=99)
            own = f"/register/{client['client_id']}"
            answer = await app.http.put(own, json=body, headers=bearer(client))
            assert answer.status_code == 200, answer.text
            client |= answer.json()
            names.add(client["client_name"])
        return names

    async def shown(self, client: dict[str, Any]) -> tuple[str | None, int | None]:
        found = await self.admin.ask("GET", f"{CLIENTS}/{client['client_id']}", 200)
        return found["policy"], found["policy_version"]

    async def patch(self, client: dict[str, Any], status: int = 200, **facts: Any) -> Any:
        return await self.admin.ask("PATCH", f"{CLIENTS}/{client['client_id']}", status, facts)


async def _flow(*apps: Application) -> Flow:
    flow = Flow(apps, await administrator(apps[0], *_SCOPES), new_client_id())
    assert await flow.activate(naming("one")) == 1
    return flow


@pytest.fixture
async def flow(any_app: Application) -> Flow:
    return await _flow(any_app)


async def test_a_client_is_judged_by_the_version_of_its_birth_at_every_instance(
    two: tuple[Application, Application],
) -> None:
    flow = await _flow(*two)
    first = await flow.born()
    assert first["client_name"] == "one"
    assert await flow.activate(naming("two")) == 2
    second = await flow.born()
    assert await flow.named_by_update(first) == {"one"}
    assert await flow.named_by_update(second) == {"two"}
    assert await flow.shown(first) == (flow.policy, 1)
    assert await flow.shown(second) == (flow.policy, 2)

    await flow.admin.ask("POST", f"{POLICIES}/{flow.policy}/rollback", 200)
    await flow.know()
    assert (await flow.born())["client_name"] == "one"
    assert await flow.named_by_update(second) == {"two"}
    assert await flow.activate(naming("three", binding="active")) == 3
    third = await flow.born()
    assert await flow.shown(third) == (flow.policy, None)
    assert await flow.activate(naming("four")) == 4
    names = [await flow.named_by_update(each) for each in (first, second, third)]
    assert names == [{"one"}, {"two"}, {"four"}]


async def test_a_process_that_starts_knows_the_versions_of_births(
    two: tuple[Application, Application],
) -> None:
    """It reads all that is stored: the second knew nothing until then."""
    flow = await _flow(two[0])
    first = await flow.born()
    for name in ("two", "three"):
        await flow.activate(naming(name))
    flow.apps = (two[1],)
    await flow.know()
    assert await flow.named_by_update(first) == {"one"}


async def test_a_process_that_does_not_know_the_version_yet_says_when_to_ask_again(
    two: tuple[Application, Application],
) -> None:
    """To judge by another one would let the client have what it was never allowed."""
    flow = await _flow(two[0])
    client = await flow.born()
    own = f"/register/{client['client_id']}"
    answer = await two[1].http.put(own, json=update_of(client), headers=bearer(client))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2"), answer.text
    flow.apps = two
    await flow.know()
    assert await flow.named_by_update(client) == {"one"}


async def test_administrators_write_by_the_version_of_birth_and_move_to_the_active_one(
    flow: Flow,
) -> None:
    client = await flow.born()
    await flow.activate(naming("two"))
    for facts in ({"owner": "me"}, {"policy": flow.policy}, {"policy_version": 1}):
        made = await flow.patch(client, **facts)
        told = (made["policy_version"], made["metadata"]["client_name"])
        assert (facts, told) == (facts, (1, "one"))
    refused = await flow.patch(client, 400, policy_version=7)
    assert [each["pointer"] for each in refused["errors"]] == ["#/policy_version"]
    await flow.patch(client, 400, policy_version="2")
    for move, version, name in (
        ({"policy_version": None}, 2, "two"),
        ({"policy_version": 3}, 3, "three"),
    ):
        made = await flow.patch(client, **move)
        assert (made["policy_version"], made["metadata"]["client_name"]) == (version, name)
        await flow.activate(naming("three"))
    made = await flow.patch(client, policy=None)
    assert (made["policy"], made["policy_version"]) == (None, None)
    await flow.patch(client, 400, policy_version=1)
    made = await flow.patch(client, policy=flow.policy)
    assert (made["policy"], made["policy_version"]) == (flow.policy, 4)


async def test_to_move_a_client_to_another_version_takes_the_scope_for_that(flow: Flow) -> None:
    client = await flow.born()
    await flow.activate(naming("two"))
    scopes = [each for each in _SCOPES if each != "policies:override"]
    flow.admin = await administrator(flow.apps[0], *scopes)
    await flow.patch(client, 403, policy_version=None)
    await flow.patch(client, 200, policy_version=1)
    assert await flow.shown(client) == (flow.policy, 1)


async def test_the_move_is_told_by_the_event(flow: Flow) -> None:
    client = await flow.born()
    await flow.activate(naming("two"))
    await flow.patch(client, policy_version=2)
    async with flow.apps[0].runtime.database.read() as tx:
        record = await tx.clients.find("default", client["client_id"])
    assert record is not None
    bounds = json.loads(record.bounds or "{}")
    assert bounds == {"policy": flow.policy, "policy_version": 2, "policy_tenant": "*"}
    query = f"tenant=default&subject_id={client['client_id']}&limit=1"
    (event,) = (await flow.admin.ask("GET", f"/admin/v1/events?{query}", 200))["items"]
    assert event["changes"]["policy_version"] == [1, 2]


async def test_whoever_an_administrator_makes_is_bound_as_well(flow: Flow) -> None:
    await flow.activate(naming("two"))
    asked = {"metadata": _BODY, "policy": flow.policy}
    for more, status in (({}, 201), ({"policy_version": 2}, 201), ({"policy_version": 1}, 400)):
        made = await flow.admin.ask("POST", CLIENTS, status, {**asked, **more})
        assert status == 400 or (made["policy"], made["policy_version"]) == (flow.policy, 2)
    asked = {**_BODY, "policy": flow.policy}
    answer = await flow.apps[0].http.post("/register", json=asked, headers=flow.admin.headers)
    assert (answer.status_code, answer.json()["policy_version"]) == (201, 2), answer.text
    await flow.activate(naming("three"))
    made = update_of(answer.json())
    own = f"/register/{made['client_id']}"
    answer = await flow.apps[0].http.put(own, json=made, headers=flow.admin.headers)
    assert (answer.status_code, answer.json()["client_name"]) == (200, "two"), answer.text


async def test_clients_of_a_tenant_are_bound_by_the_policy_that_it_names(flow: Flow) -> None:
    tenant = new_client_id()
    await flow.admin.ask("POST", TENANTS, 201, {"name": tenant, "policy": flow.policy})
    app, at = flow.apps[0], f"/t/{tenant}/register"

    async def write(client: dict[str, Any] | None = None) -> dict[str, Any]:
        if client is None:
            answer = await app.http.post(at, json=_BODY)
        else:
            own = f"{at}/{client['client_id']}"
            answer = await app.http.put(own, json=update_of(client), headers=bearer(client))
        assert answer.is_success, answer.text
        return dict(answer.json())

    first = await write()
    await flow.activate(naming("two"))
    second = await write()
    names = [each["client_name"] for each in (first, second, await write(first))]
    assert names == ["one", "two", "one"]


async def test_another_policy_of_the_name_is_not_meant(flow: Flow) -> None:
    """A tenant's own takes the place of that of all, for whoever comes from then on."""
    first = await flow.born()
    await active(flow.admin, flow.policy, naming("own"), "?tenant=default")
    second = await flow.born()
    assert second["client_name"] == "own"
    assert await flow.named_by_update(first) == {"one"}
    assert await flow.named_by_update(second) == {"own"}


async def test_no_policy_is_deleted_while_clients_are_bound_to_a_version(flow: Flow) -> None:
    client = await flow.born()
    await flow.activate(naming("two", binding="active"))
    where, at = f"{POLICIES}/{flow.policy}", f"{CLIENTS}/{client['client_id']}"
    refused = await flow.admin.ask("DELETE", where, 409)
    assert "1 clients" in refused["detail"]
    await flow.admin.ask("DELETE", at, 204)
    await flow.admin.ask("POST", f"{at}/restore", 200)
    assert await flow.shown(client) == (flow.policy, 1)
    await flow.admin.ask("DELETE", at, 204)
    async with flow.apps[0].runtime.database.read() as tx:
        count = await tx.policy_bindings.count("*", flow.policy, 0)
    assert count.keys() <= {"initial access tokens"}


async def test_whoever_is_restored_when_its_version_is_gone_has_the_active_one(
    any_app: Application,
) -> None:
    flow = await _flow(any_app)
    await flow.activate(naming("two"))
    made = await flow.admin.ask("POST", CLIENTS, 201, {"metadata": _BODY, "policy": flow.policy})
    at = f"{CLIENTS}/{made['client_id']}"
    await flow.admin.ask("DELETE", at, 204)
    await flow.admin.ask("DELETE", f"{POLICIES}/{flow.policy}", 204)
    await flow.admin.ask("POST", f"{at}/restore", 409)
    await flow.activate(naming("new"))
    await flow.admin.ask("POST", f"{at}/restore", 200)
    assert await flow.shown(made) == (flow.policy, 1)
    changed = await flow.patch(made, metadata={"client_name": "z"})
    assert changed["metadata"]["client_name"] == "new"


async def test_who_is_imported_is_bound_to_the_active_version(flow: Flow) -> None:
    """Another server's versions are not ours."""
    await flow.activate(naming("two"))
    line = {
        "client_id": new_client_id(), "redirect_uris": [CALLBACK],
        "token_endpoint_auth_method": "none",
        "bounds": {"policy": flow.policy, "policy_version": 1, "policy_tenant": "*"},
    }  # fmt: skip
    headers = flow.admin.headers | {"content-type": "application/x-ndjson"}
    answer = await flow.apps[0].http.post(
        f"{CLIENTS}/import", content=json.dumps(line), headers=headers
    )
    assert answer.is_success, answer.text
    await flow.apps[0].do_job("do_jobs")
    assert await flow.shown(line) == (flow.policy, 2)
