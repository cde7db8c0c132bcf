"""Names of members as other conventions spell them: redirectUris, Redirect-URIs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dcrserver.metadata.catalogue import PARAMETERS
from dcrserver.strict_json import JsonValue


def _letters(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


_BY_LETTERS = {_letters(name): name for name in PARAMETERS}
# Of a body with many, as many as a person can use.
_MAX_TOLD = 5


def meant(name: str) -> str | None:
    """The member whose name has the letters of ``name``, if that is another one."""
    found = _BY_LETTERS.get(_letters(name)) if name.isascii() else None
    return None if found == name else found


def hints(submission: Mapping[str, JsonValue]) -> Iterator[str]:
    """A sentence for each member of a refused ``submission`` that was spelt otherwise."""
    slips = ((name, meant(name)) for name in submission)
    told = [
        f"{name} is not known, did you mean {known}?"
        for name, known in slips
        if known and known not in submission
    ]
    yield from told[:_MAX_TOLD]
