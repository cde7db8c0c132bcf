"""Servers that need not import: forked off a process that has imported all, see ``zygote``.

Importing is most of what a start takes, and the tests start hundreds. Each process of tests has a
zygote of its own, which ends with it.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
from functools import cache
from pathlib import Path

from harness import forked_command, zygote
from harness.environment import environment
from harness.forked_command import ask


class ForkedProcess:
    """As much of ``subprocess.Popen`` as tests use."""

    def __init__(
        self, args: list[str], cwd: Path, env: dict[str, str], outputs: tuple[int, int]
    ) -> None:
        self.args = args
        self.returncode: int | None = None
        with Path(os.devnull).open("rb") as nothing:
            files = (nothing.fileno(), *outputs)
            self._told = ask(_zygote()[0], args, str(cwd), env, files)
        self.pid = int(self._told.recv(64))

    def poll(self) -> int | None:
        """The exit status; None while it runs."""
        return self.returncode if self._has_ended(0) else None

    def wait(self, timeout: float | None = None) -> int:
        """The exit status, negative for a signal.

        Raises:
            TimeoutExpired: it still runs after ``timeout`` seconds.
        """
        if not self._has_ended(timeout):
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _has_ended(self, seconds: float | None) -> bool:
        if self.returncode is None and select.select([self._told], [], [], seconds)[0]:
            self.returncode = int(self._told.recv(64))
            self._told.close()
        return self.returncode is not None


def command_of_shells() -> tuple[list[str], tuple[int, ...]]:
    """What a shell runs in place of ``dcrserver``, and the files that it has to inherit."""
    asks = _zygote()[0].fileno()
    return [sys.executable, "-IS", forked_command.__file__, str(asks)], (asks,)


@cache
def _zygote() -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """Where to ask it, and the process itself: it ends when nobody can ask any more."""
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with its:
        # -P: the modules beside this one are not to be found by their bare names.
        command = [sys.executable, "-P", zygote.__file__, str(its.fileno())]
        process = subprocess.Popen(command, env=environment(), pass_fds=[its.fileno()])
    return ours, process
