"""docs/operations.md: what it says of backups and keys is done to servers that run."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import make_url

from docs.pasting import ROOT, Shell, section
from harness.databases import migrated, postgresql_program
from harness.process import ServerProcess, serving
from harness.programs import program

PAGE = ROOT / "docs" / "operations.md"
_BACKENDS = {
    "sqlite": ("### SQLite", ("sqlite3",)),
    "postgresql": ("### PostgreSQL", ("pg_dump", "pg_restore")),
    "mysql": ("### MariaDB", ("mariadb-dump", "mariadb")),
}
_CLIENT = {"grant_types": ["client_credentials"], "redirect_uris": [], "scope": "profile"}


@contextmanager
def _http(server: ServerProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.base_url, trust_env=False) as made:
        yield made


def _token(http: httpx.Client, client: dict[str, Any]) -> httpx.Response:
    form = {"grant_type": "client_credentials"}
    return http.post("/token", data=form, auth=(client["client_id"], client["client_secret"]))


def _tools(shell: Shell, url: str) -> dict[str, str]:
    """What the commands of the page need: the URL, or a file with host, user and password."""
    made = make_url(url)
    if made.get_backend_name() == "mysql":
        (shell.folder / "client.cnf").write_text(
            f"[client]\nhost={made.host}\nport={made.port}\nuser={made.username}\n"
            f"password={made.password or ''}\n", "utf-8",
        )  # fmt: skip
    return {"DATABASE": url}


def _commands(heading: str, url: str) -> list[str]:
    """Backup and restore; the name of the database is that of the test's own."""
    found = section(PAGE, heading)
    if heading == "### MariaDB":
        found = [each.replace(" dcrserver ", f" {make_url(url).database} ") for each in found]
    return found


@contextmanager
def _database(backend: str, folder: Path) -> Iterator[str]:
    """On SQLite the file that the page names."""
    if backend == "sqlite":
        yield f"sqlite:///{folder}/dcrserver.db"
    else:
        with migrated(backend) as url:
            yield url


@pytest.mark.parametrize("backend", _BACKENDS)
def test_a_restore_brings_back_what_was_there(backend: str, tmp_path: Path) -> None:
    heading, programs = _BACKENDS[backend]
    shell = Shell(tmp_path)
    for name in programs:
        shell.add(postgresql_program(name) if backend == "postgresql" else program(name))
    key = {"DCR_SECRETS__ENCRYPTION_KEYS": base64.b64encode(os.urandom(32)).decode()}
    with _database(backend, tmp_path) as url:
        variables = _tools(shell, url)
        backup, restore = _commands(heading, url)
        with serving(tmp_path, url, env=key) as server, _http(server) as http:
            before = http.post("/register", json=_CLIENT).json()
            published = http.get("/jwks").json()
            shell.paste(backup, variables)
            after = http.post("/register", json=_CLIENT).json()
            assert _token(http, after).is_success
        shell.paste(restore, variables)
        with serving(tmp_path, url, env=key) as server, _http(server) as http:
            assert _token(http, before).is_success
            assert _token(http, after).status_code == 401
            assert http.get("/jwks").json() == published
            assert http.post("/register", json=_CLIENT).status_code == 201


def test_a_leaked_signing_key_is_gone_at_once(tmp_path: Path) -> None:
    show, remove = section(PAGE, "### Signing keys")
    url = f"sqlite:///{tmp_path}/dcrserver.db"
    with serving(tmp_path, url) as server, _http(server) as http:
        client = http.post("/register", json=_CLIENT).json()
        leaked = {each["kid"] for each in http.get("/jwks").json()["keys"]}
    shown = Shell(tmp_path).paste(f"{show}\n{remove}", {"DCR_DATABASE__URL": url})
    shown_kids = {json.loads(line)["kid"] for line in shown.splitlines() if line[0] == "{"}
    assert shown_kids == leaked
    with serving(tmp_path, url) as server, _http(server) as http:
        token = _token(http, client).json()["access_token"]
        told = http.post(
            "/introspect",
            data={"token": token},
            auth=(client["client_id"], client["client_secret"]),
        ).json()
        now = {each["kid"] for each in http.get("/jwks").json()["keys"]}
    assert told["active"] is True
    assert now
    assert not now & leaked


def test_encryption_keys_change_step_by_step(tmp_path: Path) -> None:
    """After each step whoever has the file can read what is encrypted."""
    url = f"sqlite:///{tmp_path}/dcrserver.db"
    file = tmp_path / "keys"
    file.write_bytes(base64.b64encode(os.urandom(32)) + b"\n")
    file.chmod(0o600)
    variables = {"DCR_SECRETS__ENCRYPTION_KEYS_FILE": str(file), "DCR_DATABASE__URL": url}
    first = file.read_text()
    with serving(tmp_path, url, env=variables) as server, _http(server) as http:
        client = http.post("/register", json=_CLIENT).json()
        assert _token(http, client).is_success
    steps = section(PAGE, "### Encryption keys")
    script = "\n".join(f"{step}\ndcrserver keys list" for step in steps)
    shown = Shell(tmp_path).paste(script, variables).splitlines()
    assert len(shown) == len(steps)
    assert len(set(shown)) == 1
    with serving(tmp_path, url, env=variables) as server, _http(server) as http:
        assert _token(http, client).is_success
    assert first not in file.read_text()
    assert len(file.read_text().splitlines()) == 1
    assert file.stat().st_mode & 0o077 == 0
