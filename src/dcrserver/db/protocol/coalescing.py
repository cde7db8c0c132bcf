"""Work that waits shares one durable commit.

While one batch is being committed the next ones queue up, then go together: one commit (one
fsync) for all of them. An idle server commits at once; nothing waits for a timer. Who waits too
long for its turn is told so, and is never executed after that.
"""

from __future__ import annotations

import asyncio
from asyncio import CancelledError
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from dcrserver.db.failures import Absent, Conflict, DatabaseAway, Locked
from dcrserver.logger import Logger

_log = Logger(__name__)
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
# So often a batch that met a lock waits for one again, each time with a piece of work alone.
_MAX_LOCKED = 3
_PATIENCE_SECONDS = 10.0


@dataclass(slots=True)
class _Entry(Generic[Work]):
    work: Work
    done: asyncio.Future[Any]
    ends_at: float
    has_begun: bool = False


class Coalescer(Generic[Work]):
    """Commits pieces of work, each whole or not at all.

    ``write`` takes what ``resource`` yields, and a batch. ``resource`` sees the error that shows
    that it cannot be used again. ``patience``: how many seconds work waits for its turn.
    """

    def __init__(
        self,
        write: Callable[[Any, Sequence[Work]], Awaitable[Outcomes]],
        resource: Callable[[], AbstractAsyncContextManager[Any]] = nullcontext,
        *,
        patience: float = _PATIENCE_SECONDS,
        batches: int = _MAX_BATCHES,
    ) -> None:
        self._write = write
        self._resource = resource
        self._patience = patience
        self._batches = batches
        self._waiting: list[_Entry[Work]] = []
        self._worker: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        # Since the start: batches and the work in them, who found the queue full, and who waited
        # in it for too long.
        self.batches = self.work = 0
        self.found_full = self.came_too_late = 0

    @property
    def waiting(self) -> int:
        """Pieces of work that no batch has taken yet."""
        return len(self._waiting)

    async def commit(self, work: Work) -> Any:  # noqa: ANN401 - what ``write`` made of it
        """The result of ``work``, when it is durable.

        Cancelled before its turn it is never executed; after that it waits on, as what is being
        committed has to be told, and the caller is cancelled where it waits next.

        Raises:
            DatabaseAway: too many are waiting already.
            Absent: its turn did not come in time.
            Exception: whatever came of this very work.
        """
        entry, task = self._queued(work), asyncio.current_task()
        asked_before = task.cancelling() if task else 0
        try:
            return await entry.done
        except CancelledError:
            if not entry.has_begun:
                raise
        try:
            return await _outcome(entry)
        finally:
            asyncio.get_running_loop().call_soon(_cancel_again, task, asked_before)

    async def ask(self, work: Work) -> Any:  # noqa: ANN401
        """As ``commit``, of what changes nothing: it can be cancelled at any time."""
        return await self._queued(work).done

    def _queued(self, work: Work) -> _Entry[Work]:
        if len(self._waiting) >= _MAX_WAITING:
            self.found_full += 1
            raise DatabaseAway("the server is busy; try again later", detail="write queue is full")
        loop = asyncio.get_running_loop()
        entry = _Entry(work, loop.create_future(), loop.time() + self._patience)
        self._waiting.append(entry)
        if self._timer is None:
            self._timer = loop.call_later(self._patience, self._look)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._run())
        return entry

    async def drain(self) -> None:
        """Returns when everything that waits has been committed or refused."""
        if self._worker is not None:
            await self._worker

    def _look(self) -> None:
        """Tells whose time is over; as all are as patient, the first is always the next."""
        self._timer = None
        loop = asyncio.get_running_loop()
        while self._waiting:
            entry = self._waiting[0]
            if entry.ends_at > loop.time():
                self._timer = loop.call_at(entry.ends_at, self._look)
                return
            del self._waiting[0]
            self._tell_too_late(entry)

    async def _run(self) -> None:
        while self._waiting:
            batch: list[_Entry[Work]] | None = None
            try:
                async with self._resource() as resource:
                    for _ in range(self._batches):
                        batch = self._next(_MAX_BATCH)
                        if not batch:
                            break
                        await self._use(resource, batch)
                        batch = []
            except BaseException as error:
                # Without a resource nobody can be served who waits now; trying again for each
                # would take as many times as long. Who was told already is not told again.
                told = error if isinstance(error, Exception) else Absent("the server ends")
                for entry in self._next(_MAX_WAITING) if batch is None else batch:
                    _tell(entry, Failed(told))
                if told is not error:
                    raise
                _log.warning("batch_failed", detail=str(error))

    def _next(self, count: int) -> list[_Entry[Work]]:
        """Those whose turn it is; who was cancelled meanwhile was promised nothing."""
        batch, self._waiting = self._waiting[:count], self._waiting[count:]
        batch = [entry for entry in batch if not entry.done.done()]
        for entry in batch:
            entry.has_begun = True
        return batch

    async def _use(self, resource: Any, batch: list[_Entry[Work]]) -> None:  # noqa: ANN401
        """
        Raises:
            Absent: the resource is of no use any more.
        """
        obstacle = await self._commit(resource, batch)
        if obstacle is not None and not isinstance(obstacle, Locked):
            raise obstacle

    async def _commit(self, resource: Any, batch: list[_Entry[Work]]) -> Absent | None:  # noqa: ANN401
        """Tells each of ``batch`` what came of it; what shows that the next may fare no better."""
        error: Exception | None = None
        self.batches += 1
        self.work += len(batch)
        try:
            outcomes = await self._write(resource, [entry.work for entry in batch])
        except Exception as raised:  # noqa: BLE001 - handed to those who wait
            error = raised
            if len(batch) > 1 and _concerns_one(error):
                return await self._commit_each(resource, batch)
            outcomes = [Failed(error)] * len(batch)
        for entry, outcome in zip(batch, outcomes, strict=True):
            _tell(entry, outcome)
        return error if isinstance(error, Absent) else None

    async def _commit_each(self, resource: Any, batch: list[_Entry[Work]]) -> Absent | None:  # noqa: ANN401
        """A bad row, or a locked one, must not fail the others: each gets a commit of its own."""
        obstacle: Absent | None = None
        locked = 0
        for entry in batch:
            if obstacle is not None:
                _tell(entry, Failed(obstacle))
                continue
            if entry.ends_at < asyncio.get_running_loop().time():
                self._tell_too_late(entry)
                continue
            error = await self._commit(resource, [entry])
            locked += isinstance(error, Locked)
            if not isinstance(error, Locked) or locked == _MAX_LOCKED:
                obstacle = error
        return obstacle

    def _tell_too_late(self, entry: _Entry[Work]) -> None:
        self.came_too_late += not entry.done.done()
        _tell(entry, Failed(Absent("its turn in the write queue did not come in time")))


def _concerns_one(error: Exception) -> bool:
    """Not if the database is absent: trying each would wait for it as many times, and after a lost
    answer to COMMIT they may all be there. Nor is a row to blame for a conflict.
    """
    return isinstance(error, Locked) or not isinstance(error, Absent | Conflict)


async def _outcome(entry: _Entry[Any]) -> Any:  # noqa: ANN401
    """What came of it, however often it is cancelled who waits: that is soon."""
    while True:
        if entry.done.cancelled():
            entry.done = asyncio.get_running_loop().create_future()
        with suppress(CancelledError):
            return await entry.done


def _cancel_again(task: asyncio.Task[Any] | None, asked_before: int) -> None:
    """Cancels who was cancelled during a commit and knows by now what came of it.

    Not if that was taken back (``Task.uncancel``), as a time limit's is at its end.
    """
    if task is not None and task.cancelling() > asked_before:
        task.uncancel()
        task.cancel()


def _tell(entry: _Entry[Any], outcome: Any) -> None:  # noqa: ANN401
    if entry.done.cancelled():  # who asked may still want to know
        entry.done = entry.done.get_loop().create_future()
    if entry.done.done():
        return
    if isinstance(outcome, Failed):
        entry.done.set_exception(outcome.error)
        entry.done.exception()  # which nobody has to look at
    else:
        entry.done.set_result(outcome)
