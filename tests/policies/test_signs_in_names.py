# ruff: noqa: RUF001 - look-alikes are what this is about
"""Signs that stand for letters: a name with them is compared with protected ones, and no other."""

from __future__ import annotations

import time
import unicodedata
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcrserver.policies.names.protected import ProtectedName, ProtectedNames
from dcrserver.policies.names.signs import ANY, Likenesses, with_signs
from dcrserver.policies.names.skeletons import readings
from harness.cases import each
from harness.properties import examples

_DATA = Path(__file__).parents[1] / "data/names"


def _lines(file: str) -> list[str]:
    return (_DATA / file).read_text("utf-8").splitlines()


BRANDS = _lines("brands.txt")
PROTECTED = ProtectedNames([ProtectedName(name=each) for each in BRANDS])
# As clients are called, with signs of every kind.
HONEST = _lines("client_names.txt")
# What of them is a protected name, and says so: signs hide nothing.
SAID = {
    "ACME™ Portal": "Acme", "Miro★": "Miro", "£50 Notes": "Notes", "Notes 📝": "Notes",
    "Sl*ck-free? No": "Slack", "Sign@l-to-noise": "Signal",
}  # fmt: skip
SIGNS = "©∂€₵❘○⏐@$∑△●¢£⊂∩∪★☆♦⬤§!#%&*+†✚∆√¡¥₴₳∈∋⊕⊙◯▲▼♥⚽🌐🔴⭐"


def borne(name: str) -> list[str]:
    return [found.name for found in PROTECTED.borne_by(name)]


@pytest.mark.finding("N9")
def test_no_sign_in_place_of_a_letter_hides_a_protected_name() -> None:
    """Each letter but the last, by each sign; two letters of longer names; in other words."""
    tried, hidden = 0, []
    for brand in ("Claude", "Microsoft", "GitHub", "PayPal"):
        for sign in SIGNS:
            alike = [
                f"{brand[:place]}{sign}{brand[place + 1 :]}" for place in range(len(brand) - 1)
            ]
            alike += [
                "".join(sign if place in pair else letter for place, letter in enumerate(brand))
                for pair in combinations(range(1, len(brand) - 1), 2)
            ]
            for made in alike:
                if made[0] == sign and unicodedata.category(sign) == "Po":
                    continue
                for name in (made, f"{made} Official", f"My {made}", made.upper()):
                    tried += 1
                    hidden += [name] * (brand not in borne(name))
    assert tried > 10_000
    assert not hidden, hidden[:20]


@pytest.mark.finding("N9")
@each(
    "name, brand",
    [
        ("Claud€", "Claude"), ("Claud∑", "Claude"), ("Micros○ft", "Microsoft"),
        ("Micr○s○ft", "Microsoft"), ("G○○gle", "Google"), ("G∞gle", "Google"),
        ("Zo○m", "Zoom"), ("Zoo♏", None), ("♏icrosoft", "Microsoft"), ("Gi♦Hub", "GitHub"),
        ("C l ∂ u d e", "Claude"), ("¢ℓ∂υ∂є", "Claude"), ("₵Ⱡ₳ɄĐɆ", "Claude"),
        ("(laude", "Claude"), ("(laude Pro", "Claude"), ("Clⱥude", "Claude"),
        ("ᴄʟᴀᴜᴅᴇ", "Claude"), ("Cʟᴀᴜᴅᴇ Desktop", "Claude"), ("Claudɇ", "Claude"),
        ("Slac₭", "Slack"), ("$lack", "Slack"), ("Stri★pe", "Stripe"), ("Notion★", "Notion"),
        ("N○tion-AI", "Notion"), ("The Fig♏a", "Figma"), ("Cl\u0301∂ude", "Claude"),
    ],
)  # fmt: skip
def test_signs_are_read_as_people_read_them(name: str, brand: str | None) -> None:
    """Behind a word a small picture is none of its letters: Zoo♏."""
    assert borne(name) == ([] if brand is None else [brand])


def test_honest_names_with_signs_are_let_be() -> None:
    found = {name: borne(name) for name in HONEST if borne(name)}
    assert found == {name: [brand] for name, brand in SAID.items()}
    assert len(HONEST) > 150


@each(
    "text, read",
    [
        ("plain", None), ("Acme™", None), ("C++ Client", None), ("O'R", "O\0R"), ("!a", None),
        ("Team: a", None), ("Notes 📝", None), ("a∂", "a\0"), ("a €", None), ("a & b", "a \0 b"),
        ("∂", None), ("", None), ("∞a", "\0\0a"), ("(a", "\0a"), ("(a)", None), ("a\u0301∂b",
         "a\u0301\0b"), ("3∂3", "3\0003"),
    ],
)  # fmt: skip
def test_a_sign_is_a_letter_in_a_word(text: str, read: str | None) -> None:
    assert with_signs(text) == read


@given(text=st.text(max_size=60))
@examples(50)
def test_any_text_is_read_with_its_signs(text: str) -> None:
    made = with_signs(text.replace(ANY, ""))
    assert made is None or ANY in made
    PROTECTED.borne_by(text)


@pytest.mark.finding("N2")
def test_names_full_of_signs_are_read_in_milliseconds() -> None:
    many = ProtectedNames([ProtectedName(name=f"aB{number:03}cD") for number in range(500)])
    for text in ("aB★" * 85, "★" * 256, "a★" * 128, "abc★" * 64, "a ★ " * 64, "aB1★" * 64):
        readings.__wrapped__(text)  # type: ignore[attr-defined]  # the characters are known then
        many.borne_by("a★b")
        started = time.process_time()
        many.borne_by(text[:-1] + "!")
        assert time.process_time() - started < 0.1, text[:4]


@each(
    "seen, found",
    [
        (f"cl{ANY}ude", {"claude"}),
        (f"{ANY}l{ANY}{ANY}de", {"claude"}),
        (f"{ANY}{ANY}{ANY}{ANY}de", set()),  # two letters are those of many names
        (f"pe{ANY}{ANY}{ANY}{ANY}y", set()),
        (f"pe{ANY}{ANY}e{ANY}y", {"perfecy"}),
        (f"cl{ANY}xde", set()),
        ("", set()),
    ],
)
def test_a_name_is_read_with_signs_where_its_letters_leave_no_doubt(
    seen: str, found: set[str]
) -> None:
    assert Likenesses(["claude", "perfecy"]).of(seen) == found


@each("text, read", [("की∂त", f"की{ANY}त"), ("त∂की", f"त{ANY}की"), ("की ∂ त", f"की {ANY} त")])
def test_vowels_that_are_marks_are_of_words(text: str, read: str) -> None:
    assert with_signs(text) == read
