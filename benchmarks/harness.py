"""What the benchmarks share: servers and wrk; with what accounts for them, from one place."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import httpx
from accounting import Sample, Target, accounted, memory, processor_seconds, settled
from postgres import database

__all__ = ["HERE", "Sample", "Target", "accounted", "database", "dcrserver", "drive", "free_port",
           "listener", "memory", "processor_seconds", "running", "settled", "wait"]  # fmt: skip
HERE = Path(__file__).parent


@contextlib.contextmanager
def dcrserver(
    name: str, folder: Path, database: str | None = None, settings: Mapping[str, str] | None = None
) -> Iterator[Target]:
    """A server with its defaults but for the rate limit and a quiet log."""
    if shutil.which("wrk") is None:  # told before anything is started for it
        sys.exit("wrk is needed, which makes the load (Debian: apt install wrk)")
    port = free_port()
    environment = {
        "DCR_SERVER__BASE_URL": f"http://127.0.0.1:{port}",
        "DCR_DATABASE__URL": database or f"sqlite:///{folder}/benchmark.db",
        "DCR_RATE_LIMITS__ENABLED": "false",
        "DCR_TELEMETRY__LEVEL": "warning",
        "DCR_SERVER__DRAIN_SECONDS": "0",
    }
    command = [sys.executable, "-m", "dcrserver", "serve", "--port", str(port), "--migrate"]
    with running(command, folder, environment | dict(settings or {})) as process:
        wait(f"http://127.0.0.1:{port}/readyz", process)
        yield Target(name, f"http://127.0.0.1:{port}/register", process.pid)


@contextlib.contextmanager
def running(
    command: Sequence[str | Path], folder: Path, environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """A process in ``folder``, stopped in the end; what it says is not among the results."""
    process = subprocess.Popen(
        command, cwd=folder, env=os.environ | dict(environment), stdout=sys.stderr
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    """Never a fixed one: what answers there might be the server of somebody else."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        if process.poll() is not None:
            sys.exit(f"the server ended with {process.returncode} before it answered at {url}")
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(url).status_code == httpx.codes.OK:
                return
        time.sleep(0.05)
    sys.exit(f"nothing answers at {url}")


def listener(url: str) -> int | None:
    """The process that listens at the port of ``url`` on this machine; 5432 if it names none."""
    port = httpx.URL(url).port or 5432
    listed = subprocess.run(["ss", "-ltnp"], capture_output=True, text=True, check=False).stdout
    found = re.search(rf":{port} .*pid=(\d+)", listed)
    return int(found.group(1)) if found else None


def drive(target: Target, url: str, seconds: int, settings: dict[str, str]) -> Sample:
    """One run of wrk, bounded in time."""
    lua = str(HERE / "request.lua")
    command = ["wrk", "-t1", "-c16", f"-d{seconds}s", "--latency", "-s", lua, url]
    with accounted(target) as spent:
        done = subprocess.run(
            command,
            env=os.environ | settings,
            capture_output=True,
            text=True,
            check=True,
            timeout=seconds + 60,
        ).stdout
    requests = int(_found(r"(\d+) requests in", done))
    errors = re.search(
        r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", done
    )
    return Sample(
        rate=float(_found(r"Requests/sec:\s+([\d.]+)", done)),
        p50=_milliseconds(_found(r"\n +50% +(\S+)", done)),
        p99=_milliseconds(_found(r"\n +99% +(\S+)", done)),
        failed=int(_found(r"Non-2xx or 3xx responses: (\d+)", done, "0"))
        + (sum(map(int, errors.groups())) if errors else 0),
        cpu=spent.server / requests * 1e6 if target.pid and requests else None,
        database_cpu=spent.database / requests * 1e6 if target.database_pid and requests else None,
        foreign=spent.foreign,
    )


def _found(pattern: str, text: str, default: str | None = None) -> str:
    found = re.search(pattern, text)
    if found:
        return found.group(1)
    if default is None:
        sys.exit(f"wrk printed something else:\n{text}")
    return default


def _milliseconds(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()  # type: ignore[union-attr]
    return float(number) * {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60000.0}[unit]
