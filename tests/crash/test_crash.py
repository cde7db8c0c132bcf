"""A few kills on each database; ``kills.py`` does as many as one likes."""

from __future__ import annotations

from pathlib import Path

import pytest

from crash.kills import AT_LEAST, kill_and_check
from harness.databases import BACKENDS, database
from harness.long_run import only_long


@pytest.mark.parametrize("kills", [1, pytest.param(10, marks=only_long)])
@pytest.mark.parametrize("backend", BACKENDS)
def test_what_was_acknowledged_is_there_after_a_kill(
    backend: str, kills: int, tmp_path: Path
) -> None:
    with database(backend) as url:
        history, found = kill_and_check(tmp_path, url, kills)
    assert history.acknowledged >= kills * AT_LEAST
    assert found == []
