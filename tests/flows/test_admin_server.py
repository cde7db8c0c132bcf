"""/admin/v1/server and /admin/v1/configuration: how the server is, and what is in force."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from conftest import MakeApplication
from dcrserver import __version__
from dcrserver.app import create_app
from dcrserver.db import schema
from dcrserver.names import ALL_TENANTS
from dcrserver.services.access.admin_tokens import NewAdminToken
from dcrserver.settings import load
from dcrserver.wiring.configured import Configured
from dcrserver.wiring.foundation import opened
from dcrserver.wiring.operations import Operations
from dcrserver.wiring.runtime import built_on
from harness.actors import OPERATOR
from harness.administration import Administrator, administrator
from harness.application import BASE_URL, Application

_SECRET = "c2VjcmV0LWNhbmFyeS1zZWNyZXQtY2FuYXJ5LTEyMzQ="


async def of_all(app: Application, *scopes: str) -> Administrator:
    issue = app.operations.token_administration.issue_admin_token
    token = await issue(ALL_TENANTS, NewAdminToken(scopes, 3600), OPERATOR)
    return Administrator(app, {"Authorization": f"Bearer {token}"})


async def test_how_the_server_is(any_app: Application) -> None:
    admin = await administrator(any_app, "server:read")
    told = await admin.get("/server")
    assert told["version"] == __version__
    assert (told["ready"], told["reason"], told["draining"]) == (True, None, False)
    assert told["schema_revision"] == schema.head_revision()
    assert told["authorization_server_metadata"] == []
    assert {each["name"] for each in told["jobs"]} == {*any_app.runtime.jobs.jobs}
    any_app.runtime.draining = True
    assert (await admin.get("/server?fields=ready,draining")) == {"ready": False, "draining": True}
    await admin.get("/server?colour=red", 400)
    await (await administrator(any_app, "configuration:read")).get("/server", 403)


async def test_the_configuration_hides_secrets_and_tells_sources(
    tmp_path: Path, any_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "dcrserver.toml"
    file.write_text(f'[server]\nbase_url = "{BASE_URL}"\n[clients]\nrestore_window = 3600\n')
    monkeypatch.setenv("DCR_SECRETS__ENCRYPTION_KEYS", _SECRET)
    settings = load(file, database={"url": any_database}, rate_limits={"enabled": False})
    async with opened(Configured(settings)) as base, built_on(base) as runtime:
        transport = httpx.ASGITransport(create_app(runtime))
        async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as http:
            admin = await of_all(Application(runtime, Operations(base), http), "configuration:read")
            told = await admin.get("/configuration")
            changes = {each["key"]: each for each in told["changes"]}
            assert changes["clients.restore_window"]["origin"] == f"{file}, line 4"
            assert "DCR_SECRETS__ENCRYPTION_KEYS" in changes["secrets.encryption_keys"]["origin"]
            assert told["settings"]["server"]["base_url"] == BASE_URL
            assert _SECRET not in json.dumps(told)
            assert ":dcr@" not in json.dumps(told)  # the password in the URL of MariaDB
            file.unlink()
            refused = await admin.get("/configuration", 503)
            assert str(tmp_path) not in json.dumps(refused)


async def test_those_of_one_tenant_see_nothing_of_the_whole(make_app: MakeApplication) -> None:
    app = await make_app(tenants={"other": {}})
    own = await administrator(app, "configuration:read", "server:read")
    for path in ("/configuration", "/configuration?fields=settings"):
        await own.get(path, 403)
    for path in ("/configuration?tenant=other", "/server?tenant=other", "/server?tenant=*"):
        await own.get(path, 403)
    admin = await of_all(app, "configuration:read")
    await admin.get("/configuration?limit=5", 400)
    assert {*(await admin.get("/configuration?fields=changes"))} == {"changes"}
