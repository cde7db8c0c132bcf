"""What one reads at once stays short: functions, and files."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import dcrserver

SOURCE = Path(dcrserver.__file__).parent
FUNCTION_LINES = 40
FILE_LINES = 350
# Longer for a reason, which stands beside each; whoever shortens one strikes it off.
LONG_FILES: set[str] = set()
LONG_FUNCTIONS = {
    "cli/tokens.py issue",  # its options, which Typer reads off the signature
}


def _sources() -> Iterator[tuple[str, str]]:
    for path in SOURCE.rglob("*.py"):
        yield path.relative_to(SOURCE).as_posix(), path.read_text("utf-8")


def _long_functions(text: str) -> Iterator[str]:
    """From ``def`` to the last line, with what stands between: signature, docstring, comments."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield node.name


def test_no_function_is_long() -> None:
    found = {f"{name} {long}" for name, text in _sources() for long in _long_functions(text)}
    assert found == LONG_FUNCTIONS, f"more than {FUNCTION_LINES} lines: split it"


def test_no_file_is_long() -> None:
    found = {name for name, text in _sources() if len(text.splitlines()) > FILE_LINES}
    assert found == LONG_FILES, f"more than {FILE_LINES} lines: split it"
