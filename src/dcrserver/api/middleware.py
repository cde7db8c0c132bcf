"""Pure ASGI: request id, log, metrics, headers of every answer; tenants by path; preflights."""

from __future__ import annotations

import re
import time
from asyncio import CancelledError
from collections.abc import Mapping, Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dcrserver.api.dependencies import (
    ARRIVED_KEY,
    HEAD_KEY,
    REQUEST_ID_KEY,
    TENANT_KEY,
    UNROUTED_KEY,
    USES_KEY,
)
from dcrserver.api.error_handlers import answer_to, unexpected
from dcrserver.api.responses import rate_limits
from dcrserver.errors import Unavailable
from dcrserver.logger import Logger
from dcrserver.security import new_id
from dcrserver.telemetry import REQUEST_ID, Metrics
from dcrserver.tenants import Tenant

_log = Logger(__name__)
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_WELL_KNOWN = re.compile(r"/\.well-known/(openid-configuration|oauth-authorization-server)(/.*)")
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
# The same answer for every origin, asked by a script or not: caches need not tell them apart.
_CROSS_ORIGIN_HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "WWW-Authenticate, Retry-After, RateLimit-Policy,"
    " RateLimit, X-Request-ID, ETag",
}
# Documents that scripts of any page may read, whatever the policy says of the endpoints
# (RFC 7033 5, OIDD-4-04); and the endpoints (POL-54).
_PUBLIC_PATHS = ("/.well-known/", "/jwks")
_CORS_PATHS = ("/register", "/token", "/revoke", *_PUBLIC_PATHS)
# At the root only, and spelt plainly: a proxy's rule for such a path hides it.
_OPERATIONS = frozenset({"/healthz", "/readyz", "/metrics"})
_NO_ROUTE = "/-"
# Another instance, or this one when it has started again.
_SHORTLY = 1


class RequestMiddleware:
    """Around all that answers: names the request, logs and counts the answer, hides what broke."""

    def __init__(self, app: ASGIApp, metrics: Metrics, *, https: bool, cors: bool) -> None:
        self._app = app
        self._metrics = metrics
        self._log = _log.bind()
        self._headers = _encoded(_SECURITY_HEADERS | (_TRANSPORT_SECURITY if https else {}))
        self._cross_headers = [*self._headers, *_encoded(_CROSS_ORIGIN_HEADERS)]
        self._cross_paths = _CORS_PATHS if cors else _PUBLIC_PATHS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
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
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            return bytes(value)
    return new_id().encode()


class TenantMiddleware:
    """Finds the tenant by the path of its issuer and leaves the rest of the path to the routes.

    An issuer with a path has its well-known documents in two places: appended (OpenID Connect
    Discovery 4) and inserted between host and path (RFC 8414 3).
    """

    def __init__(self, app: ASGIApp, tenants: Sequence[Tenant], *, inserted_oidc: bool) -> None:
        self._app = app
        # By place: a tenant is replaced when its authorization server changes.
        self._tenants = tenants
        by_path = [(tenant.path, place) for place, tenant in enumerate(tenants) if tenant.path]
        self._by_path = sorted(by_path, key=lambda each: len(each[0]), reverse=True)
        self._inserted_oidc = inserted_oidc

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            tenant, path = self._resolve(scope["path"])
            path = _as_if_plain(path, tenant)
            scope[TENANT_KEY] = tenant
            spelt = scope.get("raw_path") or scope["path"].encode()
            scope["path"] = _NO_ROUTE if path in _OPERATIONS and spelt != path.encode() else path
        await self._app(scope, receive, send)

    def _resolve(self, path: str) -> tuple[Tenant, str]:
        if not self._by_path:
            return self._tenants[0], path
        inserted = _WELL_KNOWN.fullmatch(path)
        for prefix, place in self._by_path:
            if inserted and inserted.group(2).rstrip("/") == prefix:
                if inserted.group(1) == "openid-configuration" and not self._inserted_oidc:
                    continue
                return self._tenants[place], f"/.well-known/{inserted.group(1)}"
            if path.startswith(f"{prefix}/"):
                return self._tenants[place], path.removeprefix(prefix)
        return self._tenants[0], path


def _as_if_plain(path: str, tenant: Tenant) -> str:
    """``path`` below the tenant's as its route has it.

    Clients append paths to the issuer that begin with a slash, whether it ends in one or not; and
    the metadata of an issuer with a final slash is looked for with and without it.
    """
    if path.startswith("//") and tenant.issuer.endswith("/"):
        path = path[1:]
    if path.endswith("/") and (found := _WELL_KNOWN.fullmatch(path)) and found[2] == "/":
        return path[:-1]
    return path


class PreflightMiddleware:
    """Answers CORS preflights of scripts that would call the endpoints, without credentials."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._cors = CORSMiddleware(
            app,
            allow_origins=["*"],
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            allow_headers=["*"],  # scripts of MCP clients send headers of their own
            max_age=3600,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asks = (
            scope["type"] == "http"
            and scope["method"] == "OPTIONS"
            and scope["path"].startswith(_CORS_PATHS)
        )
        await (self._cors if asks else self._app)(scope, receive, send)
