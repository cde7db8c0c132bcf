"""dcrserver token: admin tokens by role, for all tenants, bound to an owner; the first of them."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from dcrserver.services.access.scopes import ROLES
from harness.commands import Commands
from harness.process import serving

CHOSEN = "adm_" + "Secret-of-the-operator_" * 2


def listed(run: Commands, tenant: str = "*") -> list[dict[str, Any]]:
    return [json.loads(line) for line in run("token", "list", "--tenant", tenant).splitlines()]


@pytest.mark.parametrize("role", [role for role in ROLES if role != "owner"])
def test_a_role_is_its_scopes(run: Commands, role: str) -> None:
    token = run("token", "issue", "admin", "--role", role).strip()
    assert token.startswith("adm_")
    (row,) = listed(run, "default")
    assert set(row["scopes"]) == set(ROLES[role])
    assert (row["owner"], row["revoked_at"]) == (None, None)
    assert token not in json.dumps(row)


def test_scopes_are_added_to_a_role_and_known_by_the_names_of_others(run: Commands) -> None:
    run("token", "issue", "admin", "--role", "viewer", "--scope", "internal_dcr_delete")
    (row,) = listed(run, "default")
    assert set(row["scopes"]) == {*ROLES["viewer"], "clients:delete"}


def test_an_owner_is_told_and_needed_by_its_role(run: Commands) -> None:
    assert "--owner" in run("token", "issue", "admin", "--role", "owner", status=2)
    run("token", "issue", "admin", "--role", "owner", "--owner", "team-a")
    (row,) = listed(run, "default")
    assert (row["owner"], set(row["scopes"])) == ("team-a", set(ROLES["owner"]))


def test_a_token_of_all_tenants_is_of_none_of_them(run: Commands) -> None:
    run("token", "issue", "admin", "--role", "administrator", "--tenant", "*")
    assert listed(run, "default") == []
    (row,) = listed(run)
    assert "*" not in run("tenant", "list")
    assert "no such tenant" in run("tenant", "purge", "*", "--yes", status=1)
    told = run.both("token", "revoke", row["id"], "--tenant", "*")
    assert told.err == f"dcrserver: admin token {row['id']} of tenant * is revoked\n"
    (row,) = listed(run)
    assert row["revoked_at"] is not None


def _register(base_url: str, token: str) -> int:
    body = {"redirect_uris": ["https://client.example.org/cb"]}
    headers = {"Authorization": f"Bearer {token}"}
    url = f"{base_url}/register"
    return httpx.post(url, json=body, headers=headers, trust_env=False).status_code


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_first_administrator_comes_of_a_file_once(
    run: Commands, tmp_path: Path, workers: str
) -> None:
    file = tmp_path / "token"
    file.write_text(f"{CHOSEN}\n", "utf-8")
    url = f"sqlite:///{tmp_path}/cli.db"
    settings = {"DCR_REGISTRATION__MODE": "closed"}
    env = settings | {"DCR_ADMIN__BOOTSTRAP_TOKEN_FILE": str(file)}
    with serving(tmp_path, url, ("--workers", workers), env=env) as server:
        assert _register(server.base_url, CHOSEN) == 201
        log = server.log_path.read_text("utf-8")
        assert log.count("administrator_made") == 1
        assert CHOSEN not in log
    (row,) = listed(run)
    assert (row["label"], row["issuer"], row["expires_at"]) == ("bootstrap", "system", None)
    assert set(row["scopes"]) == set(ROLES["administrator"])
    with closing(sqlite3.connect(tmp_path / "cli.db")) as connection:
        events = connection.execute(
            "SELECT tenant, actor_kind, subject_id FROM events WHERE type = 'admin_token.issued'"
        ).fetchall()
    assert events == [("*", "system", row["id"])]
    # What was ended stays so, whatever the file says.
    run("token", "revoke", row["id"], "--tenant", "*")
    file.write_text("another-" * 8, "utf-8")
    with serving(tmp_path, url, env=env) as server:
        assert _register(server.base_url, CHOSEN) == 401
    assert len(listed(run)) == 1


def test_no_first_administrator_is_made_beside_one(run: Commands, tmp_path: Path) -> None:
    run("token", "issue", "admin", "--role", "administrator", "--tenant", "*")
    run("token", "issue", "admin", "--role", "viewer", "--tenant", "*")
    env = {"DCR_ADMIN__BOOTSTRAP_TOKEN": CHOSEN}
    with serving(tmp_path, f"sqlite:///{tmp_path}/cli.db", env=env):
        assert len(listed(run)) == 2


@pytest.mark.parametrize(
    "content", ["short", "x" * 31, "two words that are long enough for it", "a.b." * 20, "x" * 513]
)
def test_a_first_token_that_is_none_is_refused_and_not_told(
    run: Commands, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str
) -> None:
    file = tmp_path / "token"
    file.write_text(content, "utf-8")
    monkeypatch.setenv("DCR_ADMIN__BOOTSTRAP_TOKEN_FILE", str(file))
    told = run("config", "check", status=1)
    assert "admin.bootstrap_token" in told
    assert "32 to 512" in told
    assert content not in told
