"""Tenants and policies that are stored: which there are, and which have changed."""

from __future__ import annotations

from itertools import groupby, islice

from sqlalchemy import or_, select

from dcrserver.db.queries import Queries
from dcrserver.db.tables import (
    dcr_configurations,
    stored_policies,
    stored_tenants,
)
from dcrserver.repositories.dcr_configurations import DcrConfigurationRecord
from dcrserver.repositories.queries.keyset import Order, Place, page
from dcrserver.repositories.rows import holding, records
from dcrserver.repositories.stored_policies import DRAFT, StoredPolicyRecord
from dcrserver.repositories.stored_tenants import StoredTenantRecord
from dcrserver.strict_json import dumps

_BATCH = 500
_BY_TENANT = Order([stored_tenants.c.tenant])
_BY_CONFIGURED_TENANT = Order([dcr_configurations.c.tenant])
_BY_VERSION = Order([stored_policies.c.tenant, stored_policies.c.name, stored_policies.c.version])
_IS_ACTIVE = stored_policies.c.state == "active"
# One that is retired counts for the clients that were born under it (``policy.binding``).
_COUNTS = or_(
    _IS_ACTIVE,
    (stored_policies.c.version > DRAFT)
    & stored_policies.c.policy.like(holding(dumps({"binding": "version"})[1:-1]), escape="/"),
)


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

    async def policies(self, tenant: str, first: str, limit: int) -> list[list[StoredPolicyRecord]]:
        """Of each policy stored for ``tenant`` from the name ``first`` on the draft and the active
        version, as far as there are any.
        """
        columns = stored_policies.c
        found = await self._queries.all(
            select(stored_policies)
            .where(columns.tenant == tenant, columns.name >= first, columns.state != "retired")
            .order_by(columns.name, columns.version)
            .limit(2 * limit)  # a policy that is cut is not among the first of them
        )
        by_name = groupby(records(StoredPolicyRecord, found), lambda each: each.name)
        return [list(each) for _, each in islice(by_name, limit)]

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

    async def policies_that_count(self, after: int) -> list[StoredPolicyRecord]:
        """Versions that somebody may be judged by, and were turned to or from after the change of
        this number: those that are active, and those that bind for life.
        """
        chosen = select(stored_policies).where(_COUNTS, stored_policies.c.change_number > after)
        made: list[StoredPolicyRecord] = []
        place: Place | None = None
        while found := await self._queries.all(page(chosen, _BY_VERSION, place, _BATCH)):
            made += records(StoredPolicyRecord, found)
            place = _BY_VERSION.place_of(found[-1])
        return made

    async def registrations(self, after: int) -> list[DcrConfigurationRecord]:
        """What is configured by Asgardeo's API, and was touched after the change of this number."""
        chosen = select(dcr_configurations).where(dcr_configurations.c.version > after)
        made: list[DcrConfigurationRecord] = []
        place: Place | None = None
        while found := await self._queries.all(page(chosen, _BY_CONFIGURED_TENANT, place, _BATCH)):
            made += records(DcrConfigurationRecord, found)
            place = _BY_CONFIGURED_TENANT.place_of(found[-1])
        return made

    async def registration_tenants(self) -> frozenset[str]:
        """Of all that is configured so."""
        rows = await self._queries.all(select(dcr_configurations.c.tenant))
        return frozenset(name for (name,) in rows)
