"""What is registered, changed and deleted over HTTP comes to the target; secrets stay sealed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from dcrserver.background import running
from dcrserver.settings import ConfigurationError
from dcrserver.wiring.configured import Configured
from dcrserver.wiring.foundation import opened
from harness.actors import OPERATOR
from harness.application import Application, application, bearer, settings, update_of
from harness.targets import encryption_key

_SECRETS = {"encryption_keys": [encryption_key().get_secret_value()]}


def _configured(path: Path, **more: Any) -> dict[str, Any]:
    file = {"kind": "json_file", "path": str(path), "provision": "after"} | more
    return {"connectors": {"file": file}, "secrets": _SECRETS}


@pytest.fixture
async def app(any_database: str, tmp_path: Path) -> AsyncIterator[Application]:
    """One whose worker tells a file."""
    groups = _configured(tmp_path / "clients.jsonl")
    async with (
        application(any_database, **groups) as made,
        running("provisioning", made.runtime.provisioning.work),
    ):
        yield made


async def _line(path: Path, which: str, **members: Any) -> dict[str, Any]:
    """The client's line, when it has these members; {} when there is none."""
    async with asyncio.timeout(10):
        while True:
            found = _found(path, which)
            if {name: found.get(name) for name in members} == members:
                return found
            await asyncio.sleep(0.01)


def _found(path: Path, which: str) -> dict[str, Any]:
    text = path.read_text("utf-8") if path.exists() else ""
    lines = {line["client_id"]: line for line in map(json.loads, text.splitlines())}
    found: dict[str, Any] = lines.get(which, {})
    return found


async def test_a_client_is_told_through_its_life(app: Application, tmp_path: Path) -> None:
    path = tmp_path / "clients.jsonl"
    client = await app.register(client_name="first")
    client_id = client["client_id"]
    line = await _line(path, client_id, client_name="first")
    assert line["client_secret"] == client["client_secret"]

    body = update_of(client, client_name="second")
    answer = await app.http.put(f"/register/{client_id}", json=body, headers=bearer(client))
    assert answer.status_code == 200
    line = await _line(path, client_id, client_name="second")
    assert line["client_secret"] == client["client_secret"]

    tenant, lifecycle = app.runtime.default_tenant, app.operations.client_lifecycle
    rotated = await app.operations.client_credentials.rotate_secret(tenant, client_id, OPERATOR)
    await _line(path, client_id, client_secret=rotated["client_secret"])
    await lifecycle.suspend(tenant, client_id, OPERATOR)
    await _line(path, client_id, active=False)
    await lifecycle.resume(tenant, client_id, OPERATOR)
    await _line(path, client_id, active=True)
    await lifecycle.delete(tenant, client_id, OPERATOR)
    assert await _line(path, client_id, client_id=None) == {}


async def test_no_secret_is_in_the_database_once_it_is_delivered(
    app: Application, tmp_path: Path
) -> None:
    client = await app.register()
    await _line(tmp_path / "clients.jsonl", client["client_id"], active=True)
    async with asyncio.timeout(10), app.runtime.database.read() as tx:
        while True:
            (link,) = await tx.client_links.of_client("default", client["client_id"])
            if link.state == "applied":
                break
            await asyncio.sleep(0.01)
        record = await tx.clients.find("default", client["client_id"])
    assert record is not None
    assert link.sealed_secret is None
    assert "sealed" not in (record.client_secrets or "")


async def test_the_newest_secret_is_rotated_not_ended_where_a_target_has_it(
    app: Application,
) -> None:
    client = await app.register()
    async with app.runtime.database.read() as tx:
        record = await tx.clients.find("default", client["client_id"])
    assert record is not None
    tenant, credentials = app.runtime.default_tenant, app.operations.client_credentials
    made = await credentials.rotate_secret(tenant, client["client_id"], OPERATOR)
    with pytest.raises(Exception, match="authorization servers have it"):
        await credentials.end_secret(tenant, client["client_id"], str(made["id"]), OPERATOR)


async def test_targets_without_an_encryption_key_are_refused_at_the_start(
    sqlite_database: str, tmp_path: Path
) -> None:
    groups = _configured(tmp_path / "x")
    del groups["secrets"]
    with pytest.raises(ConfigurationError, match=r"^connectors: secrets.encryption_keys must be"):
        async with opened(Configured(settings(sqlite_database, **groups))):
            pass


async def test_metrics_tell_how_far_targets_are(app: Application, tmp_path: Path) -> None:
    client = await app.register()
    await _line(tmp_path / "clients.jsonl", client["client_id"], active=True)
    sent = 'dcrserver_connector_deliveries_total{connector="file",outcome="sent"}'
    async with asyncio.timeout(10):
        while sent not in (text := (await app.runtime.metrics.exposition()).decode()):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert 'dcrserver_connector_up{connector="file"} 1.0' in text
