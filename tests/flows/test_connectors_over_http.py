"""/admin/v1/connectors: what is told of clients is looked at, tried, compared and put right."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from flows.test_admin_tenants import Administrator, administrator
from harness.actors import OPERATOR
from harness.application import Application, application

_KEY = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
_ROOT = "/admin/v1/connectors"
_SCOPES = ("connectors:read", "connectors:write", "clients:read", "clients:write", "jobs:read")


class Admin(Administrator):
    """One who expects 200."""

    async def ask(
        self, method: str, path: str, status: int = 200, body: Any = None, **more: str
    ) -> Any:
        return await super().ask(method, path, status, body, **more)


async def admin_of(app: Application, tenant: str = "*") -> Admin:
    made = await administrator(app, *_SCOPES, tenant=tenant)
    return Admin(made.http, made.headers)


def new_database(folder: Path, content: bytes) -> str:
    """One with our schema, made where there is none yet."""
    file = folder / "dcr.db"
    if not file.exists():
        file.write_bytes(content)
    return f"sqlite:///{file}"


class Told:
    """An application that tells a file of its clients."""

    def __init__(self, app: Application, path: Path, admin: Admin) -> None:
        self.app = app
        self.path = path
        self.admin = admin

    async def level(self) -> None:
        """As a worker does, once."""
        while True:
            async with self.app.runtime.database.read() as tx:
                due = await tx.client_links.due("file", 100)
            if not due:
                return
            for link in due:
                await self.app.operations.base.provisioning.delivery.deliver(link)

    def lines(self) -> dict[str, dict[str, Any]]:
        text = self.path.read_text() if self.path.exists() else ""
        return {line["client_id"]: line for line in map(json.loads, text.splitlines())}

    def write(self, *lines: dict[str, Any]) -> None:
        self.path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))

    async def reconcile(self, **asked: Any) -> dict[str, Any]:
        job = await self.admin.ask("POST", f"{_ROOT}/file/reconcile", 202, asked)
        await self.app.do_job("do_jobs")
        done: dict[str, Any] = await self.admin.ask("GET", f"/admin/v1/jobs/{job['id']}")
        assert done["state"] == "done", done
        return done


@asynccontextmanager
async def told_of(database: str, path: Path, **more: Any) -> AsyncIterator[Told]:
    file = {"kind": "json_file", "path": str(path), "provision": "after"} | more
    settings: Any = {"connectors": {"file": file}, "secrets": {"encryption_keys": [_KEY]}}
    async with application(database, **settings) as app:
        yield Told(app, path, await admin_of(app))


@pytest.fixture
async def told(tmp_path: Path, sqlite_file: bytes) -> AsyncIterator[Told]:
    async with told_of(new_database(tmp_path, sqlite_file), tmp_path / "clients.jsonl") as each:
        yield each


def found(report: dict[str, Any]) -> dict[str, list[str]]:
    return {kind: report[kind] for kind in ("missing", "changed", "foreign", "orphaned")}


_LEVEL: dict[str, list[str]] = {"missing": [], "changed": [], "foreign": [], "orphaned": []}


async def test_links_tell_how_far_a_target_is(told: Told) -> None:
    client = await told.app.register()
    path = f"/admin/v1/clients/{client['client_id']}"
    (link,) = (await told.admin.ask("GET", path))["links"]
    assert (link["connector"], link["state"], link["applied"]) == ("file", "pending", 0)
    listed = await told.admin.ask("GET", "/admin/v1/clients?link_state=pending")
    assert [each["client_id"] for each in listed["items"]] == [client["client_id"]]
    assert listed["items"][0]["links"] == [link]
    await told.level()
    (link,) = (await told.admin.ask("GET", path))["links"]
    assert link == {
        "connector": "file", "state": "applied", "remote_id": client["client_id"], "wanted": 1,
        "applied": 1, "attempts": 0, "error": None,
    }  # fmt: skip
    assert (await told.admin.ask("GET", "/admin/v1/clients?link_state=failed"))["items"] == []
    (shown,) = (await told.admin.ask("GET", _ROOT))["items"]
    assert (shown["name"], shown["kind"], shown["pending"]) == ("file", "json_file", 0)
    assert shown["differs_since"] is None


async def test_a_connector_tells_what_becomes_of_members_and_whether_it_works(told: Told) -> None:
    shown = await told.admin.ask("GET", f"{_ROOT}/file")
    fates = {each["member"]: each["fate"] for each in shown["members"]}
    assert fates["redirect_uris"] == "carried"
    tried = await told.admin.ask("POST", f"{_ROOT}/file/test")
    assert tried["ok"] is True
    told.path.write_text("nonsense\n")
    tried = await told.admin.ask("POST", f"{_ROOT}/file/test")
    assert tried["ok"] is False
    assert "line 1 is no JSON object" in tried["problems"][0]
    for method, path in (("GET", "x"), ("POST", "x/test"), ("POST", "x/retry")):
        await told.admin.ask(method, f"{_ROOT}/{path}", 404)
    await told.admin.ask("POST", f"{_ROOT}/x/reconcile", 404, {})


async def test_what_differs_is_told_and_nothing_is_touched(told: Told) -> None:
    kept, changed, lost = [await told.app.register() for _ in range(3)]
    await told.level()
    lines = told.lines()
    lines[changed["client_id"]]["client_name"] = "somebody else"
    del lines[lost["client_id"]]
    ours = lines[kept["client_id"]] | {"client_id": "gone"}
    foreign = {"tenant": "default", "client_id": "theirs", "mark": None}
    told.write(*lines.values(), ours, foreign)
    before = told.path.read_text()
    job = await told.reconcile()
    assert found(job["report"]) == {
        "missing": [lost["client_id"]], "changed": [changed["client_id"]], "foreign": ["theirs"],
        "orphaned": ["gone"],
    }  # fmt: skip
    assert job["report"]["differences"] == {changed["client_id"]: ["client_name"]}
    assert told.path.read_text() == before
    await told.level()
    assert told.path.read_text() == before


async def test_what_differs_is_repaired_and_others_stay_byte_for_byte(told: Told) -> None:
    kept, changed, lost = [await told.app.register() for _ in range(3)]
    await told.level()
    good = told.lines()
    lines = told.lines()
    lines[changed["client_id"]]["client_name"] = "somebody else"
    del lines[lost["client_id"]]
    foreign = {"tenant": "default", "client_id": "theirs", "mark": None, "redirect_uris": ["x:y"]}
    told.write(*lines.values(), lines[kept["client_id"]] | {"client_id": "gone"}, foreign)
    job = await told.reconcile(drift="repair")
    assert job["changed"] == 3
    await told.level()
    after = told.lines()
    assert after.pop("theirs") == foreign
    # Nobody knows the secret any more that went with the line.
    for name in ("client_secret", "client_secret_expires_at"):
        good[lost["client_id"]].pop(name, None)
    assert after == good
    job = await told.reconcile(drift="repair")
    assert found(job["report"]) == _LEVEL | {"foreign": ["theirs"]}
    assert job["changed"] == 0


async def test_what_is_there_is_compared_by_time_too(told: Told) -> None:
    client = await told.app.register()
    await told.level()
    told.write()
    for _ in range(2):
        await told.app.do_job("compare_file")
    (job,) = (await told.admin.ask("GET", "/admin/v1/jobs?state=queued"))["items"]
    await told.app.do_job("do_jobs")
    done = await told.admin.ask("GET", f"/admin/v1/jobs/{job['id']}")
    assert done["report"]["missing"] == [client["client_id"]]


async def test_a_dry_run_changes_nothing_whatever_is_configured(
    tmp_path: Path, sqlite_file: bytes
) -> None:
    async with told_of(new_database(tmp_path, sqlite_file), tmp_path / "c", drift="repair") as told:
        client = await told.app.register()
        await told.level()
        told.write()
        job = await told.reconcile(dry_run=True)
        assert found(job["report"]) == _LEVEL | {"missing": [client["client_id"]]}
        await told.level()
        assert told.lines() == {}
        await told.reconcile()
        await told.level()
        assert [*told.lines()] == [client["client_id"]]


async def test_the_first_look_at_a_server_with_clients_of_others_is_dry(
    tmp_path: Path, sqlite_file: bytes
) -> None:
    async with application(new_database(tmp_path, sqlite_file)) as app:
        client = await app.register(token_endpoint_auth_method="none")
    async with told_of(new_database(tmp_path, sqlite_file), tmp_path / "c", drift="repair") as told:
        told.write({"tenant": "default", "client_id": "theirs", "mark": None})
        job = await told.reconcile()
        assert job["report"]["is_first"] is True
        assert job["report"]["missing"] == [client["client_id"]]
        await told.level()
        assert [*told.lines()] == ["theirs"]
        await told.reconcile(first=True)
        await told.level()
        assert [*told.lines()] == ["theirs", client["client_id"]]


async def test_what_is_there_is_taken_over_where_its_word_counts(
    tmp_path: Path, sqlite_file: bytes
) -> None:
    async with told_of(new_database(tmp_path, sqlite_file), tmp_path / "c", drift="adopt") as told:
        client = await told.app.register(client_name="Before")
        await told.level()
        lines = told.lines()
        lines[client["client_id"]]["client_name"] = "After"
        theirs = {
            "tenant": "default", "client_id": "theirs", "mark": None, "client_name": "Theirs",
            "redirect_uris": ["https://theirs.example/cb"], "token_endpoint_auth_method": "none",
        }  # fmt: skip
        secret = theirs | {
            "client_id": "secret", "token_endpoint_auth_method": "client_secret_basic",
        }  # fmt: skip
        told.write(*lines.values(), theirs, secret)
        job = await told.reconcile()
        assert job["changed"] == 2
        (error,) = job["errors"]
        assert error["client_id"] == "secret"
        assert "neither was given" in error["reason"]
        shown = await told.admin.ask("GET", f"/admin/v1/clients/{client['client_id']}")
        assert shown["metadata"]["client_name"] == "After"
        taken = await told.admin.ask("GET", "/admin/v1/clients/theirs")
        assert (taken["origin"], taken["metadata"]["client_name"]) == ("import", "Theirs")
        await told.level()
        assert told.lines()["secret"] == secret
        assert told.lines()[client["client_id"]]["client_name"] == "After"
        (link,) = (await told.admin.ask("GET", "/admin/v1/clients/theirs"))["links"]
        assert link["remote_id"] == "theirs"


async def test_what_failed_is_tried_again_when_somebody_says_so(told: Told) -> None:
    client = await told.app.register(token_endpoint_auth_method="none")
    told.write({"tenant": "default", "client_id": client["client_id"], "mark": "somebody else's"})
    await told.level()
    (link,) = (await told.admin.ask("GET", f"/admin/v1/clients/{client['client_id']}"))["links"]
    assert link["state"] == "failed"
    assert "is not ours" in link["error"]
    told.write()
    await told.level()
    assert told.lines() == {}
    assert await told.admin.ask("POST", f"{_ROOT}/file/retry") == {"retried": 1}
    await told.level()
    assert [*told.lines()] == [client["client_id"]]
    assert await told.admin.ask("POST", f"{_ROOT}/file/retry") == {"retried": 0}


async def test_a_client_that_ended_is_gone_there_too(told: Told) -> None:
    client = await told.app.register()
    await told.level()
    tenant, lifecycle = told.app.runtime.default_tenant, told.app.operations.client_lifecycle
    await lifecycle.suspend(tenant, client["client_id"], OPERATOR)
    await told.level()
    assert told.lines()[client["client_id"]]["active"] is False
    await lifecycle.delete(tenant, client["client_id"], OPERATOR)
    await told.level()
    assert told.lines() == {}


async def test_administrators_of_a_tenant_see_what_is_told_of_its_clients(
    tmp_path: Path, sqlite_file: bytes
) -> None:
    file = {
        "kind": "json_file",
        "path": str(tmp_path / "a"),
        "tenants": ["a"],
        "provision": "after",
    }
    settings: Any = {
        "connectors": {"file": file}, "secrets": {"encryption_keys": [_KEY]},
        "tenants": {"a": {}, "b": {}},
    }  # fmt: skip
    async with application(new_database(tmp_path, sqlite_file), **settings) as app:
        mine = await admin_of(app, "a")
        other = await admin_of(app, "b")
        assert [each["name"] for each in (await mine.ask("GET", f"/t/a{_ROOT}"))["items"]] == [
            "file"
        ]
        assert (await other.ask("GET", f"/t/b{_ROOT}"))["items"] == []
        await other.ask("GET", f"/t/b{_ROOT}/file", 404)
        await other.ask("POST", f"/t/b{_ROOT}/file/reconcile", 404, {})
