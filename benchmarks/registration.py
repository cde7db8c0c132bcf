"""Registrations and reads per second, beside a peer in the same round.

python benchmarks/registration.py --seconds 5 --rounds 3 \
    [--postgres postgresql://user@host/database] [--peer NAME=URL ...] [--json FILE]

Every target is driven by ``wrk -t1 -c16`` in turn, round after round, so that what else the
machine does meets all alike. A peer is running already; its URL is its registration endpoint.
Read the processor time per request first: a busy machine moves it less than requests per second.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import httpx

HERE = Path(__file__).parent
# 13 members, about 580 octets: what a web client of some care sends.
BODY = {
    "redirect_uris": ["https://client.example.org/callback", "https://client.example.org/other"],
    "token_endpoint_auth_method": "client_secret_basic",
    "grant_types": ["authorization_code", "refresh_token"],
    "response_types": ["code"],
    "client_name": "Benchmark client",
    "client_uri": "https://client.example.org/",
    "logo_uri": "https://client.example.org/logo.png",
    "scope": "openid profile email",
    "contacts": ["operations@client.example.org"],
    "tos_uri": "https://client.example.org/terms",
    "policy_uri": "https://client.example.org/privacy",
    "software_id": "benchmark-software",
    "software_version": "1.0.0",
}
_CLIENTS_READ = 64
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


def main() -> None:
    options = _options()
    # Ended by a signal, the servers that were started are stopped all the same.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "body.json").write_text(json.dumps(BODY))
        targets = [stack.enter_context(_dcrserver("dcrserver/sqlite", folder))]
        if options.postgres:
            url = options.postgres
            targets.append(stack.enter_context(_dcrserver("dcrserver/postgresql", folder, url)))
        database_pid = _listener(options.postgres) if options.postgres else None
        for peer in options.peer:
            name, _, url = peer.partition("=")
            targets.append(Target(name, url, _listener(url)))
        for target in targets:
            target.database_pid = database_pid
            _drive(target, target.url, 1, {"BODY": str(folder / "body.json")})  # warm, not counted
        for _ in range(options.rounds):
            for target in targets:
                _measure(target, folder, options.seconds)
        _print(targets)
        if options.json:
            found = {target.name: _plain(target) for target in targets}
            Path(options.json).write_text(json.dumps(found, indent=2) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="registrations and reads per second")
    parser.add_argument("--seconds", type=int, default=5, choices=range(1, 61), metavar="1..60")
    parser.add_argument("--rounds", type=int, default=3, choices=range(1, 11), metavar="1..10")
    parser.add_argument("--postgres", help="URL of an empty database")
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=URL")
    parser.add_argument("--json", metavar="FILE", help="write every sample to this file")
    return parser.parse_args()


@contextlib.contextmanager
def _dcrserver(name: str, folder: Path, database: str | None = None) -> Iterator[Target]:
    """A server with its defaults but for the rate limit and a quiet log."""
    port = _free_port()
    environment = {
        "DCR_SERVER__BASE_URL": f"http://127.0.0.1:{port}",
        "DCR_DATABASE__URL": database or f"sqlite:///{folder}/benchmark.db",
        "DCR_RATE_LIMITS__ENABLED": "false",
        "DCR_TELEMETRY__LEVEL": "warning",
        "DCR_SERVER__DRAIN_SECONDS": "0",
    }
    command = [sys.executable, "-m", "dcrserver", "serve", "--port", str(port), "--migrate"]
    process = subprocess.Popen(command, env=os.environ | environment, cwd=folder)
    try:
        _wait(f"http://127.0.0.1:{port}/readyz", process)
        yield Target(name, f"http://127.0.0.1:{port}/register", process.pid)
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    """Never a fixed one: what answers there might be the server of somebody else."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        if process.poll() is not None:
            sys.exit(f"dcrserver ended with {process.returncode} before it answered at {url}")
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(url).status_code == httpx.codes.OK:
                return
        time.sleep(0.05)
    sys.exit(f"nothing answers at {url}")


def _listener(url: str) -> int | None:
    """The process that listens at the port of ``url`` on this machine; 5432 if it names none."""
    port = httpx.URL(url).port or 5432
    listed = subprocess.run(["ss", "-ltnp"], capture_output=True, text=True, check=False).stdout
    found = re.search(rf":{port} .*pid=(\d+)", listed)
    return int(found.group(1)) if found else None


def _measure(target: Target, folder: Path, seconds: int) -> None:
    """One run of each kind."""
    body = {"BODY": str(folder / "body.json")}
    target.samples.setdefault("POST", []).append(_drive(target, target.url, seconds, body))
    lines = []
    for _ in range(_CLIENTS_READ):
        client = httpx.post(target.url, json=BODY).raise_for_status().json()
        path = httpx.URL(client["registration_client_uri"]).raw_path.decode()
        lines.append(f"{path}\t{client['registration_access_token']}\n")
    (folder / "clients").write_text("".join(lines))
    clients = {"CLIENTS": str(folder / "clients")}
    target.samples.setdefault("GET", []).append(_drive(target, target.url, seconds, clients))


def _drive(target: Target, url: str, seconds: int, settings: dict[str, str]) -> Sample:
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
            server=_processor_seconds(target.pid),
            database=_processor_seconds(target.database_pid),
            ours=sum(usage.ru_utime + usage.ru_stime for usage in usages),
            clock=time.monotonic(),
        )


def _processor_seconds(pid: int | None) -> float:
    """User and system time of a process and of all below it, those that ended included."""
    if pid is None:
        return 0.0
    seconds = 0.0
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it may have just ended
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        seconds = sum(map(int, fields[11:15])) / _TICKS
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                seconds += _processor_seconds(int(child))
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


def _plain(target: Target) -> dict[str, list[dict[str, float | None]]]:
    return {
        kind: [asdict(sample) for sample in samples] for kind, samples in target.samples.items()
    }


def _print(targets: list[Target]) -> None:
    print(f"{'target':24} {'method':6} {'req/s':>7} {'(range)':>13} {'p50 ms':>7} {'p99 ms':>7} "
          f"{'cpu us':>7} {'db us':>7} {'failed':>6} {'foreign':>7}")  # fmt: skip
    for target in targets:
        for method, samples in target.samples.items():
            rates = [sample.rate for sample in samples]
            print(
                f"{target.name:24} {method:6} {statistics.median(rates):7.0f} "
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


if __name__ == "__main__":
    main()
