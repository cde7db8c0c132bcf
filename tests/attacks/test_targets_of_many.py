"""A target that several tenants share, or that others write into: who may see and change what."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, insert, select

from dcrserver.connectors.sql.table import table
from dcrserver.services.provisioning import reconciling
from flows.test_admin_tenants import Administrator, administrator
from flows.test_connectors_over_http import new_database
from harness.application import CALLBACK, Application, application
from harness.targets import encryption_key

_CLIENTS = table("oauth_clients")
_SCOPES = ("connectors:read", "connectors:write", "clients:read", "clients:write", "jobs:read")


class Shared:
    """An application whose tenants a and b are told to one table."""

    def __init__(self, app: Application, engine: Engine) -> None:
        self.app = app
        self._engine = engine

    async def of(self, tenant: str, *scopes: str) -> Administrator:
        return await administrator(self.app, *(scopes or _SCOPES), tenant=tenant)

    async def registered(self, tenant: str, **metadata: Any) -> str:
        body = {"redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none", **metadata}
        answer = await self.app.http.post(f"/t/{tenant}/register", json=body)
        assert answer.status_code == 201, answer.text
        client_id: str = answer.json()["client_id"]
        return client_id

    def rows(self) -> dict[tuple[str, str], dict[str, Any]]:
        with self._engine.connect() as connection:
            found = connection.execute(select(_CLIENTS)).mappings()
            return {(each["tenant"], each["client_id"]): dict(each) for each in found}

    def put(self, tenant: str, client_id: str, **columns: Any) -> None:
        """A row as whoever may write into the table writes it."""
        metadata = {
            "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none",
            **columns.pop("metadata", {}),
        }  # fmt: skip
        row = {"status": "active", "metadata": metadata, **columns}
        with self._engine.begin() as connection:
            connection.execute(insert(_CLIENTS).values(tenant=tenant, client_id=client_id, **row))

    def change(self, tenant: str, client_id: str, **members: Any) -> None:
        """A member of a client as somebody changed it there."""
        row = self.rows()[tenant, client_id]
        metadata = row["metadata"] | members
        with self._engine.begin() as connection:
            connection.execute(
                _CLIENTS.update()
                .where(_CLIENTS.c.tenant == tenant, _CLIENTS.c.client_id == client_id)
                .values(metadata=metadata, **members)
            )

    async def reconciled(self, admin: Administrator, tenant: str, **asked: Any) -> Any:
        root = f"/t/{tenant}" if tenant else ""
        path = f"{root}/admin/v1/connectors/table/reconcile"
        job = await admin.ask("POST", path, 202, {"first": True, **asked})
        await self.app.do_job("do_jobs")
        done = await admin.ask("GET", f"{root}/admin/v1/jobs/{job['id']}", 200)
        assert done["state"] == "done", done
        return done


@pytest.fixture
async def shared(tmp_path: Path, sqlite_file: bytes) -> AsyncIterator[Shared]:
    file = tmp_path / "table.db"
    engine = create_engine(f"sqlite:///{file}")
    _CLIENTS.metadata.create_all(engine)
    groups: dict[str, Any] = {
        "connectors": {"table": {"kind": "sql", "database_url": f"sqlite:///{file}"}},
        "secrets": {"encryption_keys": [encryption_key().get_secret_value()]},
        "tenants": {"a": {}, "b": {}},
    }
    async with application(new_database(tmp_path, sqlite_file), **groups) as app:
        yield Shared(app, engine)
    engine.dispose()


@pytest.mark.finding("V1")
async def test_an_administrator_of_a_tenant_compares_and_changes_its_clients_alone(
    shared: Shared,
) -> None:
    """Also where the target lists those of all."""
    mine, theirs = await shared.registered("a"), await shared.registered("b")
    shared.change("b", theirs, client_name="Of b, by hand")
    shared.put("b", "orphan-of-b", managed_by="dcrserver")
    shared.put("elsewhere", "orphan-of-nobody", managed_by="dcrserver")
    shared.put("b", "foreign-to-b", managed_by="another")
    shared.put("elsewhere", "of-somebody", managed_by=None)
    before = shared.rows()
    admin = await shared.of("a")
    for drift in ("repair", "adopt"):
        job = await shared.reconciled(admin, "a", drift=drift)
        told = json.dumps(job)
        for name in (theirs, "orphan-of-b", "orphan-of-nobody", "foreign-to-b", "of-somebody"):
            assert name not in told, (drift, name)
        assert job["changed"] == job["failed"] == 0, job
        assert shared.rows() == before
    assert mine in {client_id for _, client_id in before}
    other = await shared.of("b")
    for client_id in ("foreign-to-b", "of-somebody"):
        await other.ask("GET", f"/t/b/admin/v1/clients/{client_id}", 404)
    shown = await other.ask("GET", f"/t/b/admin/v1/clients/{theirs}", 200)
    assert "client_name" not in shown["metadata"]
    # Whose clients they are is asked to put them right, and that leaves the rest alone, too.
    await shared.reconciled(other, "b", drift="repair")
    assert {key for key in before if key not in shared.rows()} == {("b", "orphan-of-b")}


@pytest.mark.finding("V1")
async def test_what_bears_our_mark_and_the_name_of_no_tenant_of_ours_is_not_removed(
    shared: Shared,
) -> None:
    """It is another deployment's whose mark nobody changed."""
    await shared.registered("a")
    shared.put("elsewhere", "of-another-deployment", managed_by="dcrserver")
    before = shared.rows()
    await shared.reconciled(await shared.of("*"), "", drift="repair")
    assert shared.rows() == before


@pytest.mark.finding("V2")
async def test_what_a_target_shows_sets_nothing_that_is_the_servers(shared: Shared) -> None:
    """Nor another client_id than it is listed by."""
    await shared.registered("a")
    digest = "a" * 64
    shared.put(
        "a", "planted", managed_by="another",
        metadata={
            "client_id": "somebody-else", "client_secret": "chosen-by-the-target",
            "registration_access_tokens": [{"digest": digest}], "bounds": {"policy": "default"},
            "expires_at": 1, "client_id_issued_at": 1, "tags": ["trusted"],
        },
    )  # fmt: skip
    admin = await shared.of("a")
    job = await shared.reconciled(await shared.of("*"), "", drift="adopt")
    assert job["errors"] == []
    await admin.ask("GET", "/t/a/admin/v1/clients/somebody-else", 404)
    tenant = shared.app.runtime.tenants.now.by_name["a"]
    async with shared.app.runtime.database.read() as tx:
        record = await tx.clients.find(tenant.name, "planted")
    assert record is not None
    assert (record.tags, record.expires_at, record.bounds) == (None, None, None)
    assert record.issued_at > 1
    assert digest not in repr(record)


@pytest.mark.finding("V3")
async def test_to_take_over_what_a_target_has_takes_the_scopes_that_it_would_take_here(
    shared: Shared,
) -> None:
    await shared.registered("a")
    path = "/t/a/admin/v1/connectors/table/reconcile"
    may = {
        ("connectors:write", "jobs:read"): 403,
        ("connectors:write", "clients:read"): 403,
        ("connectors:write", "clients:read", "clients:update"): 403,
        ("connectors:write", "clients:read", "clients:write"): 202,
    }
    for scopes, status in may.items():
        admin = await shared.of("a", *scopes)
        await admin.ask("POST", path, status, {"drift": "adopt"})
    reader = await shared.of("a", "connectors:write", "clients:read")
    await reader.ask("POST", path, 202, {"drift": "repair"})
    nobody = await shared.of("a", "connectors:write")
    await nobody.ask("POST", path, 403, {"dry_run": True})


@pytest.mark.finding("V4")
async def test_a_list_without_end_is_left_and_a_long_one_is_told_in_part(
    shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shared.registered("a")
    for number in range(5):
        shared.put("a", f"{number}" * 512, managed_by=None)
    monkeypatch.setattr(reconciling, "_MAX_NAMED", 3)
    admin = await shared.of("a")
    job = await shared.reconciled(await shared.of("*"), "", drift="repair")
    assert len(job["report"]["foreign"]) == 3
    assert job["report"]["more"] == {"foreign": 2}
    monkeypatch.setattr(reconciling, "_MAX_LISTED", 3)
    path = "/t/a/admin/v1/connectors/table/reconcile"
    began = await admin.ask("POST", path, 202, {})
    await shared.app.do_job("do_jobs")
    done = await admin.ask("GET", f"/t/a/admin/v1/jobs/{began['id']}", 200)
    assert (done["state"], done["report"]["reason"]) == (
        "failed", "table: its list of clients has no end",
    )  # fmt: skip


@pytest.mark.finding("V5")
async def test_an_administrator_of_a_tenant_counts_what_is_told_of_its_clients_alone(
    shared: Shared,
) -> None:
    await shared.registered("a")
    theirs = await shared.registered("b")
    async with shared.app.runtime.database.read() as tx:
        link = await tx.client_links.find("b", theirs, "table")
    assert link is not None
    await shared.app.runtime.database.transact(lambda tx: tx.client_links.hurry(link))
    path = "/admin/v1/connectors/table"
    shown = await (await shared.of("a")).ask("GET", f"/t/a{path}", 200)
    assert (shown["pending"], shown["differs_since"]) == (0, None)
    shown = await (await shared.of("b")).ask("GET", f"/t/b{path}", 200)
    assert shown["pending"] == 1
    assert (await (await shared.of("*")).ask("GET", path, 200))["pending"] == 1
