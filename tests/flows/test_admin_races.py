"""Administrators who change one thing at once: each is told what came of it; nothing is halved."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from conftest import MakeApplication
from dcrserver.db.queries import Queries
from dcrserver.db.tables import metadata
from dcrserver.names import ALL_TENANTS
from dcrserver.security import new_client_id
from dcrserver.services.access.admin_tokens import NewAdminToken
from dcrserver.services.access.scopes import ROLES, SCOPES
from dcrserver.services.authentication.last_uses import FLUSH_SECONDS
from dcrserver.services.tenants.lifecycle import DELETION
from flows.test_access_matrix import BODIES, FORM, FORMS, ROUTES, Route
from harness.actors import OPERATOR
from harness.administration import ROOT, Administrator
from harness.application import CALLBACK, Application, bearer, update_of
from harness.races import before_the_write

METADATA = {"redirect_uris": [CALLBACK], "grant_types": ["authorization_code"]}
MACHINE = {"grant_types": ["client_credentials"], "redirect_uris": []}


async def of_all(app: Application) -> Administrator:
    wanted = NewAdminToken(ROLES["administrator"], 3600)
    issue = app.operations.token_administration.issue_admin_token
    token = await issue(ALL_TENANTS, wanted, OPERATOR)
    return Administrator(app, {"Authorization": f"Bearer {token}"})


async def a_tenant(admin: Administrator) -> str:
    name = new_client_id()
    await admin.post("/tenants", 201, json={"name": name})
    return name


async def test_what_is_ended_is_what_was_seen_until_it_is_written(
    any_app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else changes it between what is read first and the write."""
    admin = await of_all(any_app)
    tenant = await a_tenant(admin)
    here = f"?tenant={tenant}"
    initial = await admin.post(f"/initial-access-tokens{here}", 201, json={"uses": 3})
    other = await admin.post(f"/admin-tokens{here}", 201, json={"scopes": ["clients:read"]})
    key = await admin.post(f"/keys{here}", 201)

    async def register() -> None:
        by = {"Authorization": f"Bearer {initial['token']}"}
        sent = await any_app.http.post(f"/t/{tenant}/register", json=METADATA, headers=by)
        assert sent.status_code == 201, sent.text

    async def revoke() -> None:
        await admin.delete(f"/admin-tokens/{other['id']}{here}")

    async def rotate() -> None:
        await admin.post(f"/keys{here}", 201)

    for path, meanwhile in (
        (f"/initial-access-tokens/{initial['id']}{here}", register),
        (f"/admin-tokens/{other['id']}{here}", revoke),
        (f"/keys/{key['kid']}{here}", rotate),
    ):
        seen = (await admin.ask("GET", path)).headers["etag"]
        with monkeypatch.context() as patch:
            before_the_write(patch, any_app, meanwhile)
            told = await any_app.http.delete(
                ROOT + path, headers=admin.headers | {"If-Match": seen}
            )
        assert (path, told.status_code) == (path, 412)
        is_now = await admin.ask("GET", path)
        assert is_now.headers["etag"] != seen
        if meanwhile is not revoke:
            await admin.delete(path, headers={"If-Match": is_now.headers["etag"]})


async def test_of_those_who_discard_what_they_saw_at_once_one_does(any_app: Application) -> None:
    """The key that signs and the one after it: with both, all tokens would be dead."""
    admin = await of_all(any_app)
    for _ in range(5):
        here = f"?tenant={await a_tenant(admin)}"
        paths = [f"/keys/{(await admin.post(f'/keys{here}', 201))['kid']}{here}" for _ in range(2)]
        tags = [(await admin.ask("GET", path)).headers["etag"] for path in paths]
        answers: list[httpx.Response] = await asyncio.gather(
            *(
                any_app.http.delete(ROOT + path, headers=admin.headers | {"If-Match": tag})
                for path, tag in zip(paths, tags, strict=True)
            )
        )
        assert sorted(each.status_code for each in answers) == [204, 412]
        assert len((await admin.get(f"/keys{here}"))["items"]) == 1


async def contents(app: Application, tenant: str) -> dict[str, list[str]]:
    """Every row of a tenant, by its table; of those that have any."""
    queries, found = Queries(app.runtime.settings.database), {}
    try:
        for table in metadata.tables.values():
            of_it = await queries.all(select(table).where(table.c.tenant == tenant))
            found[table.name] = sorted(map(repr, of_it))
    finally:
        await queries.close()
    return {name: those for name, those in found.items() if those}


async def test_nothing_is_left_of_a_tenant_that_was_deleted_while_it_was_used(
    any_app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Registrations, updates and token requests go on until they are told that it is gone."""
    admin, http = await of_all(any_app), any_app.http
    tenant, job = await a_tenant(admin), any_app.runtime.jobs.jobs[DELETION]
    root, is_busy = f"/t/{tenant}", asyncio.Semaphore(0)
    statuses: set[int] = set()

    async def use() -> None:
        """Of one client after the other."""
        while 404 not in statuses:
            made = await http.post(f"{root}/register", json=MACHINE)
            statuses.add(made.status_code)
            if made.status_code != 201:
                continue
            client = made.json()
            own, auth = (
                f"{root}/register/{client['client_id']}",
                (client["client_id"], client["client_secret"]),
            )
            asked = {"grant_type": "client_credentials"}
            for sent in (
                http.put(own, json=update_of(client, client_name="x"), headers=bearer(client)),
                http.post(f"{root}/token", data=asked, auth=auth),
                http.delete(own, headers=bearer(client)),
            ):
                statuses.add((await sent).status_code)
            is_busy.release()

    async def delete() -> None:
        for _ in range(8):
            await is_busy.acquire()
        await admin.delete(f"/tenants/{tenant}", 202)
        await job.work(any_app.runtime.database)

    await asyncio.gather(delete(), *(use() for _ in range(4)))
    # Whoever had begun before it was deleted was answered, or told that there is nothing.
    assert statuses <= {200, 201, 204, 400, 401, 404}, statuses
    await any_app.runtime.last_uses.flush()
    monkeypatch.setattr(job.work.__self__, "settled", -1)  # type: ignore[attr-defined]
    for _ in range(2):
        await job.work(any_app.runtime.database)
    assert await contents(any_app, tenant) == {}
    for route in ROUTES:
        if route.access != "operations":
            answer = await asked_of(any_app, root, route, admin.headers)
            assert answer.status_code == 404, (route, answer.text)
    assert await contents(any_app, tenant) == {}
    await admin.ask("POST", "/tenants", 201, json={"name": tenant})


# Files that are the same in every installation.
OF_NOBODY = {"GET /favicon.ico", "GET /static/{name}"}


async def asked_of(
    app: Application, root: str, route: Route, headers: dict[str, str], **names: str
) -> httpx.Response:
    """As somebody would who means it, below ``root``."""
    path = re.sub(r"{(\w+)}", lambda found: names.get(found[1], "nobody"), route.path)
    body = BODIES.get(str(route), {} if route.method in {"POST", "PUT", "PATCH"} else None)
    sent: dict[str, Any] = {"data": FORM} if route.access in FORMS else {"json": body}
    if route.path == "/.well-known/webfinger":
        sent["params"] = {"resource": app.runtime.default_tenant.issuer + root}
    return await app.http.request(route.method, root + path, headers=headers, **sent)


async def test_no_route_of_a_suspended_tenant_answers_or_changes_anything(
    any_app: Application,
) -> None:
    admin = await of_all(any_app)
    tenant = new_client_id()
    await admin.post("/tenants", 201, json={"name": tenant, "asgardeo": {"enabled": True}})
    root = f"/t/{tenant}"
    client = (await any_app.http.post(f"{root}/register", json=MACHINE)).json()
    service = any_app.operations.token_administration
    own = await service.issue_admin_token(tenant, NewAdminToken(tuple(SCOPES), 3600), OPERATOR)
    whos = [bearer(client), {"Authorization": f"Bearer {own}"}, admin.headers, {}]
    await admin.post(f"/tenants/{tenant}/suspend")
    before, wrong = await contents(any_app, tenant), []
    assert before.keys() >= {"clients", "admin_tokens", "events", "stored_tenants"}
    asked = [each for each in ROUTES if each.access != "operations" and str(each) not in OF_NOBODY]
    for route in asked:
        is_administrators = route.path.startswith(ROOT)
        for number, headers in enumerate(whos):
            answer = await asked_of(
                any_app, root, route, headers, client_id=client["client_id"], name=tenant
            )
            # Who is no administrator of it learns nothing of it there.
            is_told = not is_administrators or number in {1, 2}
            if answer.status_code != (503 if is_told else 401):
                wrong.append(f"{route} by {number}: {answer.status_code}")
            elif is_told and "retry-after" not in answer.headers:
                wrong.append(f"{route} by {number}: no Retry-After")
    assert not wrong, "\n".join(wrong)
    assert len(asked) > 80
    assert await contents(any_app, tenant) == before
    await admin.post(f"/tenants/{tenant}/resume")
    shown = await any_app.http.get(f"{root}/register/{client['client_id']}", headers=bearer(client))
    assert shown.status_code == 200, shown.text


async def test_of_those_who_restore_purge_or_take_a_client_id_at_once_one_does(
    any_app: Application,
) -> None:
    """Each pair is tried a few times; nothing is half done whoever wins."""
    admin = await of_all(any_app)
    here = f"?tenant={await a_tenant(admin)}"

    async def send(client_id: str, what: str) -> int:
        path, body = f"{ROOT}/clients", None
        if what == "create":
            body = {"metadata": METADATA, "client_id": client_id}
        else:
            path += f"/{client_id}/{what}"
        answer = await any_app.http.post(path + here, json=body, headers=admin.headers)
        return answer.status_code

    for pair, allowed in (
        (("restore", "create"), {409, 404}),
        (("create", "restore"), {409, 404}),
        (("restore", "purge"), {409, 404}),
        (("purge", "restore"), {409, 404}),
        (("restore", "restore"), {409, 404}),
        (("purge", "purge"), {404}),
    ):
        for _ in range(3):
            client_id = new_client_id()
            made = {"metadata": METADATA, "client_id": client_id}
            await admin.post(f"/clients{here}", 201, json=made)
            await admin.delete(f"/clients/{client_id}{here}")
            statuses = await asyncio.gather(*(send(client_id, what) for what in pair))
            won = [what for what, status in zip(pair, statuses, strict=True) if status < 300]
            lost = {status for status in statuses if status >= 300}
            assert (pair, statuses, len(won), lost <= allowed) == (pair, statuses, 1, True)
            there = await any_app.http.get(
                f"{ROOT}/clients/{client_id}{here}", headers=admin.headers
            )
            assert (pair, there.status_code) == (pair, 404 if won == ["purge"] else 200)
            # It is what it was, or another one; and what was deleted is there no more.
            async with any_app.runtime.database.read() as tx:
                assert await tx.deleted_clients.find(here.partition("=")[2], client_id) is None
            if won != ["purge"]:
                await admin.post(f"/clients/{client_id}/restore{here}", 404)


async def test_who_takes_the_client_id_of_a_client_that_is_being_deleted_is_refused(
    any_app: Application,
) -> None:
    """Before, it is that of a client; afterwards that of one that can be restored."""
    admin = await of_all(any_app)
    here = f"?tenant={await a_tenant(admin)}"
    for _ in range(6):
        client_id = new_client_id()
        sent = {"metadata": METADATA, "client_id": client_id}
        await admin.post(f"/clients{here}", 201, json=sent)
        made, ended = await asyncio.gather(
            any_app.http.post(f"{ROOT}/clients{here}", json=sent, headers=admin.headers),
            any_app.http.delete(f"{ROOT}/clients/{client_id}{here}", headers=admin.headers),
        )
        assert (made.status_code, ended.status_code) == (409, 204), made.text
        await admin.post(f"/clients/{client_id}/restore{here}")


async def test_a_tenant_is_over_when_no_request_can_write_any_more(
    make_app: MakeApplication,
) -> None:
    """One that fetches something first, and what is written a while after the answer."""
    app = await make_app(outbound={"timeout": 60})
    deletion = app.runtime.jobs.jobs[DELETION].work.__self__
    assert deletion.settled > 60 + FLUSH_SECONDS
