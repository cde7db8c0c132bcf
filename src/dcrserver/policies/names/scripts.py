"""Words written in scripts that do not belong together (Unicode UTS #39 5.1 and 5.2).

A word is what is looked at: names in which Latin and Cyrillic words stand side by side are common,
a word of both is not. Latin beside Chinese, Japanese or Korean is one way to write (5.2, highly
restrictive).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dcrserver.policies.names.unicode import scripts_of, words_apart

_ANY = frozenset({"Common", "Inherited"})
# What Unicode has no script for: writing systems of several, Japanese, Chinese and Korean.
_SYSTEMS = (
    frozenset({"Latin", "Han", "Hiragana", "Katakana"}),
    frozenset({"Latin", "Han", "Bopomofo"}),
    frozenset({"Latin", "Han", "Hangul"}),
)
_SPACE = re.compile(r"\s+")


def mixed_scripts(text: str) -> tuple[str, ...]:
    """The scripts of the first word that mixes them, by name; empty where none does."""
    if text.isascii():
        return ()
    for word in _words(text):
        written = [found for each in word if not (found := scripts_of(each)) & _ANY and found]
        if written and not frozenset.intersection(*written) and not _is_of_a_system(written):
            return tuple(sorted(_told(written)))
    return ()


def _told(written: list[frozenset[str]]) -> set[str]:
    """One script of each character that shares none with those before it, of which the first are
    those of fewest scripts: an accent is of many.
    """
    told: set[str] = set()
    for each in sorted(written, key=len):
        if each.isdisjoint(told):
            told.add(min(each))
    return told


def _is_of_a_system(written: list[frozenset[str]]) -> bool:
    return any(all(each & system for each in written) for system in _SYSTEMS)


def _words(text: str) -> Iterator[str]:
    return filter(None, _SPACE.split(words_apart(text)))
