"""Administrators who change one thing at once: each is told what came of it; nothing is halved."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from dcrserver.names import ALL_TENANTS
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.security import new_client_id
from dcrserver.services.access.admin_tokens import NewAdminToken
from dcrserver.services.access.scopes import ROLES
from harness.actors import OPERATOR
from harness.administration import ROOT, Administrator
from harness.application import CALLBACK, Application

METADATA = {"redirect_uris": [CALLBACK], "grant_types": ["authorization_code"]}


async def of_all(app: Application) -> Administrator:
    wanted = NewAdminToken(ROLES["administrator"], 3600)
    issue = app.operations.token_administration.issue_admin_token
    token = await issue(ALL_TENANTS, wanted, OPERATOR)
    return Administrator(app, {"Authorization": f"Bearer {token}"})


async def a_tenant(admin: Administrator) -> str:
    name = new_client_id()
    await admin.post("/tenants", 201, json={"name": name})
    return name


def before_the_write(
    patch: pytest.MonkeyPatch, app: Application, does: Callable[[], Awaitable[Any]]
) -> None:
    """``does`` something once, when all is read and nothing is written."""
    original, is_over = Database.transact, False

    async def late(self: Database, work: Callable[[Transaction], Awaitable[Any]]) -> Any:
        nonlocal is_over
        if self is app.runtime.database and not is_over:
            is_over = True
            await does()
        return await original(self, work)

    patch.setattr(Database, "transact", late)


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
