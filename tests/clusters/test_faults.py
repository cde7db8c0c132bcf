"""A few faults of each cluster under load; ``run.py`` makes as many as one likes."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusters.engines import ENGINES
from clusters.load import check

pytestmark = pytest.mark.timeout(420)


@pytest.mark.finding("F1", "F2", "F3")
@pytest.mark.parametrize(
    ("engine", "faults"),
    [("standby", ["freeze", "kill"]), ("patroni-pgbouncer", ["rolling restart"])],
)
def test_no_answer_is_wrong_and_nothing_acknowledged_is_lost(
    engine: str, faults: list[str], tmp_path: Path
) -> None:
    with ENGINES[engine]() as cluster:
        check(cluster, faults, tmp_path)
