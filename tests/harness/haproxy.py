"""HAProxy on loopback, with a configuration of the test's own."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from harness.programs import program

_DEFAULTS = """\
global
    maxconn 500
defaults
    timeout connect 2s
    timeout client 60s
    timeout server 60s
    timeout check 1s
"""


@contextmanager
def haproxy(folder: Path, port: int, lines: str) -> Iterator[None]:
    """Listens at ``port``, until the block ends. ``lines``: what it does there."""
    file = folder / "haproxy.cfg"
    file.write_text(f"{_DEFAULTS}listen test\n    bind 127.0.0.1:{port}\n{lines}", "utf-8")
    with (folder / "haproxy.log").open("wb") as log:
        process = subprocess.Popen([program("haproxy"), "-db", "-f", str(file)],
                                   stdout=log, stderr=log)  # fmt: skip
    try:
        _wait_until_listening(port, process)
        yield
    finally:
        process.kill()
        process.wait()


def _wait_until_listening(port: int, process: subprocess.Popen[bytes]) -> None:
    ends_at = time.monotonic() + 30
    while time.monotonic() < ends_at and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise AssertionError("HAProxy does not listen")
