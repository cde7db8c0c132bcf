"""Use cases of administrators: look at clients, one and many."""

from __future__ import annotations

import time
from typing import NamedTuple

from dcrserver.repositories.client_links import ClientLinkRecord
from dcrserver.repositories.queries import Lists
from dcrserver.repositories.queries.clients import Count, Filter, Sort
from dcrserver.repositories.queries.deleted_clients import BY_CLIENT_ID
from dcrserver.repositories.queries.keyset import Place
from dcrserver.repositories.transaction import Database
from dcrserver.services.access.actors import Actor
from dcrserver.services.access.stored_clients import seen_by
from dcrserver.services.clients.views import ClientView, DeletedClientView
from dcrserver.tenants import Tenant


class Listed(NamedTuple):
    """A part of a list of clients, and behind which place it goes on; None: it ends here."""

    clients: list[ClientView]
    next: Place | None


class ClientReadingService:
    """Use case: administrators look at clients."""

    def __init__(self, database: Database, lists: Lists) -> None:
        self._database = database
        self._lists = lists

    async def client(self, tenant: Tenant, client_id: str, actor: Actor) -> ClientView:
        """One client with everything that is known of it.

        Raises:
            NotFound: there is none, or it is another owner's.
        """
        async with self._database.read() as tx:
            record = seen_by(actor, await tx.clients.find(tenant.name, client_id))
            uses = await tx.last_uses.of_client(tenant.name, client_id)
            shared = await tx.shared_clients.of_client(tenant.name, client_id)
            approval = await tx.client_approvals.find(tenant.name, client_id)
            links = await tx.client_links.of_client(tenant.name, client_id)
        from dcrserver.services.registration.verified_facts import verified_facts

        facts = verified_facts(tenant, record)
        return ClientView(record, uses, shared, facts, approval, links)

    async def clients(
        self,
        tenant: Tenant,
        wanted: Filter,
        sort: Sort,
        after: Place | None,
        limit: int,
        actor: Actor,
    ) -> Listed:
        """The clients that ``wanted`` means, and that ``actor`` may see: ``limit`` of them at most,
        and fewer where they are rare and no index tells of them.

        Raises:
            InvalidInput: ``after`` is no place in this list.
        """
        found = await self._lists.clients.part(
            tenant.name, wanted, sort, after, limit=limit, owner=actor.owner
        )
        names = [each.record.client_id for each in found.matches]
        links: dict[str, list[ClientLinkRecord]] = {}
        async with self._database.read() as tx:
            for link in await tx.client_links.of_clients(tenant.name, names):
                links.setdefault(link.client_id, []).append(link)
        records = [each.record for each in found.matches]
        made = [ClientView(each, links=links.get(each.client_id, ())) for each in records]
        return Listed(made, found.next)

    async def deleted(
        self, tenant: Tenant, after: Place | None, limit: int, actor: Actor
    ) -> list[DeletedClientView]:
        """Clients that can still be restored, by client_id.

        Raises:
            InvalidInput: ``after`` is no place in this list.
        """
        place = None if after is None else BY_CLIENT_ID.place_in(after)
        found = await self._lists.deleted_clients.page(
            tenant.name, actor.owner, int(time.time()), place, limit
        )
        return [DeletedClientView(record) for record in found]

    @staticmethod
    def place_of_deleted(deleted: DeletedClientView) -> Place:
        """Where the list goes on after ``deleted``."""
        return BY_CLIENT_ID.place_of(deleted.record)

    async def count(self, tenant: Tenant, wanted: Filter, actor: Actor) -> Count:
        """How many ``wanted`` means of those that ``actor`` may see.

        Raises:
            QueryTooLong: it cannot be counted in time.
        """
        return await self._lists.clients.count(tenant.name, wanted, owner=actor.owner)
