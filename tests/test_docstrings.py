"""Who meets a name of ours for the first time finds a sentence that says what it is."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import dcrserver

SOURCE = Path(dcrserver.__file__).parent
Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
# Rules say in their rows what they demand (``statement``), where documents read it, too.
_IN_ROWS = {SOURCE / "metadata" / "advice.py", *(SOURCE / "metadata" / "rules").glob("*.py")}


def _public(node: ast.AST, above: str) -> Iterator[tuple[str, Definition]]:
    """What is public in a module or a class; what stands in functions is theirs."""
    for inner in ast.iter_child_nodes(node):
        if isinstance(inner, Definition) and not inner.name.startswith("_"):
            yield f"{above}.{inner.name}", inner
            if isinstance(inner, ast.ClassDef):
                yield from _public(inner, f"{above}.{inner.name}")


def _lacks(definition: Definition) -> str | None:
    text = ast.get_docstring(definition)
    if text is None:
        says_itself = not isinstance(definition, ast.ClassDef) and len(definition.body) == 1
        return None if says_itself else "has no docstring"
    if text.startswith(("Raises:", "Returns:", "Yields:")):
        return "begins with a section, not with a sentence"
    first = text.partition("\n\n")[0]
    return None if first.endswith((".", ":", "?")) else "begins with no sentence"


def test_everything_public_begins_with_a_sentence() -> None:
    """A function of one statement may leave it out: the statement says the same."""
    found = {
        f"{path.relative_to(SOURCE)}{name}: {problem}"
        for path in set(SOURCE.rglob("*.py")) - _IN_ROWS
        for name, definition in _public(ast.parse(path.read_text("utf-8")), "")
        if (problem := _lacks(definition))
    }
    assert found == set()
