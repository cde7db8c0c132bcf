"""Makes tenants of what is stored beside the configuration, and again when it has changed.

What cannot be used stops nothing: it is told, and the others serve. A process that had a good one
keeps it, as whoever wrote the other may be a later version.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Iterable
from typing import NamedTuple

from dcrserver.logger import Logger
from dcrserver.metadata.model import PolicyVersion
from dcrserver.names import ALL_TENANTS
from dcrserver.repositories.stored_policies import StoredPolicyRecord
from dcrserver.repositories.stored_tenants import StoredTenantRecord
from dcrserver.services.tenants.server_metadata import Location
from dcrserver.services.tenants.stored_configuration import PolicyKey, StoredChanges
from dcrserver.settings import ConfigurationError, TenantSettings
from dcrserver.settings.stored import BadDocument, policy, tenant_settings
from dcrserver.strict_json import JsonObject
from dcrserver.tenants import Tenant
from dcrserver.wiring.configured import Configured
from dcrserver.wiring.tenants import StoredTenant

_log = Logger(__name__)
# Made at one go; requests come between.
_AT_ONCE = 20
# Status -> suspended. With any other there is no tenant.
_SUSPENDED = {"active": False, "suspended": True}
_DECLARED = "the configuration file has one of this name"


class _Made(NamedTuple):
    tenant: Tenant
    document: JsonObject | None


class StoredTenants:
    """``broken_policies``: by tenant and name, why an active policy does not count as stored."""

    def __init__(self, configured: Configured) -> None:
        self._configured = configured
        self._factory = configured.factory
        # What is to be made; what could not be made may be when something else has changed.
        self._pending: dict[str, StoredTenant] = {}
        self._unmade: dict[str, str] = {}
        self._unreadable: dict[str, str] = {}
        self.broken_policies: dict[PolicyKey, str] = {}

    @property
    def broken(self) -> dict[str, str]:
        """By name, why a tenant is not served as it is stored."""
        refused = self._configured.tenants.now.refused
        return (
            self._unreadable | self._unmade | {name: each.reason for name, each in refused.items()}
        )

    async def take(self, changes: StoredChanges) -> None:
        """Makes ``changes`` count, all of them at one moment."""
        told = self.broken
        lost = self._factory.policies.stored().difference(changes.policy_names)
        for key in lost:
            self._factory.policies.drop(*key)
        for key in self.broken_policies.keys() - changes.policy_names:
            del self.broken_policies[key]
        for active in changes.policies:
            self._take_policy(active)
        gone = {each.tenant for each in changes.tenants if not self._take(each)}
        gone |= self._known().difference(changes.tenant_names)
        for name in gone:
            self._forget(name)
        touched = {*lost, *((each.tenant, each.name) for each in changes.policies)}
        trusting = self._take_keys(changes) & self._configured.tenants.names()
        made = await self._make_all(
            {*self._pending, *trusting, *self._concerned(touched, gone)} - gone
        )
        self._configured.tenants.update(
            [each.tenant for each in made.values()], gone - self._configured.settings.tenants.keys()
        )
        for name, reason in self.broken.items():
            if told.get(name) != reason:
                _log.error("stored_tenant_broken", tenant=name, reason=reason)

    def _known(self) -> set[str]:
        return {*self._factory.stored, *self._pending, *self._unreadable}

    def _forget(self, name: str) -> None:
        for known in (self._pending, self._unmade, self._unreadable, self._factory.stored):
            known.pop(name, None)
        if name not in self._configured.settings.tenants:
            self._locate(name, None)

    def _take(self, record: StoredTenantRecord) -> bool:
        """False: it is no more."""
        name = record.tenant
        if record.status not in _SUSPENDED:
            return False
        if name in self._configured.settings.tenants:
            self._unreadable[name] = _DECLARED
            return True
        suspended = _SUSPENDED[record.status]
        try:
            settings = tenant_settings(json.loads(record.settings))
        except BadDocument as error:
            self._unreadable[name] = str(error)
            before = self._factory.stored.get(name)
            if before is not None:
                self._pending[name] = before._replace(suspended=suspended)
            return True
        self._unreadable.pop(name, None)
        self._pending[name] = StoredTenant(settings, suspended)
        self._locate(name, settings)
        return True

    def _locate(self, name: str, settings: TenantSettings | None) -> None:
        """Where the metadata of its authorization server are; elsewhere it may say something else.

        That server is one whose administrator need not be ours: its address is looked at.
        """
        server = settings and settings.authorization_server
        url = server.metadata if server else None
        before = self._configured.remote.get(name)
        if (before and before.url) == url:
            return
        self._configured.documents.pop(name, None)
        self._configured.remote.pop(name, None)
        if url is not None:
            self._configured.remote[name] = Location(url, declared=False)

    def _take_policy(self, record: StoredPolicyRecord) -> None:
        version = PolicyVersion(record.tenant, record.name, record.version)
        broken = None
        try:
            made = policy(json.loads(record.policy), self._configured.settings.members)
        except BadDocument as error:
            broken = str(error)
            _log.error(
                "stored_policy_broken", tenant=record.tenant, policy=record.name, reason=broken
            )
        else:
            if record.state == "active":
                self._factory.policies.put(version, made)
            else:
                self._factory.policies.keep(version, made)
        if record.state == "active":
            if broken is None and record.name in self._factory.policies.declared:
                broken = _DECLARED
            self._tell_broken((record.tenant, record.name), broken)

    def _tell_broken(self, key: PolicyKey, reason: str | None) -> None:
        self.broken_policies.pop(key, None)
        if reason is not None:
            self.broken_policies[key] = reason

    def _take_keys(self, changes: StoredChanges) -> set[str]:
        """Tenants that trust software statements by other keys than before."""
        before = self._factory.statement_keys
        now = {name: url for name, url in before.items() if name in changes.registration_tenants}
        for each in changes.registrations:
            now[each.tenant] = str(json.loads(each.settings).get("ssa_jwks") or "")
        self._factory.statement_keys = {name: url for name, url in now.items() if url}
        return {name for name, _ in before.items() ^ self._factory.statement_keys.items()}

    def _concerned(self, policies: Collection[PolicyKey], gone: Collection[str]) -> Iterable[str]:
        """Tenants whose settings name one of these; what others mean by a name is looked up when
        a client is bound to it.
        """
        for tenant in self._configured.tenants.names().difference(gone) if policies else ():
            name = self._factory.names(tenant)
            if name is not None and ((tenant, name) in policies or (ALL_TENANTS, name) in policies):
                yield tenant

    async def _make_all(self, names: Iterable[str]) -> dict[str, _Made]:
        made: dict[str, _Made] = {}
        for number, name in enumerate(sorted(names)):
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)
            self._make(name, made)
        documents = self._configured.documents
        for name in [each for each, (_, used) in made.items() if used is not documents.get(each)]:
            self._make(name, made)  # its authorization server said something new meanwhile
        return made

    def _make(self, name: str, made: dict[str, _Made]) -> None:
        document = self._configured.documents.get(name)
        stored = self._pending.get(name)
        try:
            tenant = (
                self._factory.tenant(name, document)
                if stored is None
                else self._factory.candidate(name, stored, document)
            )
        except ConfigurationError as error:
            self._unmade[name] = str(error)
            return
        self._unmade.pop(name, None)
        # Worked out now, while requests come between, and not when all are compared at one go.
        _ = tenant.path, tenant.webfinger_entries
        made[name] = _Made(tenant, document)
        if stored is not None:
            self._factory.stored[name] = stored
            self._pending.pop(name, None)
