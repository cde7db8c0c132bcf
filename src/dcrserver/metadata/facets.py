"""What clients are found by: the values that follow from a registration, in the form in which they
are compared.

A row of the catalogue says which of them it is (``facet``), here is how each is made. The same
functions make what a filter looks for, so that the two cannot differ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import TypeAlias

from dcrserver.metadata.comparing import exact, host_of, listed, name_key
from dcrserver.strict_json import JsonValue

_Make: TypeAlias = Callable[[JsonValue], str | None]


def _of_text(make: Callable[[str], str]) -> _Make:
    return lambda value: make(value) if isinstance(value, str) and value else None


def _of_list(make: Callable[[str], str]) -> _Make:
    def made(value: JsonValue) -> str | None:
        texts = value if isinstance(value, list) else []
        found = [one for text in texts if isinstance(text, str) and (one := make(text))]
        return listed(found) if found else None

    return made


# Facet -> what is made of the member's value.
_MADE: Mapping[str, _Make] = MappingProxyType(
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


@cache
def _facets() -> Sequence[tuple[str, str, _Make]]:
    """Member, facet, function: all that the catalogue names."""
    from dcrserver.metadata.catalogue import PARAMETERS

    rows = PARAMETERS.values()
    return [(row.name, row.facet, _MADE[row.facet]) for row in rows if row.facet]


def facets_of(members: Mapping[str, JsonValue]) -> dict[str, str | None]:
    """Facet -> value of a registration; None where it has none."""
    return {facet: make(members.get(member)) for member, facet, make in _facets()}
