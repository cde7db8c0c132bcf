"""Step: tenants and policies that are stored, as this process knows them.

Each process looks at one number once a second, and reads what has changed when it has. While the
database is away it goes on with what it has.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from dcrserver.errors import ProtocolError, Unavailable
from dcrserver.logger import Logger
from dcrserver.repositories.dcr_configurations import DcrConfigurationRecord
from dcrserver.repositories.queries import Lists
from dcrserver.repositories.stored_policies import StoredPolicyRecord
from dcrserver.repositories.stored_tenants import StoredTenantRecord
from dcrserver.repositories.transaction import AlreadyThere, Database, Transaction
from dcrserver.services.audit import Origin

_log = Logger(__name__)
# Between two looks; processes that were started together need not look together.
_PAUSE_SECONDS = (0.7, 1.0)
# Each lost attempt means that another administrator has changed something.
_ATTEMPTS = 20
# Of the columns that tell who changed something.
_NAME_LENGTH = 128

PolicyKey: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True)
class StoredChanges:
    """What is not as it was, and the names of all there are: whatever else is known is no more.

    ``policies``: those that are active, of which ``policy_names`` has the tenants and names; and
    versions that bind for life (``policy.binding``), active or not.
    ``registrations``: what is configured for registration by Asgardeo's API, and
    ``registration_tenants`` has the tenants of all.
    """

    tenants: Sequence[StoredTenantRecord]
    tenant_names: Collection[str]
    policies: Sequence[StoredPolicyRecord]
    policy_names: Collection[PolicyKey]
    registrations: Sequence[DcrConfigurationRecord]
    registration_tenants: Collection[str]


Take: TypeAlias = Callable[[StoredChanges], Awaitable[None]]


class StoredConfiguration:
    """``take`` gets what has changed, and makes it count."""

    def __init__(self, database: Database, lists: Lists, take: Take) -> None:
        self._database = database
        self._lists = lists
        self._take = take
        self._number = 0
        # Whether all that is stored was ever known.
        self.is_known = False
        self._looked_at = time.monotonic()
        self._looking = asyncio.Lock()

    def age(self) -> float:
        """Seconds since this process knew all that is stored, or since it began."""
        return time.monotonic() - self._looked_at

    async def load(self) -> None:
        """What is there; a database that is away, or has no schema, has nothing."""
        try:
            if await self._database.not_ready_reason() is None:
                await self.look()
        except ProtocolError:  # whoever needs it says so
            return

    async def run(self) -> None:
        """Looks for changes until it is cancelled."""
        failing = False
        while True:
            try:
                await self.look()
                failing = False
            except ProtocolError as error:
                if not failing:
                    _log.warning("stored_configuration_kept", detail=error.detail)
                failing = True
            await asyncio.sleep(random.uniform(*_PAUSE_SECONDS))  # noqa: S311 - no secret

    async def look(self) -> None:
        """Makes what has changed count.

        Raises:
            Unavailable: the database does not answer; what was known stays.
        """
        async with self._looking:
            started_at = time.monotonic()
            async with self._database.read() as tx:
                number = await tx.configuration_changes.number()
            if number != self._number:
                await self._read(number)
            self._looked_at, self.is_known = started_at, True

    async def change(self, work: Callable[[Transaction, int], Awaitable[None]]) -> None:
        """One change by ``work``, which gets its number, on top of all that is known here.

        Whoever checked something before calls ``look`` first: what was checked still holds when
        this is committed.

        Raises:
            Raced: something was changed meanwhile, and nothing is written.
            Unavailable: the database does not answer.
        """
        known = self._number

        async def write(tx: Transaction) -> bool:
            if not await tx.configuration_changes.advance(known):
                return False
            await work(tx, known + 1)
            return True

        try:
            done = await self._database.transact(write)
        except AlreadyThere:
            done = False
        if not done:
            raise Raced

    async def changing(self, attempt: Callable[[], Awaitable[None]]) -> None:
        """Makes the ``attempt``, which checks and calls ``change``, until nobody was faster.

        It counts in this process when this returns.

        Raises:
            Unavailable: somebody else always was, or the database does not answer.
        """
        for _ in range(_ATTEMPTS):
            await self.look()
            try:
                await attempt()
            except Raced:
                continue
            await self.look()
            return
        raise Unavailable("the configuration is being changed by others; try again")

    async def _read(self, number: int) -> None:
        """The number was read before all else: what is newer than it is read again later."""
        # One that went back is of a database that was restored.
        after = self._number if number > self._number else 0
        lists = self._lists.configuration
        await self._take(
            StoredChanges(
                await lists.tenants(after),
                await lists.tenant_names(),
                await lists.policies_that_count(after),
                await lists.policy_names(),
                await lists.registrations(after),
                await lists.registration_tenants(),
            )
        )
        self._number = number


def told_by(origin: Origin) -> str:
    """Who changed something, as what is stored tells it."""
    return str(origin.actor)[:_NAME_LENGTH]


class Raced(Exception):
    """Another change was made since the last look: what was checked may not hold any more."""
