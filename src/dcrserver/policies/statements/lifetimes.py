"""How long a client lives, and what this server gives it, where statements of its policy say so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from dcrserver.policies.statements.circumstances import Circumstances, Members

if TYPE_CHECKING:
    from dcrserver.policies import Policy

# What is given, in the words of ``expire``, and where a policy says how long that lives.
GIVEN: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "secret": ("secrets", "lifetime"),
        "registration_access_token": ("management", "registration_access_token_lifetime"),
    }
)

# The client itself, of which statements alone say how long it lives.
CLIENT = "client"


def lifetime(policy: Policy, here: Circumstances, members: Members) -> int | None:
    """The shortest of the lifetimes that ``expire`` says of a client of ``members`` itself, in
    seconds; None: none ends it.
    """
    told = (each.then.expire for each in policy.expiring if each.concerns(here, members))
    return min(filter(None, (getattr(each, CLIENT) for each in told)), default=None)


def lasting(policy: Policy, here: Circumstances, members: Members) -> Policy:
    """``policy`` with the shortest of the lifetimes that ``expire`` for a client of ``members``."""
    told = [each.then.expire for each in policy.expiring if each.concerns(here, members)]
    changed = {}
    for name, (group, key) in GIVEN.items():
        choices = getattr(policy, group)
        seconds = _shortest([getattr(choices, key), *(getattr(each, name) for each in told)])
        changed[group] = choices.model_copy(update={key: seconds})
    return policy.model_copy(update=changed) if told else policy


def _shortest(lifetimes: Iterable[int | None]) -> int:
    """Of those that end; 0: none does."""
    return min(filter(None, lifetimes), default=0)
