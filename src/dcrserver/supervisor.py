"""The parent of several workers: forks them, keeps them running, and leaves none behind.

They are forked when everything is loaded and the configuration was judged, so a start costs little
and what is loaded is in the memory once. Forked is only what has no thread, event loop or
connection: the parent's log is halted meanwhile, and all else a worker opens for itself.
"""

from __future__ import annotations

import ctypes
import gc
import multiprocessing
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from socket import socket

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess
from uvicorn.supervisors.multiprocess import SIGNALS, Process

from dcrserver.logger import Logger
from dcrserver.telemetry import stderr_writer

_log = Logger(__name__)
_FORK = multiprocessing.get_context("fork")
# From <linux/prctl.h>.
_PR_SET_PDEATHSIG = 1
_MAX_PAUSE_SECONDS = 10.0
_START_SECONDS = 60.0
_LOOK_SECONDS = 0.1


class _Worker(Process):
    """A process that was forked; ``begin`` rids it of what is its parent's.

    It answers nobody until it serves, which takes long on a busy machine. ``patience``: seconds
    that it may take to end when it is told to; then it is frozen, and is killed.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        sockets: list[socket],
        begin: Callable[[], None],
        patience: float,
    ) -> None:
        super().__init__(config, sockets)
        self._begin = begin
        self._patience = patience
        self._ended_by: float | None = None
        self.process = _FORK.Process(target=self.target, args=[sockets])  # type: ignore[assignment]
        self._has_answered = False
        self._started_by = time.monotonic() + _START_SECONDS

    def is_alive(self, timeout: float = 5) -> bool:
        if super().is_alive(timeout):
            self._has_answered = True
            return True
        return not self._has_answered and self._is_waited_for()

    def is_starting(self) -> bool:
        """It does not serve yet, and nothing says that it will not."""
        return self._is_waited_for() and not self.is_ready(timeout=1)

    def terminate(self) -> None:
        """Tells it to finish what it has in hand, and to end."""
        self._ended_by = time.monotonic() + self._patience
        super().terminate()

    def is_leaving(self) -> bool:
        """It was told to end, has not yet, and still may take a while."""
        return self.process.is_alive() and not self._is_overdue()

    def join(self) -> None:
        """Until it has ended; one that was told to and does not is killed."""
        if self._ended_by is not None:
            self.process.join(max(0.0, self._ended_by - time.monotonic()))
            if self.process.is_alive():
                _log.error("worker_killed", seconds=self._patience)
                self.process.kill()
        self.process.join()

    def _is_overdue(self) -> bool:
        return self._ended_by is not None and time.monotonic() >= self._ended_by

    def _is_waited_for(self) -> bool:
        return time.monotonic() < self._started_by and self.process.is_alive()

    def always_pong(self) -> None:
        """Tells the parent that we are there, until it closes its end, as we are to stop."""
        with suppress(EOFError, OSError):
            super().always_pong()

    def target(self, sockets: list[socket] | None = None) -> None:
        """What the new process does."""
        self.parent_conn.close()
        self._begin()
        try:
            with suppress(KeyboardInterrupt):
                super().target(sockets)
        finally:
            # Nothing else runs at the exit of a process that was forked.
            stderr_writer().drain()


class Workers(Multiprocess):
    """Uvicorn's supervisor, which would stop all workers when one cannot start again.

    What hinders one (the database, a full disk) may pass; meanwhile the others serve.
    ``patience``: see ``_Worker``.
    """

    processes: list[_Worker]  # type: ignore[assignment]
    _is_told = False

    def __init__(self, config: uvicorn.Config, sockets: list[socket], patience: float) -> None:
        self._patience = patience
        self._handlers = {number: signal.getsignal(number) for number in SIGNALS}
        super().__init__(config, sockets)
        # By the worker's place: when it is tried again, and how often it failed in a row.
        self._again_at: dict[int, float] = {}
        self._failed: Counter[int] = Counter()
        # Replaced, and not yet done with what it has in hand.
        self._leaving: _Worker | None = None

    def init_processes(self) -> None:
        for _ in range(self.processes_num):
            self.processes.append(self._started())

    def run(self) -> None:
        """Runs the workers until told to stop.

        Raises:
            SystemExit: no worker could start, or start again.
        """
        self.config.load()
        self.config.get_loop_factory()  # which loads it
        # What a collector never looks at is never copied by its looking.
        gc.collect()
        gc.freeze()
        super().run()
        if not self._is_told:
            _log.error("no_worker_can_start")
            sys.exit(STARTUP_FAILURE)

    def handle_term(self) -> None:
        """Uvicorn: SIGTERM; the workers are to end."""
        self._is_told = True
        super().handle_term()

    def handle_int(self) -> None:
        """Uvicorn: SIGINT; the workers are to end."""
        self._is_told = True
        super().handle_int()

    def keep_subprocess_alive(self) -> None:
        for place, process in enumerate(self.processes):
            if self.should_exit.is_set():
                return
            if place in self._again_at:
                self._try_again(place)
            elif not process.is_alive(timeout=self.config.timeout_worker_healthcheck):
                process.kill()  # it may hang
                process.join()
                self._mourn(place, process.exitcode)
            elif process.is_ready(timeout=1):
                self._failed.pop(place, None)

    def _mourn(self, place: int, status: int | None) -> None:
        """Plans what comes after a worker that ended: who was killed may start again at once."""
        if status is None or status < 0:
            _log.error("worker_died", status=status)
            self._again_at[place] = 0.0
            return
        if not any(each.process.is_alive() for each in self.processes):
            self.should_exit.set()  # nobody serves, and this would go on for ever
            return
        pause = min(2.0 ** self._failed[place], _MAX_PAUSE_SECONDS)
        self._failed[place] += 1
        self._again_at[place] = time.monotonic() + pause
        _log.error("worker_cannot_start", status=status, again_in=pause)

    def _try_again(self, place: int) -> None:
        if time.monotonic() >= self._again_at[place]:
            del self._again_at[place]
            self.processes[place] = self._started()

    def restart_all(self) -> None:
        """Replaces each worker when its successor serves, and none from one on that cannot start.

        They have the configuration that this process read as it started.
        """
        for place in range(len(self.processes)):
            new = self._started()
            self._keep_others_alive(new.is_starting)
            if self._is_to_end():
                self.processes.append(new)  # ends with the others
                return
            if not new.is_ready():
                new.kill()
                new.join()
                _log.error("worker_cannot_start", status=new.exitcode)
                return
            old, self.processes[place] = self.processes[place], new
            self._again_at.pop(place, None)  # where it died meanwhile
            old.terminate()
            self._leaving = old
            self._keep_others_alive(old.is_leaving)
            if not self._is_to_end():
                old.join()

    def join_all(self) -> None:
        """Waits until all have ended, also one that was being replaced."""
        super().join_all()
        if self._leaving is not None:
            self._leaving.join()

    def _keep_others_alive(self, lasts: Callable[[], bool]) -> None:
        """While ``lasts``, unless we are told to end."""
        while lasts() and not self._is_to_end():
            self.keep_subprocess_alive()
            time.sleep(_LOOK_SECONDS)

    def _is_to_end(self) -> bool:
        """Told by a signal that waits to be handled, which goes before what we do; or no worker is
        left.
        """
        told = not {signal.SIGTERM, signal.SIGINT}.isdisjoint(self.signal_queue)
        return told or self.should_exit.is_set()

    def handle_ttin(self) -> None:
        """Uvicorn: SIGTTIN; there is to be one more worker."""
        self.processes_num += 1
        self.processes.append(self._started())

    def _started(self) -> _Worker:
        process = _Worker(self.config, self.sockets, self._become_worker, self._patience)
        with stderr_writer().halted(), _signals_waiting():
            process.start()
        return process

    def _become_worker(self) -> None:
        """In a process that was just forked, before anything else."""
        stderr_writer().begin()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        for other in self.processes:
            other.parent_conn.close()
            other.child_conn.close()
        _end_with_parent()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


@contextmanager
def _signals_waiting() -> Iterator[None]:
    """None is lost to a handler of the parent's in a process that was just forked."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def _end_with_parent() -> None:
    """A worker whose parent was killed would keep the port from the next server (Linux only)."""
    parent = multiprocessing.parent_process()
    if parent is None or sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent.pid:  # it went before we asked
        signal.raise_signal(signal.SIGTERM)
