"""What Unicode says of characters beyond the standard library: look-alikes and scripts.

The two tables (UTS #39 and UAX #24) are read when the first name is looked at that needs them.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources

_ASCII = 0x80
# Default_Ignorable_Code_Point, as far as they are no format characters (Cf).
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_LATIN = frozenset({"Latin"})
_COMMON = frozenset({"Common"})
# Categories: punctuation and symbols. What separates is apart already.
_APART = frozenset({"P", "S"})


@cache
def confusables() -> Mapping[str, str]:
    """Character -> what it can be taken for, in the words of UTS #39 its prototype."""
    return {chr(int(one, 16)): _text(prototype) for one, prototype in _rows("confusables.txt")}


def scripts_of(character: str) -> frozenset[str]:
    """The scripts that it is written in (Script_Extensions); Common or Inherited: in any."""
    if ord(character) < _ASCII:
        return _LATIN if character.isalpha() else _COMMON
    starts, ends, found = _scripts()
    place = bisect_right(starts, ord(character)) - 1
    return found[place] if ord(character) <= ends[place] else frozenset()


def is_ignorable(character: str) -> bool:
    """Whether nothing of it is shown."""
    return unicodedata.category(character) == "Cf" or _UNSEEN.match(character) is not None


def words_apart(text: str) -> str:
    """``text`` with a space for each sign."""
    return "".join(" " if unicodedata.category(each)[0] in _APART else each for each in text)


@cache
def _scripts() -> tuple[list[int], list[int], list[frozenset[str]]]:
    """First and last characters of ranges in their order, and the scripts of each."""
    starts, ends, found = [], [], []
    for place, names in _rows("scripts.txt"):
        first, _, last = place.partition("..")
        starts.append(int(first, 16))
        ends.append(int(last, 16))
        found.append(frozenset(names.split()))
    return starts, ends, found


def _rows(file: str) -> Iterator[tuple[str, str]]:
    text = (resources.files("dcrserver.policies.names") / "data" / file).read_text("utf-8")
    for line in text.splitlines():
        if not line.startswith("#"):
            first, _, second = line.partition(";")
            yield first, second


def _text(codes: str) -> str:
    return "".join(chr(int(code, 16)) for code in codes.split())
