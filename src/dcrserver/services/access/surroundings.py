"""Step: what statements ask about and no request says: counts of the database, names of DNS.

It is looked up before statements are asked, which do no I/O, and only where one of them asks.
"""

from __future__ import annotations

from collections.abc import Mapping

from dcrserver.fetch.address_names import AddressNames
from dcrserver.metadata import Policy
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.transaction import Database
from dcrserver.services.access.asking import Asking, lasting_for
from dcrserver.services.access.stored_clients import metadata_of
from dcrserver.services.audit import Origin
from dcrserver.strict_json import JsonValue


class Surroundings:
    """Looks up what the statements of a policy ask about."""

    def __init__(self, database: Database, names: AddressNames) -> None:
        self._database = database
        self._names = names

    async def of(
        self,
        asking: Asking,
        policy: Policy,
        members: Mapping[str, JsonValue],
        owner: str | None = None,
        *,
        limits: bool = False,
    ) -> Asking:
        """``asking`` with all that ``policy`` asks about a registration of ``members``.

        ``limits``: also how many clients there are of what is limited, for whoever only looks: a
        moment later there may be more of them.
        """
        if policy.asks_names:
            asking = asking._replace(names=await self._names.of(asking.origin.address))
        wanted = policy.asks_quotas if limits else policy.asks_counts
        if wanted:
            asking = await self._counted(asking, wanted, members, owner)
        return asking

    async def lasting_of(self, policy: Policy, record: ClientRecord, origin: Origin) -> Policy:
        """``policy`` with the lifetimes that its statements give a client that is given something
        anew.
        """
        if not policy.expiring:
            return policy
        metadata = metadata_of(record)
        asking = Asking(record.tenant, origin, record.origin, updates=True)
        asking = await self.of(asking, policy, metadata.members, record.owner)
        return lasting_for(policy, asking, metadata)

    async def _counted(
        self,
        asking: Asking,
        wanted: Mapping[str, int],
        members: Mapping[str, JsonValue],
        owner: str | None,
    ) -> Asking:
        """``asking`` with how many clients there are that have the same as one of ``members``.

        ``wanted``: by what, and up to how many.
        """
        software_id = members.get("software_id")
        values = {
            "tenant": asking.tenant,
            "origin": asking.born,
            "owner": owner,
            "software_id": software_id if isinstance(software_id, str) else None,
        }
        found: dict[str, int] = {}
        async with self._database.read() as tx:
            for by, most in wanted.items():
                if value := values[by]:
                    found[by] = await tx.client_quotas.count(asking.tenant, by, value, most + 1)
        return asking._replace(counts=found)
