"""No row of one tenant is seen or changed by who is of another, at any route, by any name of it."""

from __future__ import annotations

import importlib
import pkgutil
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import iter_route_contexts
from sqlalchemy.sql.dml import Delete, Update
from sqlalchemy.sql.selectable import Select

from conftest import MakeApplication
from dcrserver import repositories
from dcrserver.app import ROUTERS
from dcrserver.db.tables import metadata as schema
from dcrserver.services.access.admin_tokens import NewAdminToken
from dcrserver.services.access.scopes import SCOPES
from harness.actors import OPERATOR
from harness.application import CALLBACK, Application

CANARY = "Canary"
# Each is one of b's, and the first is one of a's, too.
SHARED, THEIRS = "shared", "theirs"
METADATA: dict[str, Any] = {"redirect_uris": [CALLBACK], "software_id": "same"}
# The lists of all that there is, asked by filters that fit what b has.
ASKED = (
    "/clients?q=canary", "/clients?owner=bob", "/clients?tag=hidden", "/clients?software_id=same",
    "/clients?metadata.software_id=same", "/clients/count?tag=hidden", "/clients/export",
    "/clients/export?after=aaaa&after_issued_at=1", "/deleted-clients", "/events?oldest_first=true",
    "/events?subject_id=shared", "/events/export", "/jobs", "/admin-tokens",
    "/initial-access-tokens", "/policies", "/tenants", "/statistics?by=method",
)  # fmt: skip


@dataclass
class Two:
    """Two tenants; ``a`` and ``b``: who may do everything, in one of them."""

    app: Application
    a: dict[str, str]
    b: dict[str, str]
    looker: sqlite3.Connection
    # Of b's: what stands for each parameter of a path.
    names: dict[str, str]

    def rows_of_b(self) -> dict[str, list[Any]]:
        kept = [each.name for each in schema.sorted_tables if "tenant" in each.c]
        return {
            name: sorted(map(repr, self.looker.execute(
                f"SELECT * FROM {name} WHERE tenant = 'b'")))  # noqa: S608 - names of ours
            for name in kept
        }  # fmt: skip


async def _filled(app: Application, tenant: str) -> tuple[dict[str, str], dict[str, str]]:
    """A tenant with one of everything: its administrator, and the ids."""
    name = CANARY if tenant == "b" else "Plain"
    wanted = NewAdminToken(tuple(SCOPES), 3600, label=name)
    service = app.operations.token_administration
    token = await service.issue_admin_token(tenant, wanted, OPERATOR)
    headers, root = {"Authorization": f"Bearer {token}"}, f"/t/{tenant}/admin/v1"

    async def post(path: str, body: Any, status: int = 201, method: str = "POST") -> Any:
        answer = await app.http.request(method, root + path, json=body, headers=headers)
        assert answer.status_code == status, f"{path}: {answer.text}"
        return answer.json() if answer.content else None

    for client_id in (SHARED, THEIRS, "gone") if tenant == "b" else (SHARED,):
        body = {"metadata": METADATA | {"client_name": name}, "client_id": client_id}
        await post("/clients", body | {"owner": "bob", "tags": ["hidden"]})
    if tenant == "b":
        await post("/clients/gone", None, 204, "DELETE")
    initial = await post("/initial-access-tokens", {"label": name})
    job = await post("/clients/bulk", {"action": "suspend", "filter": {"tag": name}}, 202)
    await post("/policies/own", {"registration": {"required": ["client_name"]}}, 200, "PUT")
    admin = await post("/admin-tokens", {"scopes": ["clients:read"], "label": name})
    ids = {"client_id": SHARED, "secret_id": "k1", "name": "own", "job_id": job["id"]}
    return headers, ids | {"token_id": initial["id"], "admin_token": admin["id"]}


@pytest.fixture
async def two(make_app: MakeApplication, tmp_path: Path) -> AsyncIterator[Two]:
    settings = {"asgardeo": {"enabled": True}, "registration": {"mode": "protected"}}
    app: Application = await make_app(tenants={"a": {}, "b": {}}, **settings)
    a, _ = await _filled(app, "a")
    b, names = await _filled(app, "b")
    with closing(sqlite3.connect(tmp_path / "0.db")) as looker:
        yield Two(app, a, b, looker, names)


def _targets(names: dict[str, str]) -> list[dict[str, str]]:
    """Of what b alone has, too: the answer is that there is nothing."""
    return [
        names | {"client_id": client_id, "token_id": token_id}
        for client_id in (SHARED, THEIRS, "gone")
        for token_id in (names["token_id"], names["admin_token"])
    ]


@pytest.mark.finding("M7")
async def test_nothing_of_another_tenant_is_seen_or_changed_by_any_route(two: Two) -> None:
    before, told = two.rows_of_b(), []
    asked = 0
    for found in iter_route_contexts([each for router in ROUTERS for each in router.routes]):
        path = str(found.path)
        if not path.startswith(("/admin", "/register", "/api", "/authorization-server")):
            continue
        targets = _targets(two.names) if "{" in path else [two.names]
        for method in found.original_route.methods or ():  # type: ignore[attr-defined]
            for names in targets:
                where = re.sub(r"{(\w+)}", lambda part, names=names: names.get(part[1], "1"), path)
                body = {"client_id": names["client_id"], **METADATA, "client_name": "New"}
                if "/clients" in path:
                    body = {"metadata": METADATA | {"client_name": "New"}}
                sent = {"json": body if method in {"POST", "PUT", "PATCH"} else None}
                for there in (f"/t/a{where}", f"/t/b{where}", f"/t/a{where}?tenant=b",
                              f"{where}?tenant=b", where):  # fmt: skip
                    answer = await two.app.http.request(method, there, headers=two.a, **sent)
                    asked += 1
                    assert answer.status_code < 500, f"{method} {there}: {answer.text}"
                    if not there.startswith("/t/a/") and answer.status_code < 400:
                        told.append(f"{method} {there}: {answer.status_code}")
                    if CANARY.lower() in answer.text.lower():
                        told.append(f"{method} {there} tells: {answer.text}")
    assert not told, "\n".join(told)
    assert two.rows_of_b() == before
    assert asked > 500


@pytest.mark.finding("M7")
async def test_no_list_of_another_tenant_is_told_by_filters_or_cursors(two: Two) -> None:
    for path in ASKED:
        where = f"/t/a/admin/v1{path}"
        answer = await two.app.http.get(where, headers=two.a)
        assert answer.status_code == 200, f"{path}: {answer.text}"
        assert CANARY.lower() not in answer.text.lower(), path
        assert THEIRS not in answer.text, path
        separator = "&" if "?" in path else "?"
        own = await two.app.http.get(f"/t/b/admin/v1{path}{separator}limit=1", headers=two.b)
        following = (
            own.json().get("next") if own.status_code == 200 and "next" in own.text else None
        )
        if following:
            cursor = f"{where}{separator}limit=1&cursor={following}"
            assert (await two.app.http.get(cursor, headers=two.a)).status_code == 400, path


async def test_a_key_that_was_used_in_one_tenant_tells_nothing_in_another(two: Two) -> None:
    """Not even to an administrator of all, who has it."""
    wanted = NewAdminToken(tuple(SCOPES), 3600)
    service = two.app.operations.token_administration
    token = await service.issue_admin_token("*", wanted, OPERATOR)
    made = []
    for tenant in ("a", "b"):
        answer = await two.app.http.post(
            f"/t/{tenant}/admin/v1/initial-access-tokens",
            json={"label": "x"},
            headers={"Authorization": f"Bearer {token}", "Idempotency-Key": "same"},
        )
        assert answer.status_code == 201, answer.text
        made.append((answer.json()["id"], answer.json()["token"]))
    assert not set(made[0]) & set(made[1])


# Statements on the rows of all tenants, and who does that.
OF_ALL = {
    "client_approvals._DUE": "the job that ends those that nobody decided about",
    "clients._ENDED": "the job that removes those whose time is over",
    "dcr_configurations._COUNT": "the deletion of a policy of all, which only those of all may do",
    "deleted_clients._DUE": "the job that purges them",
    "jobs._ALIVE": "the worker that does jobs",
    "jobs._ANY_ALIVE": "the worker that does jobs",
    "jobs._OLD": "the job that forgets old ones",
    "link_statements.COUNTED": "the worker's metrics, and connectors for administrators of all",
    "link_statements._COUNTS": "the same, before it names the connector",
    "metadata_copies._SELECT_ALL": "the start, with the metadata of every tenant",
    "signing_keys._SELECT_ALL": "the re-encryption of all keys",
    "signing_keys._SELECT_AGING": "the rotation of all keys",
}


def test_every_statement_on_rows_of_tenants_names_the_tenant() -> None:
    """Those that are made once, as constants; the rest is asked above."""
    missing, seen = set(), 0
    for each in pkgutil.walk_packages(repositories.__path__, "dcrserver.repositories."):
        module = importlib.import_module(each.name)
        for name, value in vars(module).items():
            if not isinstance(value, Select | Update | Delete):
                continue
            froms = [value.table] if isinstance(value, Update | Delete) else value.get_final_froms()
            if not any("tenant" in each.c for each in froms):
                continue
            seen += 1
            text = str(value.whereclause)
            place = f"{module.__name__.removeprefix('dcrserver.repositories.')}.{name}"
            if "tenant" not in text:
                missing.add(place)
    assert missing == OF_ALL.keys()
    assert seen > 10
