"""The operator's commands, in this process but through the same entry point."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from dcrserver import __version__
from dcrserver.cli.work import OPERATOR
from dcrserver.db import schema
from harness.commands import Commands
from harness.databases import database
from harness.process import serving
from harness.statements import FORGERIES, ISSUER, entry, statement


def test_version(run: Commands) -> None:
    assert run("version").strip() == __version__
    assert run("--version").strip() == __version__


def test_migrate_tells_what_it_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Commands(monkeypatch, capsys, f"sqlite:///{tmp_path}/new.db")
    assert run("migrate").startswith(f"the schema went from nothing to {schema.head_revision()}")
    assert "nothing to do" in run("migrate")


def test_what_asks_no_server_says_so(run: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file may be that of the server and of who administers it."""
    monkeypatch.setenv("DCR_CLI__SERVER", "https://dcr.example.com")
    monkeypatch.setenv("DCR_CLI__TOKEN", "adm_anything")
    told = run.both("migrate")
    assert "nothing to do" in told.out
    assert "cli.server (https://dcr.example.com) is whom other commands ask; migrate" in told.err


def test_an_unmigrated_database_is_said_to_be_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "none.db").touch()
    run = Commands(monkeypatch, capsys, f"sqlite:///{tmp_path}/none.db")
    assert "run dcrserver migrate" in run("client", "list", status=1)


def test_a_database_that_is_away_is_told_in_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Commands(monkeypatch, capsys, "postgresql://nobody@127.0.0.1:1/none")
    assert len(run("migrate", status=1).splitlines()) == 1
    assert len(run("client", "list", status=1).splitlines()) == 1


def test_initial_access_tokens_are_issued_listed_and_revoked(run: Commands) -> None:
    token = run("token", "issue", "initial", "--uses", "2", "--expires-in", "1h").strip()
    assert token.startswith("iat_")
    assert len(token.splitlines()) == 1
    (row,) = [json.loads(line) for line in run("token", "list").splitlines()]
    issued, expires = (datetime.fromisoformat(row[name]) for name in ("issued_at", "expires_at"))
    assert (row["kind"], row["uses_left"], row["status"]) == ("initial", 2, "active")
    assert (row["issuer"], (expires - issued).total_seconds()) == (str(OPERATOR.actor), 3600)
    assert token not in run("token", "list")
    told = run.both("token", "revoke", row["id"])
    assert told.out == ""
    assert told.err == f"dcrserver: initial access token {row['id']} is revoked\n"
    (ended,) = [json.loads(line) for line in run("token", "list").splitlines()]
    assert ended["revoked_at"]
    assert "no such token" in run("token", "revoke", row["id"], status=1)


@pytest.mark.parametrize("lifetime", ["x", "1y", "-1d", "", "0d", "0s", "100000d", f"{10**20}d"])
def test_a_lifetime_that_is_none_is_refused(run: Commands, lifetime: str) -> None:
    run("token", "issue", "initial", f"--expires-in={lifetime}", status=2)


def test_a_tenant_that_is_none_is_named(run: Commands) -> None:
    assert "no such tenant" in run("token", "issue", "initial", "--tenant", "nobody", status=1)


def test_config_check_prints_what_is_in_force_without_secrets(
    run: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DCR_REDIS__URL", "redis://:very-secret@127.0.0.1/0")
    monkeypatch.setenv("DCR_DATABASE__URL", "postgresql://u:very-secret@127.0.0.1:1/d")
    monkeypatch.setenv("DCR_POLICY__REDIRECT__MAX_COUNT", "7")
    printed = run("config", "check", "--offline")
    assert "very-secret" not in printed
    shown: dict[str, Any] = json.loads(printed)
    assert shown["policy"]["redirect"]["max_count"] == 7
    assert "json" in shown["policy"]
    assert "json_" not in shown["policy"]
    assert shown["database"]["url"] == "postgresql://u:**********@127.0.0.1:1/d"
    assert shown["redis"]["url"] == "redis://:**********@127.0.0.1/0"


def test_config_check_prints_what_discovery_publishes(run: Commands, tmp_path: Path) -> None:
    file = _written(
        tmp_path / "c.toml",
        """
        [authorization_server]
        scopes_supported = ["openid"]
        [tenants.a.authorization_server]
        token_endpoint = "https://a.example/token"
        """,
    )
    effective = json.loads(run("config", "check", "--config", str(file)))["effective"]
    assert effective["default"]["issuer"] == "http://127.0.0.1:8000"
    assert effective["default"]["scopes_supported"] == ["openid"]
    assert effective["default"]["token_endpoint"] == "http://127.0.0.1:8000/token"
    assert effective["a"]["token_endpoint"] == "https://a.example/token"


def test_config_check_fails_on_a_mistake(run: Commands, tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text("[policy.jwks]\nmax_kyes = 1\n")
    assert "policy.jwks.max_kyes" in run("config", "check", "--config", str(file), status=1)
    file.write_text('[rate_limits]\nopen_registration = "often"\n')
    assert "rate_limits" in run("config", "check", "--config", str(file), status=1)


def test_config_check_refuses_a_tenant_in_the_way_of_our_paths(
    run: Commands, tmp_path: Path
) -> None:
    file = _written(tmp_path / "c.toml", '[tenants.a]\npath = "/docs/a"\n')
    for offline in ((), ("--offline",)):
        told = run("config", "check", *offline, "--config", str(file), status=1)
        assert "tenants.a: the path /docs/a cannot be that of a tenant" in told


def test_roots_that_cannot_be_read_are_named_by_their_key(
    run: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DCR_OUTBOUND__CA_FILE", "/nope")
    for command in (("config", "check"), ("serve",), ("client", "list")):
        told = run(*command, status=1)
        assert told.splitlines()[-1] == (
            "dcrserver: configuration: outbound.ca_file: /nope: No such file or directory"
            " (from DCR_OUTBOUND__CA_FILE)"
        )
    text = _written(tmp_path / "roots.txt", "no certificate")
    monkeypatch.setenv("DCR_OUTBOUND__CA_FILE", str(text))
    assert f"outbound.ca_file: {text}: no PEM" in run("config", "check", status=1)


def test_clients_are_listed_shown_and_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{tmp_path}/served.db"
    run = Commands(monkeypatch, capsys, url)
    with serving(tmp_path, url) as server:
        body = {"redirect_uris": ["https://client.example.org/cb"], "client_name": "Ünï"}
        made = httpx.post(f"{server.base_url}/register", json=body, trust_env=False).json()
        (row,) = [json.loads(line) for line in run("client", "list").splitlines()]
        issued = datetime.fromtimestamp(made["client_id_issued_at"], UTC)
        assert row.pop("metadata").items() <= made.items()
        assert row == {
            "client_id": made["client_id"],
            "tenant": "default",
            "status": "active",
            "origin": "open",
            "owner": None,
            "tags": [],
            "policy": None,
            "policy_version": None,
            "created_at": f"{issued:%Y-%m-%dT%H:%M:%SZ}",
            "updated_at": f"{issued:%Y-%m-%dT%H:%M:%SZ}",
            "suspended_at": None,
            "expires_at": None,
            "version": 1,
            "links": [],
        }
        shown = run("client", "show", made["client_id"])
        assert json.loads(shown)["events"][0]["type"] == "client.registered"
        assert made["client_secret"] not in shown
        told = run.both("client", "delete", made["client_id"])
        assert told.out == ""
        assert told.err == f"dcrserver: client {made['client_id']} is deleted\n"
        headers = {"Authorization": f"Bearer {made['registration_access_token']}"}
        gone = httpx.get(made["registration_client_uri"], headers=headers, trust_env=False)
        assert gone.status_code == 401
    gone_too = json.loads(run("client", "show", made["client_id"]))
    assert gone_too["status"] == "deleted"
    assert [event["actor"] for event in gone_too["events"]] == [
        {"kind": "anonymous", "id": None, "name": None},
        {"kind": "operator", "id": OPERATOR.actor.id, "name": None},
    ]
    assert "no such client" in run("client", "delete", made["client_id"], status=1)
    assert "no such client" in run("client", "show", "nobody", status=1)


def test_a_wheel_can_migrate(tmp_path: Path) -> None:
    """The migrations travel in the wheel (architecture: a wheel must be able to migrate)."""
    project = Path(__file__).parent.parent.parent
    target = tmp_path / "installed"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation",
         "--no-compile", "--disable-pip-version-check", "--target", str(target), str(project)],
        check=True,
        capture_output=True,
    )  # fmt: skip
    assert (target / "dcrserver" / "py.typed").exists()
    with database("sqlite") as url:
        done = subprocess.run(
            [sys.executable, "-c", _FROM_WHEEL, str(target)],
            env={"DCR_DATABASE__URL": url, "PATH": ""},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
    assert done.stdout.splitlines() == [
        str(target),
        f"the schema went from nothing to {schema.head_revision()}",
    ]


# The checkout is on the path of this environment: the wheel must be found before it.
_FROM_WHEEL = """
import sys
sys.path.insert(0, sys.argv[1])
sys.argv = ["dcrserver", "migrate"]
import dcrserver
from pathlib import Path
print(Path(dcrserver.__file__).parent.parent, flush=True)
from dcrserver.cli import main
main()
"""


def test_a_submission_is_explained(run: Commands, tmp_path: Path) -> None:
    file = tmp_path / "client.json"
    good = {"redirect_uris": ["https://a.example/"], "scope": "openid x", "redirect_uri": "x"}
    file.write_text(json.dumps(good | {"sector_identifier_uri": "https://a.example/s"}))
    lines = run("client", "check", str(file)).splitlines()
    assert lines[0] == "acceptable"
    assert '  changed: scope "openid x" -> "openid": only what this server' in lines[2]
    assert '  filled in: grant_types = ["authorization_code"]' in lines
    assert "  ignored: redirect_uri: unknown; did you mean redirect_uris?" in lines
    assert "  not checked: sector_identifier_uri is only read at registration" in lines
    told = json.loads(run("client", "check", "--json", str(file)))
    assert told["acceptable"]
    assert told["registration"]["scope"] == "openid"


def test_a_bad_submission_fails(run: Commands, tmp_path: Path) -> None:
    file = _written(tmp_path / "client.json", '{"redirect_uris": ["https://a.example/#"]}')
    told = run.both("client", "check", str(file), status=1)
    assert told.out.splitlines()[:2] == [
        "not acceptable: invalid_redirect_uri",
        "  error: redirect_uris element 0 holds a fragment [CF-01, RFC 7591 2]",
    ]
    assert "not valid JSON" in run("client", "check", str(_written(file, "{")), status=1)
    assert "No such file" in run("client", "check", f"{tmp_path}/none.json", status=1)
    assert "no such tenant" in run(
        "client", "check", "--tenant", "x", str(_written(file, "{}")), status=1
    )


def _written(file: Path, text: str) -> Path:
    file.write_text(text)
    return file


def test_client_check_reads_software_statements(run: Commands, tmp_path: Path) -> None:
    """By keys in files; nothing is fetched, nor spent."""
    config = tmp_path / "c.toml"
    issuer = f"[[software_statements]]\nissuer = '{ISSUER}'\njwks_file = 'ss-issuer.jwks.json'\n"
    config.write_text(f"[policy]\nstatements_mode = 'required'\n{issuer}")
    entry(tmp_path)

    def told(text: str | None, status: int) -> dict[str, Any]:
        body = {"redirect_uris": ["https://a.example/cb"], "client_name": "Evil"}
        sent = json.dumps(body | ({"software_statement": text} if text else {}))
        file = _written(tmp_path / "client.json", sent)
        arguments = ("client", "check", "--json", "--config", str(config), str(file))
        made: dict[str, Any] = json.loads(run.both(*arguments, status=status).out)
        return made

    good = told(statement(), 0)
    assert good["registration"]["client_name"] == "From the statement"
    assert [change["member"] for change in good["changes"]] == ["client_name"]
    for text in (None, statement(exp=1), FORGERIES["alg none"][1]()):
        assert told(text, 1)["error"] == "invalid_software_statement"
