"""Draws what was measured, for docs/performance.md.

python -m venv /tmp/plots && /tmp/plots/bin/pip install --require-hashes -r benchmarks/plots.txt
/tmp/plots/bin/python benchmarks/plots.py --registration FILE --growth FILE [--before FILE]

The files are those of registration.py --json and growth.py --json.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

try:
    import matplotlib as mpl
except ModuleNotFoundError:
    sys.exit("matplotlib is needed: pip install --require-hashes -r benchmarks/plots.txt")
mpl.use("svg")
from matplotlib import pyplot as plt

_HERE = Path(__file__).parent
_KINDS = ("POST", "VARIED", "GET", "PUT", "CHANGED", "DELETE", "TOKEN")
_NAMES = ("dcrserver/postgresql", "oidc-provider/postgresql", "dcrserver/sqlite",
          "oidc-provider/sqlite", "mcp-sdk/memory", "pgbench/prepared")  # fmt: skip
_COLOURS = dict(zip(_NAMES, ("#1f77b4", "#aec7e8", "#2ca02c", "#98df8a", "#ff7f0e", "#7f7f7f"),
                    strict=True))  # fmt: skip
Samples = Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]]


def main() -> None:
    parser = argparse.ArgumentParser(description="plots of what was measured")
    parser.add_argument("--registration", required=True, metavar="FILE")
    parser.add_argument("--growth", required=True, metavar="FILE")
    parser.add_argument("--folder", type=Path, default=_HERE.parent / "docs" / "plots")
    options = parser.parse_args()
    # The same picture from the same numbers, octet by octet.
    mpl.rcParams.update({"svg.hashsalt": "dcrserver", "svg.fonttype": "path", "font.size": 9})
    options.folder.mkdir(exist_ok=True)
    compared = json.loads(Path(options.registration).read_text())["samples"]
    grown = json.loads(Path(options.growth).read_text())
    drawn = {
        "throughput": lambda: _bars(compared, "rate", "requests / s", "Throughput"),
        "latency": lambda: _bars(compared, "p99", "ms", "p99 latency, 16 connections", log=True),
        "processor": lambda: _bars(compared, "cpu", "us / request", "Server processor time"),
        "growth": lambda: _growth(grown["samples"]),
        "memory": lambda: _memory(grown["registered"]),
    }
    for name, draw in drawn.items():
        draw()
        plt.tight_layout()
        plt.savefig(options.folder / f"{name}.svg", metadata={"Date": None}, facecolor="white")
        plt.close()
        print(options.folder / f"{name}.svg")


def _bars(samples: Samples, field: str, unit: str, title: str, *, log: bool = False) -> None:
    """Medians by kind, with the range of all rounds."""
    _, axes = plt.subplots(figsize=(9, 3.6))
    names = [name for name in _NAMES if _values(samples, name, "POST", field)]
    width = 0.8 / len(names)
    for position, name in enumerate(names):
        for number, kind in enumerate(_KINDS):
            values = _values(samples, name, kind, field)
            if not values:
                continue
            middle = statistics.median(values)
            axes.bar(
                number + (position - (len(names) - 1) / 2) * width, middle, width,
                yerr=[[middle - min(values)], [max(values) - middle]],
                color=_COLOURS[name], label=name if kind == "POST" else None, ecolor="#333333",
            )  # fmt: skip
    labels = {
        "VARIED": "POST, each\ndifferent",
        "CHANGED": "PUT, each\ndifferent",
        "TOKEN": "POST /token",
    }
    axes.set_xticks(range(len(_KINDS)), [labels.get(kind, kind) for kind in _KINDS])
    axes.set(ylabel=unit, title=title, yscale="log" if log else "linear")
    axes.legend(fontsize=8)
    axes.grid(axis="y", alpha=0.3)


def _values(samples: Samples, name: str, kind: str, field: str) -> list[float]:
    found = samples.get(name, {}).get(kind, [])
    return [sample[field] for sample in found if sample[field] is not None]


def _growth(samples: Samples) -> None:
    """Processor time of server and database together, against the number of stored clients."""
    _, axes = plt.subplots(figsize=(6, 3.6))
    total: Callable[[Mapping[str, Any]], float] = lambda sample: (  # noqa: E731 - a formula
        sample["cpu"] + (sample["database_cpu"] or 0)
    )
    for name, kinds in samples.items():
        for method, style in (("POST", "-o"), ("GET", "--s")):
            points = {
                int(kind.split()[1]): statistics.median(map(total, found))
                for kind, found in kinds.items()
                if kind.split()[0] == method
            }
            axes.plot(
                list(points), list(points.values()), style, color=_COLOURS[name],
                label=f"{method} {name.partition('/')[2]}",
            )  # fmt: skip
    axes.set(xscale="log", xlabel="stored clients", ylabel="us / request", ylim=(0, None),
             title="Processor time, server and database")  # fmt: skip
    axes.legend(fontsize=8)
    axes.grid(alpha=0.3)


def _memory(registered: Mapping[str, Sequence[Sequence[float]]]) -> None:
    _, axes = plt.subplots(figsize=(6, 3))
    for name, steps in registered.items():
        axes.plot(*zip(*steps, strict=True), "-o", color=_COLOURS[name], label=name, markersize=3)
    axes.set(xlabel="registrations", ylabel="MB (PSS)", ylim=(0, None),
             title="Memory of one worker")  # fmt: skip
    axes.legend(fontsize=8)
    axes.grid(alpha=0.3)


if __name__ == "__main__":
    main()
