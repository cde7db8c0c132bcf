"""A database for each test of the commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.commands import Commands


@pytest.fixture
def run(
    tmp_path: Path,
    sqlite_file: bytes,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Commands:
    """On a copy of a database that was migrated: migrating takes a tenth of a second."""
    (tmp_path / "cli.db").write_bytes(sqlite_file)
    return Commands(monkeypatch, capsys, f"sqlite:///{tmp_path}/cli.db")
