"""The DNS names of an address that its own name gives back: forward-confirmed.

Whoever has an address writes any name into its reverse zone; only who holds the name has it lead to
the address. Both look-ups go through the resolver that fetches take, in a time for both, and what
came of them is remembered for a while.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from typing import NamedTuple, Protocol

from dcrserver.fetch.resolver import DNS_SHARE
from dcrserver.logger import Logger
from dcrserver.policies.statements.hosts import address_in, normalized
from dcrserver.settings import OutboundSettings
from dcrserver.slots import of_nobody, without_slot

_log = Logger(__name__)
_REMEMBERED = 4096
_WAITING = 1024
# Of one address; who writes more of them into its zone gains nothing.
_NAMES = 8
# Seconds that an answer counts: names, none, and nobody who could say so.
_CONFIRMED, _NAMELESS, _UNKNOWN = 300.0, 60.0, 10.0
_NONE: frozenset[str] = frozenset()


class Resolver(Protocol):
    """Addresses to names, and names to addresses."""

    async def names(self, address: str, seconds: float) -> list[str]: ...

    async def addresses(self, host: str, seconds: float) -> list[str]: ...


class _Entry(NamedTuple):
    """The names of an address, and until when they count, by the monotonic clock."""

    names: frozenset[str]
    until: float


class AddressNames:
    """Looks the names of addresses up, and remembers them within bounds of time and number."""

    def __init__(self, resolver: Resolver, settings: OutboundSettings) -> None:
        self._resolver = resolver
        self._seconds = settings.timeout * DNS_SHARE
        self._known: OrderedDict[str, _Entry] = OrderedDict()
        self._running: dict[str, asyncio.Task[_Entry]] = {}
        self._waiting = 0

    async def of(self, text: str | None) -> frozenset[str]:
        """The names of the address ``text`` that are confirmed, as hosts are compared.

        None where it has none, or where DNS says nothing in time, which the log tells.
        """
        address = _plain(text)
        if address is None:
            return _NONE
        known = self._known.get(address)
        if known is not None and known.until > time.monotonic():
            self._known.move_to_end(address)
            return known.names
        if self._waiting >= _WAITING:
            _tell(address, "too many wait for names")
            return _NONE
        return (await self._shared(address)).names

    async def close(self) -> None:
        """Gives up what is still being looked up."""
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _shared(self, address: str) -> _Entry:
        """Single flight. Who stops waiting does not stop it for the others."""
        running = self._running.get(address)
        if running is None:
            running = asyncio.create_task(self._load(address), context=of_nobody())
            self._running[address] = running
            running.add_done_callback(lambda _: self._running.pop(address, None))
        self._waiting += 1
        try:
            async with without_slot():
                return await asyncio.shield(running)
        finally:
            self._waiting -= 1

    async def _load(self, address: str) -> _Entry:
        try:
            async with asyncio.timeout(self._seconds):
                names = await self._confirmed(address)
            lasts = _CONFIRMED if names else _NAMELESS
        except OSError as error:  # also a TimeoutError
            _tell(address, str(error) or "no answer in time")
            names, lasts = _NONE, _UNKNOWN
        entry = _Entry(names, time.monotonic() + lasts)
        self._known[address] = entry
        self._known.move_to_end(address)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return entry

    async def _confirmed(self, address: str) -> frozenset[str]:
        """
        Raises:
            OSError: no name server said anything, and no name was confirmed.
        """
        names = filter(None, map(_host, await self._resolver.names(address, self._seconds)))
        asked = list(dict.fromkeys(names))[:_NAMES]
        found = await asyncio.gather(*(self._leads_to(address, name) for name in asked))
        confirmed = frozenset(name for name, leads in zip(asked, found, strict=True) if leads)
        if None in found and not confirmed:
            raise OSError("no name server says where its name leads")
        return confirmed

    async def _leads_to(self, address: str, name: str) -> bool | None:
        """None: nobody says."""
        try:
            return address in map(_plain, await self._resolver.addresses(name, self._seconds))
        except OSError:
            return None


def _plain(text: str | None) -> str | None:
    found = address_in(text)
    return None if found is None else str(found)


def _host(name: str) -> str | None:
    """An address that stands where a name should be is none."""
    try:
        host = normalized(name)
    except ValueError:
        return None
    return host if address_in(host) is None else None


def _tell(address: str, reason: str) -> None:
    _log.warning("address_names_unknown", address=address, reason=reason)
