"""Skeletons of names (Unicode UTS #39 4): equal for names that people take for each other.

Beyond UTS #39 neither case, marks above and below letters, spaces nor punctuation count, and ``i``
is ``l``, as the capital of the one looks like the other.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterator
from functools import lru_cache
from typing import TypeAlias

from dcrserver.caches import bounded_cache
from dcrserver.policies.names.signs import ANY, with_signs
from dcrserver.policies.names.unicode import confusables, is_ignorable, words_apart

# A name is cut into parts: its words, and where upper case or digits begin in them.
Parts: TypeAlias = tuple[str, ...]

_I_IS_L = str.maketrans("i", "l")
_OVERLAY, _FIRST_ATTACHED = 1, 200
# No chain of look-alikes and lower case is longer.
_STEPS = 8
_MARKS = frozenset({"Mn", "Mc", "Lm"})
# Letters in squares and circles are symbols, and look like nothing to UTS #39; neither do small
# capitals, nor most letters with something at them.
_SYMBOL = re.compile(r".* LETTER ([A-Z])")
_LETTER = re.compile(
    r"LATIN (?:LETTER SMALL CAPITAL|(?:SMALL|CAPITAL) LETTER) ([A-Z])(?: WITH .*)?"
)
# What UTS #39 takes the euro and the Ukrainian ie for, and who reads them does not.
_READ = {"\ua793": "e"}


def skeletons(text: str) -> frozenset[str]:
    """What a whole name looks like; nothing where no letter or digit is in it."""
    return frozenset(
        whole for parts in readings(text) if (whole := "".join(parts)) and ANY not in whole
    )


def runs(text: str, longest: int) -> Iterator[str]:
    """What one or more parts in a row of a name look like, together or apart: its words, and what
    its words can be read as. ``longest``: characters that are still of interest.
    """
    for parts in readings(text):
        for first in range(len(parts)):
            seen = ""
            for part in parts[first:]:
                seen += part
                if len(seen) > longest:
                    break
                yield seen


# Copies of one program have one name.
@bounded_cache(entries=1024, longest=256)
def readings(text: str) -> Collection[Parts]:
    """As which parts ``text`` can be read.

    There are several where a letter and its capital look like different others, or UTS #39 and NFKC
    do not agree: a long s is an f to the one, an s to the other. A sign that looks like a letter is
    one, or stands between words: in C|aude, and in Claude|Pro.
    """
    forms = {text}
    changes: list[Callable[[str], str]] = [str]
    if not text.isascii():
        forms = {unicodedata.normalize(form, text) for form in ("NFD", "NFKD")}
        changes += [str.lower, str.upper]
    signed = {made for each in forms if not each.isalnum() and (made := with_signs(each))}
    forms |= {*map(words_apart, forms), *signed}
    return {_parts(each, change) for each in forms for change in changes}


def _parts(text: str, change: Callable[[str], str]) -> Parts:
    made = [""]
    before = " "
    for character in text:
        seen = _look(change(character))
        if character == ANY:
            seen = ANY
        if seen is None or (_is_of_the_west(made[-1][-1:]) and _is_a_mark(character, seen)):
            continue
        if not seen:
            made.append("")
        elif _begins(before, character):
            made.append(seen)
        else:
            made[-1] += seen
        before = character
    return tuple(part for part in made if part)


def _is_a_mark(character: str, seen: str) -> bool:
    """Whether it is a mark, a letter that is one, or a sign that looks like one: points of Hebrew
    and Arabic, tatweel and the like make no other letter of one of Latin, Greek or Cyrillic that
    they stand on.
    """
    category = unicodedata.category(character)
    if category == "Mn":
        return True
    is_letter = character.isalpha()
    if category == "Lm":
        is_letter = unicodedata.normalize("NFKD", character) != character
    like_marks = (unicodedata.category(each) in _MARKS for each in seen)
    return not is_letter and bool(seen) and all(like_marks)


def _is_of_the_west(character: str) -> bool:
    if character.isascii():
        return True
    return unicodedata.name(character, "").startswith(("LATIN", "GREEK", "CYRILLIC"))


def _begins(before: str, character: str) -> bool:
    """Whether a part of a name begins between the two, as in ClaudeCode, Claude3 and 微信官方."""
    if before.islower() and character.isupper():
        return True
    if before.isdigit() is not character.isdigit():
        return True
    return "W" in {unicodedata.east_asian_width(each) for each in (before, character)}


@lru_cache(maxsize=4096)
def _look(text: str) -> str | None:
    """What a character, or the capitals that stand for it, looks like, as letters and digits; empty
    where it stands between words, None where it is not seen.
    """
    if not any(map(_is_seen, text)):
        return None
    seen = text
    for _ in range(_STEPS):
        shown = "".join(map(_alike, seen))
        shown = unicodedata.normalize("NFD", shown).casefold()
        shown = "".join(filter(_is_seen, unicodedata.normalize("NFD", shown)))
        if shown == seen:
            break
        seen = shown
    return "".join(filter(_is_of_words, seen.translate(_I_IS_L)))


def _alike(character: str) -> str:
    """What it can be taken for: by its name, where it is a symbol; by UTS #39; else by its name."""
    name = "" if character.isascii() else unicodedata.name(character, "")
    if unicodedata.category(character) == "So" and (found := _SYMBOL.fullmatch(name)):
        return found.group(1)
    alike = _READ.get(character) or confusables().get(character)
    if alike is None and (found := _LETTER.fullmatch(name)):
        return found.group(1)
    return alike or character


def _is_seen(character: str) -> bool:
    """A mark over, under or through a letter does not make another letter of it."""
    if is_ignorable(character) or unicodedata.category(character) == "Me":
        return False
    attached = unicodedata.combining(character)
    return attached != _OVERLAY and attached < _FIRST_ATTACHED


def _is_of_words(character: str) -> bool:
    """Vowels of many scripts are marks."""
    return character.isalnum() or unicodedata.category(character).startswith("M")
