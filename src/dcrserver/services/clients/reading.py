"""Use cases of administrators: look at clients, one and many."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from dcrserver.metadata.bounds import Bounds
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.deleted_clients import DeletedClientRecord
from dcrserver.repositories.queries import Lists
from dcrserver.repositories.queries.clients import Count, Filter, Sort
from dcrserver.repositories.queries.deleted_clients import BY_CLIENT_ID
from dcrserver.repositories.queries.keyset import Place
from dcrserver.repositories.transaction import Database
from dcrserver.services.access.actors import Actor
from dcrserver.services.access.stored_clients import etag_of, seen_by
from dcrserver.services.secrets.client_secrets import secrets_of
from dcrserver.strict_json import JsonObject
from dcrserver.tenants import Tenant

_NO_USES: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class SecretView:
    """A secret that works, without what could be used; times in seconds since 1970."""

    id: str
    issued_at: int
    expires_at: int
    last_used_at: int


class ClientView:
    """A client as administrators see it; times in seconds since 1970, 0 for never."""

    def __init__(self, record: ClientRecord, uses: Mapping[str, int] = _NO_USES) -> None:
        """``uses``: when each of its secrets was last used; the empty id is another credential."""
        self.record = record
        self.client_id = record.client_id
        self.tenant = record.tenant
        self.owner = record.owner
        self.created_at = record.issued_at
        self.updated_at = record.updated_at
        self.suspended_at = record.suspended_at
        self.version = record.version
        self.access_token_lifetime = record.access_token_lifetime
        self.access_token_format = record.access_token_format
        bounds = Bounds.from_json(record.bounds)
        self.policy, self.scopes, self.grant_types = (
            bounds.policy,
            bounds.scopes,
            bounds.grant_types,
        )
        self._uses = uses

    @property
    def status(self) -> str:
        return "suspended" if self.record.suspended_at else "active"

    @property
    def last_used_at(self) -> int:
        return max(self._uses.values(), default=0)

    @property
    def metadata(self) -> JsonObject:
        """What it registered, by the names of RFC 7591."""
        made: JsonObject = json.loads(self.record.metadata)
        return made

    @property
    def secrets(self) -> list[SecretView]:
        """Those that work, newest first."""
        return [
            SecretView(each.id, each.issued_at, each.expires_at, self._uses.get(each.id, 0))
            for each in secrets_of(self.record).held
            if each.is_live()
        ]

    @property
    def etag(self) -> str:
        return etag_of(self.record)


class DeletedClientView:
    """A client that can be restored."""

    def __init__(self, record: DeletedClientRecord) -> None:
        self.record = record
        self.client_id = record.client_id
        self.tenant = record.tenant
        self.deleted_at = record.deleted_at_milliseconds // 1000
        self.purge_at = record.purge_at
        self.owner = record.owner
        self.client_name = json.loads(record.client.metadata).get("client_name")


class Listed(NamedTuple):
    """A client in a list, and where the list goes on after it."""

    client: ClientView
    place: Place


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
        return ClientView(record, uses)

    async def clients(
        self,
        tenant: Tenant,
        wanted: Filter,
        sort: Sort,
        after: Place | None,
        limit: int,
        actor: Actor,
    ) -> list[Listed]:
        """The clients that ``wanted`` means, and that ``actor`` may see.

        Raises:
            InvalidInput: ``after`` is no place in this list.
        """
        found = await self._lists.clients.search(
            tenant.name, wanted, sort, after, limit=limit, owner=actor.owner
        )
        return [Listed(ClientView(each.record), each.place) for each in found]

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
