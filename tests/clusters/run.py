"""Faults of a highly available database under load, one after the other, and the gaps they make.

python tests/clusters/run.py --engine galera --faults 20
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from itertools import cycle, islice
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))

from clusters.engines import ENGINES
from clusters.load import Outcome, go_through

_KINDS = ("kill", "freeze", "rolling restart")


def table(engine: str, outcome: Outcome) -> str:
    """A row for each kind of fault."""
    lines = ["| engine | fault | times | gap s, median | gap s, longest | 503 of all writes |",
             "|---|---|---|---|---|---|"]  # fmt: skip
    for kind in _KINDS:
        found = [outage for outage in outcome.outages if outage.fault == kind]
        if found:
            gaps = [outage.gap for outage in found]
            refused = sum(outage.refused for outage in found)
            writes = refused + sum(outage.acknowledged for outage in found)
            lines.append(
                f"| {engine} | {kind} | {len(found)} | {statistics.median(gaps):.1f} |"
                f" {max(gaps):.1f} | {refused} of {writes} |"
            )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="faults of a cluster under load")
    parser.add_argument("--engine", choices=ENGINES, required=True)
    parser.add_argument("--faults", type=int, default=6, help="of all kinds by turns")
    parser.add_argument("--kinds", nargs="+", choices=_KINDS, default=_KINDS)
    parser.add_argument("--seconds", type=float, default=8, help="that a fault stays")
    options = parser.parse_args()
    faults = list(islice(cycle(options.kinds), options.faults))
    with tempfile.TemporaryDirectory() as folder, ENGINES[options.engine]() as cluster:
        outcome = go_through(cluster, faults, Path(folder), options.seconds)
    print(table(options.engine, outcome))
    print(f"{len(outcome.wrong)} wrong, lost or double")
    print("\n".join(outcome.wrong))
    sys.exit(1 if outcome.wrong else 0)


if __name__ == "__main__":
    main()
