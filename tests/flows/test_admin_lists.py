"""What every list of the administrators' API refuses: parameters, sorts and cursors not its own."""

from __future__ import annotations

import base64
import re
from typing import Any
from urllib.parse import urlencode

import pytest
from fastapi.routing import iter_route_contexts

from conftest import MakeApplication
from dcrserver.app import ROUTERS
from dcrserver.edge.administration import AdminRoute
from dcrserver.names import ALL_TENANTS
from dcrserver.services.access.admin_tokens import NewAdminToken
from dcrserver.services.access.scopes import ROLES
from harness.actors import OPERATOR
from harness.administration import Administrator
from harness.application import CALLBACK, Application


def lists() -> list[str]:
    """Paths of all that is answered by pages."""
    found = iter_route_contexts([each for router in ROUTERS for each in router.routes])
    return [
        str(each.path).removeprefix("/admin/v1")
        for each in found
        if isinstance(each.original_route, AdminRoute)
        and each.original_route.selection is not None
        and each.original_route.selection.is_page
    ]


async def of_all(app: Application) -> Administrator:
    wanted = NewAdminToken(ROLES["administrator"], 0)
    issue = app.operations.token_administration.issue_admin_token
    token = await issue(ALL_TENANTS, wanted, OPERATOR)
    return Administrator(app, {"Authorization": f"Bearer {token}"})


async def filled(app: Application, admin: Administrator) -> dict[str, str]:
    """Where lists of two and more are, by their path, in both tenants."""
    for tenant in ("default", "acme"):
        where = f"?tenant={tenant}"
        for number in (1, 2):
            body: dict[str, Any] = {
                "metadata": {"redirect_uris": [CALLBACK]}, "client_id": f"listed-{number}",
            }  # fmt: skip
            await admin.post(f"/clients{where}", 201, json=body)
            body["client_id"] = f"gone-{number}"
            await admin.post(f"/clients{where}", 201, json=body)
            await admin.delete(f"/clients/gone-{number}{where}")
            await admin.post(f"/initial-access-tokens{where}", 201, json={})
            await admin.post(f"/admin-tokens{where}", 201, json={"role": "viewer"})
            job = {"action": "suspend", "all": True, "dry_run": True}
            await admin.post(f"/clients/bulk{where}", 202, json=job)
            await admin.ask("PUT", f"/policies/p{number}{where}", json={"preset": "mcp"})
        await admin.ask("PATCH", f"/clients/listed-1{where}", json={"tags": ["x"]})
    for name in ("p1", "p2"):  # of all tenants
        await admin.ask("PUT", f"/policies/{name}", json={"preset": "mcp"})
    assert app
    return {path: re.sub(r"{\w+}", "listed-1", path) for path in lists()}


@pytest.mark.finding("V1", "V2")
async def test_no_list_takes_what_is_not_its_own(make_app: MakeApplication) -> None:
    app = await make_app(tenants={"acme": {}})
    admin, other = await of_all(app), await of_all(app)
    known = await filled(app, admin)
    assert len(known) > 6
    for path in known.values():
        for query in (
            "colour=x",
            "sort=colour",
            "limit=0",
            "limit=501",
            "limit=x",
            "limit=1&limit=2",
            "cursor=",
            "cursor=x",
            "cursor=%20",
            f"cursor={'x' * 3000}",
            "fields=colour",
        ):
            told = await admin.get(f"{path}?{query}", 400)
            assert told["errors"][0]["parameter"] == query.partition("=")[0], (path, query, told)
        cursor = (await admin.get(f"{path}?limit=1"))["next"]
        assert cursor, path
        await admin.get(f"{path}?{urlencode({'limit': 2, 'cursor': cursor})}")
        octets = bytearray(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        altered = [cursor[:-2], cursor + "AAAA"]
        for place in (0, 15, 16, len(octets) - 1):
            octets[place] ^= 1
            altered.append(base64.urlsafe_b64encode(bytes(octets)).decode().rstrip("="))
            octets[place] ^= 1
        for wrong in altered:
            told = await admin.get(f"{path}?{urlencode({'cursor': wrong})}", 400)
            assert told["errors"][0]["parameter"] == "cursor", path
        # Of another tenant, of somebody else, of another list.
        query = urlencode({"cursor": cursor})
        if path != "/tenants":
            await admin.get(f"{path}?tenant=acme&{query}", 400)
        await other.get(f"{path}?{query}", 400)
        for elsewhere in known.values():
            if elsewhere != path:
                await admin.get(f"{elsewhere}?{query}", 400)
