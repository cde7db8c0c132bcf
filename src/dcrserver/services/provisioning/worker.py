"""Use case: links that are due are worked on, by each process that is a worker.

A claim is of one link, so that workers share what there is to do, and the end of one of them holds
up what it had in hand and no more.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from contextlib import suppress

from dcrserver.errors import ProtocolError
from dcrserver.logger import Logger
from dcrserver.names import LinkState
from dcrserver.repositories.client_links import ClientLinkRecord, LinkCount
from dcrserver.repositories.transaction import Database
from dcrserver.services.provisioning.delivery import Delivery
from dcrserver.services.provisioning.targets import Target, Targets

_log = Logger(__name__)
# How often a target's links are looked for that another process raised, or that are due again.
_LOOK_SECONDS = 1.0
# Of those that are due, so many are read at once.
_AT_ONCE = 200
_COUNT_SECONDS = 15.0


class ProvisioningWorker:
    """Works on the links of all targets until it is cancelled."""

    def __init__(self, database: Database, targets: Targets, delivery: Delivery) -> None:
        self._database = database
        self._targets = targets
        self._delivery = delivery
        # By connector, as they were counted a moment ago.
        self.counts: dict[str, list[LinkCount]] = {}

    async def run(self) -> None:
        """Until it is cancelled; what is in hand then is left to others."""
        async with asyncio.TaskGroup() as group:
            for target in self._targets:
                group.create_task(self._keep_level(target))
            group.create_task(self._keep_counting())

    def differing(self) -> dict[tuple[str, ...], float]:
        """(connector, state) -> links that are not as they should be."""
        return {
            (count.connector, count.state): float(count.links)
            for counts in self.counts.values()
            for count in counts
            if count.state != LinkState.RESERVED
        }

    def lags(self) -> dict[tuple[str, ...], float]:
        """(connector,) -> seconds since when the first of its links differs; 0: none does."""
        now = time.time()
        return {
            (name,): max([now - each.oldest / 1000 for each in counts if _waits(each)], default=0.0)
            for name, counts in self.counts.items()
        }

    async def _keep_level(self, target: Target) -> None:
        waiting: deque[ClientLinkRecord] = deque()
        async with asyncio.TaskGroup() as group:
            running: set[asyncio.Task[None]] = set()
            while True:
                target.nudged.clear()
                has_more = bool(waiting)
                if not waiting:
                    waiting.extend(await self._due(target))
                    has_more = len(waiting) == _AT_ONCE
                while waiting and len(running) < _places(target) and target.breaker.may_try():
                    running.add(group.create_task(self._deliver(waiting.popleft())))
                if target.breaker.is_open:
                    waiting.clear()  # what is due is looked for when somebody answers
                running = await _pause(target, running, has_more=has_more or bool(waiting))

    async def _due(self, target: Target) -> list[ClientLinkRecord]:
        """In no order, so that workers do not meet at each."""
        try:
            async with self._database.read() as tx:
                limit = 1 if target.breaker.is_open else _AT_ONCE
                found = list(await tx.client_links.due(target.name, limit))
        except ProtocolError as error:
            _log.warning("client_links_wait", error=error.description, detail=error.detail)
            return []
        random.shuffle(found)
        return found

    async def _deliver(self, link: ClientLinkRecord) -> None:
        try:
            await self._delivery.deliver(link)
        except ProtocolError as error:  # the database is away: whoever looks later takes over
            _log.warning("client_links_wait", error=error.description, detail=error.detail)

    async def _keep_counting(self) -> None:
        while True:
            with suppress(ProtocolError):
                for target in self._targets:
                    async with self._database.read() as tx:
                        self.counts[target.name] = list(await tx.client_links.counts(target.name))
            await asyncio.sleep(_COUNT_SECONDS)


def _waits(count: LinkCount) -> bool:
    return count.state in {LinkState.PENDING, LinkState.GONE}


def _places(target: Target) -> int:
    return 1 if target.breaker.is_open else target.settings.concurrency


async def _pause(
    target: Target, running: set[asyncio.Task[None]], *, has_more: bool
) -> set[asyncio.Task[None]]:
    """Until there may be something to do: those that still run."""
    if has_more and running:
        _, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        return running
    with suppress(TimeoutError):
        async with asyncio.timeout(_LOOK_SECONDS):
            await target.nudged.wait()
    return {task for task in running if not task.done()}
