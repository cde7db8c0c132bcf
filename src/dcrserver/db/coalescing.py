"""Waiting inserts share one durable commit.

A registration is nothing but inserts. While one batch is being committed the next ones queue up,
then go together: one commit (one fsync) and one statement per table for all of them. An idle
server commits at once; nothing waits for a timer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy.sql.dml import Insert

from dcrserver.db.failures import is_absence, is_conflict
from dcrserver.errors import Unavailable

# A statement built once at import, and the values of one row.
PendingInsert: TypeAlias = tuple[Insert, dict[str, Any]]
Write: TypeAlias = Callable[[Sequence[PendingInsert]], Awaitable[None]]

_MAX_BATCH = 64
_MAX_WAITING = 2048


@dataclass(slots=True)
class _Entry:
    inserts: list[PendingInsert]
    done: asyncio.Future[None]


class Coalescer:
    """Commits lists of inserts, each list whole or not at all."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._waiting: list[_Entry] = []
        self._worker: asyncio.Task[None] | None = None

    async def commit(self, inserts: list[PendingInsert]) -> None:
        """Returns when ``inserts`` are durable.

        Raises:
            Unavailable: too many are waiting already.
            Exception: whatever the database says of these very inserts.
        """
        if len(self._waiting) >= _MAX_WAITING:
            raise Unavailable("the server is busy; try again later", detail="insert queue is full")
        entry = _Entry(inserts, asyncio.get_running_loop().create_future())
        self._waiting.append(entry)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._run())
        await entry.done

    async def drain(self) -> None:
        """Returns when everything that waits has been committed or refused."""
        if self._worker is not None:
            await self._worker

    async def _run(self) -> None:
        while self._waiting:
            batch, self._waiting = (
                self._waiting[:_MAX_BATCH],
                self._waiting[_MAX_BATCH:],
            )
            # Whose request was cancelled meanwhile was promised nothing.
            wanted = [entry for entry in batch if not entry.done.done()]
            if wanted:
                await self._commit(wanted)

    async def _commit(self, batch: list[_Entry]) -> None:
        try:
            await self._write([insert for entry in batch for insert in entry.inserts])
        except Exception as error:  # noqa: BLE001 - handed to those who wait
            if len(batch) == 1 or is_absence(error) or is_conflict(error):
                # No row is to blame. Trying each would wait for the database as many times, and
                # after a lost answer to COMMIT they may all be there.
                for entry in batch:
                    _fail(entry, error)
                return
            # One bad row must not fail the others: each gets a commit of its own.
            for entry in batch:
                await self._commit([entry])
        else:
            for entry in batch:
                if not entry.done.done():  # its request may have been cancelled
                    entry.done.set_result(None)


def _fail(entry: _Entry, error: Exception) -> None:
    if not entry.done.done():
        entry.done.set_exception(error)
