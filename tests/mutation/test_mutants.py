"""The harness of mutation testing: what it changes, and that what is changed is what runs."""

from __future__ import annotations

import ast
import importlib
import itertools
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from harness.cases import each
from mutation.mutants import mutants_of
from mutation.patching import Imported, NotImportable
from mutation.run import identity, known, modules

SOURCE = """
from functools import cached_property, lru_cache

LIMIT = 3
WORDS = frozenset({"a", "b"})


def by(limit):
    def check(value):
        return value < limit

    return check


below = by(LIMIT)


def falling(values):
    return sorted(values, key=lambda each: -each)


def rising(sign):
    signed = lambda each: -each * sign
    return lambda values: [*map(signed, values)]


rise = rising(1)


@lru_cache
def is_word(text, *, known=True):
    return known and text in WORDS


class Thing:
    @cached_property
    def size(self):
        total = 0
        for each in range(LIMIT):
            total += each
        return total
"""


def changes(source: str) -> set[str]:
    return {mutant.change for mutant in mutants_of(ast.parse(source))}


@each(
    "statement, expected",
    [
        ("return a < 1", {"a < 1 -> a <= 1", "1 -> 2", "return a < 1 -> return None"}),
        ("return a and not b", {"a and (not b) -> a or not b", "not b -> b"}),
        ("if a: raise b(key=c)", {"a -> not a", "raise b(key=c) -> pass", "b(key=c) -> b()"}),
        ("return a.split(b), a.split(b, 1)", {"a.split(b, 1) -> a.rsplit(b, 1)"}),
        ("return any(f'x{a}' for a in b if a)", {"a -> not a", "'x' -> 'XXxXX'"}),
        ("a: int = 7", {"7 -> 8"}),
        ("for a in b: break", {"break -> continue"}),
        ("a += 'x'", {"a += 'x' -> a -= 'x'", "a += 'x' -> a = 'x'", "'x' -> 'XXxXX'"}),
        ("'''A docstring.'''", set()),
        ("assert a is not None", set()),
    ],
)
def test_what_a_statement_can_be_changed_to(statement: str, expected: set[str]) -> None:
    found = changes(f"def f(a, b, c):\n    {statement}\n")
    assert found >= expected
    assert expected or not found


def test_what_is_the_same_twice_is_told_apart() -> None:
    assert changes("def f(a):\n    return a + 1, a - 1\n") >= {"1 -> 2", "1 -> 2 #2"}


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """The module with one change, a new one each time."""
    monkeypatch.syspath_prepend(tmp_path)
    numbers = itertools.count()

    def make(change: str) -> ModuleType:
        name = f"mutated_{next(numbers)}"
        (tmp_path / f"{name}.py").write_text(SOURCE)
        importlib.invalidate_caches()
        module = importlib.import_module(name)
        assert (module.is_word("a"), module.is_word("c")) == (True, False)
        tree = ast.parse(SOURCE)
        (mutant,) = (mutant for mutant in mutants_of(tree) if mutant.change == change)
        Imported(name).put(mutant, tree, module)
        return module

    return make


def test_a_change_reaches_closures_caches_defaults_and_constants(
    there: Callable[[str], Any],
) -> None:
    assert there("value < limit -> value <= limit").below(3)
    assert there("text in WORDS -> text not in WORDS").is_word("c")
    assert not there("True -> False").is_word("a")
    assert not there("'a' -> 'XXaXX'").is_word("a")
    assert there("total += each -> total -= each").Thing().size == -3
    assert there("3 -> 4").Thing().size == 6
    lambdas = there("return sorted(values, key=lambda each: -each) -> return None")
    assert lambdas.falling([1, 2]) is None
    unsorted = there("lambda each: -each * sign -> lambda each: None if True else -each * sign")
    assert unsorted.rise([1, 2]) == [None, None]


def test_what_could_not_be_imported_is_told(there: Callable[[str], Any]) -> None:
    with pytest.raises(NotImportable):
        there("frozenset({'a', 'b'}) -> frozenset(None)").is_word("a")


def test_every_mutant_that_is_said_to_be_equivalent_is_there_and_has_a_reason() -> None:
    files = {
        name: file for area in known()["areas"].values() for name, file in modules(area).items()
    }
    entries = known().get("equivalent", ())
    named = {identity(entry) for entry in entries}
    assert len(named) == len(entries), "one is named twice"
    made = {
        (name, mutant.name, mutant.change)
        for name in {name for name, _, _ in named}
        for mutant in mutants_of(ast.parse(files[name].read_text("utf-8")))
    }
    assert not named - made
    assert all(re.search(r"\w+ \w+", entry["why"]) for entry in entries)
