"""One deadline for much short work: a timer for each would cost more than the work."""

from __future__ import annotations

import asyncio
from asyncio import CancelledError, Task, TimerHandle
from typing import Any


class Deadline:
    """``with deadline:`` ends what takes longer than ``seconds``, as ``asyncio.timeout`` would.

    For as many tasks at once as there are, but once in each: it is not to be nested.

    Raises:
        TimeoutError: it took longer.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        # Task -> when its time is over; as all have the same time, the first is always the next.
        self._ends: dict[Task[Any], float] = {}
        self._late: set[Task[Any]] = set()
        self._timer: TimerHandle | None = None

    def __enter__(self) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a deadline is for tasks")
        loop = task.get_loop()
        self._ends[task] = loop.time() + self._seconds
        if self._timer is None:
            self._timer = loop.call_later(self._seconds, self._look)

    def __exit__(self, kind: type[BaseException] | None, _error: object, _trace: object) -> None:
        task = asyncio.current_task()
        if self._ends.pop(task, None) is None and task in self._late:  # type: ignore[arg-type]
            self._late.remove(task)
            # Whoever else cancels the task wants to end more than this work.
            if not task.uncancel() and kind is CancelledError:
                raise TimeoutError

    def _look(self) -> None:
        """Ends whose time is over; one timer waits for the next of the others."""
        self._timer = None
        loop = asyncio.get_running_loop()
        while self._ends:
            task, end = next(iter(self._ends.items()))
            if end > loop.time():
                self._timer = loop.call_at(end, self._look)
                return
            del self._ends[task]
            self._late.add(task)
            task.cancel()
