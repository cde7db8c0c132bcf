"""A database for each test of the commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.commands import Commands


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Commands:
    made = Commands(monkeypatch, capsys, f"sqlite:///{tmp_path}/cli.db")
    made("migrate")
    return made
