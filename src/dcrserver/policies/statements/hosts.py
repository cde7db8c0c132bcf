"""Hosts as DNS names: case, a final dot, the port mean nothing; ``*.x`` is every name below x.

And their registrable domains, which somebody holds with every name below.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from urllib.parse import urlsplit

from dcrserver.caches import bounded_cache
from dcrserver.policies.domains import is_public_suffix, registrable_domain
from dcrserver.strict_json import JsonValue

_WEB = frozenset({"http", "https"})
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_PORT = re.compile(r":[0-9]{1,5}")
_MAX_HOST = 253


# A condition on hosts is asked about the same few URIs again and again.
@bounded_cache(entries=4096, longest=256)
def host_of(uri: str) -> str | None:
    """The host of a web address, as a DNS name or an IP address; None where there is none.

    An app's own scheme names no host: ``app://example.com/callback`` is not at example.com.
    """
    try:
        parts = urlsplit(uri)
        return normalized(parts.hostname or "") if parts.scheme in _WEB else None
    except ValueError:
        return None


def domain_of(uri: str) -> str | None:
    """The registrable domain of ``host_of``: ``example.co.uk`` of https://a.b.example.co.uk/."""
    host = host_of(uri)
    return None if host is None else registrable_domain(host)


def normalized(host: str) -> str:
    """``host`` as it is compared: A-labels in lower case, addresses in their shortest form.

    Raises:
        ValueError: it is no DNS name and no address.
    """
    is_bracketed = host.startswith("[") and host.endswith("]")
    if is_bracketed or ":" in host:
        return str(ipaddress.IPv6Address(host[1:-1] if is_bracketed else host))
    bare = host.lower().removesuffix(".")
    if not bare.isascii():
        import idna

        bare = idna.encode(bare, uts46=True).decode().lower().removesuffix(".")
    if bare.rpartition(".")[2].isdigit():
        return str(ipaddress.IPv4Address(bare))
    if len(bare) > _MAX_HOST or not all(_LABEL.fullmatch(label) for label in bare.split(".")):
        raise ValueError("is no DNS name and no address")
    return bare


def address_in(text: str | None) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The IP address that ``text`` is, if it is one; an IPv4 one that came by IPv6 is that."""
    try:
        found = ipaddress.ip_address(text or "")
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found


def among(patterns: Iterable[str]) -> Callable[[JsonValue], bool]:
    """Whether a normalized host, if there is one, is one of ``patterns``.

    Raises:
        ValueError: one of them is no host and no ``*.`` before one.
    """
    exact: set[str] = set()
    above: set[str] = set()
    for pattern in patterns:
        try:
            if pattern.startswith("*."):
                above.add(_name(pattern[2:]))
            else:
                exact.add(normalized(_without_port(pattern)))
        except ValueError:  # also what idna raises
            raise ValueError(f"{pattern[:80]}: must be a host, or *. and a DNS name") from None

    wanted = frozenset({*exact, *(f"*.{name}" for name in above)})
    return lambda host: isinstance(host, str) and not wanted.isdisjoint(covering(host))


def is_open_to_all(pattern: str) -> bool:
    """Whether anybody can have a host of ``pattern``, as for ``among``: ``*.co.uk``."""
    return pattern.startswith("*.") and is_public_suffix(_name(pattern[2:]))


def among_domains(names: Iterable[str]) -> Callable[[JsonValue], bool]:
    """Whether a registrable domain, if there is one, is one of ``names``.

    Raises:
        ValueError: no host has one of them as its registrable domain.
    """
    wanted = frozenset(map(_domain, names))
    return lambda domain: domain in wanted


def _domain(text: str) -> str:
    try:
        host = normalized(_without_port(text))
    except ValueError:  # also what idna raises
        raise ValueError(f"{text[:80]}: must be a domain, such as example.co.uk") from None
    if is_public_suffix(host):
        raise ValueError(f"{text[:80]}: is a public suffix: domains are below it")
    if (domain := registrable_domain(host)) != host:
        raise ValueError(f"{text[:80]}: is no registrable domain, which is {domain}")
    return host


# Of the hosts that ``host_of`` remembers: each statement asks. None has more than 253 characters.
@lru_cache(maxsize=4096)
def covering(host: str) -> frozenset[str]:
    """Whatever names a normalized ``host``: itself, and ``*.x`` of each name that it is below."""
    labels = host.split(".")
    above = (".".join(labels[first:]) for first in range(1, len(labels)))
    return frozenset({host, *(f"*.{name}" for name in above)})


def _name(text: str) -> str:
    made = normalized(_without_port(text))
    if ":" in made or made.rpartition(".")[2].isdigit():
        raise ValueError("an address has no names below it")
    return made


def _without_port(text: str) -> str:
    """``example.com:443`` and ``[::1]:443`` without their ports; ``::1`` has none."""
    head, bracket, port = text.rpartition("]")
    if bracket:
        return head + bracket if not port or _PORT.fullmatch(port) else text
    name, colon, port = text.rpartition(":")
    return name if colon and ":" not in name and _PORT.fullmatch(f":{port}") else text
