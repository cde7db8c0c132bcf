"""A fault of each cluster under load, and each in the long run; ``run.py`` makes any number."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusters.engines import ENGINES
from clusters.load import check
from harness.long_run import only_long, rounds

pytestmark = pytest.mark.timeout(420)


@pytest.mark.finding("F1", "F2", "F3")
@pytest.mark.parametrize(
    ("engine", "faults"),
    [
        pytest.param("standby", ["kill"], marks=only_long),
        pytest.param("standby", ["freeze", "rolling restart"], marks=only_long),
        # Longer faults behind PgBouncer are for run.py: what they end in is up to Patroni, whose
        # old primary did not always come back as a standby.
        pytest.param("patroni-pgbouncer", ["rolling restart"], marks=only_long),
    ],
)
def test_no_answer_is_wrong_and_nothing_acknowledged_is_lost(
    engine: str, faults: list[str], tmp_path: Path
) -> None:
    with ENGINES[engine]() as cluster:
        check(cluster, faults, tmp_path, seconds=rounds(1, long=4))
