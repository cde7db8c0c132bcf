"""What a statement asks of a request: each key of ``when`` as a function, made once.

A list matches when one of its elements does, and one that is not there has none. Of any other
member that is not there ``not`` holds: who leaves it out is not one of those that are named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from dcrserver.policies.statements.circumstances import (
    CONTEXT,
    OF_THE_REQUEST,
    Circumstances,
    Matcher,
    Members,
)
from dcrserver.policies.statements.claims import PREFIX, claims_of
from dcrserver.policies.statements.hosts import among, among_domains, domain_of, host_of
from dcrserver.policies.statements.values import (
    Condition,
    Test,
    all_of,
    among_values,
    comparable,
    tests_of,
)
from dcrserver.strict_json import JsonValue

__all__ = [
    "CONTEXT", "LISTS", "Circumstances", "Condition", "Matcher", "Members", "comparable",
    "elements", "matcher", "named_by", "one_of",
]  # fmt: skip


class _Part(NamedTuple):
    """What of a URI can be compared: how it is found, and how one of several is told."""

    of: Callable[[str], str | None]
    one_of: Callable[[Iterable[str]], Test]


# MEMBER.host, MEMBER.domain.
_PARTS: Mapping[str, _Part] = MappingProxyType(
    {"host": _Part(host_of, among), "domain": _Part(domain_of, among_domains)}
)
# Members of the catalogue that are lists: of one that is not there no element matches.
LISTS = frozenset(
    {
        "audience", "authorization_details_types", "claims_redirect_uris",
        "client_registration_types", "contacts", "default_acr_values",
        "encrypted_response_enc_values_supported", "grant_types", "keywords",
        "post_logout_redirect_uris", "redirect_uris", "request_uris", "response_types", "scope",
        "subject_syntax_types_supported",
    }
)  # fmt: skip


def matcher(key: str, condition: Condition) -> Matcher:
    """Whether ``condition`` holds of what ``key`` names.

    Raises:
        ValueError: it can hold of nothing.
    """
    if condition.excludes_all_it_names:
        raise ValueError("can never hold: what in names, not names as well")
    if make := OF_THE_REQUEST.get(key):
        return make(condition)
    if key.startswith(PREFIX):
        return _of_a_claim(_of_member(key.removeprefix(PREFIX), condition))
    return _of_member(key, condition)


def _of_a_claim(check: Matcher) -> Matcher:
    return lambda here, members: check(here, claims_of(members))


def elements(name: str, value: JsonValue) -> Sequence[JsonValue]:
    """What of the member ``name`` is compared, one by one."""
    if isinstance(value, list):
        return value
    if name == "scope" and isinstance(value, str):
        return value.split()
    if value is None and name in LISTS:
        return ()
    return (value,)


def one_of(key: str, values: Sequence[Any]) -> Callable[[JsonValue], bool]:
    """Whether an element of what ``key`` names is one of ``values``.

    Raises:
        ValueError: one of them is no host, where hosts are meant.
    """
    _, part = _parted(key)
    if part is None:
        return among_values(values)
    is_one = part.one_of(map(str, values))
    return lambda uri: is_one(part.of(uri) if isinstance(uri, str) else None)


def named_by(key: str) -> str:
    """The member, or claim, that ``key`` is about: of MEMBER.host and MEMBER.domain the member."""
    return _parted(key)[0]


def _parted(key: str) -> tuple[str, _Part | None]:
    name, _, part = key.rpartition(".")
    return (name, _PARTS[part]) if name and part in _PARTS else (key, None)


def _of_member(key: str, condition: Condition) -> Matcher:
    name, part = _parted(key)
    if part is not None:
        return _of_uris(name, part, condition)
    test = all_of(tests_of(condition, among_values))
    if key == "scope":
        return lambda _, members: any(map(test, elements(key, members.get(key))))
    absent = key not in LISTS and test(None)

    def check(_: Circumstances, members: Members) -> bool:
        value = members.get(key)
        if value is None:
            return absent
        return any(map(test, value)) if isinstance(value, list) else test(value)

    return check


def _of_uris(name: str, part: _Part, condition: Condition) -> Matcher:
    test = all_of(tests_of(condition, lambda values: part.one_of(map(str, values))))
    of = part.of

    def check(_: Circumstances, members: Members) -> bool:
        value = members.get(name)
        if value is None:
            return False
        if isinstance(value, list):
            for uri in value:  # noqa: SIM110 - a generator takes longer than most of them
                if test(of(uri) if isinstance(uri, str) else None):
                    return True
            return False
        return test(of(value) if isinstance(value, str) else None)

    return check
