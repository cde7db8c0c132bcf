"""RFC 7592 section 2, over HTTP."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from conftest import MakeApplication
from harness.application import BASE_URL, Application, application, bearer, update_of

requirement = pytest.mark.requirement

FORBIDDEN = [
    "registration_access_token",
    "registration_client_uri",
    "client_secret_expires_at",
    "client_id_issued_at",
]


def path(client: dict[str, Any]) -> str:
    return str(client["registration_client_uri"]).removeprefix(BASE_URL)


async def put(app: Application, client: dict[str, Any], **changes: Any) -> httpx.Response:
    body = update_of(client, **changes)
    return await app.http.put(path(client), json=body, headers=bearer(client))


async def get(app: Application, client: dict[str, Any]) -> httpx.Response:
    return await app.http.get(path(client), headers=bearer(client))


@requirement("R7592-2.1-01", "R7592-3-02", "OIDR-4-01", "OIDR-4.3-01", "R7592-B-01", "OIDR-4.1-01")
async def test_read_returns_the_registration_and_its_token(any_app: Application) -> None:
    client = await any_app.register(client_name="M")
    answer = await get(any_app, client)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/json"
    shown_once = client.pop("client_secret")
    assert answer.json() == client
    assert shown_once not in answer.text


@requirement("OIDR-4.2-01", "POL-42", "R7592-2.1-03", "R7592-5-01")
async def test_reading_changes_nothing(app: Application) -> None:
    client = await app.register()
    assert (await get(app, client)).content == (await get(app, client)).content


@requirement("R7592-2.2-01", "R7592-2.2-02", "R7592-2.2-14", "R7592-2.1-03")
async def test_an_update_with_what_was_received_changes_nothing(any_app: Application) -> None:
    client = await any_app.register(client_name="M", scope="openid")
    answer = await put(any_app, client)
    assert answer.status_code == 200
    after = answer.json()
    changed = {name for name in client | after if client.get(name) != after.get(name)}
    assert changed == {"registration_access_token", "client_secret"}
    assert "client_secret" not in after


@requirement("R7592-2.2-07", "R7592-2.2-08")
async def test_an_update_replaces_the_whole_registration(any_app: Application) -> None:
    client = await any_app.register(
        redirect_uris=["https://a.example/cb", "https://b.example/cb"],
        client_name="M",
        software_id="s",
        **{"client_name#de": "D"},
    )
    body = {
        "client_id": client["client_id"],
        "redirect_uris": ["https://c.example/cb"],
        "software_id": None,
    }
    answer = await any_app.http.put(path(client), json=body, headers=bearer(client))
    after = answer.json()
    assert after["redirect_uris"] == ["https://c.example/cb"]
    assert not {"client_name", "client_name#de", "software_id"} & after.keys()
    assert after["grant_types"] == ["authorization_code"]


@requirement("R7592-2.2-15", "R7592-A-01", "POL-42", "POL-43", "R7592-2.1-02")
async def test_the_token_rotates_on_update(any_app: Application) -> None:
    client = await any_app.register()
    after = (await put(any_app, client)).json()
    assert after["registration_access_token"] != client["registration_access_token"]
    assert (await get(any_app, after)).status_code == 200
    assert (await get(any_app, client)).status_code == 401


async def test_rotation_can_be_switched_off(make_app: MakeApplication) -> None:
    app = await make_app(policy={"management": {"registration_access_token_rotation": "never"}})
    client = await app.register()
    after = (await put(app, client)).json()
    assert after["registration_access_token"] == client["registration_access_token"]
    assert (await get(app, client)).status_code == 200


@requirement("R7592-2.2-03", "R7592-2.2-04", "R7592-2.2-05", "R7592-2.2-06", "POL-44")
@pytest.mark.parametrize("name", FORBIDDEN)
async def test_members_of_the_server_are_refused_in_an_update(app: Application, name: str) -> None:
    client = await app.register()
    answer = await put(app, client, **{name: client[name]})
    assert answer.status_code == 400
    assert name in answer.json()["error_description"]
    assert (await get(app, client)).status_code == 200


async def test_they_can_be_ignored_by_policy(make_app: MakeApplication) -> None:
    app = await make_app(policy={"management": {"forbidden_fields": "ignore"}})
    client = await app.register()
    answer = await put(app, client, **{name: client[name] for name in FORBIDDEN})
    assert answer.status_code == 200


@requirement("R7592-2.2-10")
@pytest.mark.parametrize("client_id", [..., None, "other", 1])
async def test_an_update_names_its_client(app: Application, client_id: object) -> None:
    client = await app.register()
    assert (await put(app, client, client_id=client_id)).status_code == 400


@requirement("R7592-2.2-11", "R7592-2.2-12")
@pytest.mark.parametrize(
    ("secret", "status"),
    [(None, 200), ("wrong", 400), (1, 400), ("\u0000", 400), ("x" * 9999, 400)],
)
async def test_a_secret_in_an_update_is_the_current_one(
    app: Application, secret: object, status: int
) -> None:
    client = await app.register()
    assert (await put(app, client, client_secret=secret)).status_code == status


async def test_a_public_client_has_no_current_secret(app: Application) -> None:
    client = await app.register(token_endpoint_auth_method="none")
    assert (await put(app, client, client_secret="anything")).status_code == 400


@requirement("R7592-2.2-17", "R7592-2.2-09", "OIDR-7-01")
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"redirect_uris": ["https://client.example.org/x#f"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ...}, "invalid_redirect_uri"),
        ({"grant_types": 5}, "invalid_client_metadata"),
    ],
)
async def test_a_refused_update_leaves_the_record_untouched(
    any_app: Application, changes: dict[str, Any], code: str
) -> None:
    client = await any_app.register(client_name="M")
    before = (await get(any_app, client)).json()
    answer = await put(any_app, client, **changes)
    assert answer.status_code == 400
    assert answer.json()["error"] == code
    assert (await get(any_app, client)).json() == before


@requirement("POL-55")
async def test_a_change_of_method_issues_and_drops_the_secret(app: Application) -> None:
    client = await app.register(token_endpoint_auth_method="none")
    body = {"token_endpoint_auth_method": "client_secret_post"}
    confidential = (await put(app, client, **body)).json()
    assert confidential["client_secret"]
    assert confidential["client_secret_expires_at"] == 0
    body = {"token_endpoint_auth_method": "none"}
    public = (await put(app, confidential, **body)).json()
    assert not {"client_secret", "client_secret_expires_at"} & public.keys()


@requirement("R7592-2.3-01", "R7592-2.3-02", "R7592-2.3-05", "R7592-5-02")
async def test_delete_ends_everything_at_once(any_app: Application) -> None:
    client = await any_app.register(grant_types=["client_credentials"])
    answer = await any_app.http.delete(path(client), headers=bearer(client))
    assert answer.status_code == 204
    assert answer.content == b""
    assert (await get(any_app, client)).status_code == 401
    again = await any_app.http.delete(path(client), headers=bearer(client))
    assert again.status_code == 401
    token = await any_app.http.post(
        "/token",
        data={"grant_type": "client_credentials"},
        auth=(client["client_id"], client["client_secret"]),
    )
    assert (token.status_code, token.json()["error"]) == (401, "invalid_client")
    page = await any_app.http.get("/authorize", params={"client_id": client["client_id"]})
    assert page.status_code == 400


@requirement("R7592-2.3-04")
async def test_delete_that_is_not_offered_is_405(make_app: MakeApplication) -> None:
    app = await make_app(policy={"management": {"delete": False}})
    client = await app.register()
    answer = await app.http.delete(path(client), headers=bearer(client))
    assert answer.status_code == 405
    assert "DELETE" not in answer.headers["allow"]
    assert (await get(app, client)).status_code == 200


@requirement("R7592-2-01", "R6750-3-01", "R6750-3-02")
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_without_a_token_there_is_a_bare_challenge(app: Application, method: str) -> None:
    client = await app.register()
    answer = await app.http.request(method, path(client), json={})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == f'Bearer realm="{BASE_URL}"'


@requirement(
    "R7592-B-02",
    "R7592-2.1-04",
    "R7592-2.1-05",
    "R7592-2.2-16",
    "R7592-2-04",
    "OIDR-4.4-01",
    "OIDR-4.4-02",
)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_unknown_deleted_and_foreign_clients_look_the_same(
    any_app: Application, method: str
) -> None:
    mine, deleted, other = [await any_app.register() for _ in range(3)]
    await any_app.http.delete(path(deleted), headers=bearer(deleted))
    answers = [
        await any_app.http.request(method, where, headers=headers, json={})
        for where, headers in (
            ("/register/0123456789abcdef0123456789abcdef", bearer(mine)),
            (path(deleted), bearer(deleted)),
            (path(other), bearer(mine)),
            (path(other), {"Authorization": "Bearer rat_wrong"}),
            ("/register/" + "x" * 500, bearer(mine)),
            ("/register/%00", bearer(mine)),
        )
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    headers = [
        sorted(pair for pair in answer.headers.items() if pair[0] != "x-request-id")
        for answer in answers
    ]
    assert all(each == headers[0] for each in headers)
    assert 'error="invalid_token"' in answers[0].headers["www-authenticate"]
    assert (await get(any_app, mine)).status_code == 200
    assert (await get(any_app, other)).status_code == 200


@requirement("R6750-2-02", "R6750-2.3-01", "R6750-3.1-01", "POL-50")
async def test_tokens_travel_in_one_header_only(app: Application) -> None:
    client = await app.register()
    token = client["registration_access_token"]
    in_query = await app.http.get(path(client), params={"access_token": token})
    assert in_query.status_code == 401
    twice = await app.http.get(path(client), params={"access_token": token}, headers=bearer(client))
    assert (twice.status_code, twice.json()["error"]) == (400, "invalid_request")
    headers = [("Authorization", f"Bearer {token}")] * 2
    assert (await app.http.get(path(client), headers=headers)).status_code == 400


@pytest.mark.parametrize("value", ["Bearer", "Bearer ", "Bearer a b", "Bearer ü", 'Bearer "x"'])
async def test_a_malformed_token_is_an_invalid_one(app: Application, value: str) -> None:
    client = await app.register()
    headers = {"Authorization": value.encode("latin-1")}
    assert (await app.http.get(path(client), headers=headers)).status_code == 401


async def test_the_client_secret_is_no_management_credential(app: Application) -> None:
    client = await app.register()
    answer = await app.http.get(path(client), auth=(client["client_id"], client["client_secret"]))
    assert answer.status_code == 401


async def test_a_strangers_body_is_not_read(app: Application) -> None:
    client = await app.register()
    headers = {"content-type": "text/plain", "Authorization": "Bearer rat_wrong"}
    answer = await app.http.put(path(client), content=b"{", headers=headers)
    assert answer.status_code == 401


@requirement("R7592-2-03", "POL-45")
async def test_other_methods_are_405_with_allow(app: Application) -> None:
    client = await app.register()
    answer = await app.http.patch(path(client), headers=bearer(client))
    assert answer.status_code == 405
    assert answer.headers["allow"] == "DELETE, GET, HEAD, OPTIONS, PUT"
    answer = await app.http.patch("/register")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS, POST")


@requirement("R7592-5-04")
async def test_a_public_client_manages_itself(app: Application) -> None:
    client = await app.register(token_endpoint_auth_method="none")
    after = (await put(app, client, client_name="New")).json()
    assert after["client_name"] == "New"
    assert (await app.http.delete(path(after), headers=bearer(after))).status_code == 204


async def test_the_trail_tells_what_changed(any_app: Application) -> None:
    client = await any_app.register(client_name="Old")
    after = (await put(any_app, client, client_name="New", software_id="s")).json()
    await any_app.http.delete(path(after), headers=bearer(after))
    events = await any_app.events(client["client_id"])
    assert [event.type for event in events] == [
        "client.registered",
        "client.updated",
        "client.deleted",
    ]
    by_itself = ("client", client["client_id"])
    assert {(event.actor_kind, event.actor_id) for event in events[1:]} == {by_itself}
    assert {(event.subject_kind, event.subject_id) for event in events} == {by_itself}
    changes = json.loads(events[1].changes)["metadata"]
    assert changes == {"client_name": ["Old", "New"], "software_id": [None, "s"]}


async def test_of_concurrent_updates_with_one_token_one_wins(any_database: str) -> None:
    policy = {"management": {"registration_access_token_grace_seconds": 0}}
    async with application(any_database, policy=policy) as any_app:
        await _one_wins(any_app)


async def _one_wins(any_app: Application) -> None:
    client = await any_app.register()
    answers = await asyncio.gather(
        *(put(any_app, client, client_name=f"n{number}") for number in range(8))
    )
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200] + [401] * 7
    winner = next(answer.json() for answer in answers if answer.status_code == 200)
    assert (await get(any_app, winner)).json()["client_name"] == winner["client_name"]


async def test_concurrent_updates_without_rotation_all_happen(make_app: MakeApplication) -> None:
    app = await make_app(policy={"management": {"registration_access_token_rotation": "never"}})
    client = await app.register()
    answers = await asyncio.gather(*(put(app, client, client_name=f"n{n}") for n in range(4)))
    assert {answer.status_code for answer in answers} == {200}
    async with app.runtime.database.read() as tx:
        record = await tx.clients.find("default", client["client_id"])
        assert record is not None
        assert record.version == 5
    assert len(await app.events(client["client_id"])) == 5


@requirement("POL-55")
async def test_the_method_can_be_fixed(make_app: MakeApplication) -> None:
    app = await make_app(policy={"management": {"method_change": "reject"}})
    client = await app.register()
    url = client["registration_client_uri"]
    same = await app.http.put(url, json=update_of(client), headers=bearer(client))
    assert same.status_code == 200
    other = update_of(client, token_endpoint_auth_method="none", client_secret=...)
    refused = await app.http.put(url, json=other, headers=bearer(same.json()))
    assert refused.status_code == 400
    assert refused.json() == {
        "error": "invalid_client_metadata",
        "error_description": "token_endpoint_auth_method must not be changed",
    }
