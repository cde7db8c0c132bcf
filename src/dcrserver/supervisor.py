"""The parent of several workers: keeps them running, and leaves none behind."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import time
from collections import Counter
from socket import socket

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess
from uvicorn.supervisors.multiprocess import Process

from dcrserver.logger import Logger

_log = Logger(__name__)
# From <linux/prctl.h>.
_PR_SET_PDEATHSIG = 1
_MAX_PAUSE_SECONDS = 10.0
_START_SECONDS = 60.0


class _Worker(Process):
    """Answers nobody until all is imported, which takes long on a busy machine."""

    def __init__(self, config: uvicorn.Config, sockets: list[socket]) -> None:
        super().__init__(config, sockets)
        self._has_answered = False
        self._started_by = time.monotonic() + _START_SECONDS

    def is_alive(self, timeout: float = 5) -> bool:
        if super().is_alive(timeout):
            self._has_answered = True
            return True
        is_starting = not self._has_answered and time.monotonic() < self._started_by
        return is_starting and self.process.is_alive()


class Workers(Multiprocess):
    """Uvicorn's supervisor, which would stop all workers when one cannot start again.

    What hinders one (a file, the database) may pass; meanwhile the others serve.
    """

    _is_told = False

    def __init__(self, config: uvicorn.Config, sockets: list[socket]) -> None:
        super().__init__(config, sockets)
        # By the worker's place: when it is tried again, and how often it failed in a row.
        self._again_at: dict[int, float] = {}
        self._failed: Counter[int] = Counter()

    def init_processes(self) -> None:
        for _ in range(self.processes_num):
            self.processes.append(self._started())

    def run(self) -> None:
        """Until told to stop.

        Raises:
            SystemExit: no worker could start, or start again.
        """
        super().run()
        if not self._is_told:
            _log.error("no_worker_can_start")
            sys.exit(STARTUP_FAILURE)

    def handle_term(self) -> None:
        self._is_told = True
        super().handle_term()

    def handle_int(self) -> None:
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

    def _started(self) -> Process:
        process = _Worker(self.config, self.sockets)
        process.start()
        return process


def end_with_parent() -> None:
    """A worker whose parent was killed would keep the port from the next server (Linux only)."""
    parent = multiprocessing.parent_process()
    if parent is None or sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent.pid:  # it went before we asked
        signal.raise_signal(signal.SIGTERM)
