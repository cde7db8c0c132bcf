"""How a function becomes a rule."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dcrserver.errors import InvalidClientMetadata, RegistrationError
from dcrserver.metadata.model import Draft, Finding, Rule, Terms


def rule(  # noqa: PLR0913 - the columns of a table
    check: Callable[[Draft, Terms], Iterable[Finding]],
    rule_id: str,
    specification: str,
    statement: str,
    *,
    uses: Iterable[str] = (),
    about: Iterable[str] = (),
    methods: Iterable[str] = (),
    error: type[RegistrationError] = InvalidClientMetadata,
) -> Rule:
    """Makes the rule that ``check`` asks.

    ``about``: the members without which there is nothing to ask, where there are such; they are
    used as well as ``uses``, and so is the method where the rule is for ``methods`` only.
    """
    asked, chosen = frozenset(about), frozenset(methods)
    used = asked.union(uses, ["token_endpoint_auth_method"] if chosen else [])
    return Rule(rule_id, specification, statement, used, asked, chosen, check, error)
