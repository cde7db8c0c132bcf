"""What clients are found by: the values that follow from a registration, in the form in which they
are compared.

A row of the catalogue says which of them it is (``facet``), here is how each is made. The same
functions make what a filter looks for, so that the two cannot differ.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from urllib.parse import urlsplit

from dcrserver.metadata.catalogue import PARAMETERS
from dcrserver.strict_json import JsonValue

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


def _of_text(make: Callable[[str], str]) -> Callable[[JsonValue], str | None]:
    return lambda value: make(value) if isinstance(value, str) and value else None


def _of_list(make: Callable[[str], str]) -> Callable[[JsonValue], str | None]:
    def made(value: JsonValue) -> str | None:
        texts = value if isinstance(value, list) else []
        found = [one for text in texts if isinstance(text, str) and (one := make(text))]
        return listed(found) if found else None

    return made


# Facet -> what is made of the member's value.
_MADE: Mapping[str, Callable[[JsonValue], str | None]] = MappingProxyType(
    {
        "name_key": _of_text(name_key),
        "software_id": _of_text(exact),
        "software_version": _of_text(exact),
        "auth_method": _of_text(exact),
        "application_type": _of_text(exact),
        "grant_types": _of_list(str),
        "redirect_hosts": _of_list(host_of),
    }
)
# Member, facet, function: all that the catalogue names.
_FACETS = tuple((row.name, row.facet, _MADE[row.facet]) for row in PARAMETERS.values() if row.facet)
FACETS = frozenset(facet for _, facet, _ in _FACETS)


def facets_of(members: Mapping[str, JsonValue]) -> dict[str, str | None]:
    """Facet -> value of a registration; None where it has none."""
    return {facet: make(members.get(member)) for member, facet, make in _FACETS}
