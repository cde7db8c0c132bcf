"""What a statement asks of a request: each key of ``when`` as a function, made once.

Values are compared as JSON has them. A list matches when one of its elements does, and one that is
not there has none. Of any other member that is not there ``not`` holds: who leaves it out is not
one of those that are named.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

from pydantic import Field, field_validator, model_validator
from pydantic_core import SchemaError, SchemaValidator, core_schema

from dcrserver.names import ClientOrigin
from dcrserver.policies.statements.hosts import among, host_of
from dcrserver.policies.switches.group import Brief
from dcrserver.strict_json import JsonValue, dumps

Members: TypeAlias = Mapping[str, JsonValue]
_Test: TypeAlias = Callable[[JsonValue], bool]

HOST = ".host"
# How clients come to be, and the change of one that there is.
ORIGINS = frozenset({*(origin.word for origin in ClientOrigin), "update"})
# services.audit.actors.ActorKind.
ACTORS = frozenset(
    {
        "anonymous", "client", "initial_access_token", "administrator", "authorization_server",
        "operator", "system",
    }
)  # fmt: skip
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
_MAX_PATTERN = 500
_MAX_VALUES = 10_000


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Who asks, and how: all that a statement may know beside the registration itself.

    ``origins``: how the client came to be, and ``update`` where it changes. ``actors``: the kind of
    who asks, with their id for administrators; for a client that changes itself also the kind of
    who registered it, so that what bound it then still does.
    ``address``: of the request, None where there is none. ``now``: seconds since 1970.
    """

    origins: frozenset[str] = frozenset({"open"})
    actors: frozenset[str] = frozenset({"anonymous"})
    tenant: str = "default"
    address: str | None = None
    now: int = 0


Matcher: TypeAlias = Callable[[Circumstances, Members], bool]


class Condition(Brief):
    """What one key of ``when`` has to be; of several tests all must hold of the same value."""

    any_of: tuple[Any, ...] | None = Field(default=None, alias="in")
    none_of: tuple[Any, ...] | None = Field(default=None, alias="not")
    prefix: tuple[Any, ...] | None = None
    pattern: str | None = Field(default=None, max_length=_MAX_PATTERN)

    @model_validator(mode="before")
    @classmethod
    def _with_one_test(cls, given: object) -> object:
        """A value, or a list of values of which it is one, stand for themselves."""
        if isinstance(given, Condition):
            return given
        if not isinstance(given, dict):
            given = {"in": given}
        if not given:
            raise ValueError("must hold one of in, not, prefix, pattern")
        return given

    @field_validator("any_of", "none_of", "prefix", mode="before")
    @classmethod
    def _listed(cls, given: object) -> object:
        values = [*given] if isinstance(given, list | tuple) else [given]
        if not values or len(values) > _MAX_VALUES:
            raise ValueError(f"must be a value, or a list of 1 to {_MAX_VALUES}")
        if not all(isinstance(each, str | int | float) for each in values):
            raise ValueError("must be a text, a number, true or false, or a list of these")
        return tuple(values)

    @field_validator("prefix")
    @classmethod
    def _texts(cls, value: tuple[Any, ...] | None) -> tuple[Any, ...] | None:
        if value is not None and not all(isinstance(each, str) and each for each in value):
            raise ValueError("must be a text, or a list of texts")
        return value

    @field_validator("pattern")
    @classmethod
    def _regular(cls, value: str | None) -> str | None:
        if value is not None:
            _pattern(value)
        return value

    @property
    def excludes_all_it_names(self) -> bool:
        """Whether what is named by ``in`` is named by ``not`` as well."""
        return self.any_of is not None and {*map(comparable, self.any_of)} <= {
            *map(comparable, self.none_of or ())
        }


def comparable(value: JsonValue) -> str | tuple[str]:
    """Equal for values that are equal in JSON: true is not 1."""
    return value if isinstance(value, str) else (dumps(value),)


def matcher(key: str, condition: Condition) -> Matcher:
    """Whether ``condition`` holds of what ``key`` names.

    Raises:
        ValueError: it can hold of nothing.
    """
    if condition.excludes_all_it_names:
        raise ValueError("can never hold: what in names, not names as well")
    make = _OF_THE_REQUEST.get(key)
    return make(condition) if make else _of_member(key, condition)


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
        return _one_of(values)
    is_one = _one_of_hosts(values)
    return lambda uri: is_one(_host(uri))


def _of_member(key: str, condition: Condition) -> Matcher:
    if key.endswith(HOST):
        return _of_hosts(key.removesuffix(HOST), condition)
    test = _all(_tests(condition))
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
    test = _all(_tests(condition, _one_of_hosts))

    def check(_: Circumstances, members: Members) -> bool:
        value = members.get(name)
        if value is None:
            return False
        if isinstance(value, list):
            return any(map(test, map(_host, value)))
        return test(_host(value))

    return check


def _all(tests: Iterator[_Test]) -> _Test:
    """Whether all of ``tests``, of which there is at least one, hold."""
    first, *others = tests
    if not others:
        return first
    return lambda value: first(value) and all(test(value) for test in others)


def _host(uri: JsonValue) -> str | None:
    return host_of(uri) if isinstance(uri, str) else None


def _tests(
    condition: Condition, one_of: Callable[[Sequence[Any]], _Test] | None = None
) -> Iterator[_Test]:
    one_of = one_of or _one_of
    if condition.any_of is not None:
        yield one_of(condition.any_of)
    if condition.none_of is not None:
        yield _negated(one_of(condition.none_of))
    if condition.prefix is not None:
        yield _prefixed(condition.prefix)
    if condition.pattern is not None:
        yield _pattern(condition.pattern)


def _one_of(values: Sequence[Any]) -> _Test:
    wanted = {*map(comparable, values)}
    return lambda value: (value if isinstance(value, str) else comparable(value)) in wanted


def _one_of_hosts(values: Sequence[Any]) -> _Test:
    is_one = among(map(str, values))
    return lambda host: isinstance(host, str) and is_one(host)


def _negated(test: _Test) -> _Test:
    return lambda value: not test(value)


def _prefixed(prefixes: tuple[Any, ...]) -> _Test:
    return lambda value: isinstance(value, str) and value.startswith(prefixes)


def _pattern(text: str) -> _Test:
    """Found anywhere in the value, as JSON Schema says, in time linear in its length.

    Raises:
        ValueError: it is no regular expression that can be found so: none looks around or back.
    """
    try:
        found = SchemaValidator(core_schema.str_schema(pattern=text, strict=True))
    except SchemaError as error:
        reason = str(error).strip().rpartition("\n")[2].removeprefix("error: ")
        raise ValueError(f"is no pattern that is safe to look for: {reason}") from None
    return lambda value: isinstance(value, str) and found.isinstance_python(value)


def _words(
    known: frozenset[str], read: Callable[[Circumstances], frozenset[str]]
) -> Callable[[Condition], Matcher]:
    """Of one of several words: ``not`` holds where it is none of them."""

    def make(condition: Condition) -> Matcher:
        _only(condition, "in", "not")
        wanted, unwanted = _checked(condition.any_of, known), _checked(condition.none_of, known)

        def check(here: Circumstances, _: Members) -> bool:
            found = read(here)
            return (not wanted or not wanted.isdisjoint(found)) and unwanted.isdisjoint(found)

        return check

    return make


def _checked(values: tuple[Any, ...] | None, known: frozenset[str]) -> frozenset[str]:
    for each in values or ():
        kind, _, name = str(each).partition(":")
        if kind not in known or (name and kind not in {"administrator", "operator"}):
            raise ValueError(f"{str(each)[:80]}: must be one of {', '.join(sorted(known))}")
    return frozenset(map(str, values or ()))


def _tenant(condition: Condition) -> Matcher:
    tests = tuple(_tests(condition))
    return lambda here, _: all(test(here.tenant) for test in tests)


def _address(condition: Condition) -> Matcher:
    _only(condition, "in", "not")
    wanted, unwanted = _networks(condition.any_of), _networks(condition.none_of)

    def check(here: Circumstances, _: Members) -> bool:
        address = _ip(here.address)
        if wanted and not any(address is not None and address in each for each in wanted):
            return False
        return address is None or not any(address in each for each in unwanted)

    return check


def _ip(text: str | None) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An IPv4 address that came by IPv6 is that address."""
    try:
        found = ipaddress.ip_address(text or "")
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found


def _networks(
    values: tuple[Any, ...] | None,
) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    try:
        return [ipaddress.ip_network(str(each)) for each in values or ()]
    except ValueError as error:
        raise ValueError(f"must be an address or a network (CIDR): {error}") from None


def _only(condition: Condition, *allowed: str) -> None:
    """
    Raises:
        ValueError: another test was given.
    """
    if condition.prefix is not None or condition.pattern is not None:
        raise ValueError(f"takes a value, a list, or a table of {' and '.join(allowed)}")


# What is no member: key -> how its condition is made.
_OF_THE_REQUEST: Mapping[str, Callable[[Condition], Matcher]] = MappingProxyType(
    {
        "origin": _words(ORIGINS, lambda here: here.origins),
        "actor": _words(ACTORS, lambda here: here.actors),
        "tenant": _tenant,
        "address": _address,
    }
)
CONTEXT = frozenset(_OF_THE_REQUEST)
