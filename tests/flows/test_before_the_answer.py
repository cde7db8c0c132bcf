"""provision = "before": a client is answered when the target has it; where not, nothing is left."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from dcrserver.connectors.client import Applied, Held, NewSecret, WantedClient
from dcrserver.connectors.failures import (
    TargetAway,
    TargetMisconfigured,
    TargetRefused,
)
from dcrserver.errors import InvalidClientMetadata
from dcrserver.repositories.client_links import ClientLinkRecord
from dcrserver.settings import ConfigurationError
from dcrserver.wiring import connectors
from harness.actors import OPERATOR
from harness.application import CALLBACK, Application, application, bearer, update_of
from harness.long_run import FIRST_EVERYDAY
from harness.targets import FakeConnector, FakeTarget, There, encryption_key, objecting

# Of what waits in real time, at each database.
_FIRST = pytest.mark.parametrize("any_database", FIRST_EVERYDAY, indirect=True)

_AWAY = TargetAway("fake: status 503", is_unknown=False, retry_after=7)


class Minting(FakeConnector):
    """The target makes client_id and client_secret."""

    kind = "minting"
    mints = True

    async def create(self, client: WantedClient, _: NewSecret | None) -> Applied:
        number = len(self.target.clients)

        def do() -> Applied:
            key = client.tenant, f"minted-{number}"
            self.target.clients[key] = There(client, [f"secret-of-the-target-{number}"])
            held = Held(f"remote-minted-{number}", {"token": "t"})
            return Applied(held, {}, f"minted-{number}", f"secret-of-the-target-{number}", 99)

        made: Applied = await self.target.ask("create", (client.tenant, client.client_id), do)
        return made

    async def delete(self, tenant: str, client_id: str, held: Held | None) -> None:
        if held is not None:
            client_id = held.remote_id.removeprefix("remote-")
        await super().delete(tenant, client_id, held)


@asynccontextmanager
async def _app(
    url: str, patch: pytest.MonkeyPatch, connector: FakeConnector, **values: Any
) -> AsyncIterator[Application]:
    patch.setattr(connectors, "build", lambda _, __: connector)
    target = {"kind": "hydra", "url": "http://127.0.0.1:1", "timeout": 1} | values
    groups = {
        "connectors": {connector.name: target},
        "secrets": {"encryption_keys": [encryption_key().get_secret_value()]},
    }
    async with application(url, **groups) as made:
        yield made


@pytest.fixture
def there() -> FakeTarget:
    return FakeTarget()


@pytest.fixture
def connector(there: FakeTarget) -> FakeConnector:
    """Of a name that no other test of the same database has."""
    return FakeConnector(there, f"kc{time.time_ns()}")


@pytest.fixture
async def app(
    any_database: str, monkeypatch: pytest.MonkeyPatch, connector: FakeConnector
) -> AsyncIterator[Application]:
    async with _app(any_database, monkeypatch, connector) as made:
        yield made


async def _links(app: Application, client_id: str) -> list[ClientLinkRecord]:
    async with app.runtime.database.read() as tx:
        return list(await tx.client_links.of_client("default", client_id))


async def _post(app: Application, **metadata: Any) -> httpx.Response:
    body = {"redirect_uris": [CALLBACK], **metadata}
    return await app.http.post("/register", json=body)


async def _count(app: Application) -> int:
    return await app.runtime.lists.clients.total("default")


async def test_the_client_is_at_the_target_when_it_is_answered(
    app: Application, there: FakeTarget
) -> None:
    client = await app.register(client_name="first")
    found = there.clients["default", client["client_id"]]
    assert found.secrets == [client["client_secret"]]
    assert found.want.metadata["client_name"] == "first"
    (link,) = await _links(app, client["client_id"])
    assert (link.state, link.wanted, link.applied, link.due_at) == ("applied", 1, 1, 0)
    assert (link.remote_id, link.sealed_secret) == (f"remote-{client['client_id']}", None)


async def test_what_the_target_stored_otherwise_is_answered_and_stored(
    app: Application, connector: FakeConnector
) -> None:
    connector.changes = {"client_name": "as it is there", "contacts": None}
    client = await app.register(client_name="asked", contacts=["a@example.com"])
    assert client["client_name"] == "as it is there"
    assert "contacts" not in client
    read = await app.http.get(f"/register/{client['client_id']}", headers=bearer(client))
    assert read.json()["client_name"] == "as it is there"
    body = update_of(client, client_name="again", contacts=["a@example.com"])
    answer = await app.http.put(
        f"/register/{client['client_id']}", json=body, headers=bearer(client)
    )
    assert answer.json()["client_name"] == "as it is there"


async def test_a_refusal_is_told_with_its_reason_and_nothing_is_left(
    app: Application, there: FakeTarget, connector: FakeConnector
) -> None:
    before = await _count(app)
    connector.refuses = objecting("tos_uri", "tos_uri must not be there")
    answer = await _post(app, tos_uri="https://example.com/tos")
    assert answer.status_code == 400
    assert answer.json() == {
        "error": "invalid_client_metadata",
        "error_description": "tos_uri must not be there",
    }
    assert there.calls == []

    there.failures.append(TargetRefused("fake: 400 x", "client_name is too long"))
    answer = await _post(app)
    assert answer.json()["error_description"] == "client_name is too long"
    assert there.clients == {}
    assert await _count(app) == before


@_FIRST
@pytest.mark.parametrize("when", ["failures", "lost"])
async def test_a_target_that_fails_is_503_and_nothing_is_left_on_either_side(
    app: Application, there: FakeTarget, when: str
) -> None:
    before = await _count(app)
    away = [_AWAY, TargetAway("fake: 500"), TargetMisconfigured("fake: 401"), ValueError("x")]
    for error in away:
        getattr(there, when).append(error)
        answer = await _post(app)
        assert answer.status_code == 503, error
        assert answer.headers["retry-after"] == ("7" if error is _AWAY else "5")
        assert answer.json()["error"] == "temporarily_unavailable"
        assert "fake" not in answer.text
        await _worked_off(app)
        assert there.clients == {}, error
        for target in app.runtime.provisioning.targets:
            target.breaker.answered()
    assert await _count(app) == before
    (target,) = app.runtime.provisioning.targets
    async with app.runtime.database.read() as tx:
        counts = await tx.client_links.counts(target.name)
    assert [count for count in counts if count.state == "reserved"] == []


async def _worked_off(app: Application) -> None:
    """What a worker does, until nothing is due; what is left to settle is due in a second."""
    (target,) = app.runtime.provisioning.targets
    async with asyncio.timeout(10):
        while True:
            async with app.runtime.database.read() as tx:
                counts = await tx.client_links.counts(target.name)
                due = await tx.client_links.due(target.name, 100)
            if not [count for count in counts if count.state == "reserved"]:
                return
            for link in due:
                await app.runtime.provisioning.delivery.deliver(link)
            await asyncio.sleep(0.05)


@_FIRST
async def test_a_target_that_never_answers_is_503_in_time_and_holds_no_place(
    app: Application, there: FakeTarget
) -> None:
    there.held = asyncio.Event()
    began = time.monotonic()
    asked = asyncio.create_task(_post(app))
    async with asyncio.timeout(5):
        while not there.at_once:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert (await app.http.get("/healthz")).status_code == 200
    assert (await asked).status_code == 503
    assert time.monotonic() - began < 4
    there.held.set()
    await _worked_off(app)
    assert there.clients == {}


async def test_a_target_that_is_known_to_be_away_is_not_asked_by_each(
    app: Application, there: FakeTarget
) -> None:
    there.is_away = True
    answers = [await _post(app) for _ in range(8)]
    assert {answer.status_code for answer in answers} == {503}
    assert there.count("create") < 8
    there.is_away = False


@_FIRST
async def test_an_update_is_refused_where_the_target_refuses_and_all_is_as_it_was(
    app: Application, there: FakeTarget
) -> None:
    client = await app.register(client_name="first")
    path, key = f"/register/{client['client_id']}", ("default", client["client_id"])
    body = update_of(client, client_name="second")
    there.failures.append(TargetRefused("fake: no", "client_name is taken"))
    answer = await app.http.put(path, json=body, headers=bearer(client))
    assert (answer.status_code, answer.json()["error_description"]) == (400, "client_name is taken")
    read = await app.http.get(path, headers=bearer(client))
    assert read.json()["client_name"] == "first"

    there.lost.append(TargetAway("fake: cut off"))  # it has the second, and nobody knows
    assert (await app.http.put(path, json=body, headers=bearer(client))).status_code == 503
    assert there.clients[key].want.metadata["client_name"] == "second"
    await _level(app, client["client_id"])
    assert there.clients[key].want.metadata["client_name"] == "first"

    answer = await app.http.put(path, json=body, headers=bearer(client))
    assert answer.status_code == 200
    assert there.clients[key].want.metadata["client_name"] == "second"
    assert there.clients[key].secrets == [client["client_secret"]]


async def _level(app: Application, client_id: str) -> ClientLinkRecord:
    """What a worker does with the client, until there is nothing to do."""
    async with asyncio.timeout(10):
        while True:
            (link,) = await _links(app, client_id)
            if not link.due_at:
                return link
            (target,) = app.runtime.provisioning.targets
            async with app.runtime.database.read() as tx:
                due = await tx.client_links.due(target.name, 1000)
            for each in due:
                if each.client_id == client_id:
                    await app.runtime.provisioning.delivery.deliver(each)
            await asyncio.sleep(0.05)


async def test_suspension_rotation_and_deletion_are_true_at_the_target_when_they_are_answered(
    app: Application, there: FakeTarget
) -> None:
    client = await app.register()
    client_id, tenant = client["client_id"], app.runtime.default_tenant
    found = there.clients["default", client_id]
    lifecycle, credentials = app.operations.client_lifecycle, app.operations.client_credentials
    await lifecycle.suspend(tenant, client_id, OPERATOR)
    assert not there.clients["default", client_id].want.is_active
    await lifecycle.resume(tenant, client_id, OPERATOR)
    assert there.clients["default", client_id].want.is_active
    made = await credentials.rotate_secret(tenant, client_id, OPERATOR)
    assert found.secrets[0] == made["client_secret"]
    answer = await app.http.delete(f"/register/{client_id}", headers=bearer(client))
    assert answer.status_code == 204
    assert there.clients == {}
    assert await _links(app, client_id) == []


async def test_what_ends_access_succeeds_while_the_target_is_away_and_comes_to_it_later(
    app: Application, there: FakeTarget
) -> None:
    client = await app.register()
    there.is_away = True
    answer = await app.http.delete(f"/register/{client['client_id']}", headers=bearer(client))
    assert answer.status_code == 204
    (link,) = await _links(app, client["client_id"])
    assert link.state == "gone"
    there.is_away = False
    await app.runtime.provisioning.delivery.deliver(link)
    assert there.clients == {}


async def test_the_same_sent_again_with_its_key_is_made_once_at_the_target(
    app: Application, there: FakeTarget
) -> None:
    headers = {"Idempotency-Key": secrets.token_hex(16)}
    body = {"redirect_uris": [CALLBACK]}
    answers = await asyncio.gather(
        *(app.http.post("/register", json=body, headers=headers) for _ in range(4))
    )
    answers.append(await app.http.post("/register", json=body, headers=headers))
    ids = {answer.json()["client_id"] for answer in answers if answer.status_code == 201}
    assert len(ids) == 1
    await _worked_off(app)
    assert {client_id for _, client_id in there.clients} == ids


async def test_a_slow_registrar_whose_reservation_was_taken_leaves_nothing(
    app: Application, there: FakeTarget
) -> None:
    """A worker took it for killed: it must not be answered."""
    before = await _count(app)
    there.held = asyncio.Event()
    asked = asyncio.create_task(_post(app))
    async with asyncio.timeout(5):
        while not there.at_once:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    ((_, client_id),) = there.busy
    (link,) = await _links(app, client_id)
    ended = await app.runtime.database.transact(lambda tx: tx.client_links.release(link, -1))
    assert ended
    there.held.set()
    answer = await asked
    assert answer.status_code == 503
    await _worked_off(app)
    assert there.clients == {}
    assert await _count(app) == before


async def test_where_the_target_makes_identifier_and_secret_the_clients_are_those(
    any_database: str, monkeypatch: pytest.MonkeyPatch, there: FakeTarget
) -> None:
    connector = Minting(there, f"m{time.time_ns()}")
    async with _app(any_database, monkeypatch, connector) as app:
        there.clients["default", "x"] = There(WantedClient("default", "x", {}), [], "other")
        unique = len(there.clients)
        there.failures.append(_AWAY)
        assert (await _post(app)).status_code == 503
        try:
            client = await app.register()
            assert client["client_id"] == f"minted-{unique}"
            assert client["client_secret"] == f"secret-of-the-target-{unique}"
            assert client["client_secret_expires_at"] == 99
            (link,) = await _links(app, client["client_id"])
            assert (link.state, link.remote_id) == ("applied", f"remote-minted-{unique}")
            read = await app.http.get(f"/register/{client['client_id']}", headers=bearer(client))
            assert read.status_code == 200
            credentials = app.operations.client_credentials
            with pytest.raises(InvalidClientMetadata, match="makes its secrets itself"):
                await credentials.rotate_secret(
                    app.runtime.default_tenant, client["client_id"], OPERATOR
                )
        finally:
            tenant, lifecycle = app.runtime.default_tenant, app.operations.client_lifecycle
            await lifecycle.delete(tenant, f"minted-{unique}", OPERATOR)
            await lifecycle.purge(tenant, f"minted-{unique}", OPERATOR)
        assert list(there.clients) == [("default", "x")]


async def test_targets_that_cannot_be_served_are_refused_at_the_start(
    sqlite_database: str, monkeypatch: pytest.MonkeyPatch, there: FakeTarget
) -> None:
    monkeypatch.setattr(connectors, "build", lambda name, _: Minting(there, name))
    usual = {"kind": "hydra", "url": "http://127.0.0.1:1"}
    keys = [encryption_key().get_secret_value()]
    cases: list[tuple[dict[str, Any], str]] = [
        ({"a": usual | {"provision": "after"}}, 'a: provision must be "before"'),
        ({"a": usual, "b": usual}, "b: a chooses the client_id of the same tenants"),
    ]
    for configured, told in cases:
        groups = {"connectors": configured, "secrets": {"encryption_keys": keys}}
        with pytest.raises(ConfigurationError, match=told):
            async with application(sqlite_database, **groups):
                pass
    apart = {"a": usual | {"tenants": ["default"]}, "b": usual | {"tenants": ["x"]}}
    async with application(
        sqlite_database, connectors=apart, secrets={"encryption_keys": keys}
    ) as made:
        assert made.runtime.provisioning.targets.names("x") == ["b"]


async def test_an_administrators_client_is_made_at_the_target_by_its_own_identifier(
    app: Application, there: FakeTarget
) -> None:
    client_id = f"mine-{time.time_ns()}"
    headers = await app.admin_token("clients:write")
    body = {"client_id": client_id, "metadata": {"redirect_uris": [CALLBACK]}}
    answer = await app.http.post("/admin/v1/clients", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    assert there.clients["default", client_id].secrets == [answer.json()["client_secret"]]
    there.failures.append(TargetRefused("fake: no", "client_name is odd"))
    changed = {"metadata": {"client_name": "odd"}}
    patched = await app.http.patch(
        f"/admin/v1/clients/{client_id}", json=changed,
        headers=headers | {"Content-Type": "application/merge-patch+json"},
    )  # fmt: skip
    assert patched.status_code == 400, patched.text
    assert "client_name is odd" in json.dumps(patched.json())


async def test_whoever_wants_it_after_the_answer_waits_for_nothing(
    any_database: str, monkeypatch: pytest.MonkeyPatch, there: FakeTarget
) -> None:
    there.is_away = True
    connector = FakeConnector(there, f"a{time.time_ns()}")
    async with _app(any_database, monkeypatch, connector, provision="after") as app:
        client = await app.register()
        (link,) = [
            each
            for each in await _links(app, client["client_id"])
            if each.connector == connector.name
        ]
        assert link.state == "pending"
        assert there.calls == []


async def test_keys_reencrypted_are_those_that_open_what_waits_for_a_target(
    own_database: str, monkeypatch: pytest.MonkeyPatch, there: FakeTarget
) -> None:
    there.is_away = True
    connector = FakeConnector(there, f"k{time.time_ns()}")
    async with _app(own_database, monkeypatch, connector, provision="after") as app:
        client = await app.register()
    new = "/" * 43 + "="
    keys = [new, encryption_key().get_secret_value()]
    groups = {
        "connectors": {connector.name: {"kind": "hydra", "url": "http://127.0.0.1:1"}},
        "secrets": {"encryption_keys": keys},
    }
    async with application(own_database, **groups) as app:
        done = await app.operations.reencryption.run(lambda _: None)
        assert done.client_links >= 1
    groups["secrets"]["encryption_keys"] = [new]
    there.is_away = False
    async with application(own_database, **groups) as app:
        link = await _link_to(app, client["client_id"], connector.name)
        await app.runtime.provisioning.delivery.deliver(link)
    assert there.clients["default", client["client_id"]].secrets == [client["client_secret"]]


async def _link_to(app: Application, client_id: str, connector: str) -> ClientLinkRecord:
    async with app.runtime.database.read() as tx:
        found = await tx.client_links.find("default", client_id, connector)
    assert found is not None
    return found
