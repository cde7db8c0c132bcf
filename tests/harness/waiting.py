"""Waiting for what must come, instead of for a while: machines differ, and are busy at times."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

from harness.process import ServerProcess

_PATIENCE_SECONDS = 60


def until(condition: Callable[[], object], what: str) -> None:
    """Raises AssertionError with ``what`` was waited for in vain."""
    ends_at = time.monotonic() + _PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < ends_at, what
        time.sleep(0.02)


def listens(server: ServerProcess) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(_address(server)) == 0


def being_read(server: ServerProcess, body: bytes, octets: int) -> socket.socket:
    """A connection with a registration of which ``octets`` were sent, and more are waited for."""
    connection = socket.create_connection(_address(server), timeout=_PATIENCE_SECONDS)
    connection.sendall(
        b"POST /register HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body)
    )
    assert connection.recv(4096).startswith(b"HTTP/1.1 100 ")
    connection.sendall(body[:octets])
    return connection


def _address(server: ServerProcess) -> tuple[str, int]:
    host, port = server.base_url.removeprefix("http://").split(":")
    return host, int(port)
