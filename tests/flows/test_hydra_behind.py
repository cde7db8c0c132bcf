"""A whole server with Ory Hydra behind it: each step of a client's life is true there at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from dcrserver.repositories.clients import ClientRecord
from dcrserver.services.access.stored_clients import replace_client
from dcrserver.services.audit import EventType
from dcrserver.services.provisioning.reconciling import Comparison, Repair
from harness import hydra
from harness.actors import OPERATOR
from harness.application import CALLBACK, Application, application, bearer, update_of
from harness.hydra import Fault, Hydra, Refused
from harness.targets import encryption_key


@pytest.fixture(scope="module")
def running() -> Iterator[Hydra]:
    with hydra.served() as double:
        yield double


@pytest.fixture
def double(running: Hydra) -> Hydra:
    running.faults.clear()
    running.calls.clear()
    running.on_rotation = lambda: None
    return running


@pytest.fixture
async def app(sqlite_database: str, double: Hydra) -> AsyncIterator[Application]:
    groups: dict[str, Any] = {
        "connectors": {"hydra": {"kind": "hydra", "url": double.url, "timeout": 5}},
        "secrets": {"encryption_keys": [encryption_key().get_secret_value()]},
    }
    async with application(sqlite_database, **groups) as made:
        yield made


async def _put(app: Application, client: dict[str, Any], **changes: Any) -> httpx.Response:
    return await app.http.put(
        f"/register/{client['client_id']}",
        json=update_of(client, **changes),
        headers=bearer(client),
    )


async def _rotated(app: Application, client: dict[str, Any]) -> str:
    answer = await app.http.post(f"/register/{client['client_id']}/secret", headers=bearer(client))
    assert answer.status_code == 201, answer.text
    made: str = answer.json()["client_secret"]
    return made


async def test_a_life(app: Application, double: Hydra) -> None:
    grants = ["authorization_code", "refresh_token"]
    client = await app.register(grant_types=grants, software_id="s")
    client_id, secret = client["client_id"], client["client_secret"]
    assert double.authenticates(client_id, secret)
    assert client["scope"] == "offline_access offline openid"
    token, refresh = double.sign_in(client_id, CALLBACK)

    moved = "https://client.example.org/moved"
    answer = await _put(app, client, redirect_uris=[moved])
    assert answer.status_code == 200
    with pytest.raises(Refused):
        double.sign_in(client_id, CALLBACK)
    double.sign_in(client_id, moved)
    assert double.authenticates(client_id, secret)

    tenant, lifecycle = app.runtime.default_tenant, app.operations.client_lifecycle
    await lifecycle.suspend(tenant, client_id, OPERATOR)
    assert not double.is_live(token)
    with pytest.raises(Refused):
        double.sign_in(client_id, moved)
    await lifecycle.resume(tenant, client_id, OPERATOR)
    assert double.is_live(double.refresh(refresh))
    assert double.authenticates(client_id, secret)
    await lifecycle.delete(tenant, client_id, OPERATOR)
    assert client_id not in double.clients


async def test_the_secret_before_works_on_beside_one_of_hydras_making(
    app: Application, double: Hydra
) -> None:
    """Which is what the rotation is answered with, and what works here from then on."""
    client = await app.register()
    client_id, first = client["client_id"], client["client_secret"]
    second = await _rotated(app, client)
    assert double.authenticates(client_id, second)
    assert double.authenticates(client_id, first)
    third = await _rotated(app, client)
    assert double.authenticates(client_id, third)
    answer = await _put(app, client | {"client_secret": third}, client_name="n")
    assert answer.status_code == 200, answer.text  # RFC 7592 2.2: it is compared
    assert double.clients[client_id]["client_name"] == "n"
    assert double.authenticates(client_id, third)


async def test_a_rotation_while_hydra_is_away_is_answered_with_ours(
    app: Application, double: Hydra
) -> None:
    """And comes there later, where the one before ends then."""
    client = await app.register()
    client_id, first = client["client_id"], client["client_secret"]
    double.faults.extend([Fault(503)] * 4)
    second = await _rotated(app, client)
    assert not double.authenticates(client_id, second)
    double.faults.clear()
    async with app.runtime.database.read() as tx:
        (link,) = await tx.client_links.of_client("default", client_id)
    await app.runtime.provisioning.delivery.deliver(link)
    assert double.authenticates(client_id, second)
    assert not double.authenticates(client_id, first)


async def test_a_rotation_that_was_overtaken_ends_no_secret(
    app: Application, double: Hydra
) -> None:
    """Hydra's new secret was not written here; the one before goes on, whatever is done next."""
    client = await app.register()
    client_id, first = client["client_id"], client["client_secret"]
    loop, begun = asyncio.get_running_loop(), list[Any]()
    tenant, lifecycle = app.runtime.default_tenant, app.operations.client_lifecycle

    async def row() -> ClientRecord:
        async with app.runtime.database.read() as tx:
            record = await tx.clients.find("default", client_id)
        assert record is not None
        return record

    async def change() -> None:
        record = await row()
        await replace_client(
            app.runtime.database, record, record._replace(owner="o"),
            EventType.CLIENT_UPDATED, OPERATOR,
        )  # fmt: skip

    def overtake() -> None:
        """The row is another one; whoever changed it waits for the link, which is not his yet."""
        if not begun:
            begun.append(asyncio.run_coroutine_threadsafe(change(), loop))
            while asyncio.run_coroutine_threadsafe(row(), loop).result(5).owner != "o":
                pass

    double.on_rotation = overtake
    second = await _rotated(app, client)
    await asyncio.wrap_future(begun[0])
    assert sum(path.endswith("/secrets/rotate") for _, path in double.calls) == 2
    assert double.authenticates(client_id, second)
    assert double.authenticates(client_id, first)
    await lifecycle.suspend(tenant, client_id, OPERATOR)
    await lifecycle.resume(tenant, client_id, OPERATOR)
    assert double.authenticates(client_id, second)
    assert double.authenticates(client_id, first)


async def test_an_overlap_that_is_over_is_ended(
    app: Application, double: Hydra, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await app.register()
    client_id, first = client["client_id"], client["client_secret"]
    second = await _rotated(app, client)
    async with app.runtime.database.read() as tx:
        (link,) = await tx.client_links.of_client("default", client_id)
    assert link.due_at
    days = 2 * 86400
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + days)
    await app.runtime.provisioning.delivery.deliver(link)
    assert not double.authenticates(client_id, first)
    assert double.authenticates(client_id, second)


@pytest.mark.parametrize("members", [
    {"dpop_bound_access_tokens": True}, {"token_endpoint_auth_method": "client_secret_jwt"},
])  # fmt: skip
async def test_what_hydra_would_never_do_is_refused_before(
    app: Application, double: Hydra, members: dict[str, Any]
) -> None:
    answer = await app.http.post("/register", json={"redirect_uris": [CALLBACK]} | members)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client_metadata")
    assert next(iter(members)) in answer.json()["error_description"]
    assert double.calls == []


async def test_an_answer_that_is_lost_leaves_nothing(app: Application, double: Hydra) -> None:
    before = set(double.clients)
    double.faults.append(Fault(0, is_done=True))
    answer = await app.http.post("/register", json={"redirect_uris": [CALLBACK]})
    assert answer.status_code == 503
    (left,) = set(double.clients) - before
    async with app.runtime.database.read() as tx:
        (link,) = await tx.client_links.of_client("default", left)
    await app.runtime.provisioning.delivery.deliver(link)
    assert set(double.clients) == before


async def test_what_somebody_changed_at_hydra_is_found_and_put_right(
    app: Application, double: Hydra
) -> None:
    """Clients of others stay as they are, octet by octet."""
    double.answer("POST", hydra.ADMIN, b'{"client_id": "theirs", "client_name": "other"}')
    theirs = dict(double.clients["theirs"])
    changed, gone = await app.register(client_name="n"), await app.register()
    double.clients[changed["client_id"]]["client_name"] = "by hand"
    del double.clients[gone["client_id"]]
    (target,) = app.runtime.provisioning.targets
    look = Comparison(app.runtime.database, app.runtime.lists, target, ["default"])
    found = [each async for some in look.run() for each in some]
    assert look.findings.differences == {changed["client_id"]: ["client_name"]}
    assert gone["client_id"] in look.findings.missing
    assert "theirs" in look.findings.foreign
    for each in found:
        if each.is_ours and each.client_id in {changed["client_id"], gone["client_id"]}:
            await Repair(app.runtime.database, target).repair(each)
            async with app.runtime.database.read() as tx:
                (link,) = await tx.client_links.of_client("default", each.client_id)
            await app.runtime.provisioning.delivery.deliver(link)
    assert double.clients[changed["client_id"]]["client_name"] == "n"
    assert double.authenticates(changed["client_id"], changed["client_secret"])
    assert double.clients["theirs"] == theirs
    async with app.runtime.database.read() as tx:
        (link,) = await tx.client_links.of_client("default", gone["client_id"])
    # Its secret is known here as a digest only: Hydra would make another, which nobody knows.
    assert (link.state, "digest" in (link.last_error or "")) == ("failed", True)
