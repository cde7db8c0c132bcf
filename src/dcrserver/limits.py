"""What is limited, and how a limit is written: one table, and no counting.

A limit is ``UNITS/PERIOD``, such as ``60/minute`` or ``5/10second``, or ``UNITS/PERIOD burst
MOST``: what is not used is saved, up to ``MOST``. Without ``burst`` nothing is saved: of each
window that begins with a first use, ``UNITS`` are all.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from dcrserver.caches import bounded_cache

_RATE = re.compile(
    r"(?P<units>[0-9]{1,9}) ?(?:/|per) ?(?P<multiples>[0-9]{1,6})? ?(?P<period>[a-z]+?)s?"
    r"(?: +burst +(?P<burst>[0-9]{1,9}))?"
)
_SECONDS = {
    "second": 1, "minute": 60, "hour": 3600, "day": 86400, "month": 30 * 86400, "year": 360 * 86400,
}  # fmt: skip
# An IPv6 subnet is one caller; whoever has many of those has them of one provider, mostly.
_SUBNET = 64
_NETWORK = 32
_UNKNOWN = "unknown"


class Rate(NamedTuple):
    """``units`` more may be used every ``seconds``; ``burst``: so many at most at once."""

    units: int
    seconds: int
    burst: int

    @property
    def window(self) -> int:
        """Seconds in which ``burst`` of them are there again."""
        return -(-self.burst // self.units) * self.seconds


def rate_of(text: str) -> Rate:
    """What a limit means.

    Raises:
        ValueError: it is none, or would allow nothing.
    """
    found = _RATE.fullmatch(text.strip().lower())
    if found is None or found["period"] not in _SECONDS:
        raise ValueError('must be one limit, such as 60/minute, or "1/second burst 60"')
    units = int(found["units"])
    seconds = int(found["multiples"] or 1) * _SECONDS[found["period"]]
    if units < 1 or seconds < 1:
        raise ValueError("must allow at least one")
    burst = int(found["burst"] or units)
    if burst < units:
        raise ValueError(f"burst must be {units} at least, or a part of each window is lost")
    return Rate(units, seconds, burst)


class Stage(Enum):
    """Where something is counted. What is ``made`` counts from its beginning, and no longer where
    it is refused; the rest counts whatever comes of it.
    """

    # By identity, in C: an Enum's own is a function, and each registration asks for five.
    __hash__ = object.__hash__

    # Any request to a tenant, before anybody looks at it; administrators' API aside.
    REQUEST = auto()
    # A request of an administrator, when it is known who that is.
    ADMINISTRATION = auto()
    # To register, or to ask what that would do: without a token, with one.
    OPEN_ATTEMPT = auto()
    TOKEN_ATTEMPT = auto()
    OPEN_MADE = auto()
    TOKEN_MADE = auto()
    # When it is known what software registers.
    SOFTWARE_MADE = auto()


class Subject(NamedTuple):
    """Who is counted: ``address`` of the request, ``token`` a digest of what was brought."""

    tenant: str
    address: str | None = None
    token: str = ""
    software_id: str = ""


# What tells those apart who are counted apart; None: the limit is not about this one.
Key: TypeAlias = Callable[[Subject], str | None]


def address_key(address: str | None) -> str:
    """What counts as one caller: an IPv4 address, or the /64 an IPv6 address is from."""
    return _networks(address or "")[0]


def _address(subject: Subject) -> str:
    return _networks(subject.address or "")[0]


def _network(subject: Subject) -> str | None:
    return _networks(subject.address or "")[1]


def _token(subject: Subject) -> str:
    return subject.token


def _software(subject: Subject) -> str | None:
    return subject.software_id or None


def _everybody(_: Subject) -> str:
    return ""


@bounded_cache(entries=4096, longest=64)
def _networks(address: str) -> tuple[str, str | None]:
    """What counts as one caller, and the network around an IPv6 subnet."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return _UNKNOWN, None
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed), None
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped), None
    subnet, network = (
        str(ipaddress.IPv6Network((int(parsed), length), strict=False))
        for length in (_SUBNET, _NETWORK)
    )
    return subnet, network


class Row(NamedTuple):
    """A limit: what the caller is told, who is counted apart, and where.

    ``is_shared``: by all instances together, where there is a Redis. ``is_told``: its state is in
    the answer; how many others make is not for everybody to know. ``of_all``: tenants together.
    """

    text: str
    key: Key
    stages: tuple[Stage, ...]
    is_shared: bool = False
    is_told: bool = True
    of_all: bool = False


_REGISTERED = (Stage.OPEN_MADE, Stage.TOKEN_MADE)
# By the name of the setting; the first that is used up is the one that is told.
ROWS: Mapping[str, Row] = MappingProxyType(
    {
        "tenant_requests": Row(
            "too many requests to this issuer", _everybody, (Stage.REQUEST,), is_told=False
        ),
        "all_requests": Row(
            "too many requests", _everybody, (Stage.REQUEST,), is_told=False, of_all=True
        ),
        "administrator": Row(
            "too many requests with this token",
            _token,
            (Stage.ADMINISTRATION,),
            of_all=True,
        ),
        "open_registration_attempts": Row(
            "too many attempts to register from this address", _address, (Stage.OPEN_ATTEMPT,)
        ),
        "open_registration_network_attempts": Row(
            "too many attempts to register from this network",
            _network,
            (Stage.OPEN_ATTEMPT,),
            is_told=False,
        ),
        "initial_access_token_attempts": Row(
            "too many attempts to register with this token",
            _token,
            (Stage.TOKEN_ATTEMPT,),
        ),
        "open_registration": Row(
            "too many registrations from this address", _address, (Stage.OPEN_MADE,), is_shared=True
        ),
        "open_registration_network": Row(
            "too many registrations from this network",
            _network,
            (Stage.OPEN_MADE,),
            is_shared=True,
            is_told=False,
        ),
        "open_registration_total": Row(
            "too many registrations of all together",
            _everybody,
            (Stage.OPEN_MADE,),
            is_shared=True,
            is_told=False,
        ),
        "initial_access_token": Row(
            "too many registrations with this token",
            _token,
            (Stage.TOKEN_MADE,),
            is_shared=True,
        ),
        "registration": Row(
            "too many registrations of all together",
            _everybody,
            _REGISTERED,
            is_shared=True,
            is_told=False,
        ),
        "all_registration": Row(
            "too many registrations of all together",
            _everybody,
            _REGISTERED,
            is_shared=True,
            is_told=False,
            of_all=True,
        ),
        "software_id": Row(
            "too many registrations of this software",
            _software,
            (Stage.SOFTWARE_MADE,),
            is_shared=True,
            is_told=False,
        ),
    }
)


@dataclass(frozen=True, slots=True)
class Limit:
    """A row, and how often that is here. ``policy``: as RateLimit-Policy has it."""

    name: str
    row: Row
    rate: Rate
    policy: str


class Limits:
    """What limits are on for a tenant, by where they are counted."""

    def __init__(self, rates: Mapping[str, Rate]) -> None:
        self.rates = rates
        self._by_stage = {
            stage: tuple(
                _limit(name, rates[name])
                for name, row in ROWS.items()
                if name in rates and stage in row.stages
            )
            for stage in Stage
        }
        self.count_requests = bool(self._by_stage[Stage.REQUEST])
        self.count_tokens = any(ROWS[name].key is _token for name in rates)

    def at(self, stage: Stage) -> tuple[Limit, ...]:
        """Those that are counted there."""
        return self._by_stage[stage]


def _limit(name: str, rate: Rate) -> Limit:
    return Limit(name, ROWS[name], rate, f'"{name}";q={rate.burst};w={rate.window}')


UNLIMITED = Limits({})
