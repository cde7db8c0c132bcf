"""All tenants together: found by name, by the path of a request, by what WebFinger is asked for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from dcrserver.tenants.snapshot import TenantSnapshot
from dcrserver.tenants.tenant import Tenant


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

    def update(self, tenants: Iterable[Tenant], gone: Collection[str] = ()) -> None:
        """``replace`` for those among all that have become others, and those that are no more.

        Raises:
            TenantConflict: as ``replace``, of those that are configured. A stored one that is in
                the way is among the ``refused``, and comes when the way is free.
        """
        self.now = self.now.changed(tenants, gone, self._reserved)

    def reserve(self, segments: Collection[str]) -> None:
        """No path of a tenant may begin with one of ``segments``, now or later.

        Raises:
            TenantConflict: one does that is configured.
        """
        self._reserved = frozenset(segments)
        refused = [each.tenant for each in self.now.refused.values()]
        self.replace([*self.now.by_name.values(), *refused])

    def refusal(self, tenant: Tenant) -> str | None:
        """Why ``tenant`` could not be one of all, new or in place of that of its name."""
        changed = self.now.changed([tenant], (), self._reserved)
        found = changed.refused.get(tenant.name)
        return found.reason if found else None

    def names(self) -> set[str]:
        """Also of those that are refused."""
        return {*self.now.by_name, *self.now.refused}

    def __iter__(self) -> Iterator[Tenant]:
        return iter(self.now.by_name.values())
