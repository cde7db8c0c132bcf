"""The operator's commands, in this process but through the same entry point."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from dcrserver import cli


class Commands:
    """Runs ``dcrserver ...`` on one database."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], url: str
    ) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys
        monkeypatch.setenv("DCR_DATABASE__URL", url)

    def __call__(self, *arguments: str, status: int = 0) -> str:
        """What it prints: stdout on success, stderr otherwise."""
        printed = self.both(*arguments, status=status)
        return printed.err if status else printed.out

    def both(self, *arguments: str, status: int = 0) -> Any:
        self._monkeypatch.setattr(sys, "argv", ["dcrserver", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        printed = self._capsys.readouterr()
        assert (end.value.code or 0) == status, printed
        return printed
