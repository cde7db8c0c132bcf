"""Use case: what has to be done now and then: write last uses, forget what expired, rotate keys."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

from dcrserver.errors import ProtocolError
from dcrserver.logger import Logger
from dcrserver.repositories.transaction import Database
from dcrserver.services.authentication.last_uses import LastUses
from dcrserver.services.tokens.signing_keys import SigningKeys, UnreadableKey
from dcrserver.services.upkeep.certain_time import CertainTime
from dcrserver.tenants import Tenant

_log = Logger(__name__)
_FLUSH_SECONDS = 5.0
# Flushes between two rounds of the rest.
_ROUNDS = 12


class Upkeep:
    """Every process does it; doing it twice is no harm."""

    def __init__(
        self,
        database: Database,
        tenants: Sequence[Tenant],
        last_uses: LastUses,
        keys: SigningKeys,
    ) -> None:
        self._database = database
        self._tenants = tenants
        self._last_uses = last_uses
        self._keys = keys
        self._time = CertainTime()

    async def run(self) -> None:
        """Until it is cancelled."""
        # Processes that were started together need not do it together.
        round_ = random.randrange(_ROUNDS)  # noqa: S311 - no secret
        while True:
            await asyncio.sleep(_FLUSH_SECONDS)
            round_ += 1
            try:
                await self._last_uses.flush()
                if round_ % _ROUNDS == 0:
                    await self.tidy()
            except ProtocolError as error:  # the database is away; the next round may do better
                _log.warning("upkeep_failed", error=error.description, detail=error.detail)
            except Exception:  # noqa: BLE001 - told, and tried again
                _log.exception("upkeep_failed")

    async def tidy(self) -> None:
        """Forgets what has expired, and rotates signing keys that are due.

        Raises:
            Unavailable: the database does not answer.
        """
        now = self._time.now()
        while await self._database.transact(lambda tx: tx.access_tokens.purge(now)):
            pass
        while await self._database.transact(lambda tx: tx.spent_identifiers.purge(now)):
            pass
        for tenant in self._tenants:
            if tenant.issues_tokens:
                await self._rotate(tenant)

    async def _rotate(self, tenant: Tenant) -> None:
        """A key of one tenant that cannot be read is no reason to leave those of others."""
        try:
            await self._keys.rotate(tenant.name)
        except UnreadableKey as error:
            _log.error("signing_keys_not_rotated", tenant=tenant.name, detail=error.detail)
