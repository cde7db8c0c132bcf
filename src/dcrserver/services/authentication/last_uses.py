"""Step: when clients and secrets were last used; remembered here, written a few times a minute.

What has not been written when a process is killed is lost: it is a hint for operators, and never
decides what a client may do.
"""

from __future__ import annotations

import asyncio
import time

from dcrserver.errors import ProtocolError
from dcrserver.logger import Logger
from dcrserver.repositories.last_uses import Key
from dcrserver.repositories.transaction import Database, Transaction

_log = Logger(__name__)
_MAX_WAITING = 10_000
FLUSH_SECONDS = 5.0
_BATCH = 500


class LastUses:
    """Remembers when credentials were used, until it is written for many at once."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[Key, int] = {}

    @property
    def waiting(self) -> int:
        """What is not written yet."""
        return len(self._waiting)

    def note(self, tenant: str, client_id: str, secret_id: str = "") -> None:
        """A use now; ``secret_id`` empty where no secret was used."""
        if len(self._waiting) < _MAX_WAITING:
            self._waiting[tenant, client_id, secret_id] = int(time.time())

    async def run(self) -> None:
        """Until it is cancelled: writes what waits, now and then."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            try:
                await self.flush()
            except ProtocolError as error:  # the database is away; the next time may do better
                _log.warning("last_uses_wait", error=error.description, detail=error.detail)

    async def flush(self) -> None:
        """Writes what waits.

        Raises:
            Unavailable: the database does not answer; what waits goes on waiting.
        """
        waiting, self._waiting = self._waiting, {}
        keys = sorted(waiting)
        for start in range(0, len(keys), _BATCH):
            batch = {key: waiting[key] for key in keys[start : start + _BATCH]}

            async def write(tx: Transaction, batch: dict[Key, int] = batch) -> None:
                await tx.last_uses.write(batch)

            try:
                await self._database.transact(write)
            except BaseException:
                left = {key: waiting[key] for key in keys[start:]}
                self._waiting = left | self._waiting
                raise
