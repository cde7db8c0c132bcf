"""Words written in scripts that do not belong together (Unicode UTS #39 5.1 and 5.2).

A word is what is looked at: names in which Latin and Cyrillic words stand side by side are common,
a word of both is not. Latin beside Chinese, Japanese or Korean is one way to write (5.2, highly
restrictive).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from dcrserver.policies.names.unicode import scripts_of

_ANY = frozenset({"Common", "Inherited"})
# What Unicode has no script for: writing systems of several.
_SYSTEMS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "Japanese": frozenset({"Latin", "Han", "Hiragana", "Katakana"}),
        "Chinese": frozenset({"Latin", "Han", "Bopomofo"}),
        "Korean": frozenset({"Latin", "Han", "Hangul"}),
    }
)
_SPACE = re.compile(r"\s+")


def mixed_scripts(text: str) -> tuple[str, ...]:
    """The scripts of the first word that mixes them, by name; empty where none does."""
    if text.isascii():
        return ()
    for word in _words(text):
        written = [found for each in word if not (found := scripts_of(each)) & _ANY and found]
        if written and not frozenset.intersection(*written) and not _is_of_a_system(written):
            return tuple(sorted({min(each) for each in written}))
    return ()


def _is_of_a_system(written: list[frozenset[str]]) -> bool:
    return any(all(each & system for each in written) for system in _SYSTEMS.values())


def _words(text: str) -> Iterator[str]:
    apart = "".join(" " if _is_between(each) else each for each in text)
    return filter(None, _SPACE.split(apart))


def _is_between(character: str) -> bool:
    return unicodedata.category(character)[0] in "PSZ"
