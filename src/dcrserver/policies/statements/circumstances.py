"""What a statement may ask beside the registration: who asks, from where, and when."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import attrgetter
from types import MappingProxyType
from typing import Any, TypeAlias

from dcrserver.names import ClientOrigin
from dcrserver.policies.domains import registrable_domain
from dcrserver.policies.statements.hosts import address_in, among, among_domains
from dcrserver.policies.statements.values import (
    Condition,
    Test,
    all_of,
    among_values,
    only,
    tests_of,
)
from dcrserver.strict_json import JsonValue

Members: TypeAlias = Mapping[str, JsonValue]

# How clients come to be, and the change of one that there is.
ORIGINS = frozenset({*(origin.word for origin in ClientOrigin), "update"})
# services.audit.actors.ActorKind.
ACTORS = frozenset(
    {
        "anonymous", "client", "initial_access_token", "administrator", "authorization_server",
        "operator", "system",
    }
)  # fmt: skip

_WITH_NAMES = frozenset({"administrator", "operator"})
# services.access.scopes.SCOPES.
SCOPES = frozenset(
    {
        "clients:read", "clients:create", "clients:update", "clients:write", "clients:approve",
        "clients:delete",
        "clients:authenticate", "secrets:export", "secrets:write", "tokens:read", "tokens:write",
        "tokens:outlive", "tokens:introspect", "policies:read", "policies:write",
        "policies:override", "tenants:read", "tenants:write", "keys:read", "keys:write",
        "connectors:read", "connectors:write", "events:read", "statistics:read",
        "configuration:read", "server:read", "jobs:read",
        "jobs:write",
    }
)  # fmt: skip
_HOURS = 24
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
# 1970 began with a Thursday.
_DAY_OF = tuple(frozenset({_DAYS[(number + 3) % 7]}) for number in range(7))


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Who asks, and how: all that a statement may know beside the registration itself.

    ``origins``: how the client came to be, and ``update`` where it changes. ``actors``: the kind of
    who asks, with their id for administrators; for a client that changes itself also the kind of
    who registered it, so that what bound it then still does.
    ``address``: of the request, None where there is none. ``now``: seconds since 1970.
    ``scopes``: what an administrator may do; nobody else has any.
    ``names``: those of the address that DNS confirms, where it was asked.
    ``counts``: how many clients there are that have the same of something, where it was asked.
    """

    origins: frozenset[str] = frozenset({"open"})
    actors: frozenset[str] = frozenset({"anonymous"})
    tenant: str = "default"
    address: str | None = None
    now: int = 0
    scopes: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    counts: Mapping[str, int] = field(default_factory=dict)


Matcher: TypeAlias = Callable[[Circumstances, Members], bool]


def _words(
    known: frozenset[str], read: Callable[[Circumstances], frozenset[str]]
) -> Callable[[Condition], Matcher]:
    """Of one of several words: ``not`` holds where it is none of them."""

    def make(condition: Condition) -> Matcher:
        only(condition, "in", "not")
        wanted, unwanted = _checked(condition.any_of, known), _checked(condition.none_of, known)
        if wanted and not unwanted:
            return lambda here, _: not wanted.isdisjoint(read(here))

        def check(here: Circumstances, _: Members) -> bool:
            found = read(here)
            return (not wanted or not wanted.isdisjoint(found)) and unwanted.isdisjoint(found)

        return check

    return make


def _checked(values: tuple[Any, ...] | None, known: frozenset[str]) -> frozenset[str]:
    for each in values or ():
        kind, _, name = str(each).partition(":")
        is_named = name and kind in known and kind in _WITH_NAMES
        if each not in known and not is_named:
            raise ValueError(f"{str(each)[:80]}: must be one of {', '.join(sorted(known))}")
    return frozenset(map(str, values or ()))


def _tenant(condition: Condition) -> Matcher:
    test = all_of(tests_of(condition, among_values))
    return lambda here, _: test(here.tenant)


def _address(condition: Condition) -> Matcher:
    only(condition, "in", "not")
    wanted, unwanted = _networks(condition.any_of), _networks(condition.none_of)

    def check(here: Circumstances, _: Members) -> bool:
        address = address_in(here.address)
        if wanted and not any(address is not None and address in each for each in wanted):
            return False
        return address is None or not any(address in each for each in unwanted)

    return check


def _networks(
    values: tuple[Any, ...] | None,
) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    try:
        return [ipaddress.ip_network(str(each)) for each in values or ()]
    except ValueError as error:
        raise ValueError(f"must be an address or a network (CIDR): {error}") from None


def _address_names(
    part_of: Callable[[str], str], one_of: Callable[[Iterable[str]], Test]
) -> Callable[[Condition], Matcher]:
    """Of the names of the address: what has none has none of them, and ``not`` holds."""

    def make(condition: Condition) -> Matcher:
        only(condition, "in", "not")
        wanted = None if condition.any_of is None else one_of(map(str, condition.any_of))
        unwanted = one_of(map(str, condition.none_of or ()))

        def check(here: Circumstances, _: Members) -> bool:
            found = [*map(part_of, here.names)]
            return (wanted is None or any(map(wanted, found))) and not any(map(unwanted, found))

        return check

    return make


def _time(condition: Condition) -> Matcher:
    only(condition, "from", "until")
    since, until = _moment(condition.since), _moment(condition.until)
    if since is not None and until is not None and since >= until:
        raise ValueError("can never hold: from is not before until")
    return lambda here, _: (
        (since is None or since <= here.now) and (until is None or here.now < until)
    )


def _moment(given: str | int | None) -> int | None:
    """
    Raises:
        ValueError: it is no date, and no date with a time and its offset.
    """
    if given is None:
        return None
    try:
        found = datetime.fromisoformat(str(given))
    except ValueError:
        found = None
    has_time = ":" in str(given)
    if found is None or isinstance(given, int) or (has_time and found.tzinfo is None):
        raise ValueError("must be a moment, such as 2027-01-31T12:00:00Z, or a day of UTC")
    return int((found if has_time else found.replace(tzinfo=UTC)).timestamp())


def _hour(condition: Condition) -> Matcher:
    """From 22 until 6 is the night."""
    only(condition, "from", "until")
    since, until = condition.since or 0, condition.until if condition.until is not None else 24
    if not (isinstance(since, int) and isinstance(until, int)) or not (
        0 <= since < _HOURS and 0 <= until <= _HOURS
    ):
        raise ValueError("must be full hours of UTC, from 0 to 23 until 0 to 24")
    if since == until:
        raise ValueError("can never hold: from is until")
    hours = {hour % _HOURS for hour in range(since, until + (_HOURS if until < since else 0))}
    return lambda here, _: here.now // 3600 % _HOURS in hours


def _clients(by: str) -> Callable[[Condition], Matcher]:
    """Of so many clients that have the same: none are counted of what this one has not."""

    def make(condition: Condition) -> Matcher:
        only(condition, "from", "until")
        since, until = condition.since or 0, condition.until
        if isinstance(since, str) or isinstance(until, str) or since < 0:
            raise ValueError("must be numbers of clients: from so many, until less than so many")
        if until is not None and since >= until:
            raise ValueError("can never hold: from is not less than until")

        def check(here: Circumstances, _: Members) -> bool:
            there = here.counts.get(by)
            return there is not None and since <= there and (until is None or there < until)

        return check

    return make


# What of an address only DNS knows.
OF_DNS = frozenset({"address.host", "address.domain"})
# By what clients are counted that have it alike.
COUNTED = ("tenant", "origin", "owner", "software_id")
COUNTING = "clients."
# What is no member: key -> how its condition is made.
OF_THE_REQUEST: Mapping[str, Callable[[Condition], Matcher]] = MappingProxyType(
    {
        "origin": _words(ORIGINS, attrgetter("origins")),
        "actor": _words(ACTORS, attrgetter("actors")),
        "tenant": _tenant,
        "address": _address,
        "address.host": _address_names(str, among),
        "address.domain": _address_names(registrable_domain, among_domains),
        "actor.scopes": _words(SCOPES, attrgetter("scopes")),
        "time": _time,
        "hour": _hour,
        **{f"{COUNTING}{by}": _clients(by) for by in COUNTED},
        "day": _words(frozenset(_DAYS), lambda here: _DAY_OF[here.now // 86_400 % 7]),
    }
)
CONTEXT = frozenset(OF_THE_REQUEST)
