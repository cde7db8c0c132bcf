"""Use cases of the operator: which tenants there are, and the end of one that is no longer wanted.

A tenant that was taken out of the configuration leaves its clients in the database.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from dcrserver.errors import NotFound
from dcrserver.repositories.queries import Lists
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.services import audit
from dcrserver.services.access.stored_clients import delete_client
from dcrserver.services.audit import EventType, Origin, Subject, SubjectKind
from dcrserver.strict_json import JsonObject
from dcrserver.tenants import Tenant, TenantRegistry

_BATCH = 500


class TenantAdministrationService:
    """Use case: administrators list tenants, and delete what is stored of one."""

    def __init__(self, database: Database, lists: Lists, tenants: TenantRegistry) -> None:
        self._database = database
        self._lists = lists
        self._tenants = tenants

    async def tenants(self) -> list[JsonObject]:
        """Those that are configured, then those that only the database knows."""
        stored = await self._lists.tenants.counts()
        configured = self._tenants.now.by_name
        left = sorted(stored.keys() - configured.keys())
        return [
            {
                "tenant": name,
                "configured": name in configured,
                "issuer": configured[name].issuer if name in configured else None,
                **stored.get(name, {}),
            }
            for name in (*configured, *left)
        ]

    async def find(self, name: str) -> Tenant:
        """The tenant ``name``; where it is stored only, one of its name, to look at and to end.

        Raises:
            NotFound: neither configured nor stored.
        """
        tenants = self._tenants.now
        if name in tenants.by_name:
            return tenants.by_name[name]
        stored = await self._lists.tenants.counts()
        if name not in stored:
            raise NotFound(f"tenants.{name}: no such tenant, and nothing is stored of one")
        return replace(tenants.default, name=name, mode="closed", webfinger=frozenset())

    async def purge(self, name: str, origin: Origin) -> int:
        """Ends all that is stored of a tenant that is not configured; how many clients it had.

        Raises:
            NotFound: it is configured, or nothing is stored of it.
        """
        if name in self._tenants.now.by_name:
            raise NotFound(f"tenants.{name} is configured: take it out of the configuration first")
        async with self._database.read() as tx:
            if await tx.stored_tenants.find(name) is not None:
                raise NotFound(f"tenants.{name} is stored: delete it instead")
        tenant, ended = await self.find(name), 0
        while records := await self._lists.clients.page(name, limit=_BATCH):
            for record in records:
                ended += await delete_client(self._database, record, origin, 0)
        initial = await self._lists.tokens.initial_access_tokens(name)
        admin = await self._lists.tokens.admin_tokens(name)
        tokens = [*(each.id for each in initial), *(each.id for each in admin)]
        await self._database.transact(lambda tx: _end_tokens_and_keys(tx, tenant, tokens, origin))
        return ended


async def _end_tokens_and_keys(
    tx: Transaction, tenant: Tenant, tokens: Sequence[str], origin: Origin
) -> None:
    now = int(time.time())
    for token_id in tokens:
        if await tx.initial_access_tokens.revoke(tenant.name, token_id, now):
            initial = Subject(SubjectKind.INITIAL_ACCESS_TOKEN, token_id)
            _record(tx, EventType.INITIAL_ACCESS_TOKEN_REVOKED, tenant, origin, initial)
        if await tx.admin_tokens.revoke(tenant.name, token_id, now):
            admin = Subject(SubjectKind.ADMIN_TOKEN, token_id)
            _record(tx, EventType.ADMIN_TOKEN_REVOKED, tenant, origin, admin)
    await tx.metadata_copies.delete(tenant.name)
    for key in await tx.signing_keys.all(tenant.name):
        if await tx.signing_keys.delete(tenant.name, key.kid):
            subject = Subject(SubjectKind.SIGNING_KEY, key.kid)
            _record(tx, EventType.SIGNING_KEY_RETIRED, tenant, origin, subject)


def _record(
    tx: Transaction, event: EventType, tenant: Tenant, origin: Origin, subject: Subject
) -> None:
    audit.record(tx, event, tenant=tenant.name, origin=origin, subject=subject)
