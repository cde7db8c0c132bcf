"""A whole server before one with a registration endpoint of its own, which makes identifiers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from dcrserver.services.provisioning.reconciling import Comparison, Findings
from harness.actors import OPERATOR
from harness.application import CALLBACK, Application, application, bearer, update_of
from harness.registration_targets import INITIAL_TOKEN, OddServer, odd_server
from harness.targets import encryption_key


@pytest.fixture
def behind() -> Iterator[OddServer]:
    with odd_server() as made:
        yield made


@pytest.fixture
async def app(sqlite_database: str, behind: OddServer) -> AsyncIterator[Application]:
    target = {
        "kind": "rfc7591", "registration_endpoint": f"{behind.url}/register",
        "initial_access_token": INITIAL_TOKEN, "timeout": 5,
    }  # fmt: skip
    groups: dict[str, Any] = {
        "connectors": {"as": target},
        "secrets": {"encryption_keys": [encryption_key().get_secret_value()]},
    }
    async with application(sqlite_database, **groups) as made:
        yield made


async def _link(app: Application, client_id: str) -> Any:
    async with app.runtime.database.read() as tx:
        (link,) = await tx.client_links.of_client("default", client_id)
    return link


async def _put(app: Application, client: dict[str, Any], **changes: Any) -> dict[str, Any]:
    answer = await app.http.put(
        f"/register/{client['client_id']}",
        json=update_of(client, **changes),
        headers=bearer(client),
    )
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def test_a_life(app: Application, behind: OddServer) -> None:
    """With tokens that each answer brings anew; what was added there is told."""
    behind.rotates = True
    behind.renames["subject_type"] = "public"
    client = await app.register(client_name="n")
    client_id = client["client_id"]
    assert behind.clients[client_id]["client_secret"] == client["client_secret"]
    assert client["subject_type"] == "public"
    for name in ("a", "b"):
        client |= await _put(app, client, client_name=name)
        assert behind.clients[client_id]["client_name"] == name
    answer = await app.http.delete(f"/register/{client_id}", headers=bearer(client))
    assert answer.status_code == 204
    assert behind.clients == {}


async def test_a_secret_that_an_update_brought_is_the_clients(
    app: Application, behind: OddServer
) -> None:
    """As Glewlwyd does it: nobody could log in by the one before."""
    client = await app.register()
    behind.clients[client["client_id"]]["client_secret"] = "renewed"
    client |= await _put(app, client, client_name="m", client_secret=...)
    assert client["client_secret"] == "renewed"
    await _put(app, client, client_name="o")  # where it is compared (RFC 7592 2.2)


async def test_what_cannot_be_done_there_is_told_as_failed(
    app: Application, behind: OddServer
) -> None:
    """A suspended client goes on working there: that is never silent."""
    client = await app.register()
    tenant, lifecycle = app.runtime.default_tenant, app.operations.client_lifecycle
    await lifecycle.suspend(tenant, client["client_id"], OPERATOR)
    link = await _link(app, client["client_id"])
    assert (link.state, "cannot suspend" in link.last_error) == ("failed", True)
    assert client["client_id"] in behind.clients
    await lifecycle.resume(tenant, client["client_id"], OPERATOR)
    assert (await _link(app, client["client_id"])).state == "applied"


async def test_a_secret_that_nobody_was_told_is_noted(app: Application, behind: OddServer) -> None:
    """An update that nobody waits for, at a server that makes a new secret each time."""
    client = await app.register()
    behind.clients[client["client_id"]]["client_secret"] = "renewed"
    tenant, lifecycle = app.runtime.default_tenant, app.operations.client_lifecycle
    await lifecycle.suspend(tenant, client["client_id"], OPERATOR)
    await lifecycle.resume(tenant, client["client_id"], OPERATOR)
    link = await _link(app, client["client_id"])
    assert "made a new secret" in link.last_error
    assert "renewed" not in link.last_error


async def test_what_a_server_shows_no_list_of_is_not_missing(app: Application) -> None:
    """To repair it would register each client anew, under another identifier."""
    await app.register()
    (target,) = app.runtime.provisioning.targets
    look = Comparison(app.runtime.database, app.runtime.lists, target, ["default"])
    assert [each async for some in look.run() for each in some] == []
    assert look.findings == Findings()


async def test_a_refusal_is_told_with_its_reason(app: Application, behind: OddServer) -> None:
    told = {"error": "invalid_redirect_uri", "error_description": "not this one, https://x.example"}
    behind.says.append((400, told))
    answer = await app.http.post("/register", json={"redirect_uris": [CALLBACK]})
    assert answer.status_code == 400
    assert answer.json()["error_description"] == "not this one, (address)"
    assert behind.clients == {}
