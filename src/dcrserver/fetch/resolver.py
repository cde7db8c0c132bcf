"""Names to addresses, and addresses to names, by a resolver of our own.

The system's resolver blocks a thread for each name; all threads of a process are few, and a name
whose name server never answers holds one for half a minute. Here a look-up is a datagram and a
timer: many may wait, each only for its deadline. Those for one domain have a share, and those for
many domains give way to others; who was found before waits for nobody.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from dcrserver.fetch.shares import FairPlaces, Shares, network
from dcrserver.settings import OutboundSettings

if TYPE_CHECKING:
    from dcrserver.fetch.name_servers import NameServers

# Of the time for a fetch.
DNS_SHARE = 0.4
_HOSTS = Path("/etc/hosts")
_AT_ONCE = 256
_AT_ONCE_FOR_A_DOMAIN = 16
_REMEMBERED = 1024
# RFC 6761 6.3: whatever a name server says.
_LOCALHOST = ("127.0.0.1", "::1")


class NameResolver:
    """Asks the name servers of the system, or those that are configured; reads /etc/hosts first."""

    def __init__(self, settings: OutboundSettings) -> None:
        self._nameservers = settings.nameservers
        self._places = FairPlaces(_AT_ONCE)
        self._domains = Shares(_AT_ONCE_FOR_A_DOMAIN)
        self._name_servers: NameServers | None = None
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

    async def names(self, address: str, seconds: float) -> list[str]:
        """What whoever has ``address`` calls it, which proves nothing; empty where nobody does.

        Raises:
            OSError: as ``addresses``.
        """
        holder = network(address)
        async with self._domains.of(holder), self._places.of(holder):
            return await self._asked().names(address, seconds)

    def _remember(self, host: str, *, was_found: bool) -> None:
        self._found.pop(host, None)
        if was_found:
            self._found[host] = None
            if len(self._found) > _REMEMBERED:
                self._found.popitem(last=False)

    async def _ask(self, host: str, seconds: float, *, search: bool) -> list[str]:
        return await self._asked().ask(host, seconds, search=search)

    def _asked(self) -> NameServers:
        """
        Raises:
            OSError: none is known.
        """
        if self._name_servers is None:
            from dcrserver.fetch.name_servers import NameServers

            self._name_servers = NameServers(self._nameservers)
        return self._name_servers


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
