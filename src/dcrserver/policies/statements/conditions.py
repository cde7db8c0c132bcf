"""What a statement asks of a request: each key of ``when`` as a function, made once.

A list matches when one of its elements does, and one that is not there has none. Of any other
member that is not there ``not`` holds: who leaves it out is not one of those that are named.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from dcrserver.policies.statements.circumstances import (
    CONTEXT,
    OF_THE_REQUEST,
    Circumstances,
    Matcher,
    Members,
)
from dcrserver.policies.statements.claims import PREFIX, claims_of
from dcrserver.policies.statements.hosts import host_of
from dcrserver.policies.statements.values import (
    Condition,
    all_of,
    among_hosts,
    among_values,
    comparable,
    tests_of,
)
from dcrserver.strict_json import JsonValue

__all__ = [
    "CONTEXT", "HOST", "LISTS", "Circumstances", "Condition", "Matcher", "Members", "comparable",
    "elements", "matcher", "one_of",
]  # fmt: skip

HOST = ".host"
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
    if not key.endswith(HOST):
        return among_values(values)
    is_one = among_hosts(values)
    return lambda uri: is_one(_host(uri))


def _of_member(key: str, condition: Condition) -> Matcher:
    if key.endswith(HOST):
        return _of_hosts(key.removesuffix(HOST), condition)
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


def _of_hosts(name: str, condition: Condition) -> Matcher:
    test = all_of(tests_of(condition, among_hosts))

    def check(_: Circumstances, members: Members) -> bool:
        value = members.get(name)
        if value is None:
            return False
        if isinstance(value, list):
            for uri in value:  # noqa: SIM110 - a generator takes longer than most of them
                if test(host_of(uri) if isinstance(uri, str) else None):
                    return True
            return False
        return test(_host(value))

    return check


def _host(uri: JsonValue) -> str | None:
    return host_of(uri) if isinstance(uri, str) else None
