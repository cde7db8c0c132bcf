"""What was measured, as tables; and what was aimed at beside what was reached."""

from __future__ import annotations

import json
import os
import platform
import re
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from harness import Sample, Target

STATIC, MCP, PGBENCH = "static", "mcp-sdk/memory", "pgbench/prepared"
SQLITE, POSTGRESQL = "dcrserver/sqlite", "dcrserver/postgresql"
PEER_SQLITE, PEER_POSTGRESQL = "oidc-provider/sqlite", "oidc-provider/postgresql"
# How many times as many requests, at least: kind, ours, theirs, wanted.
RATIOS = (
    ("POST", POSTGRESQL, PEER_POSTGRESQL, 4.0),
    ("POST", POSTGRESQL, PGBENCH, 0.4),
    ("POST", POSTGRESQL, MCP, 0.8),
    ("GET", POSTGRESQL, PEER_POSTGRESQL, 2.5),
    ("PUT", POSTGRESQL, PEER_POSTGRESQL, 3.0),
    ("DELETE", POSTGRESQL, PEER_POSTGRESQL, 2.0),
    ("TOKEN", POSTGRESQL, PEER_POSTGRESQL, 2.0),
    ("POST", SQLITE, PEER_SQLITE, 3.0),
    ("GET", SQLITE, PEER_SQLITE, 2.0),
    ("PUT", SQLITE, PEER_SQLITE, 4.0),
    ("DELETE", SQLITE, PEER_SQLITE, 1.5),
    ("TOKEN", SQLITE, PEER_SQLITE, 2.0),
)
# The most that it may be, of each of ours: kind, what of it, limit.
LIMITS: tuple[tuple[str, str, Callable[[Sample], float | None], float], ...] = (
    ("POST", "cpu us", lambda sample: sample.cpu, 220.0),
    ("GET", "cpu us", lambda sample: sample.cpu, 200.0),
    ("POST", "p99 / p50", lambda sample: sample.p99 / sample.p50 if sample.p50 else None, 3.0),
)
_SAMPLE_HEADS = ("target", "kind", "req/s", "range", "p50 ms", "p99 ms", "cpu us", "db us",
                 "failed", "foreign")  # fmt: skip
_GOAL_HEADS = ("operation", "ours", "beside", "wanted", "measured", "reached", "foreign")


@dataclass
class Goal:
    """``beside``: another target, or what of ours is limited; ``foreign``: at worst."""

    kind: str
    ours: str
    beside: str
    wanted: str
    measured: float
    reached: bool
    foreign: float


def text(targets: Sequence[Target], facts: Mapping[str, str]) -> str:
    return "\n\n".join(_aligned(heads, lines) for heads, lines in _tables(targets, facts))


def markdown(targets: Sequence[Target], facts: Mapping[str, str]) -> str:
    """The same for a page."""
    return "\n".join(_marked_down(heads, lines) for heads, lines in _tables(targets, facts))


def _tables(
    targets: Sequence[Target], facts: Mapping[str, str]
) -> Iterator[tuple[Sequence[str], list[Sequence[str]]]]:
    yield _SAMPLE_HEADS, rows(targets)
    sizes = [(each.name, f"{each.memory:.0f}") for each in targets if each.memory]
    yield ("server", "PSS MB"), sizes
    yield _GOAL_HEADS, [_goal_row(goal) for goal in goals(targets)]
    yield ("machine", ""), list(facts.items())


def show(targets: Sequence[Target]) -> None:
    print(_aligned(_SAMPLE_HEADS, rows(targets)))


def keep(targets: Sequence[Target], file: str | None, **others: object) -> None:
    """Every sample, in ``file``."""
    if file:
        samples = {target.name: target.samples for target in targets}
        document = {"machine": machine(), "samples": samples, **others}
        Path(file).write_text(json.dumps(document, indent=2, default=asdict) + "\n")


def machine() -> dict[str, str]:
    """What the numbers depend on."""
    model = re.search(r"model name\s+: (.+)", Path("/proc/cpuinfo").read_text())
    return {
        "cores": str(os.cpu_count()),
        "processor": model.group(1) if model else platform.machine(),
        "kernel": platform.release(),
        # How it was built matters: with profiles of its own running (PGO) it is a fifth faster.
        "python": f"{platform.python_version()} in {sys.base_prefix}",
    }


def progress(kind: str, sample: Sample) -> str:
    return (
        f"    {kind:12}{sample.rate:8.0f}/s {_known(sample.cpu):>6} us"
        f" {sample.failed:4} failed {sample.foreign:6.2f} foreign"
    )


def rows(targets: Sequence[Target]) -> list[Sequence[str]]:
    """Medians of all rounds, and the range of requests per second."""
    return [
        (
            target.name,
            kind,
            f"{_middle(samples, lambda each: each.rate):.0f}",
            f"{min(each.rate for each in samples):.0f}-{max(each.rate for each in samples):.0f}",
            f"{_middle(samples, lambda each: each.p50):.1f}",
            f"{_middle(samples, lambda each: each.p99):.1f}",
            _known(_middle(samples, lambda each: each.cpu)),
            _known(_middle(samples, lambda each: each.database_cpu)),
            str(sum(each.failed for each in samples)),
            f"{_foreign(samples):.2f}",
        )
        for target in targets
        for kind, samples in target.samples.items()
    ]


def goals(targets: Sequence[Target]) -> list[Goal]:
    """Those of ``RATIOS`` and ``LIMITS`` of which everything was measured; none by failures."""
    samples = {(each.name, kind): found for each in targets for kind, found in each.samples.items()}
    made = []
    for kind, ours, theirs, wanted in RATIOS:
        mine, other = samples.get((ours, kind), []), samples.get((theirs, kind), [])
        first, second = (_middle(each, lambda sample: sample.rate) for each in (mine, other))
        if first is not None and second:
            ratio = first / second
            reached = ratio >= wanted and _sound(mine + other)
            made.append(
                Goal(kind, ours, theirs, f">= {wanted}", ratio, reached, _foreign(mine + other))
            )
    for kind, of_what, value, limit in LIMITS:
        for name in (SQLITE, POSTGRESQL):
            mine = samples.get((name, kind), [])
            found = _middle(mine, value)
            if found is not None:
                reached = found <= limit and _sound(mine)
                made.append(
                    Goal(kind, name, of_what, f"<= {limit:.0f}", found, reached, _foreign(mine))
                )
    return made


def _sound(samples: Sequence[Sample]) -> bool:
    return not any(each.failed for each in samples)


def _foreign(samples: Sequence[Sample]) -> float:
    return max(each.foreign for each in samples)


def _goal_row(goal: Goal) -> Sequence[str]:
    reached = "yes" if goal.reached else "no"
    measured, foreign = f"{goal.measured:.2f}", f"{goal.foreign:.2f}"
    return (goal.kind, goal.ours, goal.beside, goal.wanted, measured, reached, foreign)


def _middle(samples: Sequence[Sample], value: Callable[[Sample], float | None]) -> float | None:
    known = [found for found in map(value, samples) if found is not None]
    return statistics.median(known) if known else None


def _known(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"


def _aligned(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Columns as wide as they need; those of numbers to the right."""
    columns = [_column(head, cells) for head, *cells in zip(heads, *lines, strict=True)]
    return "\n".join("  ".join(line).rstrip() for line in zip(*columns, strict=True))


def _column(head: str, cells: Sequence[str]) -> list[str]:
    width = max(map(len, [head, *cells]))
    side = "<" if any(map(str.isalpha, "".join(cells))) else ">"
    return [f"{cell:{side}{width}}" for cell in [head, *cells]]


def _marked_down(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    marked = [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join([f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}", *marked, ""])
