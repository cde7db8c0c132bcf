"""Signs that stand for letters, beyond UTS #39, which knows few: Cl∂ude, ©laude, Micr○soft.

No table says what a sign may be taken for, and any can be. So a sign in a word is any letter, where
the rest of the word leaves no doubt: those who read it know the name that it is compared with.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

# Any one letter; no name holds it, as control characters are refused.
ANY = "\0"
# Of a name that is read with signs: so many letters at least, and no more signs than them.
_LETTERS = 3
# Signs of honest names behind a word, beside small pictures: they are no letters of it.
_BEHIND = frozenset("!\"'*+,.:;?^`~\u2122\u00ae\u2120\u00a9")
_PICTURES = re.compile("[\u2600-\u2757\u275b-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff]")
# Two letters in one sign, as in G∞gle.
_DOUBLE = str.maketrans({"\u221e": "\u221e\u221e"})
_PAIR = ("rn", "m")


def with_signs(text: str) -> str | None:
    """``text`` with ``ANY`` for each sign that may be a letter of a word; None where there is none.

    Signs between two letters, spaces on both sides or on none, and before a word; behind a word
    there are signs that are none.
    """
    is_sign = _is_sign if {*map(unicodedata.category, text)} & {"Pe"} else _is_sign_or_open
    parts = ["".join(each) for _, each in groupby(text.translate(_DOUBLE), is_sign)]
    made = ""
    for number, part in enumerate(parts):
        if is_sign(part[0]):
            before, after = made[-2:], "".join(parts[number + 1 : number + 2])[:2]
            is_letter = _letters_between(before, after)
            part = "".join(ANY if is_letter(each) else each for each in part)  # noqa: PLW2901
        made += part
    return made if ANY in made else None


def _is_sign(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] == "S" or category == "Po"


def _is_sign_or_open(character: str) -> bool:
    """Also a bracket that nothing closes, as in (laude."""
    return _is_sign(character) or unicodedata.category(character) == "Ps"


def _letters_between(before: str, after: str) -> Callable[[str], bool]:
    """Which signs are letters between these two."""
    follows, leads = _is_letter(before[-1:]), _is_letter(after[:1])
    if before[-1:].isspace() and after[:1].isspace():
        follows, leads = _is_letter(before[:1]), _is_letter(after[1:])
    if follows and leads:
        return lambda _: True
    if leads:
        return lambda sign: unicodedata.category(sign) != "Po"
    return lambda sign: follows and sign not in _BEHIND and not _PICTURES.match(sign)


def _is_letter(character: str) -> bool:
    return character.isalnum() or (character and unicodedata.category(character)[0] == "M") is True


class Likenesses:
    """Skeletons, found by one in which some letters are ``ANY``."""

    def __init__(self, skeletons: Iterable[str]) -> None:
        self._at: defaultdict[tuple[int, int, str], set[str]] = defaultdict(set)
        for whole in skeletons:
            for form in _forms(whole):
                for place, letter in enumerate(form):
                    self._at[len(form), place, letter].add(whole)

    def of(self, seen: str) -> set[str]:
        """Those that ``seen`` may be read as."""
        signs = seen.count(ANY)
        if len(seen) - signs < max(_LETTERS, signs):
            return set()
        return {whole for form in _forms(seen) for whole in self._like(form)}

    def _like(self, form: str) -> Iterator[str]:
        found: set[str] | None = None
        for place, letter in enumerate(form):
            if letter != ANY:
                there = self._at.get((len(form), place, letter), set())
                found = there if found is None else found & there
                if not found:
                    return
        yield from found or ()


def _forms(whole: str) -> set[str]:
    """A sign stands for an m as well, which is two letters to UTS #39."""
    return {whole, whole.replace(*_PAIR)}
