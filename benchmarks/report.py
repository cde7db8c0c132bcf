"""What was measured, as tables; and what was aimed at beside what was reached."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from harness import Sample, Target

SQLITE, POSTGRESQL = "dcrserver/sqlite", "dcrserver/postgresql"
PEER_SQLITE, PEER_POSTGRESQL = "oidc-provider/sqlite", "oidc-provider/postgresql"
MCP, PGBENCH = "mcp-sdk/memory", "pgbench/prepared"
# How many times as many requests: kind, ours, theirs, wanted.
RATIOS = (
    ("POST", POSTGRESQL, PEER_POSTGRESQL, 4.0),
    ("POST", POSTGRESQL, PGBENCH, 0.4),
    ("GET", POSTGRESQL, PEER_POSTGRESQL, 2.5),
    ("PUT", POSTGRESQL, PEER_POSTGRESQL, 3.0),
    ("DELETE", POSTGRESQL, PEER_POSTGRESQL, 2.0),
    ("POST", SQLITE, PEER_SQLITE, 3.0),
    ("GET", SQLITE, PEER_SQLITE, 2.0),
    ("PUT", SQLITE, PEER_SQLITE, 4.0),
    ("DELETE", SQLITE, PEER_SQLITE, 1.5),
    ("POST", POSTGRESQL, MCP, 0.8),
    ("TOKEN", POSTGRESQL, PEER_POSTGRESQL, 2.0),
    ("TOKEN", SQLITE, PEER_SQLITE, 2.0),
)
# The most that it may be: kind, what of it, limit.
LIMITS: tuple[tuple[str, str, Callable[[Sample], float], float], ...] = (
    ("POST", "processor us", lambda sample: sample.cpu or 0.0, 220.0),
    ("GET", "processor us", lambda sample: sample.cpu or 0.0, 200.0),
    ("POST", "p99 / p50", lambda sample: sample.p99 / sample.p50, 3.0),
)
_HEADS = ("target", "kind", "req/s", "range", "p50 ms", "p99 ms", "cpu us", "db us", "failed",
          "foreign")  # fmt: skip


@dataclass
class Goal:
    """``reached`` says whether ``measured`` is good enough beside ``wanted``."""

    what: str
    wanted: str
    measured: float
    reached: bool


def rows(targets: Sequence[Target]) -> list[tuple[str, ...]]:
    """Medians of all rounds, and the range of requests per second."""
    return [
        (
            target.name,
            kind,
            f"{middle(samples, lambda each: each.rate):.0f}",
            f"{min(each.rate for each in samples):.0f}-{max(each.rate for each in samples):.0f}",
            f"{middle(samples, lambda each: each.p50):.1f}",
            f"{middle(samples, lambda each: each.p99):.1f}",
            _known([each.cpu for each in samples]),
            _known([each.database_cpu for each in samples]),
            str(sum(each.failed for each in samples)),
            f"{max(each.foreign for each in samples):.2f}",
        )
        for target in targets
        for kind, samples in target.samples.items()
    ]


def goals(targets: Sequence[Target]) -> list[Goal]:
    """Those of ``RATIOS`` and ``LIMITS`` of which everything was measured."""
    samples = {(each.name, kind): found for each in targets for kind, found in each.samples.items()}
    made = []
    for kind, ours, theirs, wanted in RATIOS:
        if (ours, kind) in samples and (theirs, kind) in samples:
            rates = [middle(samples[name, kind], lambda each: each.rate) for name in (ours, theirs)]
            ratio = rates[0] / rates[1]
            what = f"{kind} {ours} : {theirs}"
            made.append(Goal(what, f">= {wanted}", ratio, ratio >= wanted))
    for kind, of_what, value, limit in LIMITS:
        for name in (SQLITE, POSTGRESQL):
            if (name, kind) in samples:
                found = middle(samples[name, kind], value)
                what = f"{kind} {name}: {of_what}"
                made.append(Goal(what, f"<= {limit:.0f}", found, found <= limit))
    return made


def show(targets: Sequence[Target]) -> None:
    print(f"{'target':24} {'kind':28} {'req/s':>7} {'range':>13} {'p50 ms':>7} {'p99 ms':>7} "
          f"{'cpu us':>7} {'db us':>7} {'failed':>6} {'foreign':>7}")  # fmt: skip
    for name, kind, rate, extent, p50, p99, cpu, database, failed, foreign in rows(targets):
        print(f"{name:24} {kind:28} {rate:>7} {extent:>13} {p50:>7} {p99:>7} {cpu:>7} "
              f"{database:>7} {failed:>6} {foreign:>7}")  # fmt: skip


def show_goals(found: Sequence[Goal]) -> None:
    for goal in found:
        verdict = "reached" if goal.reached else "MISSED"
        print(f"{goal.what:52} wanted {goal.wanted:>6} is {goal.measured:7.2f} {verdict}")


def show_memory(memory: dict[str, float]) -> None:
    for name, megabytes in memory.items():
        print(f"{name:24} {megabytes:6.0f} MB")


def markdown(targets: Sequence[Target], memory: dict[str, float]) -> str:
    """The same for a page."""
    goal_rows = [
        (goal.what, goal.wanted, f"{goal.measured:.2f}", "yes" if goal.reached else "no")
        for goal in goals(targets)
    ]
    tables = [
        _table(_HEADS, rows(targets)),
        _table(("what", "wanted", "measured", "reached"), goal_rows),
        _table(("server", "MB"), [(name, f"{size:.0f}") for name, size in memory.items()]),
    ]
    return "\n\n".join(tables) + "\n"


def _table(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    return "\n".join(
        [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
        + [f"| {' | '.join(line)} |" for line in lines]
    )


def keep(targets: Sequence[Target], file: str | None, **others: object) -> None:
    """Every sample, in ``file``, with facts about the machine."""
    if not file:
        return
    machine = {
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }
    samples = {
        target.name: {
            kind: [asdict(each) for each in found] for kind, found in target.samples.items()
        }
        for target in targets
    }
    document = {"machine": machine, "samples": samples, **others}
    Path(file).write_text(json.dumps(document, indent=2) + "\n")


def middle(samples: Sequence[Sample], value: Callable[[Sample], float]) -> float:
    return statistics.median(value(each) for each in samples)


def _known(values: list[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{statistics.median(known):.0f}" if known else "-"
