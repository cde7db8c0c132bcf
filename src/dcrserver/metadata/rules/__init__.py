"""Cross-field rules: one function each, listed with its place in the specifications.

The functions yield what they find; the tables at the end of the modules make them rules.
"""

from functools import lru_cache

from dcrserver.metadata.model import Rule
from dcrserver.metadata.rules import (
    authentication,
    extensions,
    impersonation,
    protection,
    redirection,
    sessions,
)
from dcrserver.metadata.rules.protection import needs_readable_secret, needs_secret
from dcrserver.metadata.rules.redirection import GRANTS_OF_RESPONSE_TYPE, REDIRECT_GRANTS

# In the order in which they are asked and told.
RULES: tuple[Rule, ...] = (
    *redirection.RULES,
    *authentication.RULES,
    *protection.RULES,
    *sessions.RULES,
    *extensions.RULES,
    *impersonation.RULES,
)


_METHODS = frozenset[str]().union(*(rule.methods for rule in RULES))


def rules_for(members: tuple[str, ...], method: str) -> tuple[Rule, ...]:
    """The rules that concern a client with these members (base names) and this method."""
    # Where the server names no methods, a method is any text: none of them may be a key.
    return _rules_for(members, method if method in _METHODS else "")


@lru_cache(maxsize=4096)
def _rules_for(members: tuple[str, ...], method: str) -> tuple[Rule, ...]:
    return tuple(rule for rule in RULES if rule.concerns(members, method))


__all__ = [
    "GRANTS_OF_RESPONSE_TYPE",
    "REDIRECT_GRANTS",
    "RULES",
    "needs_readable_secret",
    "needs_secret",
    "rules_for",
]
