"""What becomes of the log is no trouble of the requests: unread, closed, full."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from dcrserver.settings import TelemetrySettings
from dcrserver.telemetry import LogWriter, configure_logging, log_writer
from harness.process import ServerProcess, serving

BODY = {"redirect_uris": ["https://client.example.org/cb"]}
_SMALL = 4096


@contextmanager
def small_pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, _SMALL)
    try:
        yield reading, writing
    finally:
        for end in (reading, writing):
            os.close(end)


def eventually(is_so: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.01)


def served(server: ServerProcess, count: int) -> set[int]:
    with httpx.Client(base_url=server.base_url, trust_env=False, timeout=10) as http:
        refused = {http.post("/register", content=b"{").status_code for _ in range(count)}
        made = http.post("/register", json=BODY)
        alive = http.get("/healthz")
        lost = http.get("/metrics").text
    assert "dcrserver_log_lines_dropped_total" in lost
    assert refused == {415}
    return {made.status_code, alive.status_code}


@pytest.mark.finding("R3")
def test_a_pipe_that_nobody_reads_holds_up_nothing(tmp_path: Path) -> None:
    with small_pipe() as (_, writing), serving(tmp_path, log_to=writing) as server:
        assert served(server, 60) == {201, 200}
        started = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(20)
        assert time.monotonic() - started < 15


@pytest.mark.finding("R3")
def test_a_closed_pipe_fails_no_request(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    with serving(tmp_path, log_to=writing) as server:
        os.close(writing)
        os.close(reading)
        assert served(server, 10) == {201, 200}


@pytest.mark.finding("R3")
def test_a_full_disk_fails_no_request(tmp_path: Path) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        with serving(tmp_path, log_to=full) as server:
            assert served(server, 10) == {201, 200}
    finally:
        os.close(full)


@pytest.mark.finding("R3")
def test_what_was_dropped_is_counted_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_writer, "_MAX_WAITING", 2 * _SMALL)
    with small_pipe() as (reading, writing):
        writer = LogWriter(writing)
        configure_logging(TelemetrySettings(), writer)
        try:
            for number in range(1000):
                writer.write(f"line {number:04}" + 90 * "." + "\n")
            assert writer.dropped > 0
            came: list[bytes] = []
            threading.Thread(target=_read, args=(reading, came), daemon=True).start()
            eventually(lambda: b"log_lines_dropped" in b"".join(came))
            writer.drain()
        finally:
            configure_logging(TelemetrySettings())
    lines = b"".join(came).decode().splitlines()
    told = [json.loads(line) for line in lines if line.startswith("{")]
    assert told[0]["count"] + sum(line.startswith("line") for line in lines) >= 1000 - 1
    assert all(line.startswith(("line", "{")) for line in lines), "none is torn"


def _read(descriptor: int, came: list[bytes]) -> None:
    while b"log_lines_dropped" not in b"".join(came):
        came.append(os.read(descriptor, 65536))


@pytest.mark.finding("R3")
def test_who_logs_never_waits_for_the_reader() -> None:
    # Left open: the thread goes on writing to it.
    _, writing = os.pipe()
    writer = LogWriter(writing)
    started = time.monotonic()
    for _ in range(2000):
        writer.write(100 * "x" + "\n")
    writer.drain(0.1)
    assert time.monotonic() - started < 10


def test_a_process_that_is_to_be_forked_has_no_thread_of_the_log() -> None:
    reading, writing = os.pipe()
    writer = LogWriter(writing)
    with writer.halted():
        assert not writer._thread.is_alive()  # noqa: SLF001 - of many that other tests left
        writer.write("meanwhile\n")
    writer.drain()
    assert os.read(reading, 100) == b"meanwhile\n"
