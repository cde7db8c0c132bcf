"""Who asks with an admin token, over HTTP: of which tenant, with which scopes, until when."""

from __future__ import annotations

from typing import Any

import pytest

from conftest import MakeApplication
from dcrserver.names import ALL_TENANTS
from dcrserver.services.access.actors import ActorKind
from dcrserver.services.access.admin_tokens import NewAdminToken
from dcrserver.services.access.scopes import ROLES
from harness.actors import OPERATOR
from harness.application import CALLBACK, Application

BODY = {"redirect_uris": [CALLBACK]}


async def issued(app: Application, *scopes: str, tenant: str = "default", **more: Any) -> str:
    return await app.operations.token_administration.issue_admin_token(
        tenant, NewAdminToken(scopes, 60, "of the tests", **more), OPERATOR
    )


def bearing(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_a_token_of_all_tenants_is_good_at_each_and_one_of_a_tenant_there_only(
    make_app: MakeApplication,
) -> None:
    app = await make_app(tenants={"acme": {}, "other": {}}, registration={"mode": "closed"})
    everywhere = await issued(app, "clients:create", tenant=ALL_TENANTS)
    acme = await issued(app, "clients:create", tenant="acme")
    statuses = {
        (path, name): (
            await app.http.post(f"{path}/register", json=BODY, headers=bearing(token))
        ).status_code
        for path in ("", "/t/acme", "/t/other")
        for name, token in (("everywhere", everywhere), ("acme", acme))
    }
    assert statuses == {
        ("", "everywhere"): 201, ("/t/acme", "everywhere"): 201, ("/t/other", "everywhere"): 201,
        ("", "acme"): 401, ("/t/acme", "acme"): 201, ("/t/other", "acme"): 401,
    }  # fmt: skip


async def test_by_its_scopes_it_is_of_an_administrator_or_an_authorization_server(
    any_app: Application,
) -> None:
    for scopes, tenant, kind in (
        (("clients:read",), "default", ActorKind.AUTHORIZATION_SERVER),
        (("clients:read", "clients:authenticate"), "default", ActorKind.AUTHORIZATION_SERVER),
        (("clients:read", "events:read"), "default", ActorKind.ADMINISTRATOR),
        (ROLES["administrator"], ALL_TENANTS, ActorKind.ADMINISTRATOR),
    ):
        token = await issued(any_app, *scopes, tenant=tenant)
        actor = await any_app.runtime.administrators.find("default", token)
        assert actor is not None
        assert (actor.kind, actor.name, actor.owner) == (kind, "of the tests", None)
        assert actor.tenant == (None if tenant == ALL_TENANTS else tenant)
        assert actor.scopes >= set(scopes)
        # Also where it is asked for another tenant, and for this one beside it.
        known = await any_app.runtime.administrators.find("other", token)
        assert (known is not None) is (tenant == ALL_TENANTS)
        assert await any_app.runtime.administrators.find("other", token, "default") == actor


async def test_a_token_that_was_revoked_is_dead_and_stays_in_the_list(
    any_app: Application,
) -> None:
    tokens = any_app.operations.token_administration
    token = await issued(any_app, "clients:create", owner="revoked")

    async def listed() -> dict[str, Any]:
        rows = await tokens.admin_tokens("default")
        (row,) = [row for row in rows if row["owner"] == "revoked"]
        return row

    assert (await any_app.http.post("/register", json=BODY, headers=bearing(token))).is_success
    token_id = (await listed())["id"]
    assert (await listed())["revoked_at"] is None
    assert await tokens.revoke_token("default", token_id, OPERATOR) == "admin token"
    answer = await any_app.http.post("/register", json=BODY, headers=bearing(token))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
    assert (await listed())["revoked_at"] is not None
    assert await tokens.revoke_token("default", token_id, OPERATOR) is None


async def test_who_is_bound_to_an_owner_registers_for_it_and_sees_no_others(
    any_app: Application,
) -> None:
    scopes = ("clients:create", "clients:read")
    ours = bearing(await issued(any_app, *scopes, owner="team-a"))
    others = bearing(await issued(any_app, *scopes, owner="team-b"))
    everyones = bearing(await issued(any_app, *scopes))
    made = (await any_app.http.post("/register", json=BODY, headers=ours)).json()
    url = f"/authorization-server/clients/{made['client_id']}"
    assert (await any_app.http.get(url, headers=ours)).status_code == 200
    assert (await any_app.http.get(url, headers=everyones)).status_code == 200
    assert (await any_app.http.get(url, headers=others)).status_code == 404
    unowned = await any_app.register()
    url = f"/authorization-server/clients/{unowned['client_id']}"
    assert (await any_app.http.get(url, headers=ours)).status_code == 404


@pytest.mark.parametrize("given", ["adm_", "adm_unknown", "adm_" + "x" * 5000])
async def test_what_is_no_token_lets_nobody_in(any_app: Application, given: str) -> None:
    answer = await any_app.http.post("/register", json=BODY, headers=bearing(given))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
