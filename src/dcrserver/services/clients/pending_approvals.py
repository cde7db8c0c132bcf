"""Step: how many clients wait for an approval, as this process last counted them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress

from dcrserver.errors import ProtocolError
from dcrserver.repositories.client_approvals import Waiting
from dcrserver.repositories.transaction import Database

_PAUSE_SECONDS = 30.0


class PendingApprovals:
    """Counts now and then, so that whoever reads the metrics asks the database nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # By tenant; of those that had some once it is told that they have none.
        self._waiting: dict[str, Waiting] = {}

    async def run(self) -> None:
        """Counts until it is cancelled; what was counted stays while the database is away."""
        while True:
            with suppress(ProtocolError):  # others tell of it
                await self.count()
            await asyncio.sleep(_PAUSE_SECONDS)

    async def count(self) -> None:
        """Counts once.

        Raises:
            Unavailable: the database does not answer.
        """
        async with self._database.read() as tx:
            found = await tx.client_approvals.all_waiting()
        none = {tenant: Waiting(tenant, 0, 0) for tenant in self._waiting}
        self._waiting = none | {each.tenant: each for each in found}

    def numbers(self) -> Mapping[tuple[str, ...], float]:
        """Tenant -> how many wait."""
        return {(tenant,): each.number for tenant, each in self._waiting.items()}

    def ages(self) -> Mapping[tuple[str, ...], float]:
        """Tenant -> for how many seconds the first of them has waited; 0: none waits."""
        now = time.time()
        return {
            (tenant,): max(0.0, now - each.oldest) if each.number else 0.0
            for tenant, each in self._waiting.items()
        }
