"""Issuers of tenants, told apart by their paths: which one each has, and that none hides one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from urllib.parse import urlsplit

from dcrserver.names import DEFAULT_TENANT
from dcrserver.services.tenants.discovery import entries
from dcrserver.settings import ConfigurationError, TenantSettings, checked_issuer
from dcrserver.tenants import Tenant

# First segments of the paths that are answered here, below the issuer of each tenant.
_OWN_PATHS = frozenset(
    {
        ".well-known", "authorization-server", "authorize", "docs", "favicon.ico", "healthz",
        "introspect", "jwks", "metrics", "openapi.json", "readyz", "register", "revoke", "static",
        "token",
    }
)  # fmt: skip


def issuer_of(name: str, tenant: TenantSettings, base: str) -> str:
    """Tenants are told apart by the path of their issuer, whatever its host.

    Raises:
        ConfigurationError: it is no issuer, or its path cannot be told from our own paths.
    """
    key = f"tenants.{name}"
    try:
        issuer = checked_issuer(
            tenant.base_url or f"{base.rstrip('/')}{(tenant.path or f'/t/{name}').rstrip('/')}"
        )
    except ValueError as error:
        raise ConfigurationError(f"{key}: {error}") from None
    path = urlsplit(issuer).path.rstrip("/")
    if not path:
        raise ConfigurationError(f"{key}: the issuer needs a path; its host alone finds nobody")
    below = (path, path.removeprefix(urlsplit(base).path.rstrip("/")))
    if "%" in path or "//" in path or any(_first(each) in _OWN_PATHS for each in below):
        raise ConfigurationError(f"{key}: the path {path} cannot be that of a tenant")
    return issuer


def check_apart(tenants: Sequence[Tenant]) -> None:
    """Whether each request and each WebFinger resource is about one tenant only.

    Raises:
        ConfigurationError: naming the two that are in each other's way.
    """
    for one, other in permutations(tenants, 2):
        if one.path == other.path:
            raise ConfigurationError(
                f"tenants: the issuers of {one.name} and {other.name} have the same path"
                f" {one.path or '/'}"
            )
        # The others lie below the base URL, if only by default.
        if one.name != DEFAULT_TENANT and other.path.startswith(f"{one.path}/"):
            raise ConfigurationError(
                f"tenants: the path {other.path} of {other.name} is inside {one.path} of {one.name}"
            )
        if both := entries(one) & entries(other):
            raise ConfigurationError(
                f"tenants: WebFinger cannot answer for {min(both)} with both {one.name} and"
                f" {other.name}"
            )


def _first(path: str) -> str:
    return path.lstrip("/").partition("/")[0]
