"""/admin/v1/clients/export and /import: clients move from one server to another."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from conftest import MakeApplication
from dcrserver.db.tables import job_inputs
from dcrserver.services.access.admin_tokens import NewAdminToken
from harness.actors import OPERATOR
from harness.administration import Administrator, administrator
from harness.application import Application

DELETE = "clients:delete"
SCOPES = (
    "clients:read", "clients:create", "clients:update", "jobs:read", "jobs:write", "secrets:export",
)  # fmt: skip
LINES = {"Content-Type": "application/x-ndjson"}
MACHINE: dict[str, Any] = {"grant_types": ["client_credentials"], "redirect_uris": []}


def lines_of(answer: httpx.Response) -> list[dict[str, Any]]:
    return [json.loads(line) for line in answer.text.splitlines()]


async def exported(admin: Administrator, query: str = "") -> list[dict[str, Any]]:
    answer = await admin.ask("GET", f"/clients/export{query}")
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    return lines_of(answer)


async def imported(admin: Administrator, lines: Any, query: str = "") -> dict[str, Any]:
    """The job after a worker had its turn."""
    sent = "\n".join(each if isinstance(each, str) else json.dumps(each) for each in lines)
    answer = await admin.ask(
        "POST", f"/clients/import{query}", 202, content=sent.encode(), headers=LINES
    )
    await admin.app.do_job("do_jobs")
    shown: dict[str, Any] = await admin.get(f"/jobs/{answer.json()['id']}")
    return shown


def client(name: str, **members: Any) -> dict[str, Any]:
    known = {"redirect_uris": ["https://a.example/cb"], "token_endpoint_auth_method": "none"}
    return {"client_id": name, **known, **members}


async def test_what_was_exported_and_imported_elsewhere_is_exported_there_the_same(
    make_app: MakeApplication,
) -> None:
    here: Application = await make_app()
    there: Application = await make_app()
    made = [await here.register(client_name=f"n{number}") for number in range(3)]
    machine = await here.register(**MACHINE)
    admin, other = (
        await administrator(here, *SCOPES),
        await administrator(there, *SCOPES),
    )
    for number, each in enumerate(made):
        body = {"action": "tag", "tag": f"t{number}", "filter": {"name": f"n{number}"}}
        await admin.post("/clients/bulk", 202, json=body)
        assert each["client_id"]
    await admin.post(f"/clients/{made[0]['client_id']}/suspend")
    await here.do_job("do_jobs")
    lines = await exported(admin, "?credentials=true")
    assert len(lines) == 4
    assert sum("tags" in line for line in lines) == 3
    told = await imported(other, lines)
    assert (told["state"], told["changed"], told["failed"]) == ("done", 4, 0), told
    assert told["report"]["imported"] == 4
    assert await exported(other, "?credentials=true") == lines
    pair = (machine["client_id"], machine["client_secret"])
    grant = {"grant_type": "client_credentials"}
    assert (await there.http.post("/token", data=grant, auth=pair)).status_code == 200
    again = await imported(other, lines)
    assert (again["changed"], again["report"]["already_there"]) == (0, 4)


async def test_hashes_are_told_to_those_alone_who_have_the_scope(any_app: Application) -> None:
    made = await any_app.register(client_name="hashed", **MACHINE)
    reader = await administrator(any_app, "clients:read")
    await reader.get("/clients/export?credentials=true", 403)
    (line,) = await exported(reader, "?name=hashed")
    assert line["client_id"] == made["client_id"]
    assert {"client_secrets", "registration_access_tokens"}.isdisjoint(line)
    mover = await administrator(any_app, "clients:read", "secrets:export")
    (line,) = await exported(mover, "?name=hashed&credentials=true")
    assert line["client_secrets"][0]["hash"]
    assert made["client_secret"] not in json.dumps(line)


async def test_an_export_that_was_interrupted_goes_on_after_its_last_line(
    any_app: Application,
) -> None:
    admin = await administrator(any_app, "clients:read")
    for _ in range(5):
        await any_app.register(client_name="resumed")
    whole = await exported(admin, "?name=resumed")
    ids = [line["client_id"] for line in whole]
    assert len(ids) == 5
    rest = await exported(admin, f"?name=resumed&after={ids[1]}")
    assert [line["client_id"] for line in rest] == ids[2:]
    assert await exported(admin, f"?name=resumed&after={ids[-1]}") == []
    await admin.get("/clients/export?colour=red", 400)


async def test_an_export_goes_on_after_a_client_that_is_gone(any_app: Application) -> None:
    """As long as it can be restored by its client_id, and then with the moment of its line."""
    admin = await administrator(any_app, "clients:read", "clients:delete")
    made = [await any_app.register(client_name="once there") for _ in range(3)]
    whole = await exported(admin, "?name=once%20there")
    assert sorted(line["client_id"] for line in whole) == sorted(it["client_id"] for it in made)
    last, rest = whole[0], whole[1:]
    path = f"/clients/{last['client_id']}"
    await admin.ask("DELETE", path, 204)
    after = f"?name=once%20there&after={last['client_id']}"
    assert await exported(admin, after) == rest
    await admin.ask("POST", f"{path}/purge", 204)
    assert await exported(admin, f"{after}&after_issued_at={last['client_id_issued_at']}") == rest
    refused = await admin.get(f"/clients/export{after}", 400)
    assert "after_issued_at" in refused["detail"]


async def test_all_are_refused_while_one_is_unless_it_is_skipped(any_app: Application) -> None:
    admin = await administrator(any_app, *SCOPES)
    lines = [client("refused-a"), "{", client("refused-b", redirect_uris=["http://x.example/"])]
    told = await imported(admin, lines, "?dry_run=true")
    assert (told["state"], told["changed"], told["failed"], told["total"]) == ("done", 1, 2, 3)
    told = await imported(admin, lines)
    assert (told["state"], told["changed"], told["failed"]) == ("failed", 0, 2)
    assert told["report"]["reason"].startswith("2 of them are refused")
    assert [each["client_id"] for each in told["errors"]] == [None, "refused-b"]
    await admin.get("/clients/refused-a", 404)
    told = await imported(admin, lines, "?skip_refused=true")
    assert (told["state"], told["changed"], told["failed"]) == ("done", 1, 2)
    assert (await admin.get("/clients/refused-a"))["tenant"] == "default"


async def test_clients_of_other_servers_are_understood_and_told_of(any_app: Application) -> None:
    admin = await administrator(any_app, *SCOPES)
    realm = {"clients": [client("whole-a"), client("whole-b")]}
    told = await imported(admin, [realm])
    assert (told["state"], told["changed"]) == ("done", 2), told


@pytest.mark.parametrize(
    ("query", "content", "kind", "status"),
    [
        ("", b"", "application/x-ndjson", 400),
        ("?policy=unknown", b"{}", "application/x-ndjson", 400),
        ("?dry_run=perhaps", b"{}", "application/x-ndjson", 400),
        ("", b"{}", "text/csv", 415),
        ("", b"{" * 40000, "application/x-ndjson", 413),
    ],
)
async def test_what_cannot_be_imported_leaves_no_job(
    make_app: MakeApplication, query: str, content: bytes, kind: str, status: int
) -> None:
    app: Application = await make_app(admin={"max_import_bytes": 20000})
    admin = await administrator(app, *SCOPES)
    headers = {"Content-Type": kind}
    path = f"/clients/import{query}"
    refused = await admin.ask("POST", path, status, content=content, headers=headers)
    assert ("(admin.max_import_bytes)" in refused.json()["detail"]) == (status == 413)
    assert (await admin.get("/jobs"))["items"] == []


async def test_an_owner_exports_own_clients_and_imports_none(make_app: MakeApplication) -> None:
    app: Application = await make_app()
    admin = await administrator(app, *SCOPES)
    await imported(admin, [client("own", owner="ann"), client("foreign", owner="bob")])
    wanted = NewAdminToken(SCOPES[:5], 3600, "", (), owner="ann")
    token = await app.operations.token_administration.issue_admin_token("default", wanted, OPERATOR)
    ann = Administrator(app, {"Authorization": f"Bearer {token}"})
    assert [line["client_id"] for line in await exported(ann)] == ["own"]
    assert await exported(ann, "?owner=bob") == []
    await ann.ask("POST", "/clients/import", 403, content=b"{}", headers=LINES)


_KEYS = ("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",)


@pytest.mark.finding("M25")
async def test_readable_secrets_are_not_kept_where_nothing_encrypts_them(
    make_app: MakeApplication,
) -> None:
    """They lay there in clear until the job had ended, also that of a worker who never came."""
    app, keeps = await make_app(), await make_app(secrets={"encryption_keys": _KEYS})
    admin, other = await administrator(app, *SCOPES), await administrator(keeps, *SCOPES)
    basic = {"token_endpoint_auth_method": "client_secret_basic"}
    plain = client("readable", client_secret="chosen by a person", **basic)
    keycloak = {"clientId": "a", "secret": "chosen by a person", "protocol": "openid-connect"}
    late = "\n".join([*(json.dumps(client(f"readable-{at}")) for at in range(3000)), ""])
    for content in (
        json.dumps(plain),
        json.dumps(plain).replace("client_secret", "client\\u005fsecret"),
        json.dumps({"clients": [keycloak]}, indent=2),
        late + json.dumps(plain),
    ):
        sent: dict[str, Any] = {"content": content.encode(), "headers": LINES}
        refused = await admin.ask("POST", "/clients/import", 400, **sent)
        assert "secrets.encryption_keys" in refused.json()["detail"]
        assert "chosen" not in refused.text
        await other.ask("POST", "/clients/import", 202, **sent)
    assert (await admin.get("/jobs"))["items"] == []
    async with app.runtime.database.read() as tx:
        assert (await tx.session.execute(select(job_inputs.c.number), {})).all() == []


@pytest.mark.parametrize("keys", [(), _KEYS])
async def test_what_was_sent_is_kept_until_the_job_has_ended(
    make_app: MakeApplication, keys: tuple[str, ...]
) -> None:
    app: Application = await make_app(secrets={"encryption_keys": keys})
    admin = await administrator(app, *SCOPES)
    line = client("kept")
    if keys:
        basic = {"token_endpoint_auth_method": "client_secret_basic"}
        line |= {"client_secret": "chosen by a person", **basic}
    sent = {"content": json.dumps(line).encode(), "headers": LINES}
    job = await admin.post("/clients/import", 202, **sent)
    async with app.runtime.database.read() as tx:
        content = await tx.job_inputs.content("default", job["id"], 0)
    assert content is not None
    assert content.startswith("sealed:" if keys else "plain:")
    await admin.post(f"/jobs/{job['id']}/cancel")
    other = await admin.post("/clients/import", 202, **sent)
    await app.do_job("do_jobs")
    assert (await admin.get(f"/jobs/{other['id']}"))["changed"] == 1
    async with app.runtime.database.read() as tx:
        assert await tx.job_inputs.content("default", job["id"], 0) is None
        assert await tx.job_inputs.content("default", other["id"], 0) is None


async def test_a_client_that_can_be_restored_is_not_imported_in_its_place(
    any_app: Application,
) -> None:
    admin = await administrator(any_app, *SCOPES, DELETE)
    await imported(admin, [client("gone-a")])
    await admin.delete("/clients/gone-a")
    lines = [client(name, token_format="jwt") for name in ("gone-a", "gone-b")]
    told = await imported(admin, lines)
    assert (told["state"], told["changed"], told["total"]) == ("failed", 0, 2)
    for each in (*told["report"]["mapped"], *told["report"]["dropped"]):
        assert (each["count"], each["examples"]) == (1, ["gone-b"])
    assert told["report"]["dropped"], "nothing was told of it"
    assert told["errors"] == [
        {
            "client_id": "gone-a",
            "place": "line 1",
            "reason": "it was deleted and can be restored",
        }
    ]
    told = await imported(admin, lines, "?skip_refused=true")
    assert (told["state"], told["changed"], told["failed"]) == ("done", 1, 1)
    assert told["report"]["already_there"] == 0
    await admin.post("/clients/gone-a/restore")
    told = await imported(admin, lines)
    assert (told["state"], told["changed"], told["report"]["already_there"]) == ("done", 0, 2)


async def test_all_that_an_import_refused_is_told_with_its_place(any_app: Application) -> None:
    """The job's row has room for the first hundred."""
    admin = await administrator(any_app, *SCOPES)
    few = await imported(admin, [client("place-a"), "{"])
    assert [each["place"] for each in few["errors"]] == ["line 2"]
    lines = [client(f"place-{number}", redirect_uris=["x"]) for number in range(150)]
    many = await imported(admin, [client("place-a"), *lines])
    for job, number in ((few, 1), (many, 150)):
        answer = await admin.ask("GET", f"/jobs/{job['id']}/errors")
        assert answer.headers["content-type"].startswith("application/x-ndjson")
        told = lines_of(answer)
        assert len(told) == number
        assert told[: len(job["errors"])] == job["errors"]
    assert [(each["client_id"], each["place"]) for each in told] == [
        (f"place-{number}", f"line {number + 2}") for number in range(150)
    ]
    assert all("redirect_uris" in each["reason"] for each in told)
    await admin.get("/jobs/nothing/errors", 404)
