"""Fetches that cannot be led astray.

A name is resolved once; if any answer is a special-purpose address the request is refused before
a connection is opened; then the connection goes to the very address that was checked, with the
original name in TLS. https only, no redirects, no proxies from the environment, a deadline, and
a cap on the octets read (CF-80, POL-49).
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from functools import cached_property
from typing import Any, Protocol, TypeAlias

from dcrserver.fetch.document import Document, FetchError
from dcrserver.fetch.resolver import DNS_SHARE, NameResolver
from dcrserver.fetch.shares import FairPlaces, Shares, network
from dcrserver.metadata import uris
from dcrserver.metadata.addresses import is_special
from dcrserver.settings import OutboundSettings

_ADDRESSES_OF_A_NETWORK = 4
# Who takes longer than most servers do gives way when others want its slot.
_SLOW_SECONDS = 1.0
_Slot: TypeAlias = AbstractAsyncContextManager[Any]


class Fetcher(Protocol):
    """What a cache stands before; tests put a fake here."""

    async def fetch(self, url: str) -> Document: ...


class Resolver(Protocol):
    """Names to addresses."""

    async def addresses(
        self, host: str, seconds: float, *, operator: bool = False
    ) -> Sequence[str]: ...


class HttpFetcher:
    """Fetches from the public Internet and from the hosts the operator has excepted."""

    def __init__(self, settings: OutboundSettings, resolver: Resolver | None = None) -> None:
        self._settings = settings
        if settings.ca_file is not None:
            _ = self._tls  # a mistake shows now
        self._resolver = resolver or NameResolver(settings)
        # A slow server must not take all slots. By address, because names for one server cost
        # nothing; by network, because addresses cost little.
        self._slots = FairPlaces(settings.concurrency, _SLOW_SECONDS)
        self._addresses_slots = Shares(settings.concurrency_per_address)
        self._networks_slots = Shares(settings.concurrency_per_address * _ADDRESSES_OF_A_NETWORK)
        # Nobody else waits for the servers that the operator named, nor they for anybody.
        self._operators_slots = asyncio.Semaphore(settings.concurrency)
        # For the metrics: those that wait for a slot run, too.
        self.running = 0
        self.done = {"ok": 0, "failed": 0}
        self.seconds = 0.0

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Made when it is needed: reading the authorities of the system takes a while."""
        made = ssl.create_default_context()
        if self._settings.ca_file is not None:
            made.load_verify_locations(self._settings.ca_file)
        return made

    def prepare(self) -> None:
        """Loads what a fetch needs, which the first one would do otherwise."""
        from dcrserver.fetch import exchange, name_servers  # noqa: F401 - only to be there

        _ = self._tls

    async def fetch(self, url: str, *, max_bytes: int | None = None) -> Document:
        """The document at ``url``, which may come from a client; ``max_bytes``: of this one.

        Raises:
            FetchError: refused, unreachable, too slow, too large, or not answered by 200.
        """
        return await self._guarded(url, operator=False, max_bytes=max_bytes)

    async def fetch_configured(self, url: str) -> Document:
        """The document at a ``url`` from our own configuration: its host is excepted by that.

        Raises:
            FetchError: as ``fetch``.
        """
        return await self._guarded(url, operator=True)

    async def _guarded(self, url: str, *, operator: bool, max_bytes: int | None = None) -> Document:
        self.running += 1
        outcome, started = "failed", time.monotonic()
        try:
            document = await self._in_time(url, max_bytes, operator=operator)
            outcome = "ok"
        finally:
            self.running -= 1
            self.done[outcome] += 1
            self.seconds += time.monotonic() - started
        return document

    async def _in_time(self, url: str, max_bytes: int | None, *, operator: bool) -> Document:
        from dcrserver.fetch import exchange

        self.prepare()  # before the clock runs, which is for the other server
        try:
            # The deadline counts from here, with the time that is spent waiting for a slot.
            async with asyncio.timeout(self._settings.timeout):
                uri = self._parsed(url, operator=operator)
                addresses = await self._addresses(uri, operator=operator)
                async with AsyncExitStack() as stack:
                    for slots in self._slots_for(min(addresses), operator=operator):
                        await stack.enter_async_context(slots)
                    return await exchange.get(url, addresses, self._tls, self._settings, max_bytes)
        except TimeoutError:
            raise FetchError("no answer in time") from None
        except OSError as error:
            raise FetchError(f"{type(error).__name__}: {error}") from None

    def _slots_for(self, address: str, *, operator: bool) -> Sequence[_Slot]:
        """What has to be had before ``address`` is asked, the narrowest first."""
        if operator:
            return (self._operators_slots,)
        holder = network(address)
        return (
            self._addresses_slots.of(address),
            self._networks_slots.of(holder),
            self._slots.of(holder),
        )

    def _parsed(self, url: str, *, operator: bool) -> uris.Uri:
        try:
            uri = uris.parse(url)
        except uris.BadUri as error:
            raise FetchError(f"the URL {error}") from None
        if uri.scheme != "https" and not (operator and uri.scheme == "http"):
            raise FetchError("not an https URL")
        if uri.host is None or uri.userinfo:
            raise FetchError("no host, or user information")
        return uri

    async def _addresses(self, uri: uris.Uri, *, operator: bool) -> Sequence[str]:
        """All addresses of the host, after each has passed the filter."""
        seconds = self._settings.timeout * DNS_SHARE
        async with asyncio.timeout(seconds):
            found = await self._resolver.addresses(uri.host or "", seconds, operator=operator)
        addresses = list(dict.fromkeys(found))
        if not addresses:
            raise FetchError("the host has no address")
        excepted = operator or uri.authority in self._settings.allowed_hosts
        if not excepted and any(is_special(ipaddress.ip_address(a)) for a in addresses):
            raise FetchError("the host has a special-purpose address")
        return addresses
