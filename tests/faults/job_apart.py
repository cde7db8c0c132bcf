"""A worker in a process of its own, which says when its only job begins and ends.

What the job writes it counts in the row of its process in ``last_uses``. Some freeze themselves
between two writes: with SQLite, who is frozen within one holds up all who write.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from dcrserver.db.protocol.drivers import open_driver
from dcrserver.repositories.transaction import Database, Transaction, Writer
from dcrserver.services.upkeep.leases import Leases
from dcrserver.services.upkeep.runner import Job, JobRunner
from dcrserver.settings import TelemetrySettings
from dcrserver.telemetry import Metrics, configure_logging
from harness.application import settings

_WRITES = 10_000


def say(what: str) -> None:
    """One line, in the order of what happens in all processes."""
    os.write(1, f"{what} {os.getpid()}\n".encode())


async def main(url: str, name: str, lease_seconds: int, freezes_after: int) -> None:
    key = ("default", name, str(os.getpid()))
    written = 0

    async def count(tx: Transaction) -> None:
        await tx.last_uses.write({key: written})

    async def work(writer: Writer) -> None:
        nonlocal written
        say("begins")
        for _ in range(_WRITES):
            written += 1
            await writer.transact(count)
            if written == freezes_after:
                say("freezes")
                signal.raise_signal(signal.SIGSTOP)
            await asyncio.sleep(0.01)
        say("ends")

    database = Database(open_driver(settings(url).database))
    runner = JobRunner(Leases(database, lease_seconds), [Job(name, 1, work)], Metrics())
    say("waits")
    await runner.run()


configure_logging(TelemetrySettings())
asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
