"""Pure ASGI: request id, log, metrics, security headers; tenants by path; CORS."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Sequence

import structlog
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dcrserver.api.dependencies import REQUEST_ID_KEY, TENANT_KEY
from dcrserver.api.error_handlers import error_body
from dcrserver.api.responses import NO_STORE, json_response
from dcrserver.telemetry import Metrics
from dcrserver.tenants import Tenant

_log = structlog.get_logger(__name__)
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_WELL_KNOWN = re.compile(r"/\.well-known/(openid-configuration|oauth-authorization-server)(/.*)")
# Nothing this server sends is meant to be framed, sniffed, or to load anything from elsewhere.
_SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; frame-ancestors 'none';"
    " base-uri 'none'; form-action 'none'",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
_CORS_PATHS = ("/register", "/.well-known/", "/jwks")


class RequestMiddleware:
    """The outermost layer: names the request, logs and counts the answer, hides what broke."""

    def __init__(self, app: ASGIApp, metrics: Metrics, *, https: bool) -> None:
        self._app = app
        self._metrics = metrics
        headers = dict(_SECURITY_HEADERS)
        if https:
            headers["Strict-Transport-Security"] = "max-age=31536000"
        self._headers = [(name.lower().encode(), text.encode()) for name, text in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = _request_id(scope)
        is_head = scope["method"] == "HEAD"
        # HEAD is a GET whose body stays here (RFC 9110 9.3.2). The copy is what routes may change.
        inner = {
            **scope,
            REQUEST_ID_KEY: request_id,
            "method": "GET" if is_head else scope["method"],
        }
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = message["headers"] = list(message["headers"])
                given = {name for name, _ in headers}
                headers.append((b"x-request-id", request_id.encode()))
                headers += [header for header in self._headers if header[0] not in given]
            elif is_head:
                message["body"] = b""
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(inner, receive, answer)
            except Exception:  # noqa: BLE001 - a caller must never see what went wrong
                _log.exception("unhandled")
                if not status:
                    body = error_body("server_error", "the server met an unexpected condition")
                    await json_response(body, 500, NO_STORE)(inner, receive, answer)
            route = getattr(inner.get("route"), "path", "(none)")
            self._account(scope, route, status, time.perf_counter() - started)

    def _account(self, scope: Scope, route: str, status: int, seconds: float) -> None:
        method = scope["method"] if route != "(none)" else "(any)"
        self._metrics.answered(method, route, status, seconds)
        client = scope.get("client")
        _log.info(
            "request",
            method=scope["method"],
            path=scope["path"],
            status=status,
            milliseconds=round(seconds * 1000, 1),
            address=client[0] if client else None,
        )


def _request_id(scope: Scope) -> str:
    """The caller's own, if it is harmless, so that logs of several hops can be joined."""
    given = Headers(scope=scope).get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)


class TenantMiddleware:
    """Finds the tenant by the path of its issuer and leaves the rest of the path to the routes.

    An issuer with a path has its well-known documents in two places: appended (OpenID Connect
    Discovery 4) and inserted between host and path (RFC 8414 3).
    """

    def __init__(self, app: ASGIApp, tenants: Sequence[Tenant], *, inserted_oidc: bool) -> None:
        self._app = app
        self._default = tenants[0]
        by_path = [tenant for tenant in tenants if tenant.path]
        self._by_path = sorted(by_path, key=lambda tenant: len(tenant.path), reverse=True)
        self._inserted_oidc = inserted_oidc

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope[TENANT_KEY], scope["path"] = self._resolve(scope["path"])
        await self._app(scope, receive, send)

    def _resolve(self, path: str) -> tuple[Tenant, str]:
        inserted = _WELL_KNOWN.fullmatch(path)
        for tenant in self._by_path:
            if inserted and inserted.group(2).rstrip("/") == tenant.path:
                if inserted.group(1) == "openid-configuration" and not self._inserted_oidc:
                    continue
                return tenant, f"/.well-known/{inserted.group(1)}"
            if path.startswith(f"{tenant.path}/"):
                return tenant, path.removeprefix(tenant.path)
        return self._default, path


class CorsMiddleware:
    """CORS for the endpoints that browsers' scripts call, without credentials (POL-54)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._cors = CORSMiddleware(
            app,
            allow_origins=["*"],
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            allow_headers=["*"],  # scripts of MCP clients send headers of their own
            expose_headers=["WWW-Authenticate", "Retry-After", "X-Request-ID"],
            max_age=3600,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        cross = scope["type"] == "http" and scope["path"].startswith(_CORS_PATHS)
        await (self._cors if cross else self._app)(scope, receive, send)
