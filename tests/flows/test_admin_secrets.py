"""/admin/v1: secrets and registration access tokens of clients, by administrators."""

from __future__ import annotations

from typing import Any

from harness.administration import administrator
from harness.application import Application, bearer

MACHINE: dict[str, Any] = {"grant_types": ["client_credentials"], "redirect_uris": []}
SCOPES = ("clients:read", "secrets:write", "tokens:write")


async def let_in(app: Application, client: dict[str, Any], secret: str) -> bool:
    answer = await app.http.post(
        "/token", data={"grant_type": "client_credentials"}, auth=(client["client_id"], secret)
    )
    return answer.status_code == 200


async def status_of(app: Application, client: dict[str, Any]) -> int:
    answer = await app.http.get(client["registration_client_uri"], headers=bearer(client))
    return answer.status_code


async def test_a_secret_is_rotated_with_overlap_and_ended(any_app: Application) -> None:
    client = await any_app.register(**MACHINE)
    admin = await administrator(any_app, *SCOPES)
    where = f"/clients/{client['client_id']}/secrets"
    (first,) = (await admin.get(where))["items"]
    await admin.delete(f"{where}/{first['id']}", 400)
    new = await admin.post(where, 201)
    assert (new["client_id"], new["client_secret_expires_at"]) == (client["client_id"], 0)
    for secret in (client["client_secret"], new["client_secret"]):
        assert await let_in(any_app, client, secret)
    listed = (await admin.ask("GET", where)).text
    assert new["client_secret"] not in listed
    newest, older = (await admin.get(where))["items"]
    assert [newest["id"], older["id"]] == [new["id"], first["id"]]
    assert newest["expires_at"] is None
    assert older["expires_at"].endswith("Z")
    await admin.delete(f"{where}/{first['id']}")
    await admin.delete(f"{where}/{first['id']}", 404)
    assert not await let_in(any_app, client, client["client_secret"])
    assert await let_in(any_app, client, new["client_secret"])


async def test_a_rotation_of_what_was_changed_meanwhile_is_refused(any_app: Application) -> None:
    client = await any_app.register(**MACHINE)
    admin = await administrator(any_app, *SCOPES)
    where = f"/clients/{client['client_id']}"
    seen = {"If-Match": (await admin.ask("GET", where)).headers["etag"]}
    await admin.post(f"{where}/secrets", 201, headers=seen)
    await admin.post(f"{where}/secrets", 412, headers=seen)
    assert len((await admin.get(f"{where}/secrets"))["items"]) == 2


async def test_a_client_without_a_secret_gets_none(any_app: Application) -> None:
    client = await any_app.register(token_endpoint_auth_method="none")
    admin = await administrator(any_app, *SCOPES)
    told = await admin.post(f"/clients/{client['client_id']}/secrets", 400)
    assert told["code"] == "invalid_client_metadata"


async def test_a_registration_access_token_is_issued_anew_and_revoked(any_app: Application) -> None:
    client = await any_app.register()
    admin = await administrator(any_app, *SCOPES)
    where = f"/clients/{client['client_id']}/registration-access-token"
    new = await admin.post(where, 201)
    assert new["registration_client_uri"] == client["registration_client_uri"]
    assert await status_of(any_app, client) == 401
    assert await status_of(any_app, new) == 200
    await admin.delete(where)
    assert await status_of(any_app, new) == 401
    again = await admin.post(where, 201)
    assert await status_of(any_app, again) == 200


async def test_each_needs_its_scope(any_app: Application) -> None:
    client = await any_app.register(**MACHINE)
    reader = await administrator(any_app, "clients:read")
    where = f"/clients/{client['client_id']}"
    await reader.post(f"{where}/secrets", 403)
    await reader.delete(f"{where}/secrets/x", 403)
    await reader.post(f"{where}/registration-access-token", 403)
    await reader.delete(f"{where}/registration-access-token", 403)
