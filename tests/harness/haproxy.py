"""HAProxy on loopback, with a configuration of the test's own."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.process import wait_for_port
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
        wait_for_port(port, process)
        yield
    finally:
        process.kill()
        process.wait()
