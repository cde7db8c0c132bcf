"""Use case: what a target has is taken over, where its word counts (``drift = "adopt"``)."""

from __future__ import annotations

from dcrserver.connectors.client import RemoteClient
from dcrserver.errors import InvalidInput
from dcrserver.metadata.bounds import UNBOUNDED
from dcrserver.metadata.catalogue import PARAMETERS
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.services.audit import Origin
from dcrserver.services.clients.changes import ClientChangeService
from dcrserver.services.clients.foreign_clients import OWN
from dcrserver.services.clients.imports import ClientImportService, add_new
from dcrserver.services.provisioning.reconciling import Difference
from dcrserver.services.provisioning.targets import Target
from dcrserver.strict_json import JsonObject
from dcrserver.tenants import Tenant, TenantRegistry

# Whose own words an import understands; of the others ours are at hand.
_READ_AS_THEY_ARE = frozenset({"keycloak", "hydra"})
# What only a server of ours sets: an export may bring it, and no other server's list.
_OF_SERVERS = frozenset(OWN) - {"owner"}


class Adoption:
    """Use case: clients become what a target has of them."""

    def __init__(
        self,
        database: Database,
        tenants: TenantRegistry,
        changes: ClientChangeService,
        imports: ClientImportService,
    ) -> None:
        self._database = database
        self._tenants = tenants
        self._changes = changes
        self._imports = imports

    async def adopt(self, each: Difference, target: Target, origin: Origin) -> None:
        """Of a client of ours: the members that differ are as they are there. One of others becomes
        a client of ours, as an import would make it.

        Raises:
            ProtocolError: that is not acceptable here.
        """
        remote, tenant = each.remote, self._tenants.now.by_name[each.tenant]
        assert remote is not None  # noqa: S101 - it is there
        if each.client is None:
            await self._take_in(tenant, remote, target, origin)
            return
        members: JsonObject = {
            name: remote.metadata.get(name) for name in each.members if name in PARAMETERS
        }
        if members:
            await self._changes.merge(tenant, each.client_id, {"metadata": members}, origin)

    async def _take_in(
        self, tenant: Tenant, remote: RemoteClient, target: Target, origin: Origin
    ) -> None:
        moved, made = self._imports.judge(tenant, UNBOUNDED, origin, _as_told(remote, target))
        if made is None:
            raise InvalidInput(f"it cannot be taken over: {moved.refused}")
        records = await self._imports.prepared(tenant, [made])

        async def reserve(tx: Transaction) -> None:
            if await tx.client_links.find(tenant.name, remote.client_id, target.name) is None:
                tx.client_links.begin(tenant.name, remote.client_id, target.name, remote.remote_id)

        async def write(tx: Transaction) -> int:
            return await add_new(tx, tenant, records, origin)

        # The link first: from then on the client is known by its name there.
        await self._database.transact(reserve)
        await self._database.transact(write)


def _as_told(remote: RemoteClient, target: Target) -> JsonObject:
    """The client in words that an import understands, under the client_id that it is listed by."""
    is_read = target.connector.kind in _READ_AS_THEY_ARE
    told = remote.document if is_read else remote.metadata
    kept = {name: value for name, value in told.items() if name not in _OF_SERVERS}
    is_named = not is_read or "client_id" in told  # Keycloak has another name for it
    return kept | {"client_id": remote.client_id} if is_named else kept
