"""RFC 5646 (BCP 47) language tags, and texts for people."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcrserver.metadata.text import hostile_character, is_language_tag
from harness.cases import each
from harness.properties import examples

requirement = pytest.mark.requirement

LANGTAGS = [
    "de", "fr", "ja", "ast", "zh-Hant", "zh-Hans-CN", "sr-Latn-RS", "sr-Cyrl",
    "ja-Jpan-JP", "zh-cmn-Hans-CN", "cmn-Hans-CN", "zh-yue-HK", "sl-rozaj", "sl-rozaj-biske",
    "sl-nedis", "de-CH-1901", "de-1996", "sl-IT-nedis", "hy-Latn-IT-arevela", "de-DE", "en-US",
    "es-419", "de-CH-x-phonebk", "az-Arab-x-AZE-derbend", "x-whatever", "x-a", "X-a-12345678",
    "qaa-Qaaa-QM-x-southern", "de-Qaaa", "sr-Latn-QM", "en-US-u-islamcal",
    "zh-CN-a-myext-x-private", "en-a-myext-b-another", "en-0-ab", "de-u-co-phonebk-t-und",
    "abcd", "abcde", "abcdefgh", "en-abcdefgh", "en-1abc", "aa-bbb-ccc-ddd",
]  # fmt: skip
GRANDFATHERED = [
    "en-GB-oed", "i-ami", "i-bnn", "i-default", "i-enochian", "i-hak", "i-klingon", "i-lux",
    "i-mingo", "i-navajo", "i-pwn", "i-tao", "i-tay", "i-tsu", "sgn-BE-FR", "sgn-BE-NL",
    "sgn-CH-DE", "art-lojban", "cel-gaulish", "no-bok", "no-nyn", "zh-guoyu", "zh-hakka",
    "zh-min", "zh-min-nan", "zh-xiang",
]  # fmt: skip
ILL_FORMED = [
    "", "-", "a", "1", "12", "abcdefghi", "de-", "-de", "de--DE", "de_DE", "de DE", " de", "de ",
    "de\n", "d\u00e9", "\uff44\uff45", "de-D", "de-12", "de-1234567890", "de-abcdefghi",
    "de-419-DE", "a-DE", "de-x", "x", "x-", "x-123456789", "x-a-", "de-a", "de-a-b", "de-a-x-b",
    "de-u", "en-a-bcdefghij", "aa-bbb-ccc-ddd-eee", "abcd-bbb", "i-unknown", "i", "i-", "b-lojban",
    "art-lojbanxyz", "de-Latn-Cyrl", "de-DE-AT", "de.DE", "de#DE", "*", "de-*", "zh---", "zh-----",
    # Letters that are others in lower or upper case: long s, Kelvin, Turkish i.
    "\u017fe", "\u212ao", "\u0131t", "\u0130t", "de-\u017fE", "i-\u212alingon",
    "zh-a-b", "zh-a-b-c", "zh-m-n", "zh--min", "zh-min-",
]  # fmt: skip


@requirement("R7591-2.2-01", "OIDR-2.1-01")
@each("tag", [*LANGTAGS, *GRANDFATHERED])
def test_well_formed_tags(tag: str) -> None:
    assert is_language_tag(tag)


@requirement("R7591-2.2-04")
@each("tag", [*LANGTAGS, *GRANDFATHERED])
def test_tags_have_no_case(tag: str) -> None:
    """RFC 5646 2.1.1, for all of a tag."""
    assert is_language_tag(tag.upper())
    assert is_language_tag(tag.lower())
    assert is_language_tag(tag.swapcase())


@requirement("R7591-2.2-01")
@each("tag", ILL_FORMED)
def test_ill_formed_tags(tag: str) -> None:
    assert not is_language_tag(tag)


SUBTAG = st.text("abcxyzABCXYZ0189", min_size=1, max_size=9)


@examples(300)
@given(st.lists(SUBTAG | st.sampled_from(["", "x", "de", "zh", "Latn"]), max_size=5).map("-".join))
def test_tags_are_subtags_of_one_to_eight_letters_or_digits(tag: str) -> None:
    """What every well-formed tag has in common (RFC 5646 2.1)."""
    if is_language_tag(tag):
        subtags = tag.split("-")
        assert all(1 <= len(subtag) <= 8 for subtag in subtags)
        assert len(subtags[-1]) > 1 or "x" in tag.lower().split("-")[:-1]


NAMES = [
    "",
    "Example client",
    "Caf\u00e9 & B\u00e4ckerei <b>",
    "e\u0301",
    "\u65e5\u672c\u8a9e\u306e\u30af\u30e9\u30a4\u30a2\u30f3\u30c8",
    "\u0639\u0645\u064a\u0644",
    "\u0639\u0645\u064a\u0644\u061c 1",  # Arabic letter mark
    "\u05dc\u05e7\u05d5\u05d7\u200f!",  # Hebrew and right-to-left mark
    "abc\u200e \u05d0",
    "\u0646\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian needs the non-joiner
    "\u0915\u094d\u200d\u0937",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466",  # a family, joined by ZWJ
    "\u2764\ufe0f",
    "\U0001f3f4\U000e0067\U000e0062\U000e007f",
    "a\u00a0b",
    "\u00ad\ufeff",
]


@requirement("POL-20", "R7591-2.2-02")
@each("text", NAMES)
def test_names_in_any_script_are_texts_for_people(text: str) -> None:
    assert hostile_character(text) is None


HOSTILE = [
    *range(0x20),
    *range(0x7F, 0xA0),
    *range(0x202A, 0x202F),
    *range(0x2066, 0x206A),
    0x2028,
    0x2029,
]


@requirement("POL-20")
@each("number", HOSTILE)
def test_hostile_characters_are_named(number: int) -> None:
    for text in (chr(number), f"a{chr(number)}b", f"\u65e5{chr(number)}\x00"):
        assert hostile_character(text) == f"U+{number:04X}"


@requirement("POL-20")
def test_the_neighbours_of_hostile_characters_are_not() -> None:
    near = {number + step for number in HOSTILE for step in (-1, 1)} - {-1, *HOSTILE}
    assert sorted(near) == [0x20, 0x7E, 0xA0, 0x2027, 0x202F, 0x2065, 0x206A]
    assert hostile_character("".join(chr(number) for number in sorted(near))) is None


@requirement("POL-20")
@examples(150)
@given(st.text())
def test_nothing_else_is_hostile(text: str) -> None:
    first = next((f"U+{ord(one):04X}" for one in text if ord(one) in HOSTILE), None)
    assert hostile_character(text) == first
