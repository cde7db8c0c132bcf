"""All tenants together: found by name, by the path of a request, by what WebFinger is asked for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from dcrserver.names import DEFAULT_TENANT
from dcrserver.tenants.tenant import Tenant


class TenantConflict(ValueError):
    """A tenant is in the way of another, or of our own paths; the message names it."""


@dataclass(frozen=True, slots=True)
class TenantSnapshot:
    """All tenants of one moment; it never changes.

    ``by_path``: by the path of the issuer, where it has one. ``by_webfinger``: by what the tenant
    answers for, see ``Tenant.webfinger_entries``.
    """

    default: Tenant
    by_name: Mapping[str, Tenant]
    by_path: Mapping[str, Tenant]
    by_webfinger: Mapping[str, Tenant]
    # Segments of the longest path: a request's own are looked at no further.
    _deepest: int

    @classmethod
    def of(cls, tenants: Iterable[Tenant], reserved: Collection[str] = ()) -> TenantSnapshot:
        """``tenants``, one of which has the reserved name of the default one.

        ``reserved``: the first segments of the paths that are answered below each issuer.

        Raises:
            TenantConflict: a request, or a resource of WebFinger, would be about two of them.
        """
        by_name = {tenant.name: tenant for tenant in tenants}
        default = by_name[DEFAULT_TENANT]
        by_path = _by_path(by_name.values())
        for tenant in by_path.values():
            _check_path(tenant, default, by_path, reserved)
        deepest = max((path.count("/") for path in by_path), default=0)
        return cls(default, by_name, by_path, _by_webfinger(by_name.values()), deepest)

    def at(self, path: str) -> tuple[Tenant, str]:
        """Whose the path of a request is, and what is left of it below the tenant's own.

        Only the default tenant has others below its path, so that the longest one counts.
        """
        found, rest = self.default, path
        end = 0
        for _ in range(self._deepest):
            end = path.find("/", end + 1)
            if end < 0:
                break
            tenant = self.by_path.get(path[:end])
            if tenant is not None:
                found, rest = tenant, path[end:]
        return found, rest


class TenantRegistry:
    """Who needs a tenant asks here each time and keeps none: a moment later it may be another."""

    def __init__(self, tenants: Iterable[Tenant]) -> None:
        self._reserved: frozenset[str] = frozenset()
        self.now = TenantSnapshot.of(tenants)

    def replace(self, tenants: Iterable[Tenant]) -> None:
        """From now on these are all; who is at work with one of before goes on with it.

        Raises:
            TenantConflict: they are in each other's way; those of before stay.
        """
        self.now = TenantSnapshot.of(tenants, self._reserved)

    def update(self, tenants: Iterable[Tenant]) -> None:
        """``replace`` for those among all that have become others."""
        others = {tenant.name: tenant for tenant in tenants}
        self.replace({**self.now.by_name, **others}.values())

    def reserve(self, segments: Collection[str]) -> None:
        """No path of a tenant may begin with one of ``segments``, now or later.

        Raises:
            TenantConflict: one does.
        """
        self._reserved = frozenset(segments)
        self.replace(self.now.by_name.values())

    def __iter__(self) -> Iterator[Tenant]:
        return iter(self.now.by_name.values())


def _by_path(tenants: Iterable[Tenant]) -> dict[str, Tenant]:
    """Tenants by the path of their issuer, less the one at the root.

    Raises:
        TenantConflict: two have the same.
    """
    found: dict[str, Tenant] = {}
    for tenant in tenants:
        other = found.setdefault(tenant.path, tenant)
        if other is not tenant:
            raise TenantConflict(
                f"tenants: the issuers of {other.name} and {tenant.name} have the same path"
                f" {tenant.path or '/'}"
            )
    found.pop("", None)
    return found


def _check_path(
    tenant: Tenant, default: Tenant, by_path: Mapping[str, Tenant], reserved: Collection[str]
) -> None:
    """Whether no other tenant, and no route of ours, hides this one.

    Raises:
        TenantConflict: the path is inside that of another tenant, or one of ours.
    """
    for above in _above(tenant.path):
        other = by_path.get(above, default)
        if other is not default:  # which the others lie below, if only by default
            raise TenantConflict(
                f"tenants: the path {tenant.path} of {tenant.name} is inside {above} of"
                f" {other.name}"
            )
    if tenant is not default:
        below = (tenant.path, tenant.path.removeprefix(f"{default.path}/"))
        if any(path.lstrip("/").partition("/")[0] in reserved for path in below):
            raise TenantConflict(
                f"tenants.{tenant.name}: the path {tenant.path} cannot be that of a tenant"
            )


def _above(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path


def _by_webfinger(tenants: Iterable[Tenant]) -> Mapping[str, Tenant]:
    """Tenants by everything that WebFinger finds them by.

    Raises:
        TenantConflict: WebFinger, which has one address, would have two answers.
    """
    found: dict[str, Tenant] = {}
    for tenant in tenants:
        for entry in sorted(tenant.webfinger_entries):
            other = found.setdefault(entry, tenant)
            if other is not tenant:
                raise TenantConflict(
                    f"tenants: WebFinger cannot answer for {entry} with both {other.name} and"
                    f" {tenant.name}"
                )
    return found
