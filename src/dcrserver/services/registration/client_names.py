"""Step: names of clients, for those who know a client by its name.

Many clients of a tenant may have one name (RFC 7591 2), and anybody may call its client so who
registers it: a name means what administrators made, or strangers would be found by it. A caller
who wants a name for one client alone has to ask here before it writes.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from dcrserver.errors import InvalidClientMetadata, NameTaken, NotFound, Unavailable
from dcrserver.names import ClientOrigin
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.idempotency_keys import IdempotencyKeyRecord
from dcrserver.repositories.queries import Lists
from dcrserver.repositories.queries.clients import Filter
from dcrserver.repositories.transaction import AlreadyThere, Database, Transaction
from dcrserver.services.access.actors import Actor
from dcrserver.tenants import Tenant

# Nobody registers for longer; whoever died meanwhile keeps the name for so long.
_SECONDS = 60


class ClientNames:
    """Step: finds clients by name, and keeps a name for one client while that is written."""

    def __init__(self, database: Database, lists: Lists) -> None:
        self._database = database
        self._lists = lists

    async def find(self, actor: Actor, tenant: Tenant, name: str) -> ClientRecord:
        """The one client of this name that administrators made, and ``actor`` may see.

        Raises:
            NotFound: there is none.
            InvalidClientMetadata: there are several, as there may be where names mean nothing.
        """
        found = await self._named(tenant, name, actor.owner)
        if not found:
            raise NotFound("there is no client of this name")
        if len(found) > 1:
            raise InvalidClientMetadata(
                "several clients have this client_name; ask for one by its client_id"
            )
        return found[0]

    @asynccontextmanager
    async def kept(
        self, tenant: Tenant, name: str, client_id: str | None = None
    ) -> AsyncIterator[None]:
        """Until it is left, nobody else who asks here gets ``name`` for another client; what
        clients call themselves that registered themselves is in nobody's way.

        ``client_id``: of the client that is changed; one that has the name already keeps it.

        Raises:
            NameTaken: another client has it, or is being given it.
        """
        digest = hashlib.sha256(f"client_name {name}".encode()).hexdigest()
        ends_at = await self._take(tenant.name, digest)
        try:
            holders = [each.client_id for each in await self._named(tenant, name)]
            is_taken = any(holder != client_id for holder in holders)
            if is_taken and not await self._has(tenant, client_id, name):
                raise NameTaken("another client has this client_name")
            yield
        finally:
            with suppress(Unavailable):  # what was written stays, and this ends by itself
                await self._database.transact(
                    lambda tx: tx.idempotency_keys.forget(tenant.name, digest, ends_at)
                )

    async def _has(self, tenant: Tenant, client_id: str | None, name: str) -> bool:
        """Whether the client has the name, as several may have that came by other paths."""
        if client_id is None:
            return False
        async with self._database.read() as tx:
            record = await tx.clients.find(tenant.name, client_id)
        return record is not None and json.loads(record.metadata).get("client_name") == name

    async def _named(
        self, tenant: Tenant, name: str, owner: str | None = None
    ) -> list[ClientRecord]:
        """Two of them are enough to know that there are several."""
        wanted = Filter({"origin": ClientOrigin.ADMINISTRATOR.word}, {"client_name": name})
        found = await self._lists.clients.first(tenant.name, wanted, limit=2, owner=owner)
        return [each.record for each in found]

    async def _take(self, tenant: str, digest: str) -> int:
        now = int(time.time())

        async def write(tx: Transaction) -> None:
            await tx.idempotency_keys.forget(tenant, digest, now)
            tx.idempotency_keys.add(IdempotencyKeyRecord(tenant, digest, "", "", now + _SECONDS))

        try:
            await self._database.transact(write)
        except AlreadyThere:
            raise NameTaken("another client is being given this client_name; try again") from None
        return now + _SECONDS
