"""Fetches that cannot be led astray.

A name is resolved once; if any answer is a special-purpose address the request is refused before
a connection is opened; then the connection goes to the very address that was checked, with the
original name in TLS. https only, no redirects, no proxies from the environment, a deadline, and
a cap on the octets read (CF-80, POL-49).
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import re
import socket
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from weakref import WeakValueDictionary

import httpx

from dcrserver.metadata import uris
from dcrserver.metadata.addresses import is_special
from dcrserver.settings import OutboundSettings

_OK = 200
_MAX_AGE = re.compile(r"(?:^|[\s,])(?:s-maxage|max-age)\s*=\s*\"?([0-9]{1,10})")
_LONGEST = 2**31
_DNS_SHARE = 0.4  # of the deadline


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


class HttpFetcher:
    """Fetches from the public Internet and from the hosts the operator has excepted."""

    def __init__(self, settings: OutboundSettings) -> None:
        self._settings = settings
        self._tls = ssl.create_default_context()
        if settings.ca_file is not None:
            self._tls.load_verify_locations(settings.ca_file)
        self._slots = asyncio.Semaphore(settings.concurrency)
        # For as long as somebody holds one: a slow server must not take all slots. By address,
        # because names for one server cost nothing.
        self._slots_of: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

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
        try:
            # The deadline counts from here, with the time that is spent waiting for a slot.
            async with asyncio.timeout(self._settings.timeout):
                uri = self._parsed(url, operator=operator)
                addresses = await self._addresses(uri, operator=operator)
                async with self._slot_of(addresses), self._slots:
                    return await self._read(url, uri, addresses)
        except TimeoutError:
            raise FetchError("no answer in time") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise FetchError(f"{type(error).__name__}: {error}") from None

    def _slot_of(self, addresses: Sequence[str]) -> asyncio.Semaphore:
        free = asyncio.Semaphore(self._settings.concurrency_per_address)
        return self._slots_of.setdefault(min(addresses), free)

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
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self._settings.timeout * _DNS_SHARE):
            found = await loop.getaddrinfo(uri.host, None, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(info[4][0]) for info in found))
        if not addresses:
            raise FetchError("the host has no address")
        excepted = operator or uri.authority in self._settings.allowed_hosts
        if not excepted and any(is_special(ipaddress.ip_address(a)) for a in addresses):
            raise FetchError("the host has a special-purpose address")
        return addresses

    async def _read(self, url: str, uri: uris.Uri, addresses: Sequence[str]) -> Document:
        transport = httpx.AsyncHTTPTransport(verify=self._tls, trust_env=False, retries=0)
        async with transport:
            for last, address in _marking_last(addresses):
                request = self._request(url, uri, address)
                try:
                    return await self._ask(transport, request)
                except httpx.ConnectError:
                    if last:
                        raise
        raise AssertionError("there is a last address")

    def _request(self, url: str, uri: uris.Uri, address: str) -> httpx.Request:
        host = uri.host or ""
        request = httpx.Request(
            "GET",
            httpx.URL(url).copy_with(host=address),
            headers={
                "Host": uri.authority.removesuffix(":443" if uri.scheme == "https" else ":80"),
                "Accept": "application/json",
                "Accept-Encoding": "identity",
                "User-Agent": "dcrserver",
                "Connection": "close",
            },
        )
        request.extensions = {
            "sni_hostname": host,
            "timeout": httpx.Timeout(self._settings.timeout).as_dict(),
        }
        return request

    async def _ask(self, transport: httpx.AsyncHTTPTransport, request: httpx.Request) -> Document:
        async with _closing_streams(request):
            return await self._document(await transport.handle_async_request(request))

    async def _document(self, response: httpx.Response) -> Document:
        try:
            if response.status_code != _OK:
                raise FetchError(f"status {response.status_code}")
            if response.headers.get("content-encoding", "identity") != "identity":
                raise FetchError("a content encoding that was not asked for")
            body = bytearray()
            async for part in response.aiter_raw():
                body += part
                if len(body) > self._settings.max_bytes:
                    raise FetchError(f"larger than {self._settings.max_bytes} octets")
        finally:
            await response.aclose()
        media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        return Document(bytes(body), media_type, _max_age(response.headers))


@contextlib.asynccontextmanager
async def _closing_streams(request: httpx.Request) -> AsyncIterator[None]:
    """The transport leaves its socket open when the deadline comes during the TLS handshake."""
    opened = contextlib.AsyncExitStack()

    async def trace(event: str, info: Mapping[str, Any]) -> None:
        if event == "connection.connect_tcp.complete":
            opened.push_async_callback(info["return_value"].aclose)

    request.extensions["trace"] = trace
    async with opened:
        yield


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
