"""Tells what ``mutmut run`` found: the score of each file, and the mutants that survived.

``make mutants`` runs both; the survivors are explained in docs/mutation.md. Fails below 90 %.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

FOLDER = Path("mutants/src/dcrserver")
_LEAST = 0.9
_SURVIVED = 0  # the tests passed: pytest's exit code
_NO_TESTS = (5, 33)


def main() -> int:
    total: Counter[str] = Counter()
    survivors: list[str] = []
    print(f"{'file':34}{'killed':>8}{'survived':>10}{'score':>8}")
    for meta in sorted(FOLDER.rglob("*.meta")):
        codes = json.loads(meta.read_text("utf-8"))["exit_code_by_key"]
        counts = Counter(_verdict(code) for code in codes.values())
        survivors += [name for name, code in codes.items() if _verdict(code) == "survived"]
        total += counts
        if counts:
            _tell(meta.relative_to(FOLDER).as_posix().removesuffix(".meta"), counts)
    _tell("all", total)
    if total["unknown"]:
        print(f"{total['unknown']} were not tried")
    print("survivors:", *survivors, sep="\n  ")
    return 0 if _score(total) >= _LEAST and not total["unknown"] else 1


def _verdict(code: int | None) -> str:
    if code is None:
        return "unknown"
    # Who never ends, or falls over, is found out as well as who fails.
    return "survived" if code == _SURVIVED or code in _NO_TESTS else "killed"


def _score(counts: Counter[str]) -> float:
    tried = counts["killed"] + counts["survived"]
    return counts["killed"] / tried if tried else 1.0


def _tell(name: str, counts: Counter[str]) -> None:
    print(f"{name:34}{counts['killed']:8}{counts['survived']:10}{_score(counts):8.1%}")


if __name__ == "__main__":
    sys.exit(main())
