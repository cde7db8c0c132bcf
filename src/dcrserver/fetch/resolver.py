"""Names to addresses, by a resolver of our own.

The system's resolver blocks a thread for each name; all threads of a process are few, and a name
whose name server never answers holds one for half a minute. Here a look-up is a datagram and a
timer: many may wait, each only for its deadline. Those for one domain have a share, and those for
many domains give way to others; who was found before waits for nobody.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import dns.asyncresolver
import dns.exception
import dns.nameserver
import dns.rdatatype
import dns.resolver

from dcrserver.fetch.shares import FairPlaces, Shares
from dcrserver.settings import OutboundSettings
from dcrserver.settings.values import nameserver

_HOSTS = Path("/etc/hosts")
_AT_ONCE = 256
_AT_ONCE_FOR_A_DOMAIN = 16
_REMEMBERED = 1024
# A datagram that was lost is sent again, or another name server asked.
_REPEAT_SECONDS = 0.4
# RFC 6761 6.3: whatever a name server says.
_LOCALHOST = ("127.0.0.1", "::1")
_KINDS = (dns.rdatatype.A, dns.rdatatype.AAAA)


class NameResolver:
    """Asks the name servers of the system, or those that are configured; reads /etc/hosts first."""

    def __init__(self, settings: OutboundSettings) -> None:
        self._nameservers = settings.nameservers
        self._places = FairPlaces(_AT_ONCE)
        self._domains = Shares(_AT_ONCE_FOR_A_DOMAIN)
        self._resolver: dns.asyncresolver.Resolver | None = None
        # What had addresses when it was asked for last; who is silent since then is forgotten.
        self._found: OrderedDict[str, None] = OrderedDict()

    async def addresses(self, host: str, seconds: float, *, operator: bool = False) -> list[str]:
        """All addresses of ``host``, as text; empty when it has none.

        ``operator``: the operator named it, so it waits for nobody's share, and the search domains
        of the system count.

        Raises:
            OSError: no name server said anything in ``seconds``, or before others needed its
                place; or none is known.
        """
        known = _literal(host) or _from_hosts_file(host)
        if known:
            return known
        if operator:
            return await self._ask(host, seconds, search=True)
        found: list[str] = []
        try:
            async with AsyncExitStack() as stack:
                domain = _domain(host)
                if host not in self._found:
                    await stack.enter_async_context(self._domains.of(domain))
                await stack.enter_async_context(self._places.of(domain))
                found = await self._ask(host, seconds, search=False)
        finally:
            self._remember(host, was_found=bool(found))
        return found

    def _remember(self, host: str, *, was_found: bool) -> None:
        self._found.pop(host, None)
        if was_found:
            self._found[host] = None
            if len(self._found) > _REMEMBERED:
                self._found.popitem(last=False)

    async def _ask(self, host: str, seconds: float, *, search: bool) -> list[str]:
        resolver = self._opened()
        answers = await asyncio.gather(
            *(resolver.resolve(host, kind, lifetime=seconds, search=search) for kind in _KINDS),
            return_exceptions=True,
        )
        found = [str(row.address) for each in answers
                 if isinstance(each, dns.resolver.Answer) for row in each]  # fmt: skip
        if not found:
            _raise_unless_absent(answers)
        return found

    def _opened(self) -> dns.asyncresolver.Resolver:
        if self._resolver is None:
            try:
                self._resolver = dns.asyncresolver.Resolver(configure=not self._nameservers)
            except dns.resolver.NoResolverConfiguration:
                raise OSError("no name server is configured") from None
            if self._nameservers:
                self._resolver.nameservers = [
                    dns.nameserver.Do53Nameserver(*nameserver(each)) for each in self._nameservers
                ]
            self._resolver.cache = None  # documents are remembered, not names
            self._resolver.timeout = _REPEAT_SECONDS
        return self._resolver


def _raise_unless_absent(answers: Sequence[object]) -> None:
    """Nothing was found: because there is nothing, or because nobody said so."""
    for each in answers:
        if isinstance(each, dns.resolver.NXDOMAIN | dns.resolver.NoAnswer):
            return
    for each in answers:
        if isinstance(each, dns.exception.DNSException | OSError):
            raise OSError(f"the name server: {each}") from None
        if isinstance(each, BaseException):
            raise each


def _literal(host: str) -> list[str]:
    try:
        return [str(ipaddress.ip_address(host.strip("[]")))]
    except ValueError:
        return []


def _domain(host: str) -> str:
    """What one owner may have many names below; two labels, whoever sells them."""
    return ".".join(host.rstrip(".").lower().rsplit(".", 2)[-2:])


def _from_hosts_file(host: str) -> list[str]:
    name = host.rstrip(".").lower()
    found = []
    try:
        text = _HOSTS.read_text("utf-8", "replace")
    except OSError:
        text = ""
    for line in text.splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        if name in map(str.lower, names) and _literal(address):
            found.append(address)
    if not found and (name == "localhost" or name.endswith(".localhost")):
        return list(_LOCALHOST)
    return found
