"""What the lines of the commands' examples speak of: made on the database, anew for each line."""

from __future__ import annotations

import json
import os
import re
import shlex
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from dcrserver.repositories.clients import ClientRecord
from dcrserver.services.registration.decisions import digest_of
from harness.commands import Commands


class Stage:
    """Files in a folder, and what is stored, for the lines of examples."""

    def __init__(self, run: Commands, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.run = run
        self._made = 0
        self._database = os.environ["DCR_DATABASE__URL"].removeprefix("sqlite:///")
        self._monkeypatch = monkeypatch
        monkeypatch.chdir(folder)
        monkeypatch.setenv("DCR_TENANTS__ACME__MODE", "open")
        monkeypatch.setenv("DCR_POLICIES__FILED__PRESET", "mcp")
        monkeypatch.setenv("DCR_SECRETS__ENCRYPTION_KEYS", run("keys", "generate").strip())
        # Of no client that the lines are about: those would be told of at their own time.
        told = {"KIND": "json_file", "PATH": "told.jsonl", "PROVISION": "after", "TENANTS": "acme"}
        for name, value in told.items():
            monkeypatch.setenv(f"DCR_CONNECTORS__KEYCLOAK__{name}", value)
        new = {"metadata": {"redirect_uris": ["https://a.example/cb"]}, "owner": "team-a"}
        Path("client.json").write_text(json.dumps(self.client()))
        Path("clients.jsonl").write_text(json.dumps(self.client() | {"client_id": "example"}))
        document = {"client_id": "https://a.example/c", "redirect_uris": ["https://a.example/cb"]}
        Path("document.json").write_text(json.dumps(document))
        Path("new.json").write_text(json.dumps(new))
        Path("change.json").write_text(json.dumps({"metadata": {"client_name": "Changed"}}))
        Path("requests.jsonl").write_text(json.dumps({"request": self.client()}))
        Path("policy.json").write_text('{"preset": "mcp"}')
        Path("dcrserver.toml").write_text(run("config", "init"))

    @staticmethod
    def client() -> dict[str, Any]:
        return {
            "redirect_uris": ["https://a.example/cb"],
            "client_name": "Billing of Acme",
            "client_secret": "x" * 32,
        }

    def client_id(self) -> str:
        self._made += 1
        file = Path(f"{self._made}.jsonl")
        file.write_text(json.dumps(self.client() | {"client_id": f"made-{self._made}"}))
        self.run("client", "import", str(file))
        return f"made-{self._made}"

    def deleted_id(self) -> str:
        client_id = self.client_id()
        self.run("client", "delete", client_id)
        return client_id

    def waiting_id(self) -> str:
        """Of a client as it is held: no command registers one that anybody would hold."""
        client_id = self.client_id()
        with closing(sqlite3.connect(self._database)) as database, database:
            database.execute(
                "UPDATE clients SET approval = 'pending', suspended_at = 1 WHERE client_id = ?",
                (client_id,),
            )
            row = database.execute(
                f"SELECT {', '.join(ClientRecord._fields)} FROM clients WHERE client_id = ?",  # noqa: S608
                (client_id,),
            ).fetchone()
            held = digest_of(ClientRecord(*row))
            database.execute(
                "INSERT INTO client_approvals (tenant, client_id, held_digest, statements, ends_at)"
                " VALUES ('default', ?, ?, '[]', 9999999999)",
                (client_id, held),
            )
        return client_id

    def token_id(self) -> str:
        self._made += 1
        self.run("token", "issue", "initial", "--label", f"made-{self._made}")
        rows = map(json.loads, self.run("token", "list").splitlines())
        return next(str(row["id"]) for row in rows if row["label"] == f"made-{self._made}")

    def kid(self) -> str:
        self.run("keys", "rotate")
        return str(json.loads(self.run("keys", "list").splitlines()[0])["kid"])

    def job_id(self) -> str:
        """Of one that nobody has begun yet."""
        queued = self.run("client", "bulk", "suspend", "--owner", "nobody", "--no-wait", "--json")
        return str(json.loads(queued)["id"])

    def ended_job_id(self) -> str:
        ended = self.run("client", "bulk", "suspend", "--owner", "nobody", "--json")
        return str(json.loads(ended)["id"])

    def arguments(self, example: str) -> list[str]:
        """``example`` about things that are there."""
        makers: dict[str, Callable[[], str]] = {
            "CLIENT_ID": self.client_id,
            "WAITING_ID": self.waiting_id,
            "DELETED_ID": self.deleted_id,
            "TOKEN_ID": self.token_id,
            "KID": self.kid,
            "JOB_ID": self.job_id,
            "ENDED_ID": self.ended_job_id,
        }
        for placeholder, make in makers.items():
            if re.search(rf"\b{placeholder}\b", example):
                example = example.replace(placeholder, make())
        if example.startswith(("client end-overlap", "client end-secret")):
            rotated = json.loads(self.run("client", "rotate-secret", example.split()[2]))
            example = example.replace("SECRET_ID", rotated["id"])
        if example.startswith("tenant purge"):
            self.run("token", "issue", "initial", "--tenant", "acme")
            self._monkeypatch.delenv("DCR_TENANTS__ACME__MODE")
        return shlex.split(example)
