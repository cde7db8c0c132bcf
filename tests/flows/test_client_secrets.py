"""Client secrets: rotation with overlap, ends, expiry at every door, and who may see one."""

from __future__ import annotations

import asyncio
import base64
import time
from typing import Any

import httpx
import pytest

from conftest import MakeApplication
from dcrserver.errors import InvalidClientMetadata, NotFound
from harness.actors import OPERATOR
from harness.application import CALLBACK, Application, application, bearer, update_of
from harness.clients import assertion

requirement = pytest.mark.requirement
KEY = base64.b64encode(bytes(32)).decode()
OTHER_KEY = base64.b64encode(bytes([1] * 32)).decode()
GRANT = {"grant_type": "client_credentials"}
MACHINE: dict[str, Any] = {"grant_types": ["client_credentials"], "redirect_uris": []}


async def let_in(app: Application, client_id: str, secret: str) -> bool:
    answer = await app.http.post("/token", data=GRANT, auth=(client_id, secret))
    assert answer.status_code in {200, 401}, answer.text
    return answer.status_code == 200


async def rotate(app: Application, client: dict[str, Any]) -> httpx.Response:
    return await app.http.post(f"{where(client)}/secret", headers=bearer(client))


async def listed(app: Application, client: dict[str, Any]) -> list[dict[str, Any]]:
    answer = await app.http.get(f"{where(client)}/secret", headers=bearer(client))
    assert answer.status_code == 200, answer.text
    assert client["client_secret"] not in answer.text
    assert answer.headers["cache-control"] == "no-store"
    made: list[dict[str, Any]] = answer.json()["client_secrets"]
    return made


def where(client: dict[str, Any]) -> str:
    return str(client["registration_client_uri"])


async def put(app: Application, client: dict[str, Any], **changes: Any) -> dict[str, Any]:
    body = update_of(client, **changes)
    answer = await app.http.put(where(client), json=body, headers=bearer(client))
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


@requirement("POL-44", "R7591-3.2.1-02")
async def test_a_client_rotates_its_secret_with_an_overlap(any_app: Application) -> None:
    client = await any_app.register(**MACHINE)
    client_id, first = client["client_id"], client["client_secret"]
    answer = await rotate(any_app, client)
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    second = answer.json()
    assert second["client_secret"] != first
    assert second["client_secret_expires_at"] == 0
    assert await let_in(any_app, client_id, first)
    assert await let_in(any_app, client_id, second["client_secret"])
    newest, older = await listed(any_app, client)
    assert newest["id"] == second["id"]
    assert (newest["expires_at"], older["expires_at"] > time.time()) == (0, True)


async def test_no_more_than_two_secrets_work(any_app: Application) -> None:
    client = await any_app.register(**MACHINE)
    secrets = [client["client_secret"]]
    secrets += [(await rotate(any_app, client)).json()["client_secret"] for _ in range(3)]
    works = [await let_in(any_app, client["client_id"], secret) for secret in secrets]
    assert works == [False, False, True, True]
    assert len(await listed(any_app, client)) == 2


async def test_the_overlap_ends(make_app: MakeApplication, monkeypatch: pytest.MonkeyPatch) -> None:
    app = await make_app(policy={"secrets": {"overlap": 60}})
    client = await app.register(**MACHINE)
    second = (await rotate(app, client)).json()["client_secret"]
    assert await let_in(app, client["client_id"], client["client_secret"])
    later = time.time() + 61
    monkeypatch.setattr("time.time", lambda: later)
    assert not await let_in(app, client["client_id"], client["client_secret"])
    assert await let_in(app, client["client_id"], second)
    assert len(await listed(app, client)) == 1


async def test_without_an_overlap_the_old_secret_dies_at_once(make_app: MakeApplication) -> None:
    app = await make_app(policy={"secrets": {"overlap": 0}})
    client = await app.register(**MACHINE)
    second = (await rotate(app, client)).json()["client_secret"]
    assert not await let_in(app, client["client_id"], client["client_secret"])
    assert await let_in(app, client["client_id"], second)


async def test_a_secret_is_ended_before_its_time(any_app: Application) -> None:
    client = await any_app.register(**MACHINE)
    second = (await rotate(any_app, client)).json()
    newest, older = await listed(any_app, client)

    async def end(secret_id: str) -> httpx.Response:
        return await any_app.http.delete(
            f"{where(client)}/secret/{secret_id}", headers=bearer(client)
        )

    assert (await end("0123456789abcdef")).status_code == 404
    assert (await end(older["id"])).status_code == 204
    assert not await let_in(any_app, client["client_id"], client["client_secret"])
    only = await end(newest["id"])
    assert (only.status_code, only.json()["error"]) == (400, "invalid_client_metadata")
    assert await let_in(any_app, client["client_id"], second["client_secret"])


async def test_the_new_one_can_be_ended_while_the_old_one_works(any_app: Application) -> None:
    """A new secret that leaked on its way is worth nothing, and nobody is locked out."""
    client = await any_app.register(**MACHINE)
    second = (await rotate(any_app, client)).json()
    gone = await any_app.http.delete(
        f"{where(client)}/secret/{second['id']}", headers=bearer(client)
    )
    assert gone.status_code == 204
    assert not await let_in(any_app, client["client_id"], second["client_secret"])
    assert await let_in(any_app, client["client_id"], client["client_secret"])


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
async def test_only_the_registration_access_token_opens_them(app: Application, method: str) -> None:
    client, other = await app.register(**MACHINE), await app.register(**MACHINE)
    url = f"{where(client)}/secret" + ("/0123456789abcdef" if method == "DELETE" else "")
    assert (await app.http.request(method, url)).status_code == 401
    assert (await app.http.request(method, url, headers=bearer(other))).status_code == 401
    assert await let_in(app, client["client_id"], client["client_secret"])


async def test_a_client_without_a_secret_has_none_to_rotate(app: Application) -> None:
    client = await app.register(token_endpoint_auth_method="none")
    answer = await rotate(app, client)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client_metadata")
    assert "no client_secret" in answer.json()["error_description"]


async def test_rotation_can_be_left_to_administrators(make_app: MakeApplication) -> None:
    app = await make_app(policy={"secrets": {"self_rotation": False}})
    client = await app.register(**MACHINE)
    assert (await rotate(app, client)).status_code == 404
    assert await let_in(app, client["client_id"], client["client_secret"])


@requirement("R7591-3.2.1-03")
async def test_a_secret_expires_at_every_door(
    make_app: MakeApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = await make_app(policy={"secrets": {"lifetime": 3600}})
    client = await app.register(**MACHINE)
    client_id, secret = client["client_id"], client["client_secret"]
    assert 3590 <= client["client_secret_expires_at"] - time.time() <= 3600
    assert await let_in(app, client_id, secret)
    token = (await app.http.post("/token", data=GRANT, auth=(client_id, secret))).json()
    later = time.time() + 3601
    monkeypatch.setattr("time.time", lambda: later)
    presented = {"client_id": client_id, "client_secret": secret}
    for path in ("/token", "/introspect", "/revoke"):
        fields = GRANT | {"token": token["access_token"]}
        for refused in (
            await app.http.post(path, data=fields, auth=(client_id, secret)),
            await app.http.post(path, data=fields | presented),
        ):
            assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    asked = {"parameters": presented}
    admin = await app.admin_token("clients:authenticate")
    told = await app.http.post("/authorization-server/authenticate", json=asked, headers=admin)
    assert told.json()["active"] is False


@pytest.mark.parametrize("sends_the_old", [True, False])
async def test_an_update_replaces_an_expired_secret(
    make_app: MakeApplication,
    monkeypatch: pytest.MonkeyPatch,
    *,
    sends_the_old: bool,
) -> None:
    app = await make_app(policy={"secrets": {"lifetime": 3600}})
    client = await app.register(**MACHINE)
    same = await put(app, client)
    assert "client_secret" not in same
    later = time.time() + 3601
    monkeypatch.setattr("time.time", lambda: later)
    sent = {} if sends_the_old else {"client_secret": ...}
    changed = await put(app, same | {"client_secret": client["client_secret"]}, **sent)
    assert changed["client_secret"] != client["client_secret"]
    assert changed["client_secret_expires_at"] == int(later) + 3600
    assert await let_in(app, client["client_id"], changed["client_secret"])
    assert not await let_in(app, client["client_id"], client["client_secret"])


@requirement("POL-55")
async def test_another_method_brings_another_secret(any_app: Application) -> None:
    client = await any_app.register(**MACHINE)
    changed = await put(any_app, client, token_endpoint_auth_method="client_secret_post")
    assert changed["client_secret"] != client["client_secret"]
    fields = GRANT | {"client_id": client["client_id"]}
    for secret in (changed["client_secret"], client["client_secret"]):  # the old one overlaps
        answer = await any_app.http.post("/token", data=fields | {"client_secret": secret})
        assert answer.status_code == 200
    public = await put(
        any_app,
        changed,
        token_endpoint_auth_method="none",
        grant_types=["authorization_code"],
        redirect_uris=[CALLBACK],
        client_secret=...,
    )
    assert "client_secret" not in public
    assert "client_secret_expires_at" not in public
    answer = await any_app.http.post(
        "/token", data=fields | {"client_secret": changed["client_secret"]}
    )
    assert answer.status_code == 401
    basic = MACHINE | {"token_endpoint_auth_method": "client_secret_basic", "response_types": []}
    again = await put(any_app, public, **basic)
    assert again["client_secret"]
    assert not await let_in(any_app, client["client_id"], changed["client_secret"])


@requirement("POL-41")
async def test_a_secret_is_shown_once(any_app: Application) -> None:
    client = await any_app.register(**MACHINE)
    for _ in range(2):
        read = await any_app.http.get(where(client), headers=bearer(client))
        assert "client_secret" not in read.json()
        assert client["client_secret"] not in read.text
        assert read.json()["client_secret_expires_at"] == 0
    rotated = (await rotate(any_app, client)).json()["client_secret"]
    read = await any_app.http.get(where(client), headers=bearer(client))
    assert rotated not in read.text


JWT_CLIENT = {"token_endpoint_auth_method": "client_secret_jwt"}
WITH_KEY = {
    "secrets": {"encryption_keys": [KEY]},
    "authorization_server": {
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_jwt"]
    },
    "tokens": {"enabled": True},
}


async def test_a_setting_returns_it_where_a_readable_copy_is_kept(
    make_app: MakeApplication,
) -> None:
    app = await make_app(policy={"secrets": {"returned": True}}, **WITH_KEY)
    readable = await app.register(**MACHINE, **JWT_CLIENT)
    read = await app.http.get(where(readable), headers=bearer(readable))
    assert read.json()["client_secret"] == readable["client_secret"]
    updated = await put(app, readable)
    assert updated["client_secret"] == readable["client_secret"]
    digest_only = await app.register(**MACHINE)
    read = await app.http.get(where(digest_only), headers=bearer(digest_only))
    assert "client_secret" not in read.json()


async def test_a_readable_copy_is_encrypted_and_only_where_needed(
    make_app: MakeApplication,
) -> None:
    app = await make_app(**WITH_KEY)
    readable, plain = await app.register(**MACHINE, **JWT_CLIENT), await app.register(**MACHINE)
    async with app.runtime.database.read() as tx:
        first = await tx.clients.find("default", readable["client_id"])
        second = await tx.clients.find("default", plain["client_id"])
    assert first is not None
    assert second is not None
    assert readable["client_secret"] not in str(first)
    assert '"ciphertext":null' in str(second.client_secrets).replace(" ", "")
    moved = await put(app, readable, token_endpoint_auth_method="client_secret_basic")
    async with app.runtime.database.read() as tx:
        first = await tx.clients.find("default", readable["client_id"])
    assert first is not None
    assert "." not in str(first.client_secrets), "no copy stays without need"
    assert await let_in(app, moved["client_id"], moved["client_secret"])


async def test_without_a_key_nothing_readable_is_registered(make_app: MakeApplication) -> None:
    app = await make_app(**WITH_KEY | {"secrets": {}})
    answer = await app.http.post("/register", json=MACHINE | JWT_CLIENT)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client_metadata")


async def test_keys_may_be_in_a_file(make_app: MakeApplication, tmp_path: Any) -> None:
    file = tmp_path / "keys"
    file.write_text(f"# the newest first\n{OTHER_KEY}\n\n{KEY}\n")
    app = await make_app(**WITH_KEY | {"secrets": {"encryption_keys_file": str(file)}})
    client = await app.register(**MACHINE, **JWT_CLIENT)
    signed = assertion(client["client_id"], client["client_secret"], "HS256")
    answer = await app.http.post("/token", data=GRANT | signed)
    assert answer.status_code == 200, answer.text


async def test_a_lost_key_lets_nobody_in_and_breaks_nothing(own_database: str) -> None:
    async with application(own_database, **WITH_KEY) as before:
        client = await before.register(**MACHINE, **JWT_CLIENT)
    settings = WITH_KEY | {"secrets": {"encryption_keys": [OTHER_KEY]}}
    async with application(
        own_database, policy={"secrets": {"returned": True}}, **settings
    ) as after:
        signed = assertion(client["client_id"], client["client_secret"], "HS256")
        answer = await after.http.post("/token", data=GRANT | signed)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
        read = await after.http.get(where(client), headers=bearer(client))
        assert read.status_code == 200
        assert "client_secret" not in read.json()


async def test_parallel_rotations_leave_one_newest_secret(any_database: str) -> None:
    """By two instances: everyone who was answered can tell whether theirs is one of the two."""
    async with application(any_database) as one, application(any_database) as two:
        for _ in range(3):
            client = await one.register(**MACHINE)
            answers = await asyncio.gather(
                *(rotate(app, client) for app in (one, two) for _ in range(3))
            )
            assert {answer.status_code for answer in answers} == {201}
            live = await listed(one, client)
            assert len(live) == 2
            newest = [secret for secret in live if secret["expires_at"] == 0]
            assert len(newest) == 1
            works = {
                answer.json()["id"]
                for answer in answers
                if await let_in(two, client["client_id"], answer.json()["client_secret"])
            }
            assert works == {secret["id"] for secret in live}
            assert not await let_in(one, client["client_id"], client["client_secret"])


async def test_an_administrator_rotates_and_ends_the_overlap(any_app: Application) -> None:
    tenant, credentials = any_app.runtime.default_tenant, any_app.operations.client_credentials
    client = await any_app.register(**MACHINE)
    client_id = client["client_id"]
    [only] = (await any_app.client(client_id)).secrets
    with pytest.raises(InvalidClientMetadata):
        await credentials.end_secret(tenant, client_id, only.id, OPERATOR)
    made = await credentials.rotate_secret(tenant, client_id, OPERATOR)
    assert await let_in(any_app, client_id, client["client_secret"])
    await credentials.end_secret(tenant, client_id, only.id, OPERATOR)
    assert not await let_in(any_app, client_id, client["client_secret"])
    assert await let_in(any_app, client_id, str(made["client_secret"]))
    events = await any_app.events(client_id)
    assert [event.type for event in events][-2:] == ["client_secret.rotated", "client_secret.ended"]
    assert all(str(made["client_secret"]) not in event.changes for event in events)


async def test_an_administrator_cannot_rotate_what_is_not_there(app: Application) -> None:
    credentials, tenant = app.operations.client_credentials, app.runtime.default_tenant
    public = await app.register(token_endpoint_auth_method="none")
    with pytest.raises(InvalidClientMetadata):
        await credentials.rotate_secret(tenant, public["client_id"], OPERATOR)
    with pytest.raises(NotFound):
        await credentials.rotate_secret(tenant, "0" * 32, OPERATOR)


async def test_uses_are_written_in_batches(any_app: Application) -> None:
    client = await any_app.register(**MACHINE)
    second = (await rotate(any_app, client)).json()
    for _ in range(3):
        assert await let_in(any_app, client["client_id"], second["client_secret"])
    assert [secret["last_used_at"] for secret in await listed(any_app, client)] == [None, None]
    await any_app.runtime.last_uses.flush()
    newest, older = await listed(any_app, client)
    assert abs(newest["last_used_at"] - time.time()) < 60
    assert older["last_used_at"] is None
    assert (await any_app.client(client["client_id"])).last_used_at == newest["last_used_at"]


@requirement("R7591-3.2.1-02")
async def test_secrets_and_identifiers_never_repeat(app: Application) -> None:
    """Attack row 34: two registrations alike in all share nothing that proves who one is."""
    made = [await app.register(**MACHINE) for _ in range(20)]
    for name in ("client_id", "client_secret", "registration_access_token"):
        assert len({client[name] for client in made}) == len(made)
    assert all("client_secret_expires_at" in client for client in made)
