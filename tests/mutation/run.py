"""Mutation testing: tells how many changes of our source the tests find out.

    PYTHONPATH=src:tests python tests/mutation/run.py policies --only hosts

Areas, their tests, and the mutants that mean the same as what they change are in
tests/data/mutants.toml. Fails below 90 %, or where one of these is found out. See docs/mutation.md.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import os
import sys
import tempfile
import time
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mutation.mutants import Mutant, is_constant, mutants_of
from mutation.patching import Imported
from mutation.zygote import Zygote, pytest_arguments, verdict

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"
_LEAST = 0.9
_KILLED = ("killed", "timeout")


def known() -> dict[str, Any]:
    """What tests/data/mutants.toml says."""
    return tomllib.loads((ROOT / "tests/data/mutants.toml").read_text("utf-8"))


def identity(entry: dict[str, str]) -> tuple[str, str, str]:
    """Of a mutant that tests/data/mutants.toml names."""
    return entry["module"], entry["in"], entry["change"]


def modules(area: dict[str, Any], only: str = "") -> dict[str, Path]:
    """The modules of an area that hold anything, by name."""
    files = sorted((SOURCE / area["source"]).rglob("*.py"))
    named = {".".join(each.relative_to(SOURCE).with_suffix("").parts): each for each in files}
    named = {name.removesuffix(".__init__"): each for name, each in named.items()}
    left_out = set(area.get("left_out", ()))
    return {n: each for n, each in named.items() if only in n and n not in left_out}


@dataclass
class Score:
    """Of the mutants of an area."""

    equivalent: dict[tuple[str, str, str], str]
    counts: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    survivors: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def add(self, module: str, mutant: Mutant, end: str) -> None:
        """One that was tried, or that no test reaches."""
        is_same = self.equivalent.pop((module, mutant.name, mutant.change), None) is not None
        told = f"{module}:{mutant.line} {mutant.name}: {mutant.change}"
        if is_same and end in _KILLED:
            self.wrong.append(f"not equivalent, but {end}: {told}")
        elif is_same:
            end = "equivalent"
        elif end not in _KILLED:
            self.survivors.append(told if end == "survived" else f"{told} ({end})")
        self.counts[module][end] += 1

    def told(self) -> Iterator[str]:
        """A table in Markdown, and what survived."""
        yield "| module | mutants | killed | survived | equivalent | score | with equivalent ones |"
        yield "|---|---|---|---|---|---|---|"
        for name in [name for name, counts in self.counts.items() if counts.total()]:
            yield _row(name.removeprefix("dcrserver."), self.counts[name])
        yield _row("all", self.total)
        yield from ("", "survivors:", *self.survivors, *self.wrong)

    @property
    def total(self) -> Counter[str]:
        """Of all modules."""
        return sum(self.counts.values(), Counter())


def _row(name: str, counts: Counter[str]) -> str:
    killed, same = _killed(counts), counts["equivalent"]
    survived = counts.total() - killed - same
    shares = (share(counts), killed / counts.total())
    figures = [f"{each:.1%}" for each in shares]
    return f"| {name} | {counts.total()} | {killed} | {survived} | {same} | {' | '.join(figures)} |"


def _killed(counts: Counter[str]) -> int:
    return sum(counts[end] for end in _KILLED)


def share(counts: Counter[str]) -> float:
    """Of those that are not equivalent, how many were found out."""
    tried = counts.total() - counts["equivalent"]
    return _killed(counts) / tried if tried else 1.0


class Trial:
    """Tries all mutants of some modules, ``jobs`` at a time."""

    def __init__(self, files: dict[str, Path], score: Score, jobs: int) -> None:
        # Now, as they may be changed while all this runs.
        self._trees = {name: ast.parse(file.read_text("utf-8")) for name, file in files.items()}
        self._score = score
        self._jobs = jobs
        self._running: dict[int, tuple[str, Mutant]] = {}

    def __call__(self, zygote: Zygote) -> None:
        """Once the tests are known."""
        for name in zygote.names(sorted(zygote.reached.failed)):
            print("fails without any mutant, and is left out:", name)
        for name, tree in self._trees.items():
            started = time.monotonic()
            self._try(name, tree, zygote)
            while self._running:
                self._wait()
            counts = self._score.counts[name]
            print(f"{name}: {dict(counts)} in {time.monotonic() - started:.0f} s", flush=True)

    def _try(self, name: str, tree: ast.Module, zygote: Zygote) -> None:
        module = importlib.import_module(name)
        for mutant in mutants_of(tree):
            lines = [*_lines(mutant, module, zygote.imported)]
            if not lines:  # a constant that no function reads
                continue
            tests = zygote.reached.tests(lines)
            if not tests:
                self._score.add(name, mutant, "unreached")
                continue
            while len(self._running) >= self._jobs:
                self._wait()
            pid = zygote.start(partial(zygote.imported.put, mutant, tree, module), tests)
            self._running[pid] = name, mutant

    def _wait(self) -> None:
        pid, status = os.wait()
        if pid in self._running:
            self._score.add(*self._running.pop(pid), verdict(status))


def _lines(mutant: Mutant, module: ModuleType, there: Imported) -> Iterator[tuple[str, int]]:
    if is_constant(mutant.outermost):
        readers = [*there.readers(mutant.name, module)]
        yield from readers
        if not readers:
            return
    first, last = mutant.lines
    yield from ((str(module.__file__), line) for line in range(first, last + 1))


def main() -> int:
    """1: the tests of an area are not good enough, or its list of equivalent mutants is wrong."""
    told = known()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("area", choices=[*told["areas"]])
    parser.add_argument("--only", default="", help="modules whose names hold this")
    parser.add_argument("--jobs", type=int, default=1, help="mutants at a time")
    options = parser.parse_args()
    area = told["areas"][options.area]
    files = modules(area, options.only)
    score = Score({identity(each): each["why"] for each in told.get("equivalent", ())})
    os.chdir(ROOT)
    os.environ.setdefault("DCR_TEST_EXAMPLES", "0.05")  # promises are held by examples of ours
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TMPDIR"] = tempfile.tempdir = folder
        zygote = Zygote("dcrserver", f"{SOURCE}/*", Trial(files, score, options.jobs))
        pytest.main(pytest_arguments(area["tests"]), plugins=[zygote])
    print(*score.told(), sep="\n")
    return 0 if share(score.total) >= _LEAST and not score.wrong else 1


if __name__ == "__main__":
    sys.exit(main())
