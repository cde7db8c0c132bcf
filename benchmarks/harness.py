"""What the benchmarks share: servers, databases, wrk, processor time, memory."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import httpx

HERE = Path(__file__).parent
_TICKS = os.sysconf("SC_CLK_TCK")
# Used by everybody together, while nothing is measured.
_QUIET_CORES = 0.3


@dataclass
class Sample:
    """Of one run of wrk: requests per second, milliseconds, processor microseconds."""

    rate: float
    p50: float
    p99: float
    failed: int
    cpu: float | None
    database_cpu: float | None
    foreign: float


@dataclass
class Target:
    """``pid``, ``database_pid``: roots of the process trees whose time is accounted, if known."""

    name: str
    url: str
    pid: int | None = None
    database_pid: int | None = None
    samples: dict[str, list[Sample]] = field(default_factory=dict)


@contextlib.contextmanager
def dcrserver(
    name: str, folder: Path, database: str | None = None, settings: Mapping[str, str] | None = None
) -> Iterator[Target]:
    """A server with its defaults but for the rate limit and a quiet log."""
    port = free_port()
    environment = {
        "DCR_SERVER__BASE_URL": f"http://127.0.0.1:{port}",
        "DCR_DATABASE__URL": database or f"sqlite:///{folder}/benchmark.db",
        "DCR_RATE_LIMITS__ENABLED": "false",
        "DCR_TELEMETRY__LEVEL": "warning",
        "DCR_SERVER__DRAIN_SECONDS": "0",
    }
    command = [sys.executable, "-m", "dcrserver", "serve", "--port", str(port), "--migrate"]
    process = subprocess.Popen(
        command, env=os.environ | environment | dict(settings or {}), cwd=folder
    )
    try:
        wait(f"http://127.0.0.1:{port}/readyz", process)
        yield Target(name, f"http://127.0.0.1:{port}/register", process.pid)
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
    before = _Times.now(target)
    done = subprocess.run(
        command,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        check=True,
        timeout=seconds + 60,
    ).stdout
    after = _Times.now(target)
    requests = int(_found(r"(\d+) requests in", done))
    server, database = after.server - before.server, after.database - before.database
    known = server + database + after.ours - before.ours
    errors = re.search(
        r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", done
    )
    return Sample(
        rate=float(_found(r"Requests/sec:\s+([\d.]+)", done)),
        p50=_milliseconds(_found(r"\n +50% +(\S+)", done)),
        p99=_milliseconds(_found(r"\n +99% +(\S+)", done)),
        failed=int(_found(r"Non-2xx or 3xx responses: (\d+)", done, "0"))
        + (sum(map(int, errors.groups())) if errors else 0),
        cpu=server / requests * 1e6 if target.pid and requests else None,
        database_cpu=database / requests * 1e6 if target.database_pid and requests else None,
        foreign=max(0.0, after.machine - before.machine - known) / (after.clock - before.clock),
    )


@dataclass
class _Times:
    """Processor seconds used so far, and the clock."""

    machine: float
    server: float
    database: float
    ours: float
    clock: float

    @classmethod
    def now(cls, target: Target) -> _Times:
        fields = [int(text) for text in Path("/proc/stat").read_text().split("\n")[0].split()[1:]]
        # user, nice, system, irq, softirq, and steal: other machines count as somebody else
        busy = sum(fields[:3]) + sum(fields[5:8])
        usages = [
            resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        ]
        return cls(
            machine=busy / _TICKS,
            server=processor_seconds(target.pid),
            database=processor_seconds(target.database_pid),
            ours=sum(usage.ru_utime + usage.ru_stime for usage in usages),
            clock=time.monotonic(),
        )


def processor_seconds(pid: int | None) -> float:
    """User and system time of a process and of all below it, those that ended included."""
    if pid is None:
        return 0.0
    seconds = 0.0
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it may have just ended
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        seconds = sum(map(int, fields[11:15])) / _TICKS
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                seconds += processor_seconds(int(child))
    return seconds


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


def memory(pid: int | None) -> float | None:
    """Megabytes of a process and all below it, shared pages by their shares (PSS)."""
    if pid is None:
        return None
    kilobytes = 0.0
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        kilobytes += float(_found(r"\nPss:\s+(\d+) kB", rollup))
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            kilobytes += (memory(int(child)) or 0.0) * 1024
    return kilobytes / 1024


def settled(target: Target, seconds: float = 5.0) -> None:
    """Waits, not for ever, until others leave the machine alone."""
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        before = _Times.now(target)
        time.sleep(0.25)
        after = _Times.now(target)
        if after.machine - before.machine < _QUIET_CORES * (after.clock - before.clock):
            return


@contextlib.contextmanager
def database(server: str, name: str) -> Iterator[str]:
    """The URL of a new database on the PostgreSQL server at ``server``; dropped in the end.

    Exits when what is committed there is not on the disk: that would be another race.
    """
    unique = f"dcrbench_{name}_{os.getpid()}"
    for setting in ("fsync", "synchronous_commit"):
        if _ask(server, f"SHOW {setting}") != "on":
            sys.exit(f"{setting} is off at {server}: nothing would be comparable")
    _ask(server, f"CREATE DATABASE {unique}")
    try:
        yield str(httpx.URL(server).copy_with(path=f"/{unique}"))
    finally:
        _ask(server, f"DROP DATABASE {unique} WITH (FORCE)")


def _ask(server: str, statement: str) -> str:
    async def ask() -> str:
        connection = await asyncpg.connect(server)
        try:
            return str(await connection.fetchval(statement))
        finally:
            await connection.close()

    return asyncio.run(ask())
