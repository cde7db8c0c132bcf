"""Calls to a target: pooled connections, a deadline, a bound on what is read, and harmless errors.

The addresses are the operator's own and checked with the settings; so, unlike ``fetch``, these
connections stay open and may lead to internal networks. Nothing here follows redirects, and
nothing of the environment (proxies, netrc) counts.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import urlencode

import orjson

from dcrserver.connectors.failures import TargetAway, TargetMisconfigured
from dcrserver.connectors.wire import Broken, Connections, NotConnected, Received
from dcrserver.settings import ConnectorSettings
from dcrserver.strict_json import JsonValue, dumps

# A page of a hundred clients, each with a whole set of keys.
_MAX_OCTETS = 32 * 1024 * 1024
_SECRET_ENDS = ("secret", "authorization", "assertion")
_SHORTEST_SECRET = 6
_LONGEST_RETRY_SECONDS = 3600.0
_FORM = "application/x-www-form-urlencoded"
_HEADERS = {
    "accept": "application/json", "accept-encoding": "identity", "user-agent": "dcrserver",
}  # fmt: skip
_PATIENCE = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})


class Answer(NamedTuple):
    """What a target answered; ``body`` None where it is no JSON."""

    status: int
    headers: Mapping[str, str]
    body: JsonValue

    @property
    def is_success(self) -> bool:
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES


class TargetHttp:
    """The calls to one target, so many at once and so many a second as its settings say."""

    def __init__(self, name: str, settings: ConnectorSettings) -> None:
        self._name = name
        self._timeout = settings.timeout
        self._slots = asyncio.Semaphore(settings.concurrency)
        self._pause = 1 / settings.rate if settings.rate else 0.0
        self._next = 0.0
        self._connections = Connections(_trust(name, settings), _MAX_OCTETS)

    async def call(
        self,
        method: str,
        url: str,
        *,
        json: JsonValue = None,
        form: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """The answer, whatever its status, but for those that say "not now".

        Raises:
            TargetAway: no answer in time, none that can be read, 5xx, 408 or 429.
            TargetMisconfigured: it redirects: the URL is not right.
        """
        async with self._slots:
            await self._turn()
            sent, body = _request(json, form, headers)
            if params:
                url = f"{url}?{urlencode(params)}"
            try:
                async with asyncio.timeout(self._timeout):
                    received = await self._connections.exchange(method, url, sent, body)
            except TimeoutError:
                raise TargetAway(f"{self._name}: no answer in {self._timeout:g} s") from None
            except NotConnected as error:
                raise TargetAway(f"{self._name}: {_line(error)}", is_unknown=False) from None
            except Broken as error:
                raise TargetAway(f"{self._name}: {_line(error)}") from None
        content = received.content
        if received.status >= HTTPStatus.BAD_REQUEST:
            content = _without(content, _secrets(json, form, headers))
        return self._judged(received, content)

    async def close(self) -> None:
        self._connections.close()

    async def _turn(self) -> None:
        if not self._pause:
            return
        loop = asyncio.get_running_loop()
        turn = max(self._next, loop.time())
        self._next = turn + self._pause
        await asyncio.sleep(turn - loop.time())

    def _judged(self, received: Received, content: bytes) -> Answer:
        status = received.status
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise TargetAway(f"{self._name}: status {status}", retry_after=_patience(received))
        if status in _PATIENCE:
            raise TargetAway(
                f"{self._name}: status {status}", is_unknown=False, retry_after=_patience(received)
            )
        if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
            raise TargetMisconfigured(
                f"{self._name}: it redirects (status {status}); is url right?"
            )
        return Answer(status, received.headers, _json(content))


def _request(
    json: JsonValue, form: Mapping[str, str] | None, headers: Mapping[str, str] | None
) -> tuple[dict[str, str], bytes]:
    """Headers and body."""
    sent = {**_HEADERS, **(headers or {})}
    if json is not None:
        return sent | {"content-type": "application/json"}, dumps(json).encode()
    if form is not None:
        return sent | {"content-type": _FORM}, urlencode(form).encode()
    return sent, b""


def _trust(name: str, settings: ConnectorSettings) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if settings.ca_file is not None:
        try:
            context.load_verify_locations(settings.ca_file)
        except (OSError, ssl.SSLError) as error:
            raise TargetMisconfigured(f"{name}: ca_file {settings.ca_file}: {error}") from None
    return context


def _secrets(*sent: object) -> list[str]:
    """What must not come back in the words of a refusal, which are logged."""
    found = []
    for group in sent:
        for name, each in group.items() if isinstance(group, Mapping) else ():
            if isinstance(each, str) and name.lower().endswith(_SECRET_ENDS):
                found.append(each.rpartition(" ")[2])
            found += _secrets(each)
    return found


def _without(content: bytes, secrets: list[str]) -> bytes:
    for each in secrets:
        if len(each) >= _SHORTEST_SECRET:  # others are words of any answer
            content = content.replace(each.encode(), b"(hidden)")
    return content


def _json(content: bytes) -> JsonValue:
    try:
        read: JsonValue = orjson.loads(content)
    except ValueError:
        return None
    return read


def _patience(received: Received) -> float | None:
    """Retry-After in seconds; a date is as good as none."""
    value = received.headers.get("retry-after", "")
    return min(float(value), _LONGEST_RETRY_SECONDS) if value.isdecimal() else None


def _line(error: Exception) -> str:
    """For operators."""
    return str(error).splitlines()[0][:200]
