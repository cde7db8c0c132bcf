"""Policies by name: those of the configuration file, and those that were activated at run time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dcrserver.names import ALL_TENANTS
from dcrserver.policies import Policy


class NamedPolicies:
    """Of one name the configuration's counts, then the tenant's own, then that of all tenants."""

    def __init__(self, declared: Mapping[str, Policy]) -> None:
        self.declared = declared
        self._stored: dict[str, dict[str, Policy]] = {}

    def of(self, tenant: str) -> Mapping[str, Policy]:
        """What names mean for ``tenant``, whenever it is asked."""
        return _PoliciesOf(self, tenant)

    def find(self, tenant: str, name: str) -> Policy | None:
        """What ``name`` means for ``tenant`` now."""
        for named in (self.declared, self.own(tenant), self.own(ALL_TENANTS)):
            if (found := named.get(name)) is not None:
                return found
        return None

    def own(self, tenant: str) -> Mapping[str, Policy]:
        """What was put here for ``tenant`` alone, or for all."""
        return self._stored.get(tenant, {})

    def put(self, tenant: str, name: str, policy: Policy) -> None:
        """From now on that is the policy of this name of ``tenant``, or of all."""
        self._stored.setdefault(tenant, {})[name] = policy

    def stored(self) -> set[tuple[str, str]]:
        """Tenant and name of all that were put here."""
        return {(tenant, name) for tenant, named in self._stored.items() for name in named}

    def drop(self, tenant: str, name: str) -> None:
        """From now on the name means what it means for all, or nothing."""
        self._stored.get(tenant, {}).pop(name, None)


class _PoliciesOf(Mapping[str, Policy]):
    def __init__(self, policies: NamedPolicies, tenant: str) -> None:
        self._policies = policies
        self._tenant = tenant

    def __getitem__(self, name: str) -> Policy:
        found = self._policies.find(self._tenant, name)
        if found is None:
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[str]:
        known = self._policies
        yield from {**known.own(ALL_TENANTS), **known.own(self._tenant), **known.declared}

    def __len__(self) -> int:
        return sum(1 for _ in self)
