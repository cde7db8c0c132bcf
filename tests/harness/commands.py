"""The operator's commands, in this process but through the same entry point."""

from __future__ import annotations

import gc
import os
import sys
from functools import cache
from typing import Any

import pytest
import typer.main

from dcrserver import cli
from dcrserver.settings import TelemetrySettings
from dcrserver.telemetry import configure_logging

# What logs by a thread of its own. A logger keeps what it was given with its first line, so that
# lines of later tests in this process would go there as well.
_SERVERS = {"serve": "dcrserver.serving", "worker": "dcrserver.worker"}
# All commands: making them is half of what a short one takes, and this process runs hundreds.
_made_once = cache(typer.main.get_command)


def _logging_as_in_tests(settings: TelemetrySettings, _: object = None) -> None:
    configure_logging(settings)


class Commands:
    """Runs ``dcrserver ...`` on one database."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], url: str
    ) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys
        monkeypatch.setenv("DCR_DATABASE__URL", url)
        monkeypatch.setattr("typer.main.get_command", _made_once)
        # What saves a process that ends soon its garbage would keep this one's: gigabytes of it.
        for name in ("disable", "enable", "freeze"):
            monkeypatch.setattr(gc, name, lambda: None)
        # Nor is there a way back to what is more urgent.
        monkeypatch.setattr(os, "nice", lambda _: 0)

    def __call__(self, *arguments: str, status: int = 0) -> str:
        """What it prints: stdout on success, stderr otherwise."""
        printed = self.both(*arguments, status=status)
        return printed.err if status else printed.out

    def both(self, *arguments: str, status: int = 0) -> Any:
        self._monkeypatch.setattr(sys, "argv", ["dcrserver", *arguments])
        if module := _SERVERS.get(arguments[0]):
            self._monkeypatch.setattr(f"{module}.configure_logging", _logging_as_in_tests)
        with pytest.raises(SystemExit) as end:
            cli.main()
        printed = self._capsys.readouterr()
        assert (end.value.code or 0) == status, printed
        return printed
