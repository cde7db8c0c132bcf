"""Where a server's log goes: whoever logs never waits for the reader, and never fails.

A pipe that nobody reads, a pipe that is closed and a disk that is full are the log's trouble; the
requests that are logged must not notice.
"""

from __future__ import annotations

import atexit
import io
import os
import select
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from dcrserver.logger import Logger

_log = Logger(__name__)
# Octets that wait, of one process: ten thousand requests, or what a slow disk takes in a second.
_MAX_WAITING = 4 * 1024 * 1024
# Several processes share one pipe: what is not longer than this is written whole (POSIX write).
_WHOLE = select.PIPE_BUF
# After a write, until the next: a thread that woke for each line would slow the event loop down.
_PAUSE_SECONDS = 0.01
_FLUSH_SECONDS = 2.0


class LogWriter(io.TextIOBase):
    """A stream with a bounded queue behind it, and a thread that writes to ``descriptor``."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.begin()
        atexit.register(self.drain)

    def begin(self) -> None:
        """Starts with nothing that waits, as a process must that was just forked: its parent writes
        what waited, and threads and locks that are held are not forked along.
        """
        self._lock = threading.Lock()
        self._lines: deque[bytes] = deque()
        self._waiting = 0
        self._wake = threading.Event()
        self._is_torn = False
        self._told = 0
        self.dropped = 0
        self._start()

    def _start(self) -> None:
        self._halt = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=[self._halt], name="log", daemon=True
        )
        self._thread.start()

    @contextmanager
    def halted(self) -> Iterator[None]:
        """Without the thread, so that the process may fork; what is logged meanwhile waits.

        One that nobody takes lines from stays: it holds no lock where it waits.
        """
        self._halt.set()
        self._wake.set()
        self._thread.join(_FLUSH_SECONDS)
        try:
            yield
        finally:
            self._start()
            self._wake.set()

    def write(self, text: str) -> int:
        """Takes lines, or drops and counts them when too many wait."""
        line = text.encode("utf-8", "backslashreplace")
        with self._lock:
            if self._waiting + len(line) > _MAX_WAITING:
                self.dropped += 1
                return len(text)
            self._waiting += len(line)
            self._lines.append(line)
        if not self._wake.is_set():
            self._wake.set()
        return len(text)

    def drain(self, seconds: float = _FLUSH_SECONDS) -> None:
        """Returns when everything is written, or it took too long."""
        end = time.monotonic() + seconds
        while self._waiting and time.monotonic() < end:
            time.sleep(_PAUSE_SECONDS / 10)

    def _run(self, halt: threading.Event) -> None:
        while not halt.is_set():
            self._wake.wait()
            self._wake.clear()
            while self._lines:
                taken, chunk = self._next()
                is_written = self._put(chunk)
                with self._lock:
                    self._waiting -= len(chunk)
                    self.dropped += 0 if is_written else taken
                if is_written and self.dropped > self._told:
                    self._tell()
            time.sleep(_PAUSE_SECONDS)

    def _next(self) -> tuple[int, bytes]:
        """As many whole lines as go in one write; at least one, if there is any."""
        with self._lock:  # after a fork that could not wait there may be two threads for a while
            lines = [self._lines.popleft()] if self._lines else []
            size = sum(map(len, lines))
            while self._lines and size + len(self._lines[0]) <= _WHOLE:
                lines.append(self._lines.popleft())
                size += len(lines[-1])
        return len(lines), b"".join(lines)

    def _put(self, chunk: bytes) -> bool:
        """Whether it was written; False where nobody takes it."""
        left = b"\n" + chunk if self._is_torn else chunk
        while left:
            try:
                left = left[os.write(self._descriptor, left) :]
                self._is_torn = bool(left)
            except BlockingIOError:  # others made it so; it is theirs too
                select.select([], [self._descriptor], [], 1.0)
            except OSError:
                return False
        return True

    def _tell(self) -> None:
        count, self._told = self.dropped - self._told, self.dropped
        _log.warning("log_lines_dropped", count=count)


@cache
def stderr_writer() -> LogWriter:
    """The one of this process."""
    # Started with stderr closed, another file may have its number.
    return LogWriter(2 if sys.stderr is not None else os.open(os.devnull, os.O_WRONLY))
