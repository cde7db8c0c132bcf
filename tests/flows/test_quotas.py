"""How many clients there may be that are alike, counted by whoever writes one, everywhere."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from typing import Any

import pytest
from pydantic import ValidationError

from conftest import MakeApplication
from dcrserver.policies import Policy
from harness.application import CALLBACK, Application, application, bearer, update_of

_AT_ONCE = 12


def limit(by: str, clients: int, **when: Any) -> dict[str, Any]:
    return {"name": f"few-{by}", "when": when, "then": {"limit": {"by": by, "clients": clients}}}


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"statements": [*statements]}


async def status(
    app: Application, path: str = "/register", error: str = "access_denied", **metadata: Any
) -> int:
    body = {"redirect_uris": [CALLBACK]} | metadata
    answer = await app.http.post(path, json=body)
    if answer.status_code == 400:
        told = answer.json()
        assert told["error"] == error
        assert error != "access_denied" or "and may be no more" in told["error_description"]
    return answer.status_code


@pytest.mark.finding("L5")
async def test_instances_that_race_make_no_more_than_there_may_be(any_database: str) -> None:
    """Two of them, each with many at once; what is deleted leaves room for one."""
    software = secrets.token_hex(8)
    rules = {"policy": policy(limit("software_id", 5))}
    async with application(any_database, **rules) as one, application(any_database, **rules) as two:
        asked = [status(app, software_id=software) for app in (one, two) * (_AT_ONCE // 2)]
        assert Counter(await asyncio.gather(*asked)) == {201: 5, 400: _AT_ONCE - 5}
        assert await status(one, software_id=f"{software}-other") == 201
        assert await status(one) == 201, "without one there is nothing to count"


async def test_what_is_deleted_leaves_room_and_what_is_suspended_does_not(
    make_app: MakeApplication,
) -> None:
    app = await make_app(policy=policy(limit("software_id", 2)))
    first, second = [await app.register(software_id="s") for _ in range(2)]
    admin = await app.admin_token("clients:update")
    path = f"/admin/v1/clients/{first['client_id']}/suspend"
    answer = await app.http.post(path, headers=admin)
    assert answer.status_code in {200, 204}, answer.text
    assert await status(app, software_id="s") == 400
    uri = second["registration_client_uri"]
    assert (await app.http.delete(uri, headers=bearer(second))).status_code == 204
    assert await status(app, software_id="s") == 201
    assert await status(app, software_id="s") == 400


@pytest.mark.finding("L5")
async def test_nobody_gets_around_it_by_an_update(make_app: MakeApplication) -> None:
    app = await make_app(policy=policy(limit("software_id", 1)))
    await app.register(software_id="s")
    other = await app.register(software_id="t")
    uri = other["registration_client_uri"]
    for software, expected in (("s", 400), ("t", 200), ("u", 200)):
        body = update_of(other, software_id=software, client_name=software)
        answer = await app.http.put(uri, json=body, headers=bearer(other))
        assert answer.status_code == expected, answer.text
        other = answer.json() if answer.status_code == 200 else other
    assert await status(app, software_id="t") == 201, "which was left"


@pytest.mark.finding("L5")
@pytest.mark.parametrize("by", ["tenant", "origin", "software_id"])
async def test_nobody_becomes_by_an_update_what_there_may_be_no_more_of(
    any_database: str, by: str
) -> None:
    """``when`` may be about what changes, and the client be alike before and after."""
    software = secrets.token_hex(8)
    fields = {"software_id": software, "redirect_uris": ["https://far.example/cb"]}
    rule = limit(by, 2, **{"redirect_uris.host": "far.example"})
    async with application(
        any_database, tenants={software: {"policy": "few"}}, policies={"few": policy(rule)}
    ) as app:
        path, near = f"/t/{software}/register", {"redirect_uris": ["https://near.example/cb"]}
        made = []
        for body in (fields | near, fields | near, fields, fields | near):
            answer = await app.http.post(path, json=body)
            assert answer.status_code == (400 if body == fields else 201), answer.text
            made.append(answer.json())
        first, *_ = made
        uri, headers = first["registration_client_uri"], bearer(first)
        for host, expected in (("far", 400), ("near", 200)):
            uris = [f"https://{host}.example/cb", "https://other.example/cb"]
            body = update_of(first, redirect_uris=uris)
            answer = await app.http.put(uri, json=body, headers=headers)
            assert answer.status_code == expected, answer.text
            headers = bearer(answer.json()) if expected == 200 else headers
        # There is room for one of those that are there, once there are no more of them.
        for gone in (made[1], made[3]):
            own = gone["registration_client_uri"]
            assert (await app.http.delete(own, headers=bearer(gone))).status_code == 204
        for name in ("becomes one", "stays one"):
            body = update_of(first, **fields, client_name=name)
            answer = await app.http.put(uri, json=body, headers=headers)
            assert answer.status_code == 200, answer.text
            headers = bearer(answer.json())
        # Who was one before stays one, however many there are by now.
        for _ in range(2):
            assert (await app.http.post(path, json=fields | near)).status_code == 201
        body = update_of(first, **fields, client_name="stays one still")
        assert (await app.http.put(uri, json=body, headers=headers)).status_code == 200


async def test_clients_of_an_issuer_and_of_an_origin_are_counted(
    make_app: MakeApplication,
) -> None:
    few = [limit("origin", 1, origin="open"), limit("tenant", 3, origin="initial_access_token")]
    app = await make_app(policy=policy(*few), tenants={"acme": {}})
    assert await status(app) == 201
    assert await status(app) == 400
    assert await status(app, "/t/acme/register") == 201, "another issuer's clients are its own"
    token = {"Authorization": f"Bearer {await app.initial_token()}"}
    body = {"redirect_uris": [CALLBACK]}
    told = [(await app.http.post("/register", json=body, headers=token)).status_code for _ in "123"]
    assert told == [201, 201, 400]


async def test_owners_have_so_many_and_who_may_writes_past_it(make_app: MakeApplication) -> None:
    app = await make_app(policy=policy(limit("owner", 1)))
    admin = await app.admin_token("clients:create", "policies:override")

    async def make(**facts: Any) -> int:
        body = {"metadata": {"redirect_uris": [CALLBACK]}} | facts
        return (await app.http.post("/admin/v1/clients", json=body, headers=admin)).status_code

    assert [await make(owner="alice") for _ in "12"] == [201, 400]
    assert await make(owner="alice", policy_override=True) == 201
    assert await make(owner="bob") == 201
    assert [await make() for _ in "12"] == [201, 201], "without an owner there is nothing to count"


async def test_statements_ask_how_many_there_are(make_app: MakeApplication) -> None:
    """From the second client of a program on, a stranger has to say whom to ask."""
    asks = {
        "name": "many",
        "when": {"clients.software_id": {"from": 1, "until": 3}, "origin": "open"},
        "then": {"require": ["contacts"]},
    }
    app = await make_app(policy=policy(asks))
    contacts = {"contacts": ["a@client.example.org"]}
    assert await status(app, error="invalid_client_metadata", software_id="s") == 201
    assert await status(app, error="invalid_client_metadata", software_id="s") == 400
    assert [await status(app, software_id="s", **contacts) for _ in "12"] == [201, 201]
    told = await status(app, software_id="s")
    assert told == 201, "there are three by now"
    assert [await status(app) for _ in "12"] == [201, 201], "without one there is nothing to count"


async def test_an_owner_with_many_clients_is_asked_for_more(make_app: MakeApplication) -> None:
    asks = {"name": "m", "when": {"clients.owner": {"from": 1}}, "then": {"require": ["contacts"]}}
    app = await make_app(policy=policy(asks))
    admin = await app.admin_token("clients:create")
    told = []
    for owner in ("alice", "alice", "bob", None):
        body = {"metadata": {"redirect_uris": [CALLBACK]}, "owner": owner}
        told.append(await app.http.post("/admin/v1/clients", json=body, headers=admin))
    assert [each.status_code for each in told] == [201, 400, 201, 201]


async def test_the_preview_tells_what_is_reached(make_app: MakeApplication) -> None:
    app = await make_app(
        policy=policy(limit("software_id", 1)), registration={"validate_endpoint": True}
    )
    body = {"redirect_uris": [CALLBACK], "software_id": "s"}
    for acceptable in (True, False):
        told = (await app.http.post("/register/validate", json=body)).json()
        assert told["acceptable"] is acceptable
        assert await status(app, software_id="s") == (201 if acceptable else 400)
    assert told["error"] == "access_denied"
    assert told["policy"] == {"decision": "reject", "statements": ["few-software_id"]}


@pytest.mark.parametrize(
    "statement",
    [
        {"when": {"clients.software_id": 5}, "then": {"hold": True}},
        {"when": {"clients.software_id": {"from": "5"}}, "then": {"hold": True}},
        {"when": {"clients.software_id": {"from": 5, "until": 5}}, "then": {"hold": True}},
        {"when": {"clients.contacts": {"from": 5}}, "then": {"hold": True}},
        {"then": {"limit": {"by": "contacts", "clients": 5}}},
        {"then": {"limit": {"by": "owner", "clients": -1}}},
        {"then": {"limit": {"by": "owner", "clients": "5"}}},
        {"then": {"limit": {"by": "owner"}}},
    ],
)
def test_what_cannot_be_counted_is_told_when_it_is_written(statement: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Policy.model_validate({"statements": [{"name": "n"} | statement]})
