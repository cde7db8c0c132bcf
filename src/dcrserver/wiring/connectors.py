"""What tells authorization servers of clients."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

from dcrserver.connectors.build import build
from dcrserver.errors import Unavailable
from dcrserver.repositories.transaction import Database
from dcrserver.security import SecretBox
from dcrserver.services.provisioning.before import BeforeAnswer
from dcrserver.services.provisioning.delivery import Delivery
from dcrserver.services.provisioning.presence import Presence
from dcrserver.services.provisioning.targets import Target, Targets
from dcrserver.services.provisioning.worker import ProvisioningWorker
from dcrserver.services.secrets.client_secrets import SecretIssuer
from dcrserver.services.secrets.sealing import Sealing
from dcrserver.settings import ConfigurationError, Settings
from dcrserver.slots import without_slot


class Provisioning:
    """The steps, on one database."""

    def __init__(self, database: Database, targets: Targets, box: SecretBox) -> None:
        self._database = database
        self.targets = targets
        self.sealing = Sealing(box, targets.are_wanted)
        # (connector, outcome) -> how often.
        self.outcomes: Counter[tuple[str, ...]] = Counter()
        self.delivery = Delivery(database, targets, self.sealing, self._count)
        self.worker = ProvisioningWorker(database, targets, self.delivery)
        # None: nobody waits for anything.
        self.before: BeforeAnswer | None = None
        self.presence: Presence | None = None
        if targets:
            issuer = SecretIssuer(box, self.sealing)
            self.before = BeforeAnswer(database, targets, self.delivery, self.sealing, issuer)
            self.presence = Presence(database, targets, self.before)

    def listen(self) -> None:
        """From now on targets are told of what is written."""
        self._database.after_raising = self._raised

    def _count(self, connector: str, outcome: str) -> None:
        self.outcomes[connector, outcome] += 1

    async def work(self) -> None:
        """Works on what is due, until it is cancelled."""
        if not self.targets:
            await self.rest()
        await self.worker.run()

    async def rest(self) -> None:
        """Until it is cancelled: others are the workers."""
        await asyncio.Event().wait()

    async def _raised(self, raised: Sequence[tuple[str, str]]) -> None:
        """Whoever changed one client waits for its targets, and whoever changed many does not."""
        waits = len(raised) == 1 and self.before is not None
        for target in self.targets:
            if not (waits and target.is_before):
                target.nudged.set()
        if waits and self.before is not None:
            with suppress(Unavailable):  # its slot was taken meanwhile: it has its answer
                async with without_slot():
                    await self.before.settle(*raised[0])
            self.targets.nudge()


def targets_of(settings: Settings) -> Targets:
    """The targets that are configured; none of them is asked yet.

    Raises:
        ConfigurationError: one cannot be served as it is configured.
    """
    if not settings.connectors:
        return Targets()
    if not settings.secrets.encryption_keys:
        raise ConfigurationError(
            "connectors: secrets.encryption_keys must be set, as secrets of clients wait encrypted"
            " until the authorization servers have them"
        )
    made = [Target(name, build(name, group), group) for name, group in settings.connectors.items()]
    minting = [target for target in made if target.connector.mints]
    for target in minting:
        if not target.is_before:
            raise ConfigurationError(
                f'connectors.{target.name}: provision must be "before", as this server chooses'
                " client_id and client_secret itself"
            )
    for one, other in itertools.combinations(minting, 2):
        if _share_a_tenant(one.settings.tenants, other.settings.tenants):
            raise ConfigurationError(
                f"connectors.{other.name}: {one.name} chooses the client_id of the same tenants,"
                " and a client has one"
            )
    return Targets(made)


def _share_a_tenant(one: Sequence[str], other: Sequence[str]) -> bool:
    return not one or not other or not {*one}.isdisjoint(other)
