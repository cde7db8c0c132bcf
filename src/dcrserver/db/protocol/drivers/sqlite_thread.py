"""The thread that waits for the disk."""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import TypeAlias

_Work: TypeAlias = Callable[[], object]


class WaitingThread:
    """Does work that waits, one piece after the other, while the event loop goes on.

    As ``loop.run_in_executor``, which makes two futures of each piece, and looks at what it is
    given: that takes a twentieth of a registration. The thread begins with the first piece, as a
    process may be forked before.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._work: SimpleQueue[tuple[_Work, Future[None]] | None] = SimpleQueue()
        self._thread: Thread | None = None

    def do(self, work: _Work) -> Future[None]:
        """Done when ``work`` is, or failed by what it raised; whoever gives up does not end it."""
        if self._thread is None:
            self._thread = Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        future: Future[None] = asyncio.get_running_loop().create_future()
        self._work.put((work, future))
        return future

    def close(self) -> None:
        """Returns when all that it was given is done."""
        if self._thread is not None:
            self._work.put(None)
            self._thread.join()

    def _run(self) -> None:
        while (given := self._work.get()) is not None:
            work, future = given
            error: BaseException | None = None
            try:
                work()
            except BaseException as raised:  # noqa: BLE001 - handed to who waits
                error = raised
            with suppress(RuntimeError):  # the loop is closed, and nobody waits
                future.get_loop().call_soon_threadsafe(_settle, future, error)
            del work, future, given


def _settle(future: Future[None], error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
