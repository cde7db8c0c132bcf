"""What an operator does to a client, and to the tokens that may register one."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from dcrserver.cli.work import OPERATOR
from harness.commands import Commands
from harness.process import ServerProcess, serving

GRANT = {"grant_type": "client_credentials"}
MACHINE: dict[str, Any] = {"grant_types": ["client_credentials"], "redirect_uris": []}


class Served:
    """A server on the database of the commands, and one client of it."""

    def __init__(self, run: Commands, server: ServerProcess) -> None:
        self.run, self.url = run, server.base_url
        self.client: dict[str, Any] = self.post("/register", json=MACHINE).json()
        self.client_id = str(self.client["client_id"])

    def post(self, path: str, **arguments: Any) -> httpx.Response:
        return httpx.post(f"{self.url}{path}", trust_env=False, **arguments)

    def read(self, token: str) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        uri = self.client["registration_client_uri"]
        return httpx.get(uri, headers=headers, trust_env=False).status_code

    def grant(self, secret: str | None = None) -> httpx.Response:
        auth = (self.client_id, secret or self.client["client_secret"])
        return self.post("/token", data=GRANT, auth=auth)

    def command(self, *arguments: str) -> str:
        return self.run("client", arguments[0], self.client_id, *arguments[1:])


@pytest.fixture
def served(run: Commands, tmp_path: Path) -> Any:
    with serving(tmp_path, f"sqlite:///{tmp_path}/cli.db") as server:
        yield Served(run, server)


def test_a_client_is_suspended_and_resumed(served: Served) -> None:
    token = served.client["registration_access_token"]
    served.command("suspend")
    assert served.grant().status_code == 401
    assert served.read(token) == 401
    assert json.loads(served.command("show"))["status"] == "suspended"
    served.command("resume")
    assert served.grant().status_code == 200
    assert served.read(token) == 200


def test_a_new_registration_token_ends_the_old_one(served: Served) -> None:
    token = served.command("new-token").strip()
    assert served.read(token) == 200
    assert served.read(served.client["registration_access_token"]) == 401


def test_secrets_are_rotated_and_ended(served: Served) -> None:
    made = json.loads(served.command("rotate-secret"))
    assert served.grant(made["client_secret"]).status_code == 200
    assert served.grant().status_code == 200
    served.command("end-overlap")
    assert served.grant().status_code == 401
    assert served.grant(made["client_secret"]).status_code == 200
    assert "no second secret" in served.run("client", "end-overlap", served.client_id, status=1)
    shown = json.loads(served.command("show"))
    assert [secret["id"] for secret in shown["secrets"]] == [made["id"]]


def test_access_tokens_of_a_client_are_configured(served: Served) -> None:
    served.command("set", "--access-token-lifetime", "10m")
    served.command("set", "--access-token-format", "opaque")
    token = served.grant().json()
    assert token["expires_in"] == 600
    assert token["access_token"].count(".") == 0
    served.command("set", "--access-token-lifetime", "default", "--access-token-format", "default")
    token = served.grant().json()
    assert token["expires_in"] == 300
    assert token["access_token"].count(".") == 2
    for lifetime in ("2d", "0"):
        told = served.run(
            "client", "set", served.client_id, "--access-token-lifetime", lifetime, status=1
        )
        assert "must be a number of seconds from 1 to 86400" in told


def test_a_client_ends_when_it_is_told_to(served: Served) -> None:
    served.command("set", "--expires-in", "1h")
    ends = datetime.fromisoformat(json.loads(served.command("show"))["expires_at"])
    assert timedelta(minutes=59) < ends - datetime.now(UTC) <= timedelta(hours=1)
    served.command("set", "--owner", "team-a")
    assert json.loads(served.command("show"))["expires_at"]
    served.command("set", "--expires-in", "0")
    assert json.loads(served.command("show"))["expires_at"] is None
    assert "--expires-in" in served.run(
        "client", "set", served.client_id, "--expires-in", "soon", status=2
    )


@pytest.mark.parametrize(
    "command",
    ["suspend", "resume", "approve", "reject", "set", "new-token", "rotate-secret", "end-overlap"],
)
def test_a_client_that_is_none_is_named(run: Commands, command: str) -> None:
    more = {"set": ("--owner", "team-a"), "reject": ("--reason", "no")}
    given = more.get(command, ())
    assert "no such client" in run("client", command, "nobody", *given, status=1)


def test_who_does_not_wait_is_neither_approved_nor_rejected(served: Served) -> None:
    for given in (("approve",), ("approve", "--version", "1"), ("reject", "--reason", "no")):
        told = served.run("client", given[0], served.client_id, *given[1:], status=1)
        assert "does not wait for an approval: it is active" in told


def test_a_client_without_a_secret_has_none_to_rotate(served: Served) -> None:
    body = {"redirect_uris": ["https://a.example/"], "token_endpoint_auth_method": "none"}
    client = served.post("/register", json=body).json()
    told = served.run("client", "rotate-secret", client["client_id"], status=1)
    assert "no client_secret" in told


def test_admin_tokens_are_for_what_they_were_issued_for(served: Served) -> None:
    run = served.run
    told = run.both("token", "issue", "admin", "--scope", "tokens:introspect", "--label", "rs")
    token = told.out.strip()
    headers = {"Authorization": f"Bearer {token}"}
    access = served.grant().json()["access_token"]
    looked = served.post("/introspect", data={"token": access}, headers=headers)
    assert looked.json()["active"]
    refused = served.post("/authorization-server/authenticate", json={}, headers=headers)
    assert refused.status_code == 403
    (row,) = [json.loads(line) for line in run("token", "list").splitlines()]
    assert token not in json.dumps(row)
    assert (row["kind"], row["label"], row["scopes"]) == ("admin", "rs", ["tokens:introspect"])
    run("token", "revoke", row["id"])
    looked = served.post("/introspect", data={"token": access}, headers=headers)
    assert looked.status_code == 401


@pytest.mark.parametrize("scopes", [(), ("--scope", "everything")])
def test_an_admin_token_is_for_something(run: Commands, scopes: tuple[str, ...]) -> None:
    assert "clients:authenticate" in run("token", "issue", "admin", *scopes, status=1)


def test_initial_access_tokens_have_bounds_and_history(
    run: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "c.toml"
    config.write_text(
        '[registration]\nmode = "protected"\n[policies.few.redirect]\nmax_count = 1\n'
    )
    monkeypatch.setenv("DCR_CONFIG", str(config))
    token = run(
        "token", "issue", "initial", "--uses", "2", "--policy", "few", "--scope", "profile",
        "--grant-type", "authorization_code", "--label", "partner",
    ).strip()  # fmt: skip
    url, env = f"sqlite:///{tmp_path}/cli.db", {"DCR_CONFIG": str(config)}
    with serving(tmp_path, url, env=env) as server:

        def register(**body: Any) -> httpx.Response:
            sent = {"redirect_uris": ["https://a.example/"], "scope": "profile"} | body
            headers = {"Authorization": f"Bearer {token}"}
            where = f"{server.base_url}/register"
            return httpx.post(where, json=sent, headers=headers, trust_env=False)

        two = ["https://a.example/1", "https://a.example/2"]
        assert register(redirect_uris=two).status_code == 400
        assert register(**MACHINE).status_code == 400
        made = register().json()
    (row,) = [json.loads(line) for line in run("token", "list").splitlines()]
    assert (row["label"], row["issuer"], row["uses_left"]) == ("partner", str(OPERATOR.actor), 1)
    row = json.loads(run("token", "show", row["id"]))
    assert [use["client_id"] for use in row["used"]] == [made["client_id"]]
    assert token not in json.dumps(row)
    assert "policy must be" in run("token", "issue", "initial", "--policy", "many", status=1)


@pytest.mark.parametrize(
    "options",
    [
        ("admin", "--scope", "clients:create", "--uses", "1"),
        ("admin", "--scope", "clients:create", "--policy", "p"),
        ("admin", "--scope", "clients:create", "--grant-type", "g"),
        ("initial", "--audience", "https://api.example"),
        ("initial", "--role", "viewer"),
        ("initial", "--owner", "team-a"),
        ("initial", "--tenant", "*"),
    ],
)
def test_a_bound_that_would_not_hold_is_refused(run: Commands, options: tuple[str, ...]) -> None:
    """Nobody shall believe a token to be bounded that is not."""
    told = run("token", "issue", *options, status=2)
    assert options[-2] in told
    assert run("token", "list") == ""


@pytest.mark.parametrize(
    "options",
    [
        ("--scope", "clients:read", "--audience", "https://api.example"),
        ("--scope", "clients:read", "--scope", "events:read", "--owner", "team-a"),
        ("--role", "auditor", "--owner", "team-a"),
        ("--scope", "clients:read", "--owner", ""),
        ("--scope", "clients:register"),
        ("--role", "nobody"),
    ],
)
def test_an_admin_token_that_cannot_be_is_refused(run: Commands, options: tuple[str, ...]) -> None:
    told = run("token", "issue", "admin", *options, status=1)
    assert told.startswith(f"dcrserver: {options[-2].removeprefix('--')}")
    assert run("token", "list") == ""


def test_bounds_that_nothing_comes_of_are_told(run: Commands) -> None:
    told = run.both("token", "issue", "initial", "--scope", "profile", "--scope", "pilots",
                    "--grant-type", "magic")  # fmt: skip
    assert told.out.startswith("iat_")
    assert told.err.splitlines() == [
        "dcrserver: warning: pilots is not in scopes_supported of tenant default",
        "dcrserver: warning: magic is not in grant_types_supported of tenant default",
    ]


def test_an_export_goes_behind_whoever_serves(
    run: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []
    monkeypatch.setattr("os.nice", told.append)
    run("client", "list")
    assert told == []
    run("client", "export")
    run("events", "export")
    assert told == [10, 10]
