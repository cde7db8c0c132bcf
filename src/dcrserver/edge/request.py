"""Around every request: its id, its log line and metrics, the headers of its answer."""

from __future__ import annotations

import re
import time
from asyncio import CancelledError
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dcrserver.edge.cors import CORS_PATHS, CROSS_ORIGIN_HEADERS, PUBLIC_PATHS
from dcrserver.edge.dependencies import (
    ARRIVED_KEY,
    HEAD_KEY,
    REQUEST_ID_KEY,
    UNROUTED_KEY,
    USES_KEY,
    first_headers,
)
from dcrserver.edge.errors import answer_to, unexpected
from dcrserver.edge.responses import rate_limits
from dcrserver.errors import Unavailable
from dcrserver.logger import Logger
from dcrserver.security import new_id
from dcrserver.telemetry import REQUEST_ID, Metrics

_log = Logger(__name__)
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
# Nothing this server sends is meant to be framed, sniffed, or to load anything from elsewhere.
_SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self';"
    " frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
_TRANSPORT_SECURITY = {"Strict-Transport-Security": "max-age=31536000"}
# Another instance, or this one when it has started again.
_SHORTLY = 1


class RequestMiddleware:
    """Around all that answers: names the request, logs and counts the answer, hides what broke."""

    def __init__(self, app: ASGIApp, metrics: Metrics, *, https: bool, cors: bool) -> None:
        self._app = app
        self._metrics = metrics
        self._log = _log.bind()
        self._headers = _encoded(_SECURITY_HEADERS | (_TRANSPORT_SECURITY if https else {}))
        self._cross_headers = [*self._headers, *_encoded(CROSS_ORIGIN_HEADERS)]
        self._cross_paths = CORS_PATHS if cors else PUBLIC_PATHS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # As they came: what is inside changes them.
        method, path = scope["method"], scope["path"]
        is_head = method == "HEAD"
        if is_head:  # a GET whose body stays here (RFC 9110 9.3.2); the server must know better
            scope = {**scope, "method": "GET", HEAD_KEY: True}
        request_id = _request_id(scope)
        scope[REQUEST_ID_KEY] = request_id.decode()
        REQUEST_ID.set(scope[REQUEST_ID_KEY])
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                # By now the path is the tenant's own. A preflight brings its own headers.
                cross = method != "OPTIONS" and scope["path"].startswith(self._cross_paths)
                others = self._cross_headers if cross else self._headers
                uses = scope.get(USES_KEY)
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", request_id),
                    *others,
                    *(rate_limits(uses) if uses else ()),
                ]
            elif is_head:
                message["body"] = b""
            await send(message)

        try:
            await self._app(scope, receive, answer)
        except (Exception, CancelledError) as error:
            response = _response_to(error, Request(scope))
            if not status:
                await response(scope, receive, answer)
            elif isinstance(error, CancelledError):
                raise
        self._tell(scope, method, path, status)

    def _tell(self, scope: Scope, method: str, path: str, status: int) -> None:
        """Counts the answer, and logs it; ``method`` and ``path`` as they came."""
        seconds = time.perf_counter() - scope[ARRIVED_KEY]
        route = scope.get("route")
        if route is None:
            self._metrics.answered("(any)", scope.get(UNROUTED_KEY, "(none)"), status, seconds)
        else:
            self._metrics.answered(method, route.path, status, seconds)
        client = scope.get("client")
        self._log.info(
            "request",
            method=method,
            path=path,
            status=status,
            milliseconds=round(seconds * 1000, 1),
            address=client[0] if client else None,
        )


def _response_to(error: BaseException, request: Request) -> Response:
    """A caller must never see what went wrong."""
    if isinstance(error, CancelledError):  # the server stops, and has waited as long as it may
        stopping = Unavailable("the server is stopping; try again", retry_after=_SHORTLY)
        return answer_to(request, stopping)
    _log.error("unhandled", exc_info=error)
    return unexpected(request)


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), text.encode()) for name, text in headers.items()]


def _request_id(scope: Scope) -> bytes:
    """The caller's own, if it is harmless, so that logs of several hops can be joined."""
    if b"x-request-id" in first_headers(scope):
        for name, value in scope["headers"]:
            if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
                return bytes(value)
    return new_id().encode()
