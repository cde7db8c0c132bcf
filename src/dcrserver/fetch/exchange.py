"""One exchange by HTTP, with an address that was checked before.

The client for HTTP is loaded with this module, and this module when something is fetched: a command
that fetches nothing need not wait for it.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Sequence

import httpcore
import httpx

from dcrserver.fetch.connection import CountingBackend, TooMuch
from dcrserver.fetch.document import Document, FetchError
from dcrserver.metadata import uris
from dcrserver.settings import OutboundSettings

_OK = 200
_MAX_AGE = re.compile(r"(?:^|[\s,])(?:s-maxage|max-age)\s*=\s*\"?([0-9]{1,10})")
_LONGEST = 2**31
# Besides the body: its head, and what chunks cost.
_HEAD_OCTETS = 32768
_HEADERS = (
    ("Accept", "application/json"),
    ("Accept-Encoding", "identity"),
    ("User-Agent", "dcrserver"),
    ("Connection", "close"),
)
_FAILURES = (
    httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException,
    httpcore.UnsupportedProtocol, httpx.InvalidURL, TooMuch,
)  # fmt: skip


async def get(
    url: str,
    addresses: Sequence[str],
    tls: ssl.SSLContext,
    settings: OutboundSettings,
    max_bytes: int | None = None,
) -> Document:
    """The document at ``url`` from the first of ``addresses`` that answers; all were checked.

    ``max_bytes``: of its body, where that is not as the settings say.

    Raises:
        FetchError: no connection, no answer, or one that is not wanted.
        OSError: the network failed.
    """
    try:
        if max_bytes is not None:
            settings = settings.model_copy(update={"max_bytes": max_bytes})
        return await _from_first(url, addresses, tls, settings)
    except _FAILURES as error:
        raise FetchError(f"{type(error).__name__}: {error}") from None


async def _from_first(
    url: str, addresses: Sequence[str], tls: ssl.SSLContext, settings: OutboundSettings
) -> Document:
    for last, address in _marking_last(addresses):
        backend = CountingBackend(settings.max_bytes + _HEAD_OCTETS)
        try:
            return await _ask(url, address, backend, tls, settings)
        except httpcore.ConnectError:
            if last:
                raise
        finally:
            await backend.close()
    raise AssertionError("there is a last address")


async def _ask(
    url: str, address: str, backend: CountingBackend, tls: ssl.SSLContext,
    settings: OutboundSettings,
) -> Document:  # fmt: skip
    """GET on a connection of its own; to the address that was checked, by the name in TLS."""
    uri = uris.parse(url)
    where = httpx.URL(url).copy_with(host=address)
    origin = httpcore.Origin(where.raw_scheme, where.raw_host, _port(uri))
    connection = httpcore.AsyncHTTPConnection(origin, tls, network_backend=backend)
    host = uri.authority.removesuffix(":443" if uri.scheme == "https" else ":80")
    request = httpcore.Request(
        "GET",
        httpcore.URL(
            scheme=origin.scheme, host=origin.host, port=origin.port, target=where.raw_path
        ),
        headers=[("Host", host), *_HEADERS],
        extensions={
            "sni_hostname": uri.host or "",
            "timeout": httpx.Timeout(settings.timeout).as_dict(),
        },
    )
    async with connection:
        return await _document(await connection.handle_async_request(request), settings.max_bytes)


async def _document(response: httpcore.Response, max_bytes: int) -> Document:
    headers = httpx.Headers(response.headers)
    try:
        if response.status != _OK:
            raise FetchError(f"status {response.status}")
        if headers.get("content-encoding", "identity") != "identity":
            raise FetchError("a content encoding that was not asked for")
        body = bytearray()
        async for part in response.aiter_stream():
            body += part
            if len(body) > max_bytes:
                raise FetchError(f"larger than {max_bytes} octets")
    finally:
        await response.aclose()
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    return Document(bytes(body), media_type, _max_age(headers))


def _port(uri: uris.Uri) -> int:
    return uri.port or (443 if uri.scheme == "https" else 80)


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
