"""The text of docs/security.md: each attack or fault, what keeps it out, and the tests."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parent.parent / "tests"
sys.path.insert(0, str(TESTS))

import conformance  # noqa: E402 - the tests' own reader of markers

HEAD = """# Security: what was tried, and what keeps it out

Made by `python docs/make.py` from `tests/data/attacks.toml` and the marks of the tests; `make
check` fails when a row has no test, a test names no row, or the page is not fresh.

T: threats known from other servers and from the standards. S: attacks on this one. B: one instance
that hurts all. R: ugly conditions. F: highly available databases. The names of tests lead to
`tests/`.

## What is not kept secret

A secret of a client that was imported with a slow hash (bcrypt, argon2, PBKDF2) is verified in the
time that this hash takes, until it is used for the first time and kept by a fast digest: so the
clock tells that such a client exists. A client that registered `jwks_uri` and whose server is away
is answered 503 where an unknown one is answered 401.
"""
_SHOWN = 4


def text() -> str:
    """The page.

    Raises:
        SystemExit: a row without a test, a test that is not there, or a mark without a row.
    """
    sections: Mapping[str, Mapping[str, Any]] = tomllib.loads(
        (TESTS / "data" / "attacks.toml").read_text("utf-8")
    )["attacks"]
    marked = conformance.marked("finding")
    _check(sections, marked)
    return "\n".join([HEAD, *_tables(sections, marked)])


def _tables(
    sections: Mapping[str, Mapping[str, Any]], marked: Mapping[str, Sequence[str]]
) -> Iterator[str]:
    for title, rows in sections.items():
        yield f"## {title}\n"
        yield "| id | attack or fault | what keeps it out | tests |"
        yield "|---|---|---|---|"
        for name in sorted(rows, key=_in_order):
            row = rows[name]
            yield f"| {name} | {row['attack']} | {row['defence']} | {_shown(name, row, marked)} |"
        yield ""


def _in_order(name: str) -> tuple[str, int]:
    return name[0], int(name[1:])


def _shown(name: str, row: Mapping[str, Any], marked: Mapping[str, Sequence[str]]) -> str:
    proofs = list(dict.fromkeys([*marked.get(name, ()), *row.get("tests", ())]))
    more = f" and {len(proofs) - _SHOWN} more" if len(proofs) > _SHOWN else ""
    shown = ", ".join(f"`{proof}`" for proof in proofs[:_SHOWN]) + more
    return "; ".join(filter(None, [shown, f"open: {row['open']}" if "open" in row else ""]))


def _check(sections: Mapping[str, Mapping[str, Any]], marked: Mapping[str, Sequence[str]]) -> None:
    rows = {name: row for section in sections.values() for name, row in section.items()}
    problems = [f"no test is marked {name}" for name, row in rows.items()
                if name not in marked and not {"tests", "open"} & set(row)]  # fmt: skip
    problems += [f"{name}: no such row" for name in sorted(set(marked) - set(rows))]
    problems += [
        f"{name}: there is no {proof}"
        for name, row in rows.items()
        for proof in row.get("tests", ())
        if not _is_there(proof)
    ]
    if problems:
        sys.exit("docs/security.md: " + "\n".join(problems))


def _is_there(proof: str) -> bool:
    file, _, test = proof.partition("::")
    path = TESTS / file
    return path.exists() and bool(re.search(rf"def {test}\b", path.read_text("utf-8")))
