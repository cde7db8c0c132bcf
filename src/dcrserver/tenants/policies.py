"""Policies by name: those of the configuration file, and those that were activated at run time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from dcrserver.metadata.model import PolicyVersion
from dcrserver.names import ALL_TENANTS
from dcrserver.policies import Policy

# What a client is bound to: whatever the name means, or what one version says.
Named: TypeAlias = str | PolicyVersion


class NamedPolicies:
    """Of one name the configuration's counts, then the tenant's own, then that of all tenants.

    Versions that bind for life stay when others are active: they mean the same for everybody.
    """

    def __init__(self, declared: Mapping[str, Policy]) -> None:
        self.declared = declared
        self._stored: dict[str, dict[str, Policy]] = {}
        self._versions: dict[PolicyVersion, Policy] = {}
        # Of those that are active, where they bind for life.
        self._binding: dict[tuple[str, str], PolicyVersion] = {}

    def of(self, tenant: str) -> Mapping[Named, Policy]:
        """What names mean for ``tenant``, whenever it is asked."""
        return _PoliciesOf(self, tenant)

    def find(self, tenant: str, name: Named) -> Policy | None:
        """What ``name`` means for ``tenant`` now."""
        if isinstance(name, PolicyVersion):
            return self._versions.get(name)
        for named in (self.declared, self.own(tenant), self.own(ALL_TENANTS)):
            if (found := named.get(name)) is not None:
                return found
        return None

    def version(self, tenant: str, name: Named) -> PolicyVersion | None:
        """What clients of ``tenant`` are bound to for life that come under ``name`` now; None: they
        follow whatever is active.
        """
        if isinstance(name, PolicyVersion):
            return name
        if name in self.declared:
            return None
        whose = tenant if name in self.own(tenant) else ALL_TENANTS
        return self._binding.get((whose, name))

    def own(self, tenant: str) -> Mapping[str, Policy]:
        """What was put here for ``tenant`` alone, or for all."""
        return self._stored.get(tenant, {})

    def put(self, version: PolicyVersion, policy: Policy) -> None:
        """From now on that is the policy of this name of a tenant, or of all."""
        tenant, name, _ = version
        self._stored.setdefault(tenant, {})[name] = policy
        self._binding.pop((tenant, name), None)
        if policy.binding == "version":
            self._binding[tenant, name] = version
            self.keep(version, policy)

    def keep(self, version: PolicyVersion, policy: Policy) -> None:
        """Whoever is bound to ``version`` is judged by ``policy``, whatever else is active."""
        self._versions[version] = policy

    def stored(self) -> set[tuple[str, str]]:
        """Tenant and name of all that were put here."""
        return {(tenant, name) for tenant, named in self._stored.items() for name in named}

    def drop(self, tenant: str, name: str) -> None:
        """From now on the name means what it means for all, or nothing."""
        self._stored.get(tenant, {}).pop(name, None)
        self._binding.pop((tenant, name), None)
        for version in [each for each in self._versions if each[:2] == (tenant, name)]:
            del self._versions[version]


class _PoliciesOf(Mapping[Named, Policy]):
    def __init__(self, policies: NamedPolicies, tenant: str) -> None:
        self._policies = policies
        self._tenant = tenant

    def __getitem__(self, name: Named) -> Policy:
        found = self._policies.find(self._tenant, name)
        if found is None:
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[Named]:
        known = self._policies
        yield from {**known.own(ALL_TENANTS), **known.own(self._tenant), **known.declared}

    def __len__(self) -> int:
        return sum(1 for _ in self)
