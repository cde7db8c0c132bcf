"""What comes out when five times as much goes in as a worker takes on.

python benchmarks/overload.py --postgres postgresql://user@host/postgres

Goodput is registrations a second. Beside each flood by wrk a client asks ten times a second, and
tells how long an answer takes: a registration, and a refusal.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import re
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import registration

from harness import HERE, Target, database, dcrserver, settled

_BOUND = 512  # server.max_requests
_TIMES = 5
_PROBES_A_SECOND = 10


@dataclass
class Probe:
    """Milliseconds of answers by status, and refusals that do not say when to come back."""

    milliseconds: dict[int, list[float]] = field(default_factory=dict)
    silent: int = 0


@dataclass
class Flood:
    good: float
    refused: float
    failed: int
    probe: Probe


def main() -> None:
    parser = argparse.ArgumentParser(description="goodput under too much load")
    parser.add_argument("--postgres", help="server where databases may be made; SQLite if unset")
    parser.add_argument("--seconds", type=int, default=6)
    parser.add_argument("--bound", type=int, default=_BOUND, help="server.max_requests")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    scenarios = (
        ("peak, 16 connections", 16, {}),
        ("5 x 16 connections", 16 * _TIMES, {}),
        ("5 x bound, Retry-After honoured", options.bound * _TIMES, {"HONOUR": "1"}),
        ("5 x bound, at once again", options.bound * _TIMES, {}),
    )
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "body.json").write_text(json.dumps(registration.BODY))
        url = stack.enter_context(database(options.postgres, "over")) if options.postgres else None
        settings = {"DCR_SERVER__MAX_REQUESTS": str(options.bound)}
        target = stack.enter_context(dcrserver("dcrserver", folder, url, settings))
        peak = 0.0
        print(
            f"{'load':34} {'good/s':>7} {'of peak':>7} {'503/s':>7} {'errors':>6} "
            f"{'201 p50':>8} {'201 p99':>8} {'503 p50':>8} {'503 p99':>8} {'silent':>6}"
        )
        for name, connections, settings in scenarios:
            settled(target)
            found = _flood(target, folder, connections, options.seconds, settings)
            peak = peak or found.good
            times = [_pair(found.probe.milliseconds.get(status, [])) for status in (201, 503)]
            print(f"{name:34} {found.good:7.0f} {found.good / peak:7.2f} {found.refused:7.0f} "
                  f"{found.failed:6} {times[0]:>17} {times[1]:>17} "
                  f"{found.probe.silent:6}")  # fmt: skip


def _flood(
    target: Target, folder: Path, connections: int, seconds: int, settings: dict[str, str]
) -> Flood:
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s"]
    command += ["-s", str(HERE / "overload.lua"), target.url]
    environment = {"BODY": str(folder / "body.json"), "PATH": "/usr/local/bin:/usr/bin:/bin"}
    process = subprocess.Popen(
        command, env=environment | settings, stdout=subprocess.PIPE, text=True
    )
    probe = asyncio.run(_probe(target.url, seconds))
    printed, _ = process.communicate(timeout=seconds + 60)
    requests = int(re.search(r"(\d+) requests in", printed).group(1))  # type: ignore[union-attr]
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", printed)
    errors = re.search(r"connect (\d+), read (\d+), write (\d+), timeout (\d+)", printed)
    others = int(refused.group(1)) if refused else 0
    return Flood(
        good=(requests - others) / seconds,
        refused=others / seconds,
        failed=sum(map(int, errors.groups())) if errors else 0,
        probe=probe,
    )


async def _probe(url: str, seconds: int) -> Probe:
    made = Probe()

    async def ask(http: httpx.AsyncClient) -> None:
        started = time.perf_counter()
        answer = await http.post(url, json=registration.BODY)
        took = (time.perf_counter() - started) * 1000
        made.milliseconds.setdefault(answer.status_code, []).append(took)
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            made.silent += "retry-after" not in answer.headers

    async with httpx.AsyncClient(timeout=30) as http:
        tasks = []
        for _ in range((seconds - 1) * _PROBES_A_SECOND):
            tasks.append(asyncio.create_task(ask(http)))
            await asyncio.sleep(1 / _PROBES_A_SECOND)
        await asyncio.gather(*tasks, return_exceptions=True)
    return made


def _pair(values: list[float]) -> str:
    if not values:
        return "-        -"
    p99 = sorted(values)[int(len(values) * 0.99)]
    return f"{statistics.median(values):.1f} {p99:8.1f}"


if __name__ == "__main__":
    main()
