"""The desk that asks a server: a request of the administrators' API for each operation."""

from __future__ import annotations

import asyncio
import gc
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import httpx
from httpx import codes

from dcrserver import __version__
from dcrserver.cli.administration.operations import ROUTES
from dcrserver.cli.administration.refusals import BrokenOff, Missing, Refused, in_a_line
from dcrserver.cli.progress import waiting
from dcrserver.names import ALL_TENANTS
from dcrserver.settings import CliSettings, ConfigurationError
from dcrserver.strict_json import JsonObject, JsonValue

T = TypeVar("T")

_ROOT = "/admin/v1"
_LINES = "application/x-ndjson"
_PROBLEM = "application/problem+json"
_CONNECT_SECONDS = 10.0
# Longer than a server takes to say that something takes it too long.
_ANSWER_SECONDS = 60.0
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class RemoteDesk:
    """Answers of a server; ``tenant``: another than that of its URL."""

    def __init__(self, http: httpx.AsyncClient, server: str, tenant: str | None) -> None:
        self._http = http
        self._server = server
        self._tenant = tenant

    async def ask(
        self, operation: str, body: JsonValue = None, **given: str | int | None
    ) -> JsonObject:
        """See ``Desk``.

        Raises:
            Refused: as well when there is no answer.
        """
        return await self._answered(self._request(operation, given, json=body))

    async def send(
        self, operation: str, content: AsyncIterator[bytes], **given: str | None
    ) -> JsonObject:
        """The answer to lines that are sent: to a server alone. See ``ask``."""
        headers = {"Content-Type": _LINES}
        return await self._answered(
            self._request(operation, given, content=content, headers=headers)
        )

    async def lines(self, operation: str, **given: str | None) -> AsyncIterator[str]:
        """See ``Desk``."""
        answer = await self._sent(self._request(operation, given), is_stream=True)
        rest = b""
        try:
            if not answer.is_success:
                await answer.aread()
                raise _refusal(answer)
            async for octets in answer.aiter_bytes():
                whole, newline, rest = (rest + octets).rpartition(b"\n")
                if newline:
                    yield (whole + newline).decode()
        except httpx.TransportError as error:
            raise BrokenOff(
                f"{self._server} broke off: {str(error) or type(error).__name__}"
            ) from None
        finally:
            await answer.aclose()

    def _request(
        self,
        operation: str,
        given: Mapping[str, str | int | None],
        **more: Any,  # noqa: ANN401 - what httpx takes
    ) -> httpx.Request:
        route = ROUTES[operation]
        query = {"tenant": self._tenant, **given}
        path = _PLACEHOLDER.sub(lambda name: quote(str(query.pop(name[1])), safe=""), route.path)
        known = {name: value for name, value in query.items() if value is not None}
        url = f"{self._server}{_ROOT}{path}"
        request = self._http.build_request(route.method, url, params=known, **more)
        if route.method != "GET":
            request.headers["If-Match"] = "*"  # a command means what is there now
        return request

    async def _answered(self, request: httpx.Request) -> JsonObject:
        answer = await self._sent(request)
        if not answer.is_success:
            raise _refusal(answer)
        return _object(answer) if answer.content else {}

    def working(self) -> AbstractAsyncContextManager[None]:
        """See ``Desk``: the server has workers of its own."""
        return nullcontext()

    async def _sent(self, request: httpx.Request, *, is_stream: bool = False) -> httpx.Response:
        try:
            return await self._http.send(request, stream=is_stream)
        except httpx.TimeoutException:
            raise Refused(
                f"{self._server} does not answer in time; what was asked for may be done all the"
                " same: look before you ask again"
            ) from None
        except httpx.TransportError as error:
            raise BrokenOff(_unreachable(self._server, error)) from None


def run(
    settings: CliSettings,
    tenant: str | None,
    job: Callable[[RemoteDesk], Awaitable[T]],
    *,
    progress: bool = True,
) -> T:
    """What ``job`` returns.

    Raises:
        ConfigurationError: cli.ca_file cannot be used.
    """
    server = settings.server or ""

    async def answer() -> T:
        async with waiting(shown=progress), _opened(settings) as http:
            named = None if tenant == ALL_TENANTS else tenant
            return await job(RemoteDesk(http, server, named))

    gc.freeze()
    gc.enable()
    return asyncio.run(answer())


@asynccontextmanager
async def _opened(settings: CliSettings) -> AsyncIterator[httpx.AsyncClient]:
    token = settings.token.get_secret_value() if settings.token else ""
    url = urlsplit(settings.server or "")
    async with httpx.AsyncClient(
        headers={"Authorization": f"Bearer {token}", "User-Agent": f"dcrserver/{__version__}"},
        verify=_verified_by(settings) if url.scheme == "https" else False,
        timeout=httpx.Timeout(_ANSWER_SECONDS, connect=_CONNECT_SECONDS),
        trust_env=url.hostname not in _LOOPBACK,  # no proxy is on the way to this machine
    ) as http:
        yield http


def _verified_by(settings: CliSettings) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=settings.ca_file)
    except OSError as error:
        reason = "no PEM certificates" if isinstance(error, ssl.SSLError) else error.strerror
        raise ConfigurationError(f"cli.ca_file: {settings.ca_file}: {reason}") from None


def _unreachable(server: str, error: httpx.TransportError) -> str:
    told = str(error) or type(error).__name__
    if "CERTIFICATE_VERIFY_FAILED" in told:
        return (
            f"{server} cannot prove who it is ({told}); --ca-file names the certificates of who"
            " vouches for it"
        )
    return f"{server} cannot be reached: {told}; is it running, and is --server its URL?"


def _refusal(answer: httpx.Response) -> Refused:
    """The problem of an answer, in words."""
    problem = _object(answer)
    told = in_a_line(str(problem.get("detail")), _mistakes(problem))
    if answer.status_code == codes.UNAUTHORIZED:
        return Refused(f"{told}; dcrserver token issue admin makes one")
    return (Missing if answer.status_code == codes.NOT_FOUND else Refused)(told)


def _mistakes(problem: dict[str, Any]) -> list[dict[str, Any]]:
    return list(problem.get("errors", ()))


def _object(answer: httpx.Response) -> JsonObject:
    """
    Raises:
        Refused: it is not one that a dcrserver gives.
    """
    media_type = answer.headers.get("content-type", "").partition(";")[0]
    expected = "application/json" if answer.is_success else _PROBLEM
    try:
        made = answer.json() if media_type == expected else None
    except ValueError:
        made = None
    if not isinstance(made, dict):
        raise Refused(
            f"{answer.url.copy_with(query=None)} answers {answer.status_code}, and not as the API"
            " of administrators does; is --server the URL of a dcrserver, or of one of its tenants?"
        )
    return made
