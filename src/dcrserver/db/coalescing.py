"""Work that waits shares one durable commit.

While one batch is being committed the next ones queue up, then go together: one commit (one
fsync) for all of them. An idle server commits at once; nothing waits for a timer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

import structlog

from dcrserver.db.failures import Absent, Conflict
from dcrserver.errors import Unavailable

_log = structlog.get_logger(__name__)
Work = TypeVar("Work")


@dataclass(frozen=True, slots=True)
class Failed:
    """What one piece of work came to, while the others of its batch are well."""

    error: BaseException


# The results of a batch, in its order.
Outcomes: TypeAlias = Sequence[Any]

_MAX_BATCH = 64
_MAX_WAITING = 2048
# A resource is given back after so many batches, if more work follows or not: others want it too.
_MAX_BATCHES = 16


@dataclass(slots=True)
class _Entry(Generic[Work]):
    work: Work
    done: asyncio.Future[Any]


class Coalescer(Generic[Work]):
    """Commits pieces of work, each whole or not at all.

    ``write`` takes what ``resource`` yields, and a batch.
    """

    def __init__(
        self,
        write: Callable[[Any, Sequence[Work]], Awaitable[Outcomes]],
        resource: Callable[[], AbstractAsyncContextManager[Any]] = nullcontext,
    ) -> None:
        self._write = write
        self._resource = resource
        self._waiting: list[_Entry[Work]] = []
        self._worker: asyncio.Task[None] | None = None

    async def commit(self, work: Work) -> Any:  # noqa: ANN401 - what ``write`` made of it
        """The result of ``work``, when it is durable.

        Raises:
            Unavailable: too many are waiting already.
            Exception: whatever came of this very work.
        """
        if len(self._waiting) >= _MAX_WAITING:
            raise Unavailable("the server is busy; try again later", detail="write queue is full")
        entry = _Entry(work, asyncio.get_running_loop().create_future())
        self._waiting.append(entry)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._run())
        return await entry.done

    async def drain(self) -> None:
        """Returns when everything that waits has been committed or refused."""
        if self._worker is not None:
            await self._worker

    async def _run(self) -> None:
        while self._waiting:
            batch: list[_Entry[Work]] | None = None
            try:
                async with self._resource() as resource:
                    for _ in range(_MAX_BATCHES):
                        batch = self._next(_MAX_BATCH)
                        if not batch:
                            break
                        is_well = await self._commit(resource, batch)
                        batch = []
                        if not is_well:
                            break
            except Exception as error:  # noqa: BLE001 - handed to those who wait
                # Without a resource nobody can be served who waits now; trying again for each
                # would take as many times as long. Who was told already is not told again.
                for entry in self._next(_MAX_WAITING) if batch is None else batch:
                    _tell(entry.done, Failed(error))
                _log.warning("batch_failed", detail=str(error))

    def _next(self, count: int) -> list[_Entry[Work]]:
        """Those whose turn it is; who was cancelled meanwhile was promised nothing."""
        batch, self._waiting = self._waiting[:count], self._waiting[count:]
        return [entry for entry in batch if not entry.done.done()]

    async def _commit(self, resource: Any, batch: list[_Entry[Work]]) -> bool:  # noqa: ANN401
        """Whether the resource can be used again."""
        is_well = True
        try:
            outcomes = await self._write(resource, [entry.work for entry in batch])
        except (Absent, Conflict) as error:
            # No row is to blame. Trying each would wait for the database as many times, and
            # after a lost answer to COMMIT they may all be there.
            outcomes = [Failed(error)] * len(batch)
            is_well = not isinstance(error, Absent)
        except Exception as error:  # noqa: BLE001 - handed to those who wait
            if len(batch) > 1:
                # One bad row must not fail the others: each gets a commit of its own.
                return all([await self._commit(resource, [entry]) for entry in batch])
            outcomes = [Failed(error)]
        for entry, outcome in zip(batch, outcomes, strict=True):
            _tell(entry.done, outcome)
        return is_well


def _tell(done: asyncio.Future[Any], outcome: Any) -> None:  # noqa: ANN401
    if done.done():  # its request may have been cancelled
        return
    if isinstance(outcome, Failed):
        done.set_exception(outcome.error)
    else:
        done.set_result(outcome)
