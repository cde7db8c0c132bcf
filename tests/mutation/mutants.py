"""The mutants of a module: where each is, what it changes, and by which lines it is reached.

Changed is what runs while tests do: bodies and defaults of functions, and the constants of a module
that functions read. What runs only while modules are imported is not: fields of models and tables
that are made of others.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mutation.changes import alternatives

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
# What is there for readers and type checkers, and what ran when the module was imported.
_UNCHANGED = {"annotation", "returns", "decorator_list"}
_LONGEST = 110


@dataclass(frozen=True)
class Mutant:
    """One change. ``name`` and ``change`` tell it apart from all others of its module.

    ``outermost``: the function that has to be compiled anew, or the assignment of a constant.
    ``lines``: first and last of the statement that reaches it.
    """

    name: str
    change: str
    line: int
    lines: tuple[int, int]
    outermost: ast.stmt
    owner: ast.AST
    field: str
    index: int | None
    node: ast.AST

    def apply(self) -> None:
        """Changes the tree that it was found in."""
        if self.index is None:
            setattr(self.owner, self.field, self.node)
        else:
            getattr(self.owner, self.field)[self.index] = self.node


def mutants_of(tree: ast.Module) -> list[Mutant]:
    """All of a module, in the order of its lines."""
    found: list[Mutant] = []
    seen: Counter[tuple[str, str]] = Counter()
    for name, outermost in _outermost(tree, ""):
        for each in _in(outermost, name, outermost, outermost):
            seen[each.name, each.change] += 1
            number = seen[each.name, each.change]
            change = each.change if number == 1 else f"{each.change} #{number}"
            found.append(Mutant(**{**vars(each), "change": change}))
    return found


def is_constant(outermost: ast.stmt) -> bool:
    """Whether what is changed is a constant of the module."""
    return not isinstance(outermost, _FUNCTIONS)


def _outermost(node: ast.Module | ast.ClassDef, above: str) -> Iterator[tuple[str, ast.stmt]]:
    for each in node.body:
        match each:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield above + name, each
            case ast.ClassDef(name=name):
                yield from _outermost(each, f"{above}{name}.")
            case ast.Assign(targets=[ast.Name(id=name)]) if not above and name != "__all__":
                yield name, each
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr()) if not above:
                if ast.unparse(each.annotation) != "TypeAlias":
                    yield name, each


def _in(node: ast.AST, name: str, statement: ast.stmt, outermost: ast.stmt) -> Iterator[Mutant]:
    for field, value in ast.iter_fields(node):
        if field in _UNCHANGED or isinstance(node, ast.Assert):
            continue
        for index, each in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(each, ast.AST) or _is_docstring(each):
                continue
            inner = each if isinstance(each, ast.stmt) else statement
            for other in alternatives(each, field):
                made = _in_its_place(each, other)
                change, line = _told(each, other), getattr(each, "lineno", inner.lineno)
                lines = _lines(inner)
                yield Mutant(name, change, line, lines, outermost, node, field, index, made)
            below = f"{name}.{each.name}" if isinstance(each, _FUNCTIONS) else name
            yield from _in(each, below, inner, outermost)


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _lines(statement: ast.stmt) -> tuple[int, int]:
    """Of one with a body the head; of a function, whose defaults are meant, all."""
    body: Any = getattr(statement, "body", None)
    last = statement.end_lineno or statement.lineno
    if body and not isinstance(statement, _FUNCTIONS):
        last = max(statement.lineno, body[0].lineno - 1)
    return statement.lineno, last


def _in_its_place(old: ast.AST, new: ast.AST) -> ast.AST:
    """``new``, with ``old`` kept where it is never reached.

    A function has the same names of outer ones then, or functions that there are could not become
    it, and is a generator still.
    """
    made: ast.AST = new
    if isinstance(new, ast.stmt) and isinstance(old, ast.stmt):
        made = ast.If(ast.Constant(value=True), [new], [old])
    elif isinstance(new, ast.expr) and isinstance(old, ast.expr) and not _is_text(old):
        made = ast.IfExp(ast.Constant(value=True), new, old)
    return ast.fix_missing_locations(ast.copy_location(made, old))


def _is_text(node: ast.expr) -> bool:
    """Of which f-strings are made."""
    return isinstance(node, ast.Constant)


def _told(old: ast.AST, new: ast.AST) -> str:
    before, after = (" ".join(ast.unparse(ast.fix_missing_locations(each)).split()) for each in (
        old, ast.copy_location(new, old)))  # fmt: skip
    start = 0
    if len(before) > _LONGEST:  # where the two begin to differ
        pairs = zip(before, after, strict=False)
        start = next((place for place, (a, b) in enumerate(pairs) if a != b), 0)
        start = max(0, start - _LONGEST // 3)
    cut = slice(start, start + _LONGEST)
    return f"{before[cut]} -> {after[cut]}"
