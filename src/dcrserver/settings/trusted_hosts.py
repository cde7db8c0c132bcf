"""Hosts that a policy trusts, and that are anybody's: told where a policy is written.

A policy that counts already stays as it is: the list of public suffixes is a library's, and a newer
one must not stop what runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dcrserver.policies import Policy
from dcrserver.policies.presets import PRESETS
from dcrserver.policies.statements.conditions import named_by
from dcrserver.policies.statements.grammar import Statement
from dcrserver.policies.statements.hosts import is_open_to_all
from dcrserver.settings.problems import Problem

_HOST = ".host"


def too_wide(policy: Policy) -> Iterator[Problem]:
    """Each wildcard of hosts that are trusted below which whoever asks can have a name."""
    before = len(PRESETS[policy.preset].statements)
    for number, statement in enumerate(policy.statements[before:]):
        for place, patterns in _trusted_by(statement):
            yield from _problems(("statements", str(number), *place), patterns)
    for number, protected in enumerate(policy.protected_names):
        yield from _problems(("protected_names", str(number), "hosts"), protected.hosts)


def _trusted_by(statement: Statement) -> Iterator[tuple[tuple[str, ...], Iterable[object]]]:
    """Lists of hosts: all others are refused, wait, or have less; or these alone have more."""
    for key, condition in statement.when.items():
        if _is_of_hosts(key):
            yield ("when", key, "not"), condition.none_of or ()
            if statement.then.first_party:
                yield ("when", key, "in"), condition.any_of or ()
    for key, allowed in (statement.then.restrict or {}).items():
        if _is_of_hosts(key):
            yield ("then", "restrict", key), allowed


def _is_of_hosts(key: str) -> bool:
    return key == f"{named_by(key)}{_HOST}"


def _problems(place: tuple[str, ...], patterns: Iterable[object]) -> Iterator[Problem]:
    for pattern in map(str, patterns):
        if is_open_to_all(pattern):
            told = f"{pattern[:80]}: anybody can have a name below it (Public Suffix List)"
            yield Problem(place, f"{told}: name the domains that are trusted")
