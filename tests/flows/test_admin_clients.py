"""/admin/v1/clients: administrators look at clients."""

from __future__ import annotations

from dcrserver.security import new_client_id
from harness.administration import administrator
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


async def test_clients_are_found_right_after_they_registered(any_app: Application) -> None:
    name = f"Found {new_client_id()}"
    made = await any_app.register(client_name=name, software_id="s-1")
    headers = await any_app.admin_token("clients:read")

    async def found(**query: str) -> list[str]:
        answer = await any_app.http.get(CLIENTS, headers=headers, params=query)
        assert answer.status_code == 200, answer.text
        return [item["client_id"] for item in answer.json()["items"]]

    mine = [made["client_id"]]
    assert await found(name=name.upper()) == mine
    assert await found(q=name[6:20], software_id="s-1", sort="name") == mine
    assert await found(**{"name": name, "metadata.software_id": "s-1"}) == mine
    assert await found(name=name, status="suspended") == []
    assert await found(name=name, origin="open", sort="-last_used") == mine
    assert await found(client_name=name, token_endpoint_auth_method="client_secret_basic") == mine
    counted = await any_app.http.get(f"{CLIENTS}/count", headers=headers, params={"name": name})
    assert counted.json() == {"value": 1, "is_exact": True}


async def test_a_filter_or_sort_that_does_not_exist_is_refused(any_app: Application) -> None:
    headers = await any_app.admin_token("clients:read")
    for query in ("colour=red", "sort=colour", "status=alive", "created_after=soon", "metadata.=1",
                  "q=", "q=a&q=b", "name=a&client_name=a"):  # fmt: skip
        answer = await any_app.http.get(f"{CLIENTS}?{query}", headers=headers)
        assert answer.status_code == 400, query
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_cursor_is_good_for_its_own_filter_and_sort_only(any_app: Application) -> None:
    for _ in range(3):
        await any_app.register(client_name="cursor")
    headers = await any_app.admin_token("clients:read")
    first = await any_app.http.get(f"{CLIENTS}?name=cursor&sort=name&limit=1", headers=headers)
    cursor = first.json()["next"]
    good = await any_app.http.get(
        f"{CLIENTS}?name=cursor&sort=name&limit=2&cursor={cursor}", headers=headers
    )
    assert (good.status_code, len(good.json()["items"])) == (200, 2)
    for query in ("name=cursor&sort=created", "name=other&sort=name"):
        answer = await any_app.http.get(f"{CLIENTS}?{query}&cursor={cursor}", headers=headers)
        assert answer.status_code == 400


async def test_a_member_that_nobody_can_have_is_no_filter(any_app: Application) -> None:
    """Who mistypes it would take the empty answer for the truth; a bulk change, too."""
    admin = await administrator(any_app, "clients:read", "clients:update", "jobs:write")
    for path in ("/clients", "/clients/count", "/clients/export"):
        refused = await admin.get(f"{path}?metadata.softwareid=x", 400)
        assert "did you mean metadata.software_id?" in refused["detail"], path
    body = {"action": "suspend", "filter": {"metadata.softwareid": "x"}}
    refused = await admin.post("/clients/bulk", 400, json=body)
    assert refused["errors"][0]["pointer"] == "#/filter/metadata.softwareid"
    await admin.get("/clients?metadata.client_name%23fr=x")


async def test_an_answer_without_a_body_says_nothing_of_its_kind(any_app: Application) -> None:
    admin = await administrator(any_app, "clients:delete")
    made = await any_app.register()
    answer = await admin.ask("DELETE", f"/clients/{made['client_id']}", 204)
    assert "content-type" not in answer.headers
