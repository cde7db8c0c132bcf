# ruff: noqa: RUF001 - look-alikes are what this is about
"""Skeletons of names: what people take for each other is equal, and little else."""

from __future__ import annotations

import string
import time
import unicodedata
from collections import defaultdict

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dcrserver.policies.names.protected import ProtectedName, ProtectedNames
from dcrserver.policies.names.scripts import mixed_scripts
from dcrserver.policies.names.skeletons import _look, readings, runs, skeletons
from dcrserver.policies.names.unicode import confusables, is_ignorable, scripts_of
from harness.cases import each
from harness.properties import examples

CLAUDE = ProtectedNames([ProtectedName(name="Claude", hosts=("claude.ai",))])
GITHUB = ProtectedNames([ProtectedName(name="GitHub")])


def prototype(text: str) -> str:
    """The skeleton of UTS #39 4 to the letter."""
    decomposed = unicodedata.normalize("NFD", text)
    seen = "".join(confusables().get(one, one) for one in decomposed)
    return unicodedata.normalize("NFD", seen)


def _alike() -> dict[str, list[str]]:
    made: dict[str, list[str]] = defaultdict(list)
    for one in [*string.ascii_letters, *string.digits, *confusables()]:
        made[prototype(one)].append(one)
    return made


def _reads_as_a_letter(one: str) -> bool:
    """Not as punctuation, nor as a mark, as the one of Chinese and the hard sign of Cyrillic do."""
    seen = _look(one) or ""
    is_sign = not seen or any(unicodedata.category(each) in {"Mn", "Lm"} for each in seen)
    return one.isalnum() and (not is_sign or unicodedata.category(one) == "Lm")


ALIKE = _alike()
LETTERS = st.sampled_from(
    [one for some in ALIKE.values() if len(some) > 1 for one in some if _reads_as_a_letter(one)]
)


@pytest.mark.finding("N1")
@each(
    "name",
    [
        "Claude", "CLAUDE", "claude", "CIaude", "C1aude", "C|aude", "Cl\u0430ude", "\u0421laude",
        "\u216dlaude", "\uff23\uff4c\uff41\uff55\uff44\uff45", "𝐂𝐥𝐚𝐮𝐝𝐞",
        "ⓒⓛⓐⓤⓓⓔ", "🅲🅻🅰🆄🅳🅴", "🇨laude",
        "Cl\u00e1ude", "Claud\u00e8", "Cl\u0337aude", "C\u200bl\u2060aude", "Cla\ufe0fude",
        "Cl\u00adaude", "C l a u d e", "C-l-a-u-d-e", "Cla.ude", "  Claude!", "Claude\u2122",
        "Claude Official", "The Claude", "ClaudeCode", "MyClaude", "Claude3.5", "claude_desktop",
        "Claude\u3164Pro", "CLAUDE-AI", "Ask claude now", "\u00abClaude\u00bb", "(C)laude",
        "Claude 官方", "官方Claude",
    ],
)  # fmt: skip
def test_what_reads_as_a_protected_name_is_found(name: str) -> None:
    assert [found.name for found in CLAUDE.borne_by(name)] == ["Claude"]


@each(
    "name",
    [
        "", "!!!", "Claudette", "Claudes", "Claud", "Clyde", "laude", "Cloud", "Preclaude",
        "Clau", "C", "Клод", "クロード", "Cla", "ude",
    ],
)  # fmt: skip
def test_other_names_are_let_be(name: str) -> None:
    assert CLAUDE.borne_by(name) == []


@each("name", ["GitHub", "GITHUB", "GlTHUB", "github", "Git Hub", "Github Copilot", "G\u0456tHub"])
def test_capitals_that_look_like_other_letters_are_read_so(name: str) -> None:
    assert GITHUB.borne_by(name)


@each(
    "name, alike",
    [
        ("Notion", "\u039dotion"), ("Slack", "\u017flack"), ("Notion", "N\u0c02tion"),
        ("Microsoft", "rnicrosoft"),
        ("Сбер", "СБЕР"), ("Сбер", "СБEP"), ("Сбер", "сбеp"), ("微信", "微信官方"),
        ("किताब", "किताब ऐप"), ("Åbo", "Abo"), ("Straße", "STRASSE"), ("日本語", "日本語アプリ"),
        ("Łódź", "Lodz"), ("OpenAI", "0penAl"), ("paypal", "рaypal"), ("PayPal", "PaypaI"),
    ],
)  # fmt: skip
def test_names_of_all_scripts_are_protected(name: str, alike: str) -> None:
    assert ProtectedNames([ProtectedName(name=name)]).borne_by(alike)


@pytest.mark.parametrize(
    "name",
    [
        "Clau\u05b0de", "Claud\u064de", "Claude\u05b0", "\u0651Claude", "Clau\U0001cf42de",
        "Clau\u02ccde", "Claude\u02c7", "Cla\u0640ude",
        "Claud\u093ee", "Claude\u0903", "Claude\u0bbf", "Claud\u02d3e",
    ],
)  # fmt: skip
def test_marks_of_other_scripts_hide_no_protected_name(name: str) -> None:
    assert skeletons("Claude") & {*runs(name, 20)}, name.encode("unicode_escape")


@pytest.mark.finding("N1")
def test_no_sign_between_words_hides_a_protected_name() -> None:
    """Also where it looks like a letter: a bar like an l, a dash like a long vowel of Japanese."""
    signs = [one for one in [*string.printable, *confusables()] if not one.isalnum()]
    signs += ["\u2122", "\uff0d", "\u0903"]
    hidden = [
        (sign, name)
        for sign in signs
        for name in (f"Claude{sign}Pro", f"claude{sign}pro", f"My{sign}Claude")
        if unicodedata.category(sign)[0] in "PSZ" and not CLAUDE.borne_by(name)
    ]
    assert not hidden


@each("name, seen", [("\u00af", set()), ("A\u02d3", {"a"}), ("A\u4e00", {"a\u30fc"})])
def test_a_sign_that_looks_like_a_mark_is_one_and_a_letter_is_a_letter(
    name: str, seen: set[str]
) -> None:
    assert skeletons(name) == seen


@each("letter", ["a", "\u0436", "\u03bb", "\u01bf", "\u2c92", "1", "(", "\x80"])
def test_a_mark_on_no_letter_of_its_own_script_is_none(letter: str) -> None:
    for mark in ("\u05b0", "\u02bf", "\u02d3"):
        assert skeletons(f"{letter}{mark}b") == skeletons(f"{letter}b"), mark


def test_vowels_that_are_marks_make_another_name() -> None:
    assert ProtectedNames([ProtectedName(name="किताब")]).borne_by("कतबा") == []


@pytest.mark.finding("N1")
@given(data=st.data())
@examples(150)
def test_no_exchange_of_look_alikes_hides_a_protected_name(data: st.DataObject) -> None:
    """By the tables of UTS #39, in any case of any letter, with what is not seen between."""
    name = data.draw(st.text(LETTERS, min_size=1, max_size=12))
    assume(skeletons(name))  # some letters look like punctuation
    protected = ProtectedNames([ProtectedName(name=name)])
    made = []
    for one in name:
        alike = ALIKE.get(prototype(one), [one])
        made.append(data.draw(st.sampled_from([one, *alike])))
        made.append(data.draw(st.sampled_from(["", "", "\u200b", "\u2060", "\u00ad"])))
    around = data.draw(st.sampled_from(["{}", "{} Official", "The {}", "x {} y", "-{}!"]))
    text = around.format("".join(made))
    assert protected.borne_by(text), (name, text)


@given(name=st.text(string.ascii_letters, min_size=1, max_size=30), data=st.data())
@examples(50)
def test_nor_does_the_case_of_letters(name: str, data: st.DataObject) -> None:
    cased = "".join(data.draw(st.sampled_from([one.lower(), one.upper()])) for one in name)
    assert ProtectedNames([ProtectedName(name=name)]).borne_by(cased)


@given(text=st.text(max_size=80))
@examples(50)
def test_any_text_is_read_without_an_error_and_a_skeleton_is_its_own(text: str) -> None:
    found = skeletons(text)
    assume(all(_reads_as_a_letter(each) for each in text if each.isalpha()))
    assert all(seen in skeletons(seen) for seen in found)
    assert found <= {*runs(text, 10_000)}


@each("text", string.printable)
def test_ascii_reads_alike_in_both_cases(text: str) -> None:
    """So that one reading of it is enough."""
    assert skeletons(text.lower()) == skeletons(text.upper()) == skeletons(text)


@pytest.mark.finding("N2")
def test_the_longest_name_is_read_in_milliseconds() -> None:
    for text in ("a1" * 128, "微" * 256, "\u0430B" * 128, "a " * 128):
        readings.__wrapped__(text)  # type: ignore[attr-defined]  # the characters are known then
        started = time.process_time()
        CLAUDE.borne_by(text + "!")  # longer than what is remembered
        assert time.process_time() - started < 0.1, text[:4]


def test_the_tables_are_those_of_unicode() -> None:
    assert len(confusables()) == 6565
    assert confusables()["\u0430"] == "a"
    assert confusables()["m"] == "rn"
    assert scripts_of("a") == {"Latin"}
    assert scripts_of("\u0430") == {"Cyrillic"}
    assert scripts_of("1") == {"Common"}
    assert scripts_of("\u0301") >= {"Latin", "Cyrillic"} or scripts_of("\u0301") == {"Inherited"}
    assert scripts_of("\u0378") == frozenset()  # nobody's
    assert "Hiragana" in scripts_of("\u30fc")
    assert scripts_of("\u00ad") == {"Common"}
    assert scripts_of("\u00aa") == {"Latin"}
    assert scripts_of("\x7f") == {"Common"}
    assert scripts_of("\U0010ffff") == frozenset()


@each(
    "name, seen",
    [
        ("Stra\u00dfe", {"strasse"}),
        ("\u017f", {"f", "s"}),
        ("\u03a3", {"o", "\u0283"}),
        ("\ufb01", {"fl"}),
        ("\u2129", {"\u027f"}),  # no letter in a square or a circle
        ("C\u20ddl", {"cl"}),
        ("C\u0338l", {"cl"}),
        ("C\u0327l", {"cl"}),
        ("\u0130", {"l"}),
        ("\u0915\u093f\u0924", {"\u0915\u09bf\u0924"}),
        ("\u2122", {"trn"}),
        ("A\u02b0", {"ah", "a\u02b0"}),
        ("A\u093b", {"a"}),
        ("A\u0bf4", {"a", "a\u0bae\u0bc0"}),
        ("!", set()),
    ],
)
def test_what_a_name_looks_like(name: str, seen: set[str]) -> None:
    assert skeletons(name) == seen


def test_what_is_not_shown_is_known() -> None:
    unseen = "\u00ad\u200b\u200d\u2060\u034f\u115f\u17b4\u180b\u3164\ufe0f\uffa0\U000e0100"
    assert all(map(is_ignorable, unseen))
    assert not any(map(is_ignorable, "aA1 X\u0301\u0915\u6f22["))


@pytest.mark.finding("N3")
@each(
    "text, scripts",
    [
        ("Cl\u0430ude", ("Cyrillic", "Latin")),
        ("My Cl\u0430ude app", ("Cyrillic", "Latin")),
        ("\u03a4est", ("Greek", "Latin")),
        ("Яндекс Browser", ()),
        ("Яндекс-Browser", ()),
        ("LINEアプリ", ()),
        ("微信WeChat", ()),
        ("카카오Talk", ()),
        ("東京タワーのアプリ", ()),
        ("Café Müller", ()),
        ("каfe", ("Cyrillic", "Latin")),
        # An accent is of many scripts, and tells of none.
        ("a\u0301\u0430", ("Cyrillic", "Latin")),
        ("a\u2c80", ("Coptic", "Latin")),
        ("\u0430\ufe0f", ()),
        ("a\u0483", ("Cyrillic", "Latin")),
        ("\u0301\u0e01a", ("Latin", "Thai")),
        ("a\u3105", ()),
        ("\u6f22\u3105", ()),
        ("\u304b\u3105", ("Bopomofo", "Hiragana")),
        ("\uac00\u6f22a", ()),
        ("\uac00\u304b", ("Hangul", "Hiragana")),
        ("\u0436+a \u0436\u2014a \u0436\u00a0a", ()),
        ("हिन्दी ऐप", ()),
        ("中文кит", ("Cyrillic", "Han")),
        ("العربية 2", ()),
        ("Ελληνικά", ()),
        ("plain", ()),
        ("Ж2", ()),
        ("", ()),
    ],
)
def test_a_word_of_two_scripts_is_told(text: str, scripts: tuple[str, ...]) -> None:
    assert mixed_scripts(text) == scripts
