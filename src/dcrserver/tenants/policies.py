"""Policies by name: those of the configuration file, and those that were activated at run time."""

from __future__ import annotations

from collections.abc import Mapping

from dcrserver.names import ALL_TENANTS
from dcrserver.policies import Policy


class NamedPolicies:
    """Of one name the configuration's counts, then the tenant's own, then that of all tenants."""

    def __init__(self, declared: Mapping[str, Policy]) -> None:
        self.declared = declared
        self._stored: dict[str, dict[str, Policy]] = {}
        self._of_all: Mapping[str, Policy] = declared

    def of(self, tenant: str) -> Mapping[str, Policy]:
        """What names mean for ``tenant`` now; it does not change."""
        own = self._stored.get(tenant)
        return (
            {**self._stored.get(ALL_TENANTS, {}), **own, **self.declared} if own else self._of_all
        )

    def put(self, tenant: str, name: str, policy: Policy) -> None:
        """From now on that is the policy of this name of ``tenant``, or of all."""
        self._stored.setdefault(tenant, {})[name] = policy
        self._of_all = {**self._stored.get(ALL_TENANTS, {}), **self.declared}

    def stored(self) -> set[tuple[str, str]]:
        """Tenant and name of all that were put here."""
        return {(tenant, name) for tenant, named in self._stored.items() for name in named}

    def drop(self, tenant: str, name: str) -> None:
        """From now on the name means what it means for all, or nothing."""
        self._stored.get(tenant, {}).pop(name, None)
        self._of_all = {**self._stored.get(ALL_TENANTS, {}), **self.declared}
