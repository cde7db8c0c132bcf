"""What is wrong with values, each with its place and what may be meant instead."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from pydantic import ValidationError

from dcrserver.policies import Policy
from dcrserver.settings.locations import nearest, siblings
from dcrserver.settings.wording import in_our_words

# What pydantic adds to a place: the kind of value that was tried, the key of a mapping.
_DETAIL = re.compile(r".*\[.*")


class Problem(NamedTuple):
    """What is wrong with a value (``text``), and the names that lead to it (``key``)."""

    key: tuple[str, ...]
    text: str

    @property
    def pointer(self) -> str:
        """The place in a JSON document (RFC 6901)."""
        escaped = (name.replace("~", "~0").replace("/", "~1") for name in self.key)
        return "".join(f"/{name}" for name in escaped)


def problems_of(error: ValidationError, hint: Any) -> list[Problem]:  # noqa: ANN401 - a type
    """One for each key, below a setting of the type ``hint``; tried in several ways, told once."""
    told: dict[tuple[str, ...], list[str]] = {}
    for problem in error.errors(include_input=False, include_url=False):
        key = tuple(str(part) for part in problem["loc"] if not _DETAIL.fullmatch(str(part)))
        message = in_our_words(problem)
        if problem["type"] == "extra_forbidden":
            message = f"no such setting{nearest(key[-1], siblings(key[:-1], hint))}"
        told.setdefault(key, []).append(message)
    return [Problem(key, ", or ".join(messages)) for key, messages in told.items()]


def unknown_members(policy: Policy, declared: Collection[str] = ()) -> Iterator[Problem]:
    """Members of clients that ``policy`` names and that nobody could send.

    ``declared``: names of the operator's own.
    """
    named = {
        "required": policy.registration.required,
        "member_aliases": policy.registration.member_aliases.values(),
    }
    if not any(named.values()):
        return
    from dcrserver.metadata.catalogue import understood

    known = {*understood(policy.extensions.optional_families), *declared}
    for choice, names in named.items():
        for name in sorted(set(names) - known):
            yield Problem(("registration", choice), _unknown(name, known))


def unknown_names(names: Collection[str], declared: Collection[str]) -> list[str]:
    """Of ``names`` those that are no members, neither of the catalogue nor ``declared``: what is
    wrong with each.
    """
    if not names:
        return []
    from dcrserver.metadata.catalogue import PARAMETERS

    known = {*PARAMETERS, *declared}
    return [f"{name}: no such member{nearest(name, known)}" for name in names if name not in known]


def _unknown(name: str, known: Collection[str]) -> str:
    from dcrserver.metadata.catalogue import PARAMETERS

    if name in PARAMETERS:
        return f"{name} is of a family that policy.extensions.optional_families does not name"
    return f"{name}: no such member{nearest(name, known)}"
