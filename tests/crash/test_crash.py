"""A few kills on each database; ``kills.py`` does as many as one likes."""

from __future__ import annotations

from pathlib import Path

import pytest

from crash.kills import AT_LEAST, kill_and_check
from harness.databases import BACKENDS, database

KILLS = 3


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_was_acknowledged_is_there_after_a_kill(backend: str, tmp_path: Path) -> None:
    with database(backend) as url:
        history, found = kill_and_check(tmp_path, url, KILLS)
    assert history.acknowledged >= KILLS * AT_LEAST
    assert found == []
