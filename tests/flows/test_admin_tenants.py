"""/admin/v1/tenants: tenants that are made, changed and ended at run time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from conftest import MakeApplication
from dcrserver.db.queries import Queries
from dcrserver.db.tables import metadata
from dcrserver.names import ALL_TENANTS
from dcrserver.repositories.tenant_rows import KEPT, TABLES
from dcrserver.repositories.transaction import Transaction
from dcrserver.security import new_client_id
from dcrserver.services.access.admin_tokens import NewAdminToken
from dcrserver.services.tenants.lifecycle import DELETION
from dcrserver.wiring.configured import Configured
from dcrserver.wiring.foundation import opened
from dcrserver.wiring.shared import policy_administration, tenant_lifecycle
from harness.actors import OPERATOR
from harness.application import CALLBACK, Application, application, settings

TENANTS = "/admin/v1/tenants"


@dataclass
class Administrator:
    """Calls the API as somebody."""

    http: httpx.AsyncClient
    headers: dict[str, str]

    async def ask(self, method: str, path: str, status: int, body: Any = None, **more: str) -> Any:
        answer = await self.http.request(method, path, json=body, headers=self.headers | more)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None


async def administrator(app: Application, *scopes: str, tenant: str = ALL_TENANTS) -> Administrator:
    token = await app.operations.token_administration.issue_admin_token(
        tenant, NewAdminToken(scopes or ("tenants:read", "tenants:write"), 600, "", ()), OPERATOR
    )
    return Administrator(app.http, {"Authorization": f"Bearer {token}"})


@pytest.fixture
async def two(any_database: str) -> AsyncIterator[tuple[Application, Application]]:
    async with AsyncExitStack() as stack:
        yield (
            await stack.enter_async_context(application(any_database)),
            await stack.enter_async_context(application(any_database)),
        )


async def registered(app: Application, path: str, status: int = 201) -> Any:
    answer = await app.http.post(f"{path}/register", json={"redirect_uris": [CALLBACK]})
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_a_tenant_is_made_changed_suspended_and_deleted(any_app: Application) -> None:
    name = new_client_id()
    admin = await administrator(any_app)
    made = await admin.ask("POST", TENANTS, 201, {"name": name, "webfinger": [f"{name}.example"]})
    assert (made["name"], made["status"], made["declared"]) == (name, "active", False)
    assert made["issuer"].endswith(f"/t/{name}")
    assert made["broken"] is None
    client = await registered(any_app, f"/t/{name}")
    changed = await admin.ask("PATCH", f"{TENANTS}/{name}", 200, {"mode": "closed"})
    assert (changed["mode"], changed["webfinger"]) == ("closed", [f"{name}.example"])
    await registered(any_app, f"/t/{name}", 401)
    changed = await admin.ask("PATCH", f"{TENANTS}/{name}", 200, {"mode": None})
    assert changed["mode"] is None
    for verb, status, answer in (("suspend", "suspended", 503), ("resume", "active", 201)):
        told = await admin.ask("POST", f"{TENANTS}/{name}/{verb}", 200)
        assert told["status"] == status
        await registered(any_app, f"/t/{name}", answer)
    told = await admin.ask("DELETE", f"{TENANTS}/{name}", 202)
    assert told["status"] == "deleting"
    await registered(any_app, f"/t/{name}", 404)
    bearer = {"Authorization": f"Bearer {client['registration_access_token']}"}
    gone = await any_app.http.get(f"/t/{name}/register/{client['client_id']}", headers=bearer)
    assert gone.status_code == 404


@pytest.mark.finding("M9")
async def test_what_cannot_be_a_tenant_is_refused_with_its_place(make_app: MakeApplication) -> None:
    app = await make_app(
        tenants={"filed": {"webfinger": ["filed.example"]}}, policies={"known": {}}
    )
    admin = await administrator(app)
    await admin.ask("POST", TENANTS, 201, {"name": "there"})
    for body, status, pointer in (
        ({}, 400, "#/name"),
        ({"name": 1}, 400, "#/name"),
        ({"name": "default"}, 400, "#/name"),
        ({"name": "a/b"}, 400, "#/name"),
        ({"name": "n", "moed": "open"}, 400, "#/moed"),
        ({"name": "n", "mode": "ajar"}, 400, "#/mode"),
        ({"name": "n", "path": "no-slash"}, 400, "#/path"),
        ({"name": "n", "base_url": "ftp://a.example"}, 400, "#/base_url"),
        ({"name": "n", "base_url": "https://a.example"}, 400, "#/base_url"),
        ({"name": "n", "policy": "unknown"}, 400, "#/policy"),
        ({"name": "n", "authorization_server": {"metadata": "/etc/passwd"}}, 400,
         "#/authorization_server/metadata"),
        *[({"name": "n", "authorization_server": {"metadata": url}}, 400,
           "#/authorization_server/metadata")
          for url in ("file:///etc/passwd", "x://y", "https://ada:secret@a.example/", "https:///a")],
        ({"name": "n", "authorization_server": {"scopes_supported": 1}}, 400,
         "#/authorization_server/scopes_supported"),
        ({"name": "filed"}, 409, None),
        ({"name": "there"}, 409, None),
        ({"name": "n", "path": "/t/there"}, 409, None),
        ({"name": "n", "path": "/t"}, 409, None),
        ({"name": "n", "path": "/t/there/below"}, 409, None),
        ({"name": "n", "path": "/register/x"}, 409, None),
        ({"name": "n", "path": "/admin"}, 409, None),
        ({"name": "n", "webfinger": ["filed.example"]}, 409, None),
        ({"name": "n", "webfinger": "a.example,b.example"}, 400, "#/webfinger"),
        *[({"name": "n", "webfinger": ["good.example", entry]}, 400, "#/webfinger")
          for entry in (".", "*", "*.example", "", "a b", "a.example/", "acct:*@a.example",
                        "ann@a.example", "mailto:ann@a.example", "https://", "https://a.example/#x",
                        "acct:@a.example", "acct:ann@", "https://ann@a.example/", "a.example:0")],
    ):  # fmt: skip
        told = await admin.ask("POST", TENANTS, status, body)
        assert [each["pointer"] for each in told.get("errors", [])] == (
            [pointer] if pointer else []
        ), told
    told = await admin.ask("POST", TENANTS, 400, {"name": "n", "moed": "open"})
    assert "did you mean mode?" in told["detail"]
    assert [each["name"] for each in (await admin.ask("GET", TENANTS, 200))["items"]] == [
        "default", "filed", "there",
    ]  # fmt: skip


async def test_declared_tenants_are_shown_and_changed_by_nobody(make_app: MakeApplication) -> None:
    app = await make_app(tenants={"filed": {"mode": "closed"}})
    admin = await administrator(app)
    for name, mode in (("default", "open"), ("filed", "closed")):
        told = await admin.ask("GET", f"{TENANTS}/{name}", 200)
        assert (told["declared"], told["mode"], told["created_at"]) == (True, mode, None)
        for method, path, body in (
            ("PATCH", "", {"mode": "open"}), ("POST", "/suspend", None), ("DELETE", "", None),
        ):  # fmt: skip
            refused = await admin.ask(method, f"{TENANTS}/{name}{path}", 409, body)
            assert "configuration file" in refused["detail"]


async def test_only_administrators_of_all_make_tenants(any_app: Application) -> None:
    name = new_client_id()
    everybody = await administrator(any_app)
    await everybody.ask("POST", TENANTS, 201, {"name": name})
    own = await administrator(any_app, tenant=name)
    other = await administrator(any_app, tenant="default")
    await own.ask("POST", f"/t/{name}{TENANTS}", 403, {"name": new_client_id()})
    await other.ask("POST", TENANTS, 403, {"name": new_client_id()})
    shown = await own.ask("GET", f"/t/{name}{TENANTS}", 200)
    assert [each["name"] for each in shown["items"]] == [name]
    await own.ask("PATCH", f"/t/{name}{TENANTS}/{name}", 200, {"mode": "protected"})
    for patch in ({"path": "/x"}, {"base_url": "https://x/y"}, {"webfinger": ["x.example"]}):
        await own.ask("PATCH", f"/t/{name}{TENANTS}/{name}", 403, patch)
    for verb in ("suspend", "resume"):
        await own.ask("POST", f"/t/{name}{TENANTS}/{name}/{verb}", 403)
    await own.ask("DELETE", f"/t/{name}{TENANTS}/{name}", 403)
    for asked in (name, "nobody-" + name):
        refused = await other.ask("GET", f"{TENANTS}/{asked}", 403)
        await other.ask("PATCH", f"{TENANTS}/{asked}", 403, {"mode": "open"})
        assert asked not in json.dumps(refused)


async def test_of_a_suspended_tenant_only_those_of_all_administer(any_app: Application) -> None:
    name = new_client_id()
    everybody = await administrator(any_app, "tenants:read", "tenants:write", "clients:read")
    await everybody.ask("POST", TENANTS, 201, {"name": name})
    own = await administrator(any_app, "clients:read", tenant=name)
    await everybody.ask("POST", f"{TENANTS}/{name}/suspend", 200)
    await own.ask("GET", f"/t/{name}/admin/v1/clients", 503)
    await own.ask("GET", f"/admin/v1/clients?tenant={name}", 503)
    await everybody.ask("GET", f"/t/{name}/admin/v1/clients", 503)
    await everybody.ask("GET", f"/admin/v1/clients?tenant={name}", 200)


async def test_a_tenant_that_was_changed_meanwhile_is_not_changed(any_app: Application) -> None:
    name = new_client_id()
    admin = await administrator(any_app)
    await admin.ask("POST", TENANTS, 201, {"name": name})
    where = f"{TENANTS}/{name}"
    before = (await any_app.http.get(where, headers=admin.headers)).headers["etag"]
    await admin.ask("PATCH", where, 200, {"mode": "closed"}, **{"If-Match": before})
    for method, path, body in (
        ("PATCH", "", {"mode": "open"}), ("POST", "/suspend", None), ("DELETE", "", None),
    ):  # fmt: skip
        await admin.ask(method, where + path, 412, body, **{"If-Match": before})
    assert (await admin.ask("GET", where, 200))["mode"] == "closed"


async def test_of_many_who_make_one_name_or_one_path_one_does(
    two: tuple[Application, Application],
) -> None:
    for body in ({"name": "{0}"}, {"name": "{0}-{1}", "path": "/p/{0}"}):
        name = new_client_id()
        admins = [await administrator(app) for app in two]
        answers = await asyncio.gather(
            *(
                admins[number % 2].http.post(
                    TENANTS,
                    json={key: each.format(name, number) for key, each in body.items()},
                    headers=admins[number % 2].headers,
                )
                for number in range(6)
            )
        )
        assert sorted(each.status_code for each in answers) == [201] + [409] * 5


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Callable[[Application], Any]:
    """The job of deletion, for which everything has settled."""

    async def end(app: Application) -> None:
        job = app.runtime.jobs.jobs[DELETION]
        monkeypatch.setattr(job.work.__self__, "settled", -1)  # type: ignore[attr-defined]
        await job.work(app.runtime.database)

    return end


async def everything(app: Application, statement: Any) -> Any:
    queries = Queries(app.runtime.settings.database)
    try:
        return await queries.all(statement)
    finally:
        await queries.close()


async def rows(app: Application, tenant: str) -> dict[str, int]:
    found = {}
    for name in TABLES:
        table = metadata.tables[name]
        counted = select(func.count()).select_from(table).where(table.c.tenant == tenant)
        ((number,),) = await everything(app, counted)
        found[name] = number
    return {name: number for name, number in found.items() if number}


def test_every_table_ends_with_its_tenant_or_is_known_not_to() -> None:
    """A table that is new tomorrow is emptied as well."""
    assert {*TABLES} | KEPT == {*metadata.tables}
    assert all("tenant" in table.c for table in metadata.tables.values())


async def test_everything_in_a_tenant_is_deleted_and_nothing_of_others(
    any_app: Application, quick: Callable[[Application], Any]
) -> None:
    names = [new_client_id() for _ in range(2)]
    admin = await administrator(any_app)
    for name in names:
        await admin.ask("POST", TENANTS, 201, {"name": name})
        for _ in range(3):
            client = await registered(any_app, f"/t/{name}")
        await administrator(any_app, tenant=name)
        auth = (client["client_id"], client["client_secret"])
        await any_app.http.post(
            f"/t/{name}/token", data={"grant_type": "client_credentials"}, auth=auth
        )
    before = await rows(any_app, names[1])
    assert before.keys() >= {"clients", "events", "admin_tokens"}
    await admin.ask("DELETE", f"{TENANTS}/{names[0]}", 202)
    await admin.ask("DELETE", f"{TENANTS}/{names[0]}", 202)
    await quick(any_app)
    told = await admin.ask("GET", f"{TENANTS}/{names[0]}", 404)
    await admin.ask("POST", TENANTS, 409, {"name": names[0]})
    await admin.ask("PATCH", f"{TENANTS}/{names[0]}", 404, {"mode": "open"})
    assert await rows(any_app, names[0]) == {}
    await quick(any_app)
    assert (await rows(any_app, names[0]), await rows(any_app, names[1])) == ({}, before)
    listed = await everything(
        any_app,
        select(metadata.tables["events"].c.type, metadata.tables["events"].c.tenant,
               metadata.tables["events"].c.changes)
        .where(metadata.tables["events"].c.subject_id == names[0])
        .order_by(metadata.tables["events"].c.id)
    )  # fmt: skip
    assert [(each.type, each.tenant) for each in listed] == [
        ("tenant.deletion_begun", "default"), ("tenant.deleted", "default"),
    ]  # fmt: skip
    assert json.loads(listed[1].changes)["rows"]["clients"] == 3
    await admin.ask("POST", TENANTS, 201, {"name": names[0]})
    assert told["status"] == 404


async def test_what_a_late_request_wrote_is_deleted_too(
    any_app: Application, quick: Callable[[Application], Any]
) -> None:
    """One that had begun before, in a process that had not heard of it."""
    name = new_client_id()
    admin = await administrator(any_app)
    await admin.ask("POST", TENANTS, 201, {"name": name})
    await admin.ask("DELETE", f"{TENANTS}/{name}", 202)
    await quick(any_app)
    await any_app.operations.token_administration.issue_admin_token(
        name, NewAdminToken(("clients:read",), 3600, "", ()), OPERATOR
    )
    await quick(any_app)
    assert await rows(any_app, name) == {}
    await admin.ask("POST", TENANTS, 409, {"name": name})
    await quick(any_app)
    await admin.ask("POST", TENANTS, 201, {"name": name})


async def test_a_deletion_that_was_killed_goes_on(
    any_app: Application, quick: Callable[[Application], Any]
) -> None:
    name = new_client_id()
    admin = await administrator(any_app)
    await admin.ask("POST", TENANTS, 201, {"name": name})
    for _ in range(4):
        await registered(any_app, f"/t/{name}")
    await admin.ask("DELETE", f"{TENANTS}/{name}", 202)

    class Killed(BaseException):
        pass

    class Dying:
        left = 2

        async def transact(self, work: Callable[[Transaction], Any]) -> Any:
            self.left -= 1
            if not self.left:
                raise Killed
            return await any_app.runtime.database.transact(work)

    for _ in range(20):  # dies later each time
        dying = Dying()
        try:
            await any_app.runtime.jobs.jobs[DELETION].work(dying)
        except Killed:
            continue
    assert (await admin.ask("GET", f"{TENANTS}/{name}", 200))["status"] == "deleting"
    await registered(any_app, f"/t/{name}", 404)
    await quick(any_app)
    assert await rows(any_app, name) == {}


async def test_a_name_that_left_something_behind_is_not_given_again(
    any_database: str,
) -> None:
    """As when it was taken out of the configuration file: its clients would be the new tenant's."""
    name = new_client_id()
    async with application(any_database, tenants={name: {}}) as app:
        await registered(app, f"/t/{name}")
    async with application(any_database) as app:
        admin = await administrator(app)
        refused = await admin.ask("POST", TENANTS, 409, {"name": name})
        assert "purge" in refused["detail"]


async def test_a_stored_tenant_gives_way_to_a_declared_one(any_database: str) -> None:
    """The file wins, and the start is stopped by nothing that is stored."""
    name, other = new_client_id(), new_client_id()
    async with application(any_database) as app:
        admin = await administrator(app)
        await admin.ask("POST", TENANTS, 201, {"name": name, "mode": "closed"})
        await admin.ask("POST", TENANTS, 201, {"name": other, "path": f"/own/{other}"})
    filed = {name: {"mode": "open"}, f"x{other}": {"path": f"/own/{other}"}}
    async with application(any_database, tenants=filed) as app:
        admin = await administrator(app)
        await registered(app, f"/t/{name}")
        assert (await admin.ask("GET", f"{TENANTS}/{name}", 200))["declared"] is True
        told = await admin.ask("GET", f"{TENANTS}/{other}", 200)
        assert (told["issuer"], "same path" in told["broken"]) == (None, True)
        await admin.ask("PATCH", f"{TENANTS}/{other}", 200, {"path": f"/own2/{other}"})
        await registered(app, f"/own2/{other}")


async def test_what_was_inherited_and_deleted_since_is_not_served(any_database: str) -> None:
    """What is configured is made once and inherited, with tenants that were stored by then."""
    name, policy = new_client_id(), new_client_id()
    inherited = Configured(settings(any_database))
    async with opened(inherited) as base:
        await policy_administration(base).draft(ALL_TENANTS, policy, {}, OPERATOR)
        await policy_administration(base).activate(ALL_TENANTS, policy, OPERATOR)
        await tenant_lifecycle(base).create(name, {}, OPERATOR)
        await base.database.transact(lambda tx: tx.stored_tenants.delete(name))
        await base.database.transact(lambda tx: tx.stored_policies.delete(ALL_TENANTS, policy))
    assert policy in inherited.tenants.now.by_name[name].policies
    async with opened(inherited):
        assert name not in inherited.tenants.now.by_name
        assert policy not in inherited.tenants.now.default.policies


async def test_pages_of_tenants_hold_declared_and_stored_ones(make_app: MakeApplication) -> None:
    app = await make_app(tenants={f"m{number}": {} for number in range(3)})
    admin = await administrator(app)
    for number in range(4):
        await admin.ask("POST", TENANTS, 201, {"name": f"n{number}"})
    seen: list[str] = []
    url = f"{TENANTS}?limit=3"
    while url:
        answer = await app.http.get(url, headers=admin.headers)
        seen += [each["name"] for each in answer.json()["items"]]
        url = answer.headers.get("link", "").partition(">")[0].removeprefix("<")
    assert seen == ["default", "m0", "m1", "m2", "n0", "n1", "n2", "n3"]


async def test_a_stored_document_that_this_version_does_not_take_is_told_and_mended(
    any_app: Application,
) -> None:
    name = new_client_id()
    admin = await administrator(any_app)
    await admin.ask("POST", TENANTS, 201, {"name": name})
    stored = any_app.runtime.stored_configuration

    async def spoil(tx: Transaction, number: int) -> None:
        record = await tx.stored_tenants.find(name)
        assert record is not None
        await tx.stored_tenants.write(
            record._replace(settings='{"colour": "blue"}', version=number)
        )

    await stored.changing(lambda: stored.change(spoil))
    told = await admin.ask("GET", f"{TENANTS}/{name}", 200)
    assert "/colour: no such setting" in told["broken"]
    await admin.ask("PATCH", f"{TENANTS}/{name}", 200, {"colour": None})
    assert (await admin.ask("GET", f"{TENANTS}/{name}", 200))["broken"] is None
