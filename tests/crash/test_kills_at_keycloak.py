"""Killed at steps of a client's life at a real Keycloak: both sides are equal afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from crash.keycloak_kills import kill_and_compare
from harness import keycloak
from harness.long_run import only_long

_KILLS = 24


@only_long
@pytest.mark.timeout(300)
def test_a_kill_leaves_keycloak_and_us_equal(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> None:
    """``python tests/crash/keycloak_kills.py --kills 200`` does it at every step of every life."""
    base = tmp_path_factory.getbasetemp()
    with keycloak.shared(base if worker_id == "master" else base.parent) as server:
        done, wrong = kill_and_compare(server.url, tmp_path, _KILLS, ("register", "rotate"))
    assert wrong == []
    assert done >= _KILLS // 2
