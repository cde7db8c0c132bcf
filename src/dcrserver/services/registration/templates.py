"""Step: the client whose metadata are the defaults of a new one, by its client_id or its name."""

from __future__ import annotations

import json

from dcrserver.metadata import VERIFIED
from dcrserver.names import ClientOrigin
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.queries import Lists
from dcrserver.repositories.queries.clients import Filter
from dcrserver.repositories.transaction import Database
from dcrserver.services.audit.actors import Actor
from dcrserver.services.registration.facts import Wrong, refusal
from dcrserver.strict_json import JsonObject
from dcrserver.tenants import Tenant

# As many of one name are looked at: whose they are, no index tells.
_MAX_OF_A_NAME = 20


class Templates:
    """Finds templates. A client_id goes before a name, which several clients may have."""

    def __init__(self, database: Database, lists: Lists) -> None:
        self._database = database
        self._lists = lists

    async def members(self, tenant: Tenant, named: str, actor: Actor) -> JsonObject:
        """The metadata of the client that is ``named``, less what somebody vouched for.

        Raises:
            BadChoice: no client of ``actor``'s is called so, or several are.
            InsufficientScope: ``actor`` may read none, as the answer would tell what it is.
        """
        actor.require("clients:read")
        async with self._database.read() as tx:
            found = await tx.clients.find(tenant.name, named)
        if found is None or not actor.sees(found.owner):
            found = await self._by_name(tenant, named, actor)
        members: JsonObject = json.loads(found.metadata)
        return {name: value for name, value in members.items() if name not in VERIFIED}

    async def _by_name(self, tenant: Tenant, name: str, actor: Actor) -> ClientRecord:
        """Anybody may call its client so: those count that administrators made, and for ``actor``,
        so that nobody else says where the users of its clients are sent.

        Raises:
            BadChoice: no client of ``actor``'s has this client_name, or several have.
        """
        made = Filter({"origin": ClientOrigin.ADMINISTRATOR.word}, {"client_name": name})
        wanted = made.of_owner(actor.owner)
        page = await self._lists.clients.page(tenant.name, wanted, limit=_MAX_OF_A_NAME)
        found = [record for record in page if record.owner == actor.owner]
        if len(found) > 1 or len(page) == _MAX_OF_A_NAME:
            told = "is the name of several clients; say the client_id of the one that is meant"
            raise refusal(Wrong("template", told))
        if not found:
            told = "must be the client_id of a client, or the name of one that administrators made"
            raise refusal(Wrong("template", told))
        return found[0]
