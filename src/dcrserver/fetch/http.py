"""Fetches that cannot be led astray.

A name is resolved once; if any answer is a special-purpose address the request is refused before
a connection is opened; then the connection goes to the very address that was checked, with the
original name in TLS. https only, no redirects, no proxies from the environment, a deadline, and
a cap on the octets read (CF-80, POL-49).
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import ssl
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import httpcore
import httpx

from dcrserver.fetch.connection import CountingBackend, TooMuch
from dcrserver.fetch.resolver import NameResolver
from dcrserver.fetch.shares import FairPlaces, Shares
from dcrserver.metadata import uris
from dcrserver.metadata.addresses import is_special
from dcrserver.settings import OutboundSettings

_OK = 200
_MAX_AGE = re.compile(r"(?:^|[\s,])(?:s-maxage|max-age)\s*=\s*\"?([0-9]{1,10})")
_LONGEST = 2**31
_DNS_SHARE = 0.4  # of the deadline
# Besides the body: its head, and what chunks cost.
_HEAD_OCTETS = 32768
_ADDRESSES_OF_A_NETWORK = 4
# Who takes longer than most servers do gives way when others want its slot.
_SLOW_SECONDS = 1.0
_Slot: TypeAlias = AbstractAsyncContextManager[Any]
_HEADERS = (
    ("Accept", "application/json"),
    ("Accept-Encoding", "identity"),
    ("User-Agent", "dcrserver"),
    ("Connection", "close"),
)
_FAILURES = (
    httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException,
    httpcore.UnsupportedProtocol, httpx.InvalidURL, TooMuch, OSError,
)  # fmt: skip


class FetchError(Exception):
    """The document could not be had. The message is for the log only: callers tell one story."""


@dataclass(frozen=True, slots=True)
class Document:
    """``media_type`` in lower case without parameters.

    ``max_age``: seconds for which its server lets it be reused, 0 for never, None if it says
    nothing (RFC 9111 5.2.2).
    """

    body: bytes
    media_type: str
    max_age: int | None = None


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
        self._tls = ssl.create_default_context()
        if settings.ca_file is not None:
            self._tls.load_verify_locations(settings.ca_file)
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

    async def fetch(self, url: str) -> Document:
        """The document at ``url``, which may come from a client.

        Raises:
            FetchError: refused, unreachable, too slow, too large, or not answered by 200.
        """
        return await self._guarded(url, operator=False)

    async def fetch_configured(self, url: str) -> Document:
        """The document at a ``url`` from our own configuration: its host is excepted by that.

        Raises:
            FetchError: as ``fetch``.
        """
        return await self._guarded(url, operator=True)

    async def _guarded(self, url: str, *, operator: bool) -> Document:
        self.running += 1
        outcome, started = "failed", time.monotonic()
        try:
            document = await self._in_time(url, operator=operator)
            outcome = "ok"
        finally:
            self.running -= 1
            self.done[outcome] += 1
            self.seconds += time.monotonic() - started
        return document

    async def _in_time(self, url: str, *, operator: bool) -> Document:
        try:
            # The deadline counts from here, with the time that is spent waiting for a slot.
            async with asyncio.timeout(self._settings.timeout):
                uri = self._parsed(url, operator=operator)
                addresses = await self._addresses(uri, operator=operator)
                async with AsyncExitStack() as stack:
                    for slots in self._slots_for(min(addresses), operator=operator):
                        await stack.enter_async_context(slots)
                    return await self._read(url, uri, addresses)
        except TimeoutError:
            raise FetchError("no answer in time") from None
        except _FAILURES as error:
            raise FetchError(f"{type(error).__name__}: {error}") from None

    def _slots_for(self, address: str, *, operator: bool) -> Sequence[_Slot]:
        """What has to be had before ``address`` is asked, the narrowest first."""
        if operator:
            return (self._operators_slots,)
        network = _network(address)
        return (
            self._addresses_slots.of(address),
            self._networks_slots.of(network),
            self._slots.of(network),
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
        seconds = self._settings.timeout * _DNS_SHARE
        async with asyncio.timeout(seconds):
            found = await self._resolver.addresses(uri.host or "", seconds, operator=operator)
        addresses = list(dict.fromkeys(found))
        if not addresses:
            raise FetchError("the host has no address")
        excepted = operator or uri.authority in self._settings.allowed_hosts
        if not excepted and any(is_special(ipaddress.ip_address(a)) for a in addresses):
            raise FetchError("the host has a special-purpose address")
        return addresses

    async def _read(self, url: str, uri: uris.Uri, addresses: Sequence[str]) -> Document:
        for last, address in _marking_last(addresses):
            backend = CountingBackend(self._settings.max_bytes + _HEAD_OCTETS)
            try:
                return await self._ask(url, uri, address, backend)
            except httpcore.ConnectError:
                if last:
                    raise
            finally:
                await backend.close()
        raise AssertionError("there is a last address")

    async def _ask(
        self, url: str, uri: uris.Uri, address: str, backend: CountingBackend
    ) -> Document:
        """GET on a connection of its own; to the address that was checked, by the name in TLS."""
        where = httpx.URL(url).copy_with(host=address)
        origin = httpcore.Origin(where.raw_scheme, where.raw_host, _port(uri))
        connection = httpcore.AsyncHTTPConnection(origin, self._tls, network_backend=backend)
        host = uri.authority.removesuffix(":443" if uri.scheme == "https" else ":80")
        request = httpcore.Request(
            "GET",
            httpcore.URL(
                scheme=origin.scheme, host=origin.host, port=origin.port, target=where.raw_path
            ),
            headers=[("Host", host), *_HEADERS],
            extensions={
                "sni_hostname": uri.host or "",
                "timeout": httpx.Timeout(self._settings.timeout).as_dict(),
            },
        )
        async with connection:
            return await self._document(await connection.handle_async_request(request))

    async def _document(self, response: httpcore.Response) -> Document:
        headers = httpx.Headers(response.headers)
        try:
            if response.status != _OK:
                raise FetchError(f"status {response.status}")
            if headers.get("content-encoding", "identity") != "identity":
                raise FetchError("a content encoding that was not asked for")
            body = bytearray()
            async for part in response.aiter_stream():
                body += part
                if len(body) > self._settings.max_bytes:
                    raise FetchError(f"larger than {self._settings.max_bytes} octets")
        finally:
            await response.aclose()
        media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        return Document(bytes(body), media_type, _max_age(headers))


def _port(uri: uris.Uri) -> int:
    return uri.port or (443 if uri.scheme == "https" else 80)


def _network(address: str) -> str:
    """What one owner may have many addresses of: a /24, or a /48 (IPv6)."""
    parsed = ipaddress.ip_address(address)
    return str(ipaddress.ip_network((parsed, 24 if parsed.version == 4 else 48), strict=False))  # noqa: PLR2004


def _max_age(headers: httpx.Headers) -> int | None:
    """What ``Cache-Control`` allows; the document may be kept by us for all clients."""
    given = headers.get("cache-control", "").lower()
    if not given:
        return None
    directives = {part.strip() for part in given.split(",")}
    if directives & {"no-store", "no-cache", "private"}:
        return 0
    found = _MAX_AGE.search(given)
    return min(int(found.group(1)), _LONGEST) if found else None


def _marking_last(addresses: Sequence[str]) -> list[tuple[bool, str]]:
    return [(place == len(addresses), address) for place, address in enumerate(addresses, 1)]
