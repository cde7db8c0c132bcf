"""The tree of errors in the docstring of errors.py, against the classes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dcrserver import errors

# Each level of the tree is four characters wide; a number is the status of the answer.
_LINE = re.compile(r"([│├└─ ]*)(\w+)(?:.*?\b([45]\d\d)\b)?")


def test_the_tree_of_errors_is_what_the_classes_are() -> None:
    drawn = [(len(line[1]) // 4, line[2]) for line in _lines()]
    assert drawn == list(_classes(errors.ProtocolError, 0))


def test_the_statuses_in_the_tree_are_those_of_the_classes() -> None:
    told = {line[2]: int(line[3]) for line in _lines() if line[3]}
    assert told
    assert told == {name: getattr(errors, name).status for name in told}
    usual = {name for _, name in _classes(errors.ProtocolError, 0)} - told.keys()
    assert {name: getattr(errors, name).status for name in usual} == {
        name: 401 if name == "BearerError" else 400 for name in usual
    }


def _lines() -> Iterator[re.Match[str]]:
    tree = (errors.__doc__ or "").partition("\n\n")[2]
    for line in tree.strip().splitlines():
        found = _LINE.match(line)
        assert found, line
        yield found


def _classes(base: type[errors.ProtocolError], depth: int) -> Iterator[tuple[int, str]]:
    """In the order in which they are defined, which is that of the tree."""
    yield depth, base.__name__
    for below in base.__subclasses__():
        if below.__module__ == errors.__name__:
            yield from _classes(below, depth + 1)
