"""docs/admin.md: its commands do what it says, from top to bottom."""

from __future__ import annotations

import json
from pathlib import Path

from docs.pasting import ROOT, SERVER, Shell, commands


def test_the_guide_to_the_admin_api_works_when_pasted(tmp_path: Path) -> None:
    printed = Shell(tmp_path).paste(SERVER + commands(ROOT / "docs" / "admin.md"))
    lines = [line for line in printed.splitlines() if line]
    answers = [json.loads(line) for line in lines if line.startswith("{")]
    statuses = [each["status"] for each in answers if "client_id" in each and "status" in each]
    named = [each["metadata"]["client_name"] for each in answers if "version" in each and
             "metadata" in each]  # fmt: skip
    deleted = [each for each in answers if each.get("items") and "purge_at" in each["items"][0]]
    assert "412" in lines
    assert "suspended" in statuses
    assert statuses[-1] == "active"
    assert "Invoices EU" in named
    assert len(deleted) == 1
    assert any(each.get("dry_run") is True for each in answers)
    refused = [each for each in answers if "errors" in each and "code" in each]
    assert [each["errors"][0]["parameter"] for each in refused] == ["colour"]
    history = next(each for each in answers if each.get("items") and "actor" in each["items"][0])
    assert history["items"][0]["actor"]["name"] == "Ada"
    exported = (tmp_path / "clients.jsonl").read_text("utf-8").splitlines()
    assert len([line for line in exported if line]) == 1
