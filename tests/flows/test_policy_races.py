"""A policy is deleted while something is bound to it: one of both is told no."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from dcrserver.errors import ProtocolError
from dcrserver.metadata.bounds import Bounds
from dcrserver.names import ALL_TENANTS
from dcrserver.security import new_client_id
from dcrserver.services.access.initial_access_tokens import NewInitialAccessToken
from flows.test_admin_policies import POLICIES, active
from flows.test_admin_tenants import TENANTS, Administrator, administrator, two
from harness.actors import OPERATOR
from harness.application import CALLBACK, Application, bearer
from harness.races import before_the_write

__all__ = ["two"]  # the fixture
_SCOPES = (
    "policies:read", "policies:write", "policies:override", "clients:read", "clients:write",
    "clients:delete", "tokens:write", "tenants:read", "tenants:write", "jobs:write", "jobs:read",
)  # fmt: skip
_METADATA = {"redirect_uris": [CALLBACK], "client_name": "bound"}


@dataclass
class Race:
    """``first`` binds, ``second`` deletes: two processes on one database."""

    first: Application
    second: Application
    binder: Administrator
    deleter: Administrator
    policy: str

    async def delete(self) -> int:
        answer = await self.deleter.http.delete(
            f"{POLICIES}/{self.policy}", headers=self.deleter.headers
        )
        assert answer.status_code in {204, 409}, answer.text
        return answer.status_code

    async def post(self, path: str, body: Any) -> httpx.Response:
        return await self.binder.http.post(path, json=body, headers=self.binder.headers)

    async def client(self) -> bool:
        """A client is made that is bound; whether it was, in which case it can be managed."""
        made = await self.post("/admin/v1/clients", {"metadata": _METADATA, "policy": self.policy})
        assert made.status_code in {201, 400, 503}, made.text
        if made.status_code != 201:
            return False
        at = f"/admin/v1/clients/{made.json()['client_id']}"
        changed = {"metadata": {"client_name": "as before"}}
        for app in (self.first, self.second):
            await app.runtime.stored_configuration.look()
            answer = await app.http.patch(at, json=changed, headers=self.binder.headers)
            assert answer.status_code == 200, answer.text
        return True

    async def token(self) -> bool:
        """The same of an initial access token, which registers then."""
        tenant = self.first.runtime.default_tenant
        wanted = NewInitialAccessToken(1, 600, Bounds(policy=self.policy))
        try:
            token = await self.first.runtime.token_administration.issue_initial_access_token(
                tenant, wanted, OPERATOR
            )
        except ProtocolError:
            return False
        await self.first.runtime.stored_configuration.look()
        answer = await self.first.http.post(
            "/register", json=_METADATA, headers={"Authorization": f"Bearer {token}"}
        )
        assert answer.status_code == 201, answer.text
        return True

    async def moved(self) -> bool:
        """The same of a client that is there and is moved to the policy."""
        made = await self.post("/admin/v1/clients", {"metadata": _METADATA})
        at = f"/admin/v1/clients/{made.json()['client_id']}"
        answer = await self.binder.http.patch(
            at, json={"policy": self.policy}, headers=self.binder.headers
        )
        assert answer.status_code in {200, 400, 503}, answer.text
        await self.second.runtime.stored_configuration.look()
        shown = await self.second.http.patch(
            at, json={"metadata": {"client_name": "x"}}, headers=self.binder.headers
        )
        assert shown.status_code == 200, shown.text
        return answer.status_code == 200

    async def tenant(self) -> bool:
        """The same of a tenant that names it."""
        name = new_client_id()
        made = await self.post(TENANTS, {"name": name, "policy": self.policy})
        assert made.status_code in {201, 400}, made.text
        if made.status_code != 201:
            return False
        await self.second.runtime.stored_configuration.look()
        answer = await self.second.http.post(f"/t/{name}/register", json=_METADATA)
        assert answer.status_code == 201, answer.text
        return True


@pytest.fixture
async def race(two: tuple[Application, Application]) -> Race:
    binder, deleter = [await administrator(app, *_SCOPES) for app in two]
    return Race(*two, binder, deleter, "")


_BINDINGS = ("client", "token", "moved", "tenant")


async def _with_a_policy(race: Race) -> None:
    """Which both know, and nothing is bound to."""
    race.policy = new_client_id()
    await active(race.binder, race.policy, {})
    await race.second.runtime.stored_configuration.look()


@pytest.mark.finding("M20")
async def test_nothing_is_bound_to_a_policy_that_was_deleted_meanwhile(
    race: Race, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it was judged while the policy was there."""
    for what in _BINDINGS:
        await _with_a_policy(race)
        deleted: list[int] = []

        async def delete(deleted: list[int] = deleted) -> None:
            deleted.append(await race.delete())

        made = await race.post("/admin/v1/clients", {"metadata": _METADATA})

        async def there(*_: Any, made: httpx.Response = made) -> httpx.Response:
            return made

        with monkeypatch.context() as patch:
            if what == "moved":  # what makes the client binds nothing
                patch.setattr(Race, "post", there)
            before_the_write(patch, race.first, delete)
            assert (what, await getattr(race, what)(), deleted) == (what, False, [204])


@pytest.mark.finding("M20")
async def test_of_a_deletion_and_a_binding_at_once_one_comes_to_be(race: Race) -> None:
    for what in _BINDINGS * 3:
        await _with_a_policy(race)
        bound, deleted = await asyncio.gather(getattr(race, what)(), race.delete())
        assert (what, bound) == (what, deleted == 409)


async def test_a_client_whose_policy_is_gone_is_not_restored(
    two: tuple[Application, Application],
) -> None:
    """It could not be managed by anybody, its new policy included."""
    app = two[0]
    admin, name = await administrator(app, *_SCOPES), new_client_id()
    await active(admin, name, {})
    made = await admin.ask(
        "POST", "/admin/v1/clients", 201, {"metadata": _METADATA, "policy": name}
    )
    at = f"/admin/v1/clients/{made['client_id']}"
    await admin.ask("DELETE", at, 204)
    await admin.ask("DELETE", f"{POLICIES}/{name}", 204)
    for each in two:
        await each.runtime.stored_configuration.look()
        told = await each.http.post(
            f"/admin/v1/clients/{made['client_id']}/restore", headers=admin.headers
        )
        assert (told.status_code, name in told.json()["detail"]) == (409, True), told.text
    await active(admin, name, {})
    await admin.ask("POST", f"{at}/restore", 200)
    await admin.ask("PATCH", at, 200, {"metadata": {"client_name": "again"}})
    assert await _of_all(app, name)


async def _of_all(app: Application, name: str) -> bool:
    async with app.runtime.database.read() as tx:
        return bool(await tx.stored_policies.versions(ALL_TENANTS, name))


async def test_a_token_that_can_register_nothing_more_keeps_no_policy(
    any_app: Application,
) -> None:
    admin, name = await administrator(any_app, *_SCOPES), new_client_id()
    await active(admin, name, {})
    token = await any_app.initial_token(uses=1, policy=name)
    refused = await admin.ask("DELETE", f"{POLICIES}/{name}", 409)
    assert "1 initial access tokens" in refused["detail"]
    made = await any_app.http.post(
        "/register", json=_METADATA, headers={"Authorization": f"Bearer {token}"}
    )
    client = made.json()
    refused = await admin.ask("DELETE", f"{POLICIES}/{name}", 409)
    assert "in use: 1 clients are" in refused["detail"]
    await any_app.http.delete(f"/register/{client['client_id']}", headers=bearer(client))
    await admin.ask("DELETE", f"{POLICIES}/{name}", 204)
