"""/admin/v1: notes about clients, and their history."""

from __future__ import annotations

import asyncio
import time

import pytest

from dcrserver.services.access.admin_tokens import NewAdminToken
from dcrserver.services.clients import notes
from harness.actors import OPERATOR
from harness.administration import Administrator, administrator
from harness.application import Application, application

ALL = ("clients:read", "clients:update", "clients:delete", "clients:create")


async def owner(app: Application, name: str) -> Administrator:
    wanted = NewAdminToken(("clients:read", "clients:update"), 0, name, owner=name)
    token = await app.runtime.token_administration.issue_admin(
        app.runtime.default_tenant.name, wanted, OPERATOR
    )
    return Administrator(app, {"Authorization": f"Bearer {token.token}"})


async def test_notes_are_written_listed_and_deleted(any_app: Application) -> None:
    client = await any_app.register()
    admin = await administrator(any_app, *ALL)
    where = f"/clients/{client['client_id']}/notes"
    assert await admin.get(where) == {"items": []}
    texts = ["moves in May", 'späte "Zeile"\nund noch eine \U0001f600']
    made = [await admin.post(where, 201, json={"text": text}) for text in texts]
    listed = (await admin.get(where))["items"]
    assert listed == made
    assert [each["text"] for each in listed] == texts
    assert all(each["author"] and each["written_at"].endswith("Z") for each in listed)
    await admin.delete(f"{where}/{made[0]['id']}")
    await admin.delete(f"{where}/{made[0]['id']}", 404)
    assert (await admin.get(where))["items"] == made[1:]


async def test_the_history_of_a_client_tells_of_notes_without_their_texts(
    any_app: Application,
) -> None:
    client, other = await any_app.register(), await any_app.register()
    admin = await administrator(any_app, *ALL)
    where = f"/clients/{client['client_id']}"
    note = await admin.post(f"{where}/notes", 201, json={"text": "a leak is suspected"})
    await admin.delete(f"{where}/notes/{note['id']}")
    await admin.post(f"/clients/{other['client_id']}/suspend")
    first = await admin.get(f"{where}/history?limit=2")
    rest = await admin.get(f"{where}/history?limit=2&cursor={first['next']}")
    types = [each["type"] for each in (*first["items"], *rest["items"])]
    assert types == ["client.note_deleted", "client.note_written", "client.registered"]
    assert rest["next"] is None
    assert {each["changes"]["note"] for each in first["items"]} == {note["id"]}
    assert "leak" not in str(first)


async def test_what_is_no_note_is_refused(any_app: Application) -> None:
    client = await any_app.register()
    admin = await administrator(any_app, *ALL)
    where = f"/clients/{client['client_id']}/notes"
    for text in ("", "  \n ", "x" * 4001, "a\0b", 7, None):
        told = await admin.post(where, 400, json={"text": text})
        assert told["errors"][0]["pointer"] == "#/text"
    await admin.post(where, 400, json={})
    assert await admin.get(where) == {"items": []}


async def test_a_client_has_no_more_notes_than_can_be_shown(
    any_app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notes, "MAX_NOTES", 2)
    client = await any_app.register()
    admin = await administrator(any_app, *ALL)
    where = f"/clients/{client['client_id']}/notes"
    for text in ("one", "two"):
        await admin.post(where, 201, json={"text": text})
    assert (await admin.post(where, 409, json={"text": "three"}))["code"] == "conflict"
    assert len((await admin.get(where))["items"]) == 2


async def test_owners_see_notes_and_history_of_their_own_clients_only(any_app: Application) -> None:
    admin = await administrator(any_app, *ALL)
    body = {"owner": "team-a", "metadata": {"redirect_uris": ["https://c.example/cb"]}}
    client = await admin.post("/clients", 201, json=body)
    where = f"/clients/{client['client_id']}"
    note = await admin.post(f"{where}/notes", 201, json={"text": "ours"})
    own, stranger = await owner(any_app, "team-a"), await owner(any_app, "team-b")
    assert (await own.get(f"{where}/notes"))["items"] == [note]
    assert len((await own.get(f"{where}/history"))["items"]) == 2
    await stranger.get(f"{where}/notes", 404)
    await stranger.get(f"{where}/history", 404)
    await stranger.post(f"{where}/notes", 404, json={"text": "theirs"})
    await stranger.delete(f"{where}/notes/{note['id']}", 404)
    assert (await admin.get(f"{where}/notes"))["items"] == [note]


async def test_notes_come_back_with_a_client_and_end_with_it(any_app: Application) -> None:
    admin = await administrator(any_app, *ALL)
    body = {"client_id": "noted", "metadata": {"redirect_uris": ["https://c.example/cb"]}}
    await admin.post("/clients", 201, json=body)
    note = await admin.post("/clients/noted/notes", 201, json={"text": "kept"})
    await admin.delete("/clients/noted")
    await admin.get("/clients/noted/notes", 404)
    await admin.post("/clients/noted/restore")
    assert (await admin.get("/clients/noted/notes"))["items"] == [note]
    await admin.delete("/clients/noted")
    await admin.ask("POST", "/clients/noted/purge", 204)
    await admin.post("/clients", 201, json=body)
    assert await admin.get("/clients/noted/notes") == {"items": []}


async def test_an_owner_who_takes_a_name_over_sees_nothing_of_the_client_before(
    any_database: str,
) -> None:
    async with application(any_database, clients={"restore_window": 0}) as app:
        admin = await administrator(app, *ALL)
        body = {"client_id": "taken-over", "metadata": {"redirect_uris": ["https://a.example/cb"]}}
        await admin.post("/clients", 201, json={"owner": "team-a", **body})
        where = "/clients/taken-over"
        await admin.post(f"{where}/notes", 201, json={"text": "of team-a"})
        await admin.delete(where)
        # created_at knows whole seconds: the other one is of a later one.
        await asyncio.sleep(1.01 - time.time() % 1)
        await admin.post("/clients", 201, json={"owner": "team-b", **body})
        theirs = await owner(app, "team-b")
        assert (await theirs.get(f"{where}/notes"))["items"] == []
        told = (await theirs.get(f"{where}/history"))["items"]
        assert [each["type"] for each in told] == ["client.registered"]
        # Who administers all sees what happened under this name.
        assert len((await admin.get(f"{where}/history"))["items"]) == 4
