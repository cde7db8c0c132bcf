"""Who a command acts as: the account of the system, whatever the environment says."""

from __future__ import annotations

import os
import pwd

import pytest

from dcrserver.cli import work


def test_it_is_the_account_that_runs_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 0)
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody-else")
    assert work.system_user() == "root"


def test_an_account_without_a_name_is_told_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 1_000_730_000)
    with pytest.raises(KeyError):
        pwd.getpwuid(1_000_730_000)
    assert work.system_user() == "1000730000"


def test_the_trail_names_it() -> None:
    assert str(work.OPERATOR.actor) == f"operator:{work.system_user()}"
