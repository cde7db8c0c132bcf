"""The forms in which names, hosts and other texts are compared: those that are stored, and those
that are looked for.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from urllib.parse import urlsplit

# Characters; what is longer is cut, or ends in a digest of all of it.
LONGEST = 255
_DIGEST = 64
_WORD = re.compile(r"[^\W_]+")


def words_of(text: str) -> list[str]:
    """The words of a name or a search, in whatever case and width they were written."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _WORD.findall(folded) or folded.split()


def name_key(text: str) -> str:
    """Of a name: its words, each behind a space, so that `" acme"` is where a word begins."""
    return f" {' '.join(words_of(text))}"[:LONGEST].rstrip()


def exact(text: str) -> str:
    """``text``, as equal as before also where a column would be too short for it."""
    if len(text) <= LONGEST:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f"{text[: LONGEST - _DIGEST]}{digest}"


def listed(values: Iterable[str]) -> str:
    """``values``, each once and with a space on both sides; they hold none themselves."""
    return f" {' '.join(dict.fromkeys(values))} "


def host_of(uri: str) -> str:
    """The host of a redirection URI, without its port and brackets; empty where there is none."""
    try:
        return urlsplit(uri).hostname or ""
    except ValueError:
        return ""
