"""Step: a client is at its targets before a person is sent there with it."""

from __future__ import annotations

from collections.abc import Sequence

from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.services.provisioning.before import BeforeAnswer
from dcrserver.services.provisioning.targets import Target, Targets
from dcrserver.slots import without_slot


class Presence:
    """Tells targets of clients that they never had, such as those of before a connector came."""

    def __init__(self, database: Database, targets: Targets, before: BeforeAnswer) -> None:
        self._database = database
        self._targets = targets
        self._before = before

    async def is_there(self, record: ClientRecord) -> bool:
        """Whether its targets have the client, which they are told of now where they do not."""
        targets = self._targets.of(record.tenant)
        if not (missing := await self._missing(record, targets)):
            return True

        async def begin(tx: Transaction) -> None:
            there = await tx.client_links.of_client(record.tenant, record.client_id)
            known = {each.connector for each in there}
            for target in missing:
                if target.name not in known:
                    tx.client_links.begin(record.tenant, record.client_id, target.name)

        await self._database.transact(begin)
        async with without_slot():
            await self._before.settle_at(missing, record.tenant, record.client_id)
        return not await self._missing(record, missing)

    async def _missing(self, record: ClientRecord, targets: Sequence[Target]) -> list[Target]:
        if not targets:
            return []
        async with self._database.read() as tx:
            links = await tx.client_links.of_client(record.tenant, record.client_id)
        told = {each.connector for each in links if each.applied}
        return [each for each in targets if each.name not in told]
