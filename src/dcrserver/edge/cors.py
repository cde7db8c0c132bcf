"""Cross-origin requests (CORS): which paths scripts of any page may use, and their preflights."""

from __future__ import annotations

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

# The same answer for every origin, asked by a script or not: caches need not tell them apart.
CROSS_ORIGIN_HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "WWW-Authenticate, Retry-After, RateLimit-Policy,"
    " RateLimit, X-Request-ID, ETag",
}
# Documents that scripts of any page may read, whatever the policy says of the endpoints
# (RFC 7033 5, OIDD-4-04); and the endpoints (POL-54).
PUBLIC_PATHS = ("/.well-known/", "/jwks", "/clients/")
CORS_PATHS = ("/register", "/token", "/revoke", *PUBLIC_PATHS)


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
        asks = scope["method"] == "OPTIONS" and scope["path"].startswith(CORS_PATHS)
        await (self._cors if asks else self._app)(scope, receive, send)
