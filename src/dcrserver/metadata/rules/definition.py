"""How a function becomes a rule."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dcrserver.errors import InvalidClientMetadata, RegistrationError
from dcrserver.metadata.model import Draft, Finding, Rule, Terms


def rule(
    check: Callable[[Draft, Terms], Iterable[Finding]],
    rule_id: str,
    specification: str,
    statement: str,
    *,
    uses: Iterable[str] = (),
    about: Iterable[str] = (),
    error: type[RegistrationError] = InvalidClientMetadata,
) -> Rule:
    """The rule that ``check`` is.

    ``about``: the members without which there is nothing to ask, where there are such; they are
    used as well as ``uses``.
    """
    asked = frozenset(about)
    return Rule(rule_id, specification, statement, asked.union(uses), asked, check, error)
