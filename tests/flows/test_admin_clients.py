"""/admin/v1/clients: administrators look at clients."""

from __future__ import annotations

from harness.application import Application

CLIENTS = "/admin/v1/clients"


async def test_an_administrator_pages_through_the_clients(any_app: Application) -> None:
    made = {(await any_app.register(client_name="paged"))["client_id"] for _ in range(5)}
    headers = await any_app.admin_token("clients:read")
    seen: list[str] = []
    url = f"{CLIENTS}?limit=2&contains=paged"
    while url:
        answer = await any_app.http.get(url, headers=headers)
        assert answer.status_code == 200, answer.text
        seen += [item["client_id"] for item in answer.json()["items"]]
        url = answer.headers.get("link", "").partition(">")[0].removeprefix("<")
    assert made <= set(seen)
    assert len(set(seen)) == len(seen)


async def test_a_client_is_shown_with_everything_but_a_secret(any_app: Application) -> None:
    client = await any_app.register(client_name="shown", scope="openid")
    headers = await any_app.admin_token("clients:read")
    where = f"{CLIENTS}/{client['client_id']}"
    answer = await any_app.http.get(where, headers=headers)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["metadata"]["client_name"] == "shown"
    assert (told["tenant"], told["status"], told["version"]) == ("default", "active", 1)
    assert told["created_at"].endswith("Z")
    assert told["suspended_at"] is None
    (secret,) = told["secrets"]
    assert {*secret} == {"id", "issued_at", "expires_at", "last_used_at"}
    for hidden in ("client_secret", "registration_access_token"):
        assert client[hidden] not in answer.text
    again = await any_app.http.get(
        where, headers=headers | {"If-None-Match": answer.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")
    part = await any_app.http.get(f"{where}?fields=client_id,status", headers=headers)
    assert part.json() == {"client_id": client["client_id"], "status": "active"}


async def test_a_client_that_is_not_there_is_404(any_app: Application) -> None:
    headers = await any_app.admin_token("clients:read")
    for name in ("unknown", "a%00b", "%2F"):
        answer = await any_app.http.get(f"{CLIENTS}/{name}", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
