"""Clients that end: by the policy of their birth, or as administrators say."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from conftest import MakeApplication
from dcrserver.repositories.clients import ClientRecord
from dcrserver.services.access.admin_tokens import NewAdminToken
from dcrserver.services.access.stored_clients import next_version
from flows.test_approvals import token
from flows.test_authorization_server import ask, basic
from flows.test_shared_clients import native
from flows.test_token_status import INACTIVE, look
from harness.actors import OPERATOR
from harness.administration import Administrator, administrator
from harness.application import CALLBACK, Application, application, bearer, update_of
from harness.statements import statement, trusting

DAY = 86_400
MONTH = 30 * DAY
STATEMENTS = [
    {"name": "month", "when": {"origin": ["open", "import"]},
     "then": {"expire": {"client": MONTH}}},
    {"name": "native", "when": {"application_type": "native"}, "then": {"expire": {"client": DAY}}},
]  # fmt: skip
MACHINE = {"grant_types": ["client_credentials"], "redirect_uris": [CALLBACK], "scope": "read"}
LOCAL = {"application_type": "native", "redirect_uris": ["http://127.0.0.1/cb"]}
_SCOPES = (
    "clients:read", "clients:create", "clients:update", "clients:delete", "jobs:read", "jobs:write",
    "policies:override", "secrets:export", "statistics:read",
)  # fmt: skip


@pytest.fixture
async def app(any_database: str) -> AsyncIterator[Application]:
    async with application(
        any_database, policy={"statements": STATEMENTS}, tokens={"enabled": True},
        authorization_server={"scopes_supported": ["read"]},
    ) as made:  # fmt: skip
        yield made


@pytest.fixture
async def admin(app: Application) -> Administrator:
    return await administrator(app, *_SCOPES)


async def stored(app: Application, client_id: str) -> ClientRecord:
    async with app.runtime.database.read() as tx:
        found = await tx.clients.find("default", client_id)
    assert found is not None
    return found


async def end_at(app: Application, client_id: str, moment: int) -> None:
    """As if it had been registered earlier."""
    old = await stored(app, client_id)
    new = next_version(old, old, expires_at=moment)
    assert await app.runtime.database.transact(lambda tx: tx.clients.replace(old, new))


async def is_over(app: Application, client: dict[str, Any]) -> None:
    await end_at(app, client["client_id"], int(time.time()))


def lasts(moment: int | None, seconds: int) -> bool:
    return moment is not None and seconds - 30 <= moment - time.time() <= seconds


def text(moment: float) -> str:
    return datetime.fromtimestamp(int(moment), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


async def types(app: Application, client_id: str) -> list[str]:
    return [each.type for each in await app.events(client_id)]


async def test_a_policy_says_when_a_client_ends(app: Application, admin: Administrator) -> None:
    made = await app.register(**MACHINE)
    assert lasts(made["client_expires_at"], MONTH)
    read = (await app.http.get(made["registration_client_uri"], headers=bearer(made))).json()
    assert read["client_expires_at"] == made["client_expires_at"]
    shown = await admin.get(f"/clients/{made['client_id']}")
    assert (shown["status"], shown["expires_at"]) == ("active", text(made["client_expires_at"]))
    assert (await token(app, made)).json()["expires_in"] > 60
    # The statement is about others.
    other = await admin.post("/clients", 201, json={"metadata": MACHINE})
    assert other["expires_at"] is None
    assert (await stored(app, other["client_id"])).expires_at is None
    # Of several the shortest counts.
    assert lasts((await app.register(**LOCAL))["client_expires_at"], DAY)


async def test_nothing_of_a_client_works_when_its_time_is_over(
    app: Application, admin: Administrator
) -> None:
    made = await app.register(**MACHINE)
    client_id, own = made["client_id"], made["registration_client_uri"]
    await end_at(app, client_id, int(time.time()) + 50)
    given = (await token(app, made)).json()
    assert given["expires_in"] <= 50  # no token outlives its client
    assert (await look(app, given["access_token"]))["active"]
    await is_over(app, made)
    assert (await token(app, made)).status_code == 401
    assert await look(app, given["access_token"]) == INACTIVE
    assert not (await ask(app, authorization=basic(made)))["active"]
    server = await app.admin_token("clients:read")
    path = f"/authorization-server/clients/{client_id}"
    assert (await app.http.get(path, headers=server)).status_code == 404
    assert (await app.http.get("/authorize", params={"client_id": client_id})).status_code == 400
    for answer in (
        await app.http.get(own, headers=bearer(made)),
        await app.http.put(own, json=update_of(made), headers=bearer(made)),
        await app.http.delete(own, headers=bearer(made)),
    ):
        assert answer.status_code == 401, answer.text
    # Administrators see it until it is removed, a minute later at most.
    assert (await admin.get(f"/clients/{client_id}"))["status"] == "expired"
    for status, is_one in {"active": False, "suspended": False, "expired": True}.items():
        found = await admin.get(f"/clients?status={status}&expires_before={text(time.time() + 9)}")
        assert (client_id in {each["client_id"] for each in found["items"]}) is is_one, status
    shares = await admin.get("/statistics?by=status")
    assert "expired" in {each["value"] for each in shares["clients"]}
    await app.do_job("remove_ended_clients")
    await admin.get(f"/clients/{client_id}", 404)
    assert await types(app, client_id) == ["client.registered", "client.expired"]
    event = (await app.events(client_id))[-1]
    assert event.actor_kind == "system"
    assert json.loads(event.changes)["metadata"]["redirect_uris"] == [CALLBACK]
    # As of any deleted one; it has no end any more, or it would be gone again at once.
    restored = await admin.post(f"/clients/{client_id}/restore")
    assert (restored["status"], restored["expires_at"]) == ("active", None)
    assert (await token(app, made)).status_code == 200
    await app.do_job("remove_ended_clients")
    assert (await token(app, made)).status_code == 200


async def test_who_is_suspended_ends_as_well_and_stays_suspended(
    app: Application, admin: Administrator
) -> None:
    made = await app.register(**MACHINE)
    path = f"/clients/{made['client_id']}"
    await admin.post(f"{path}/suspend")
    await is_over(app, made)
    assert (await admin.get(path))["status"] == "suspended"
    assert (await admin.post(f"{path}/resume"))["status"] == "expired"
    await admin.post(f"{path}/suspend")
    await app.do_job("remove_ended_clients")
    back = await admin.post(f"/clients/{made['client_id']}/restore")
    assert (back["status"], back["expires_at"]) == ("suspended", None)


async def test_administrators_say_when_a_client_ends(
    app: Application, admin: Administrator
) -> None:
    made = await app.register(**MACHINE)
    path, ends = f"/clients/{made['client_id']}", text(made["client_expires_at"])
    year = text(time.time() + 365 * DAY)

    async def patch(status: int = 200, **members: Any) -> Any:
        headers = {"content-type": "application/merge-patch+json"}
        return (await admin.ask("PATCH", path, status, json=members, headers=headers)).json()

    assert (await patch(tags=["x"]))["expires_at"] == ends
    assert (await patch(expires_at=year))["expires_at"] == year
    changes = json.loads((await app.events(made["client_id"]))[-1].changes)
    assert changes["expires_at"] == [ends, year]
    # To send back what was shown, and to say nothing, changes nothing; nor does the client.
    assert (await patch(expires_at=year, tags=["y"]))["expires_at"] == year
    whole = {"metadata": MACHINE}
    assert (await admin.ask("PUT", path, json=whole)).json()["expires_at"] == year
    renamed = update_of(made, client_name="renamed")
    told = await app.http.put(made["registration_client_uri"], json=renamed, headers=bearer(made))
    assert text(told.json()["client_expires_at"]) == year
    assert (await patch(expires_at=None))["expires_at"] is None
    assert (await stored(app, made["client_id"])).expires_at == 0
    token_of = {"registration_access_token": told.json()["registration_access_token"]}
    told = await app.http.put(
        made["registration_client_uri"], json=renamed | {"client_name": "again"},
        headers=bearer(token_of),
    )  # fmt: skip
    assert told.status_code == 200, told.text
    assert "client_expires_at" not in told.json()
    for wrong in ("soon", text(time.time() - 9), "2027-13-01", -1, True, 1.5):
        await patch(400, expires_at=wrong)
    born = await admin.post("/clients", 201, json=whole | {"expires_at": year})
    assert born["expires_at"] == year
    operations = [
        {"op": "test", "path": "/expires_at", "value": year},
        {"op": "remove", "path": "/expires_at"},
    ]
    headers = {"content-type": "application/json-patch+json"}
    patched = await admin.ask(
        "PATCH", f"/clients/{born['client_id']}", json=operations, headers=headers
    )
    assert patched.json()["expires_at"] is None


async def test_dcrm_tells_and_takes_it_in_seconds(app: Application) -> None:
    headers = await app.admin_token("clients:read", "clients:create", "clients:update")
    moment = int(time.time()) + 500
    sent = MACHINE | {"expires_at": moment}
    made = (await app.http.post("/register", json=sent, headers=headers)).json()
    assert made["expires_at"] == moment
    own = f"/register/{made['client_id']}"
    read = (await app.http.get(own, headers=headers)).json()
    assert read["expires_at"] == moment
    same = {name: read[name] for name in (*MACHINE, "client_id", "expires_at")}
    put = await app.http.put(own, json=same | {"expires_at": moment + 1}, headers=headers)
    assert put.json()["expires_at"] == moment + 1
    put = await app.http.put(own, json=same | {"expires_at": 0}, headers=headers)
    assert "expires_at" not in put.json()


async def test_nobody_sets_it_for_its_own_clients(app: Application, admin: Administrator) -> None:
    """Whoever registers itself sends it in vain; an owner is told so."""
    sent = MACHINE | {"expires_at": 2**33, "client_expires_at": 2**33}
    made = await app.register(**sent)
    assert lasts(made["client_expires_at"], MONTH)
    own, change = made["registration_client_uri"], update_of(made, expires_at=0)
    change |= {"client_expires_at": 0}
    told = (await app.http.put(own, json=change, headers=bearer(made))).json()
    assert told["client_expires_at"] == made["client_expires_at"]
    wanted = NewAdminToken(("clients:read", "clients:update"), 3600, owner="us")
    issued = app.operations.token_administration.issue_admin_token
    owner = Administrator(
        app, {"Authorization": f"Bearer {await issued('default', wanted, OPERATOR)}"}
    )
    path = f"/clients/{made['client_id']}"
    headers = {"content-type": "application/merge-patch+json"}
    await admin.ask("PATCH", path, json={"owner": "us"}, headers=headers)
    for wanted in ("2099-01-01", None):
        sent = {"expires_at": wanted}
        refused = await owner.ask("PATCH", path, 400, json=sent, headers=headers)
        assert "set by administrators" in refused.text
    await owner.ask("PATCH", path, json={"tags": ["ours"]}, headers=headers)


async def test_an_update_makes_no_client_live_longer(app: Application) -> None:
    made = await app.register(**MACHINE)
    own, headers = made["registration_client_uri"], bearer(made)
    await end_at(app, made["client_id"], int(time.time()) + 2 * DAY)

    async def put(**changes: Any) -> int | None:
        nonlocal headers
        answer = await app.http.put(own, json=update_of(made, **changes), headers=headers)
        assert answer.status_code == 200, answer.text
        headers = bearer(answer.json())
        ends: int | None = answer.json().get("client_expires_at")
        return ends

    assert lasts(await put(client_name="other"), 2 * DAY)
    # It becomes one that lives shorter, and is one for good.
    assert lasts(await put(**LOCAL, grant_types=["authorization_code"]), DAY)
    await end_at(app, made["client_id"], int(time.time()) + 500)
    assert lasts(await put(**LOCAL, grant_types=["authorization_code"]), 500)
    assert lasts(await put(), 500)
    # One that was there before its policy said so has an end from its next write on.
    old = await stored(app, made["client_id"])
    new = next_version(old, old, expires_at=None)
    assert await app.runtime.database.transact(lambda tx: tx.clients.replace(old, new))
    assert lasts(await put(client_name="late"), MONTH)


async def test_an_administrator_passes_it_with_an_override(admin: Administrator) -> None:
    local = {"metadata": LOCAL}
    assert (await admin.post("/clients", 201, json=local))["expires_at"]
    passed = await admin.post("/clients", 201, json=local | {"policy_override": True})
    assert passed["expires_at"] is None


async def test_it_moves_with_the_client(app: Application, admin: Administrator) -> None:
    ids = []
    for moment in (int(time.time()) + 777, 0, None):
        made = await app.register(**MACHINE)
        ids.append(made["client_id"])
        old = await stored(app, made["client_id"])
        new = next_version(old, old, expires_at=moment)
        assert await app.runtime.database.transact(
            lambda tx, old=old, new=new: tx.clients.replace(old, new)  # type: ignore[misc]
        )
    lines = (await admin.ask("GET", "/clients/export?credentials=true")).text.splitlines()
    found = {json.loads(each)["client_id"]: each for each in lines}
    before = [await stored(app, each) for each in ids]
    for each in ids:
        await admin.delete(f"/clients/{each}")
        await admin.ask("POST", f"/clients/{each}/purge", 204)
    body = "\n".join(found[each] for each in ids)
    headers = {"content-type": "application/x-ndjson"}
    answer = await admin.ask("POST", "/clients/import", 202, content=body, headers=headers)
    await app.do_job("do_jobs")
    report = await admin.get(f"/jobs/{answer.json()['id']}")
    assert report["changed"] == 3, report
    after = [await stored(app, each) for each in ids]
    assert [each.expires_at for each in after[:2]] == [each.expires_at for each in before[:2]]
    # Of which nobody said when it ends: the policy here says it, as of any that comes to be.
    assert lasts(after[2].expires_at, MONTH)


async def test_lists_tell_which_end_soon(app: Application, admin: Administrator) -> None:
    made = [await app.register(**MACHINE) for _ in range(3)]
    now = int(time.time())
    for client, moment in zip(made, (now + 1000, now + 2000, 0), strict=True):
        await end_at(app, client["client_id"], moment)
    ids = [each["client_id"] for each in made]

    async def found(query: str) -> list[int]:
        items = (await admin.get(f"/clients?{query}"))["items"]
        return sorted(ids.index(each["client_id"]) for each in items if each["client_id"] in ids)

    assert await found(f"expires_before={text(now + 1001)}") == [0]
    assert await found(f"expires_after={text(now + 1001)}&expires_before={now + 9999}") == [1]
    assert await found("expires_after=0") == [0, 1]
    assert await found("status=active") == [0, 1, 2]


async def test_who_is_told_of_a_client_that_many_share_has_half_of_its_time(
    make_app: MakeApplication,
) -> None:
    policy = {"statements": STATEMENTS, "registration": {"reuse_public_clients": True}}
    app = await make_app(policy=policy)
    body = native()
    first = (await app.http.post("/register", json=body)).json()
    now = int(time.time())
    for left, is_same in ((0, True), (DAY // 2 + 60, True), (DAY // 2 - 60, False)):
        if left:
            await end_at(app, first["client_id"], now + left)
        again = (await app.http.post("/register", json=body)).json()
        assert (again["client_id"] == first["client_id"]) is is_same, left
    third = (await app.http.post("/register", json=body)).json()
    assert third == again
    await is_over(app, third)
    assert (await app.http.post("/register", json=body)).json()["client_id"] != third["client_id"]


async def test_what_vouches_for_it_counts_for_how_long_it_lives(
    make_app: MakeApplication, tmp_path: Path
) -> None:
    """Also of what it is given: how it came to be is known when its statement was verified."""
    signed = {"name": "signed", "when": {"origin": "software_statement"},
              "then": {"expire": {"client": 500, "secret": 400}}}  # fmt: skip
    groups = trusting(tmp_path)
    groups["policy"] |= {"statements": [*STATEMENTS, signed]}
    app = await make_app(**groups)
    made = await app.register(software_statement=statement())
    assert lasts(made["client_expires_at"], 500)
    assert lasts(made["client_secret_expires_at"], 400)
    assert lasts((await app.register())["client_expires_at"], MONTH)
