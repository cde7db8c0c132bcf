"""Source trees of dcrserver by turns: what a change costs, and how sure that is.

python benchmarks/by_turns.py base=/path/to/tree now=/path/to/tree [--postgres URL] [--rounds 8]
python benchmarks/by_turns.py plain=. quiet=.,TELEMETRY__LEVEL=error

What follows a tree are settings of its server, so that two configurations of one are compared.
The servers of all trees run side by side on one database (SQLite, then PostgreSQL if it is given)
and are driven in turn, each round in the other order, so that what else the machine does meets all
alike. Each is compared with the first, round by round: the mean of these ratios, and its standard
error. Processor time per request says most: a busy machine moves it less than requests per second.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from registration import WORKLOADS

from harness import Sample, Target, database, dcrserver, listener, settled

_WARMING_SECONDS = 1
_HEADS = ("kind", "tree", "req/s", "range", "cpu us", "range", "db us", "cpu", "req/s", "failed")
_WIDTHS = (8, 10, 7, 13, 7, 13, 6, 16, 16, 6)


class Variant(NamedTuple):
    """What is compared: a tree, and settings of its server, by the names of variables."""

    tree: str
    settings: Mapping[str, str]

    @classmethod
    def parse(cls, text: str) -> Variant:
        """As it is written on the command line; no value holds a comma."""
        tree, *settings = text.split(",")
        pairs = (each.partition("=") for each in settings)
        return cls(tree, {f"DCR_{name}": value for name, _, value in pairs})


def main() -> None:
    parser = parser_of("source trees by turns")
    parser.add_argument(
        "trees", nargs="+", metavar="NAME=PATH[,SETTING=VALUE]", help="the first is the measure"
    )
    options = parser.parse_args()
    written = dict(each.split("=", 1) for each in options.trees)
    compare({name: Variant.parse(each) for name, each in written.items()}, options)


def compare(variants: Mapping[str, Variant], options: argparse.Namespace) -> None:
    """Drives all of ``variants``, and prints what each costs beside the first."""
    options.only = options.only.upper().split(",")
    if unknown := set(options.only) - set(WORKLOADS):
        sys.exit(f"no such kind: {', '.join(unknown)}; there are {', '.join(WORKLOADS)}")
    if missing := {each.tree for each in variants.values() if not Path(each.tree, "src").is_dir()}:
        sys.exit(f"no tree of dcrserver: {', '.join(missing)}")
    for server in (None, options.postgres) if options.postgres else (None,):
        with contextlib.ExitStack() as stack:
            targets = [
                stack.enter_context(_started(name, variant, server))
                for name, variant in variants.items()
            ]
            for number in range(-1, options.rounds):
                seconds = options.seconds if number >= 0 else _WARMING_SECONDS
                _round(targets if number % 2 else targets[::-1], options.only, seconds)
                if number < 0:
                    for target in targets:
                        target.samples.clear()
                print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
        print("PostgreSQL" if server else "SQLite")
        for row in (_HEADS, *_rows(targets, options.only)):
            print(*(text.rjust(width) for text, width in zip(row, _WIDTHS, strict=True)))


def parser_of(description: str) -> argparse.ArgumentParser:
    """What can be said of any comparison."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--postgres", metavar="URL", help="a server where databases may be made")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seconds", type=int, default=3, help="of each kind in each round")
    parser.add_argument("--only", default="POST,GET,PUT,CHANGED,TOKEN", metavar="KIND,...")
    return parser


@contextlib.contextmanager
def _started(name: str, variant: Variant, server: str | None) -> Iterator[Target]:
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(database(server, f"by_turns_{name}")) if server else None
        tree = os.path.abspath(Path(variant.tree, "src"))  # noqa: PTH100 - a text
        settings = {"PYTHONPATH": tree, **variant.settings}
        # The name begins as registration.py has it.
        target = stack.enter_context(dcrserver(f"dcrserver/{name}", folder, url, settings))
        target.database_pid = listener(server) if server else None
        yield target


def _round(targets: Sequence[Target], kinds: Sequence[str], seconds: int) -> None:
    for kind in kinds:
        for target in targets:
            settled(target)
            with tempfile.TemporaryDirectory() as folder:
                sample = WORKLOADS[kind](target, Path(folder), seconds)
            target.samples.setdefault(kind, []).append(sample)


def _rows(targets: Sequence[Target], kinds: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for kind in kinds:
        first = targets[0].samples[kind]
        for target in targets:
            samples = target.samples[kind]
            compared = target is not targets[0]
            yield (
                kind if target is targets[0] else "",
                target.name.partition("/")[2],
                *_middle(samples, _rate),
                *_middle(samples, _cpu),
                _middle(samples, _database_cpu)[0] if target.database_pid else "",
                _ratio(samples, first, _cpu) if compared else "",
                _ratio(samples, first, _rate) if compared else "",
                str(sum(each.failed for each in samples)),
            )


def _rate(sample: Sample) -> float:
    return sample.rate


def _cpu(sample: Sample) -> float:
    return sample.cpu or math.nan


def _database_cpu(sample: Sample) -> float:
    return sample.database_cpu or math.nan


def _middle(samples: Sequence[Sample], of: Callable[[Sample], float]) -> tuple[str, str]:
    values = [of(each) for each in samples]
    return f"{statistics.median(values):.0f}", f"{min(values):.0f}..{max(values):.0f}"


def _ratio(
    samples: Sequence[Sample], first: Sequence[Sample], of: Callable[[Sample], float]
) -> str:
    """The mean over the rounds, and its standard error."""
    ratios = [of(ours) / of(other) - 1 for ours, other in zip(samples, first, strict=True)]
    error = statistics.stdev(ratios) / math.sqrt(len(ratios)) if len(ratios) > 1 else math.nan
    return f"{statistics.mean(ratios):+.1%} ± {error:.1%}"


if __name__ == "__main__":
    main()
