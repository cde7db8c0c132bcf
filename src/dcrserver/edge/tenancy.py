"""The tenant of a request, by the path of its issuer."""

from __future__ import annotations

import re

from starlette.types import ASGIApp, Receive, Scope, Send

from dcrserver.edge.dependencies import TENANT_KEY
from dcrserver.tenants import Tenant, TenantRegistry

_WELL_KNOWN = re.compile(r"/\.well-known/(openid-configuration|oauth-authorization-server)(/.*)")
# At the root only, and spelt plainly: a proxy's rule for such a path hides it.
_OPERATIONS = frozenset({"/healthz", "/readyz", "/metrics"})
_NO_ROUTE = "/-"


class TenantMiddleware:
    """Finds the tenant by the path of its issuer and leaves the rest of the path to the routes.

    An issuer with a path has its well-known documents in two places: appended (OpenID Connect
    Discovery 4) and inserted between host and path (RFC 8414 3).
    """

    def __init__(self, app: ASGIApp, tenants: TenantRegistry, *, inserted_oidc: bool) -> None:
        self._app = app
        self._tenants = tenants
        self._inserted_oidc = inserted_oidc

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        tenant, path = self._resolve(scope["path"])
        path = _as_if_plain(path, tenant)
        scope[TENANT_KEY] = tenant
        spelt = scope.get("raw_path") or scope["path"].encode()
        scope["path"] = _NO_ROUTE if path in _OPERATIONS and spelt != path.encode() else path
        await self._app(scope, receive, send)

    def _resolve(self, path: str) -> tuple[Tenant, str]:
        tenants = self._tenants.now
        if tenants.by_path and (inserted := _WELL_KNOWN.fullmatch(path)):
            tenant = tenants.by_path.get(inserted[2].rstrip("/"))
            if tenant and (inserted[1] != "openid-configuration" or self._inserted_oidc):
                return tenant, f"/.well-known/{inserted[1]}"
        return tenants.at(path)


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
