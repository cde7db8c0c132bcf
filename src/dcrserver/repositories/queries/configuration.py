"""Tenants and policies that are stored: which there are, and which have changed."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Table, func, select, true

from dcrserver.db.queries import Queries
from dcrserver.db.tables import (
    clients,
    initial_access_tokens,
    stored_policies,
    stored_tenants,
)
from dcrserver.names import ALL_TENANTS
from dcrserver.repositories.queries.keyset import Order, Place, page
from dcrserver.repositories.rows import records
from dcrserver.repositories.stored_policies import StoredPolicyRecord
from dcrserver.repositories.stored_tenants import StoredTenantRecord
from dcrserver.strict_json import dumps

_BATCH = 500
_BY_TENANT = Order([stored_tenants.c.tenant])
_BY_NAME = Order([stored_policies.c.tenant, stored_policies.c.name])
_IS_ACTIVE = stored_policies.c.state == "active"


def _of(table: Table, scope: str) -> ColumnElement[bool]:
    return true() if scope == ALL_TENANTS else table.c.tenant == scope


def _binds(table: Table, named: str) -> ColumnElement[bool]:
    """As ``metadata.bounds`` writes it: the policy comes first."""
    return table.c.bounds.startswith(named, autoescape=True)


class ConfigurationLists:
    """What is stored beside the configuration file."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    async def tenant_names(self) -> frozenset[str]:
        """Of all, also of those that are being deleted."""
        return frozenset(
            name for (name,) in await self._queries.all(select(stored_tenants.c.tenant))
        )

    async def page(self, after: str, limit: int) -> list[StoredTenantRecord]:
        """Stored tenants by name, those that come after ``after``."""
        chosen = select(stored_tenants).where(stored_tenants.c.status != "deleted")
        found = await self._queries.all(page(chosen, _BY_TENANT, (after,), limit))
        return records(StoredTenantRecord, found)

    async def policies(self, scopes: Sequence[str]) -> list[StoredPolicyRecord]:
        """Every version of all that are stored for ``scopes``, by name."""
        columns = stored_policies.c
        found = await self._queries.all(
            select(stored_policies)
            .where(columns.tenant.in_(scopes))
            .order_by(columns.name, columns.tenant, columns.version)
        )
        return records(StoredPolicyRecord, found)

    async def bound(self, scope: str, name: str) -> dict[str, int]:
        """What is bound to the policy ``name`` of a tenant, or of all: how many of which."""
        named = f"{dumps({'policy': name})[:-1]}"
        counted = {
            "clients": select(func.count()).where(_of(clients, scope), _binds(clients, named)),
            "initial access tokens": select(func.count()).where(
                _of(initial_access_tokens, scope),
                _binds(initial_access_tokens, named),
                initial_access_tokens.c.revoked_at == 0,
            ),
            "tenants": select(func.count()).where(
                _of(stored_tenants, scope),
                stored_tenants.c.status.in_(("active", "suspended")),
                stored_tenants.c.settings.contains(named[1:], autoescape=True),
            ),
        }
        return {
            noun: (await self._queries.all(statement))[0][0] for noun, statement in counted.items()
        }

    async def policy_names(self) -> frozenset[tuple[str, str]]:
        """Tenant and name of those that are active."""
        chosen = select(stored_policies.c.tenant, stored_policies.c.name).where(_IS_ACTIVE)
        return frozenset((tenant, name) for tenant, name in await self._queries.all(chosen))

    async def tenants(self, after: int) -> list[StoredTenantRecord]:
        """Those that were touched after the change of this number."""
        chosen = select(stored_tenants).where(stored_tenants.c.version > after)
        made: list[StoredTenantRecord] = []
        place: Place | None = None
        while found := await self._queries.all(page(chosen, _BY_TENANT, place, _BATCH)):
            made += records(StoredTenantRecord, found)
            place = _BY_TENANT.place_of(found[-1])
        return made

    async def active_policies(self, after: int) -> list[StoredPolicyRecord]:
        """Those that became active after the change of this number."""
        chosen = select(stored_policies).where(_IS_ACTIVE, stored_policies.c.change_number > after)
        made: list[StoredPolicyRecord] = []
        place: Place | None = None
        while found := await self._queries.all(page(chosen, _BY_NAME, place, _BATCH)):
            made += records(StoredPolicyRecord, found)
            place = _BY_NAME.place_of(found[-1])
        return made
