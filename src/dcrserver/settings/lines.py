"""Where each table and key of a TOML file begins, for a person to find what is wrong with it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TypeAlias

Key: TypeAlias = tuple[str, ...]


def line_of(key: Sequence[str], text: str) -> int:
    """Of the key, also in a file that it names, or of what it is written in; the first line where
    nothing of it is.

    Tables of a list (``[[policy.statements]]``) are counted: the second is ``policy.statements.1``,
    and the list begins with the first.
    """
    lines = lines_of(text)
    in_a_file = (*key[:-1], f"{key[-1]}_file")
    around = (tuple(key[:length]) for length in range(len(key), 0, -1))
    begun = (place for each in around for place in (each, (*each, "0")))
    return next((lines[each] for each in (tuple(key), in_a_file, *begun) if each in lines), 1)


def lines_of(text: str) -> dict[Key, int]:
    """The line where each table and key begins. What is no TOML by itself begins nothing."""
    found: dict[Key, int] = {}
    counted: dict[Key, int] = {}
    table: Key = ()
    for number, line in enumerate(text.splitlines(), 1):
        head, equals, _ = line.partition("=")
        with suppress(tomllib.TOMLDecodeError):
            if line.lstrip().startswith("["):
                table = _table(tomllib.loads(line), counted)
                found.setdefault(table, number)
            elif equals:
                found.setdefault((*table, *_path(tomllib.loads(f"{head}=0"))), number)
    return found


def _table(document: Mapping[str, object], counted: dict[Key, int]) -> Key:
    """The key of a header; ``counted``: the last number in each list of tables so far."""
    *above, last = _path(document)
    made = (*_numbered(above, counted), last)
    if _is_of_a_list(document):
        counted[made] = counted.get(made, -1) + 1
        return (*made, str(counted[made]))
    return made


def _numbered(path: Sequence[str], counted: Mapping[Key, int]) -> Iterator[str]:
    """``path`` with the numbers of the tables of lists that it leads through."""
    so_far: Key = ()
    for part in path:
        so_far = (*so_far, part)
        yield part
        if so_far in counted:
            number = str(counted[so_far])
            so_far = (*so_far, number)
            yield number


def _is_of_a_list(document: object) -> bool:
    while isinstance(document, Mapping) and document:
        (document,) = document.values()
    return isinstance(document, list)


def _path(document: object) -> Key:
    """The one key of a document that has but one."""
    if not isinstance(document, Mapping) or not document:
        return ()
    ((name, inner),) = document.items()
    return (name, *_path(inner))
