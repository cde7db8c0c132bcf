"""Tenants that were taken out of the configuration, and databases that are not there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.commands import Commands


def _lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def left(run: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """With two clients, two tokens and a key of a tenant that is no longer configured."""
    clients = tmp_path / "clients.jsonl"
    metadata = {"redirect_uris": ["https://a.example/cb"], "token_endpoint_auth_method": "none"}
    lines = [json.dumps({"client_id": f"c{number}"} | metadata) for number in range(2)]
    clients.write_text("\n".join(lines))
    monkeypatch.setenv("DCR_TENANTS__OLD__MODE", "protected")
    run("client", "import", str(clients), "--tenant", "old")
    run("token", "issue", "initial", "--tenant", "old")
    run("token", "issue", "admin", "--scope", "clients:read", "--tenant", "old")
    run("keys", "rotate", "--tenant", "old")
    monkeypatch.delenv("DCR_TENANTS__OLD__MODE")
    return run


@pytest.mark.finding("B10")
def test_a_tenant_that_was_taken_out_is_listed_and_reached(left: Commands) -> None:
    default, old = _lines(left("tenant", "left"))
    assert (default["tenant"], default["configured"]) == ("default", True)
    assert old == {
        "tenant": "old", "configured": False, "issuer": None, "clients": 2,
        "initial_access_tokens": 1, "admin_tokens": 1, "signing_keys": 1,
    }  # fmt: skip
    listed = {row["client_id"] for row in _lines(left("client", "list", "--tenant", "old"))}
    exported = _lines(left("client", "export", "--tenant", "old"))
    assert listed == {row["client_id"] for row in exported} == {"c0", "c1"}
    assert exported[0]["redirect_uris"] == ["https://a.example/cb"]
    left("client", "suspend", "c0", "--tenant", "old")
    assert json.loads(left("client", "show", "c0", "--tenant", "old"))["status"] == "suspended"
    left("client", "delete", "c0", "--tenant", "old")
    assert len(_lines(left("keys", "list", "--tenant", "old"))) == 1
    for token in _lines(left("token", "list", "--tenant", "old")):
        left("token", "revoke", token["id"], "--tenant", "old")


@pytest.mark.finding("B10")
def test_a_tenant_that_was_taken_out_is_purged(left: Commands) -> None:
    assert "--yes" in left("tenant", "purge", "old", status=1)
    assert "is configured" in left("tenant", "purge", "default", "--yes", status=1)
    assert "no such tenant" in left("tenant", "purge", "older", "--yes", status=1)
    told = left.both("tenant", "purge", "old", "--yes").err
    assert told == "dcrserver: tenant old is purged: 2 clients, its tokens and its keys are gone\n"
    assert left("client", "list", "--tenant", "old") == ""
    assert json.loads(left("client", "show", "c1", "--tenant", "old"))["status"] == "deleted"


@pytest.mark.finding("B10")
def test_nothing_new_is_made_for_it(left: Commands) -> None:
    for command in (("token", "issue", "initial"), ("keys", "rotate")):
        assert "no such tenant" in left(*command, "--tenant", "old", status=1)
    assert "no such tenant" in left("client", "list", "--tenant", "never", status=1)


def test_what_is_exported_can_be_imported(run: Commands, left: Commands, tmp_path: Path) -> None:
    (tmp_path / "out").write_text(left("client", "export", "--tenant", "old"))
    run("client", "import", str(tmp_path / "out"))
    assert run("client", "export") == (tmp_path / "out").read_text()


@pytest.mark.finding("B8")
@pytest.mark.parametrize(
    "command",
    [["client", "list"], ["client", "show", "x"], ["client", "export"], ["token", "list"],
     ["token", "issue", "initial"], ["keys", "list"], ["keys", "rotate"], ["tenant", "list"]],
    ids=" ".join,
)  # fmt: skip
def test_a_command_makes_no_database(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: list[str],
) -> None:
    run = Commands(monkeypatch, capsys, "sqlite:///x.db")
    monkeypatch.chdir(tmp_path)
    assert f"there is no file {tmp_path}/x.db" in run(*command, status=1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.finding("B8")
def test_nor_does_one_that_needs_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Commands(monkeypatch, capsys, "sqlite:///x.db")
    monkeypatch.chdir(tmp_path)
    assert '"sqlite:///x.db"' in run("config", "check")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.finding("B11")
def test_a_token_that_names_a_policy_tells_of_servers_that_run(
    run: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue = ("token", "issue", "initial", "--policy", "strict")
    assert "policy must be the name of one" in run(*issue, status=1)
    monkeypatch.setenv("DCR_POLICIES__STRICT__PRESET", "fapi2")
    printed = run.both(*issue)
    assert printed.out.startswith("iat_")
    assert "do not know policies.strict yet" in printed.err
