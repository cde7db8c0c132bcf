"""/admin/v1: clients are suspended, resumed, deleted, restored and purged."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx

from conftest import MakeApplication
from dcrserver.repositories.transaction import Transaction
from dcrserver.security import new_client_id
from dcrserver.services.access.admin_tokens import NewAdminToken
from harness.actors import OPERATOR
from harness.administration import Administrator, administrator
from harness.application import Application, application, bearer

ALL = ("clients:read", "clients:update", "clients:delete")
MACHINE: dict[str, Any] = {"grant_types": ["client_credentials"], "redirect_uris": []}


async def let_in(app: Application, client: dict[str, Any]) -> bool:
    pair = (client["client_id"], client["client_secret"])
    answer = await app.http.post("/token", data={"grant_type": "client_credentials"}, auth=pair)
    assert answer.status_code in {200, 401}, answer.text
    return answer.status_code == 200


async def manages(app: Application, client: dict[str, Any]) -> bool:
    answer = await app.http.get(client["registration_client_uri"], headers=bearer(client))
    assert answer.status_code in {200, 401}, answer.text
    return answer.status_code == 200


async def events_of(app: Application, client: dict[str, Any]) -> list[str]:
    return [event.type for event in await app.events(client["client_id"])]


async def test_a_client_is_suspended_and_resumed(any_app: Application) -> None:
    client = await any_app.register(**MACHINE)
    admin = await administrator(any_app, *ALL)
    where = f"/clients/{client['client_id']}"
    told = await admin.post(f"{where}/suspend")
    assert (told["status"], told["version"]) == ("suspended", 2)
    assert told["suspended_at"] is not None
    assert not await let_in(any_app, client)
    assert not await manages(any_app, client)
    told = await admin.post(f"{where}/resume")
    assert (told["status"], told["suspended_at"]) == ("active", None)
    assert await let_in(any_app, client)
    assert await events_of(any_app, client) == [
        "client.registered", "client.suspended", "client.resumed",
    ]  # fmt: skip


async def test_a_change_of_what_was_changed_meanwhile_is_refused(any_app: Application) -> None:
    client = await any_app.register()
    admin = await administrator(any_app, *ALL)
    where = f"/clients/{client['client_id']}"
    seen = (await admin.ask("GET", where)).headers["etag"]
    now = (await admin.ask("POST", f"{where}/suspend", headers={"If-Match": seen})).headers["etag"]
    assert now != seen
    for tag in (seen, f"W/{now}", '"x"'):
        told = await admin.post(f"{where}/resume", 412, headers={"If-Match": tag})
        assert told["code"] == "precondition_failed"
        await admin.delete(where, 412, headers={"If-Match": tag})
    assert (await admin.get(where))["status"] == "suspended"
    await admin.post(f"{where}/resume", headers={"If-Match": f'"x", {now}'})
    await admin.delete(where, headers={"If-Match": "*"})


async def test_of_two_changes_of_one_version_one_wins(any_app: Application) -> None:
    client = await any_app.register()
    admin = await administrator(any_app, *ALL)
    where = f"/clients/{client['client_id']}"
    seen = {"If-Match": (await admin.ask("GET", where)).headers["etag"]} | admin.headers
    answers = await asyncio.gather(
        *(any_app.http.post(f"/admin/v1{where}/suspend", headers=seen) for _ in range(8))
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 7
    assert (await admin.get(where))["version"] == 2


async def test_a_change_without_if_match_is_refused_where_it_is_demanded(
    make_app: MakeApplication,
) -> None:
    app = await make_app(admin={"require_if_match": True})
    client = await app.register()
    admin = await administrator(app, *ALL)
    told = await admin.post(f"/clients/{client['client_id']}/suspend", 428)
    assert told["code"] == "precondition_required"


async def test_a_deleted_client_is_restored_with_its_credentials(any_app: Application) -> None:
    client = await any_app.register(client_name="gone", **MACHINE)
    admin = await administrator(any_app, *ALL)
    client_id = client["client_id"]
    await admin.delete(f"/clients/{client_id}")
    await admin.get(f"/clients/{client_id}", 404)
    assert not await let_in(any_app, client)
    listed = await admin.get("/deleted-clients?limit=500")
    (found,) = [item for item in listed["items"] if item["client_id"] == client_id]
    assert (found["client_name"], found["owner"]) == ("gone", None)
    assert found["purge_at"] > found["deleted_at"]
    told = await admin.post(f"/clients/{client_id}/restore")
    assert (told["client_id"], told["status"], told["version"]) == (client_id, "active", 2)
    assert await let_in(any_app, client)
    assert await manages(any_app, client)
    await admin.post(f"/clients/{client_id}/restore", 404)
    assert await events_of(any_app, client) == [
        "client.registered", "client.deleted", "client.restored",
    ]  # fmt: skip


async def test_a_client_that_deleted_itself_can_be_restored(any_app: Application) -> None:
    client = await any_app.register(**MACHINE)
    await any_app.http.delete(client["registration_client_uri"], headers=bearer(client))
    admin = await administrator(any_app, *ALL)
    await admin.post(f"/clients/{client['client_id']}/restore")
    assert await let_in(any_app, client)


async def test_of_those_who_restore_a_client_at_once_one_does(any_app: Application) -> None:
    client = await any_app.register(**MACHINE)
    admin = await administrator(any_app, *ALL)
    await admin.delete(f"/clients/{client['client_id']}")
    url = f"/admin/v1/clients/{client['client_id']}/restore"
    answers: list[httpx.Response] = await asyncio.gather(
        *(any_app.http.post(url, headers=admin.headers) for _ in range(8))
    )
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses.count(200) == 1, statuses
    assert set(statuses) <= {200, 404, 409}


async def test_nothing_is_left_of_a_purged_client(any_app: Application) -> None:
    client = await any_app.register(**MACHINE)
    admin = await administrator(any_app, *ALL)
    client_id = client["client_id"]
    await admin.post(f"/clients/{client_id}/purge", 404)
    await admin.delete(f"/clients/{client_id}")
    await admin.ask("POST", f"/clients/{client_id}/purge", 204)
    await admin.post(f"/clients/{client_id}/restore", 404)
    await admin.post(f"/clients/{client_id}/purge", 404)
    assert (await events_of(any_app, client))[-1] == "client.purged"


async def test_deleted_clients_are_purged_when_their_time_is_over(any_app: Application) -> None:
    client, other = await any_app.register(**MACHINE), await any_app.register(**MACHINE)
    admin = await administrator(any_app, *ALL)
    assert await let_in(any_app, client)
    await any_app.runtime.last_uses.flush()
    for each in (client, other):
        await admin.delete(f"/clients/{each['client_id']}")
    async with any_app.runtime.database.read() as tx:
        found = await tx.deleted_clients.find("default", client["client_id"])
    assert found is not None

    async def age(tx: Transaction) -> None:
        assert await tx.deleted_clients.take(found)
        # A process that is young believes its clock less.
        tx.deleted_clients.add(found._replace(purge_at=int(time.time()) - 86_402))

    await any_app.runtime.database.transact(age)
    await any_app.do_job("purge_deleted_clients")
    async with any_app.runtime.database.read() as tx:
        assert await tx.deleted_clients.find("default", client["client_id"]) is None
        assert await tx.last_uses.of_client("default", client["client_id"]) == {}
    await admin.post(f"/clients/{client['client_id']}/restore", 404)
    await admin.post(f"/clients/{other['client_id']}/restore")


async def test_without_a_window_nothing_can_be_restored(any_database: str) -> None:
    async with application(any_database, clients={"restore_window": 0}) as app:
        client = await app.register()
        admin = await administrator(app, *ALL)
        await admin.delete(f"/clients/{client['client_id']}")
        await admin.post(f"/clients/{client['client_id']}/restore", 404)


async def test_an_owner_sees_and_changes_own_clients_only(any_app: Application) -> None:
    mine, other = await any_app.register(client_name="mine"), await any_app.register()
    tenant, team = any_app.runtime.default_tenant.name, f"team {new_client_id()}"
    async with any_app.runtime.database.read() as tx:
        record = await tx.clients.find(tenant, mine["client_id"])
    assert record is not None
    owned = record._replace(owner=team, version=2)
    await any_app.runtime.database.transact(lambda tx: tx.clients.replace(record, owned))
    owner = await _owner(any_app, team)
    assert [item["client_id"] for item in (await owner.get("/clients"))["items"]] == [
        mine["client_id"]
    ]
    for method, path in (("GET", ""), ("POST", "/suspend"), ("DELETE", "")):
        url = f"/clients/{other['client_id']}{path}"
        told = (await owner.ask(method, url, 404)).json()
        assert told["code"] == "not_found"
    await owner.post(f"/clients/{mine['client_id']}/suspend")
    # Nor is undone what an administrator may have done.
    await owner.post(f"/clients/{mine['client_id']}/resume", 403)
    await owner.delete(f"/clients/{mine['client_id']}")
    everybody = await administrator(any_app, *ALL)
    await everybody.delete(f"/clients/{other['client_id']}")
    listed = await owner.get("/deleted-clients")
    assert [item["client_id"] for item in listed["items"]] == [mine["client_id"]]
    await owner.post(f"/clients/{other['client_id']}/restore", 404)
    await owner.post(f"/clients/{mine['client_id']}/restore")


async def _owner(app: Application, name: str) -> Administrator:
    """An administrator who is bound to the clients of ``name``."""
    wanted = NewAdminToken(ALL, 3600, owner=name)
    token = await app.operations.token_administration.issue_admin_token("default", wanted, OPERATOR)
    return Administrator(app, {"Authorization": f"Bearer {token}"})
