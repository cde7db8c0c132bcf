"""Texts for people and language tags (RFC 7591 2.2)."""

from __future__ import annotations

import re

# Control characters and line breaks; and the overrides and isolates that can make a name read as
# another one (CVE-2021-42574). The plain marks U+200E, U+200F and U+061C belong to ordinary Arabic
# and Hebrew text and stay.
_HOSTILE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")

_ALPHANUM = "[A-Za-z0-9]"
_LANGUAGE_TAG = re.compile(
    r"(?:[A-Za-z]{2,3}(?:-[A-Za-z]{3}){0,3}|[A-Za-z]{4}|[A-Za-z]{5,8})"  # language
    r"(?:-[A-Za-z]{4})?"  # script
    r"(?:-(?:[A-Za-z]{2}|[0-9]{3}))?"  # region
    rf"(?:-(?:{_ALPHANUM}{{5,8}}|[0-9]{_ALPHANUM}{{3}}))*"  # variants
    rf"(?:-[0-9A-WY-Za-wy-z](?:-{_ALPHANUM}{{2,8}})+)*"  # extensions
    rf"(?:-[xX](?:-{_ALPHANUM}{{1,8}})+)?"  # private use
    rf"|[xX](?:-{_ALPHANUM}{{1,8}})+"
    r"|i-(?:ami|bnn|default|enochian|hak|klingon|lux|mingo|navajo|pwn|tao|tay|tsu)"
    r"|en-GB-oed|sgn-(?:BE-FR|BE-NL|CH-DE)",
    re.ASCII | re.IGNORECASE,
)


def is_language_tag(tag: str) -> bool:
    """Whether ``tag`` is well-formed by RFC 5646 2.1 (BCP 47)."""
    return _LANGUAGE_TAG.fullmatch(tag) is not None


def hostile_character(text: str) -> str | None:
    """The name of the first character that has no place in a text for people, if any."""
    found = _HOSTILE.search(text)
    return None if found is None else f"U+{ord(found.group()):04X}"
