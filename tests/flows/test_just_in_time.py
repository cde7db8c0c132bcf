"""The front door tells the authorization server of a client before it sends a person there."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from flows.test_connectors_over_http import new_database
from harness.application import CALLBACK, Application, application
from harness.document_host import DocumentHost, document_host

_KEY = "A" * 43 + "="
_SERVER = {
    "authorization_endpoint": "https://as.example/login", "token_endpoint": "https://as.example/t",
}  # fmt: skip


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[DocumentHost]:
    async with document_host(tmp_path) as made:
        yield made


def settings(file: Path, **more: Any) -> dict[str, Any]:
    connector = {"kind": "json_file", "path": str(file)}
    return {
        "connectors": {"file": connector}, "secrets": {"encryption_keys": [_KEY]},
        "authorization_server": _SERVER, **more,
    }  # fmt: skip


def lines(file: Path) -> dict[str, Any]:
    text = file.read_text() if file.exists() else ""
    return {line["client_id"]: line for line in map(json.loads, text.splitlines())}


async def asked_for(app: Application, client_id: str) -> httpx.Response:
    query = {"client_id": client_id, "redirect_uri": CALLBACK}
    return await app.http.get("/authorize", params=query)


async def test_a_client_from_before_the_connector_is_there_when_a_person_comes(
    tmp_path: Path, sqlite_file: bytes
) -> None:
    database, file = new_database(tmp_path, sqlite_file), tmp_path / "told"
    async with application(database) as app:
        client = await app.register(token_endpoint_auth_method="none")
    async with application(database, **settings(file)) as app:
        assert lines(file) == {}
        answer = await asked_for(app, client["client_id"])
        assert answer.status_code == 302
        assert [*lines(file)] == [client["client_id"]]
        assert (await asked_for(app, client["client_id"])).status_code == 302


async def test_nobody_is_sent_to_a_server_that_does_not_know_the_client(
    tmp_path: Path, sqlite_file: bytes
) -> None:
    database, file = new_database(tmp_path, sqlite_file), tmp_path / "told"
    async with application(database) as app:
        client = await app.register(token_endpoint_auth_method="none")
    file.write_text("no JSON lines\n")
    async with application(database, **settings(file)) as app:
        answer = await asked_for(app, client["client_id"])
        assert answer.status_code == 400
        assert "location" not in answer.headers
        assert "does not know this application yet" in answer.text


async def test_a_client_that_names_itself_by_url_is_there_by_that_name(
    tmp_path: Path, sqlite_file: bytes, host: DocumentHost
) -> None:
    file = tmp_path / "told"
    given = settings(file, **host.settings)
    async with application(new_database(tmp_path, sqlite_file), **given) as app:
        url = host.publish("/a", "Cache-Control: no-store\r\n")
        assert (await asked_for(app, url)).status_code == 302
        assert lines(file)[url]["client_name"] == "An app"
        headers = await app.admin_token("clients:read")
        path = f"/admin/v1/clients/{quote(url, '')}"
        (link,) = (await app.http.get(path, headers=headers)).json()["links"]
        assert (link["state"], link["remote_id"]) == ("applied", url)
        host.publish("/a", client_name="Renamed")
        assert (await asked_for(app, url)).status_code == 302
        assert lines(file)[url]["client_name"] == "Renamed"


async def test_a_document_that_the_server_cannot_be_told_of_leaves_nothing(
    tmp_path: Path, sqlite_file: bytes, host: DocumentHost
) -> None:
    file = tmp_path / "told"
    file.write_text("no JSON lines\n")
    given = settings(file, **host.settings)
    async with application(new_database(tmp_path, sqlite_file), **given) as app:
        url = host.publish("/a")
        answer = await asked_for(app, url)
        assert answer.status_code == 503
        assert "location" not in answer.headers
        headers = await app.admin_token("clients:read")
        assert (
            await app.http.get(f"/admin/v1/clients/{quote(url, '')}", headers=headers)
        ).status_code == 404
        file.unlink()
        async with app.runtime.database.read() as tx:
            link = await tx.client_links.find("default", url, "file")
        if link is not None:  # a worker cleans up, at its next attempt
            await app.operations.base.provisioning.delivery.deliver(link)
        assert (await asked_for(app, url)).status_code == 302
