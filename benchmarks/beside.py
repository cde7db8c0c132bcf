"""What registrations and reads notice of an export that runs beside them, by turns.

python benchmarks/beside.py [--database URL] [--clients 100000] [--rounds 6] [--seconds 4]

One worker on a database of so many clients (SQLite if no URL is given; a database is filled, and
stays) is driven by 16 connections: as fast as they can, and about half as fast, each connection
waiting a random time between two requests. Each kind alone, while the same worker writes an export
(``GET /admin/v1/clients/export``) to a reader that never stops, and while ``dcrserver client
export`` reads the database; in each round in another order, so that what else the machine does
meets all alike. Medians, and from the lowest to the highest: what differs less than that is noise.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import httpx
from registration import BODY, managed

from harness import Sample, Target, dcrserver, drive, memory

_READ = 64
_WARMING_SECONDS = 1
_EVER = 3600.0


class Beside(NamedTuple):
    """A run: what was driven, and how many clients a second an export wrote meanwhile."""

    sample: Sample
    exported: float


Runs = dict[tuple[str, str], list[Beside]]


def main() -> None:
    import administration  # noqa: PLC0415 - which measures by this

    parser = argparse.ArgumentParser(description="requests beside an export")
    parser.add_argument("--database", help="a database of its own; SQLite if unset")
    parser.add_argument("--clients", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seconds", type=int, default=4, help="of each run")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = options.database or f"sqlite:///{folder}/beside.db"
        administration.filled(url, options.clients)
        measure(url, Path(folder), options.rounds, options.seconds)


def measure(url: str, folder: Path, rounds: int, seconds: int) -> None:
    """Prints it, of a database that has clients."""
    with dcrserver("dcrserver", folder, url) as target:
        kinds = _kinds(target, folder)
        busy = {name: _run(target, kinds[name], _WARMING_SECONDS) for name in kinds}
        kinds |= {f"{name}, half": _slower(kinds[name], busy[name]) for name in busy}
        exports = {
            "alone": contextlib.nullcontext,
            "beside the API's": lambda: _by_api(target, url, folder),
            "beside a command": lambda: _by_command(url, folder),
        }
        runs: Runs = {}
        at_first = memory(target.pid)
        for number in range(rounds):
            turns = list(exports)[number % 3 :] + list(exports)[: number % 3]
            for kind, settings in kinds.items():
                for name in turns:
                    with exports[name]() as lines:
                        made = _beside(target, settings, seconds, lines)
                    runs.setdefault((kind, name), []).append(made)
            print(f"round {number + 1} of {rounds}", file=sys.stderr)
        for line in _table(runs):
            print(line)
        print(f"memory of the worker {at_first} -> {memory(target.pid)} MB")
        print(f"load {os.getloadavg()[0]:.1f}")


def _kinds(target: Target, folder: Path) -> dict[str, dict[str, str]]:
    """What ``request.lua`` is told, by kind."""
    body, reads = folder / "body.json", folder / "reads"
    body.write_text(json.dumps(BODY))
    reads.write_text("".join(managed(target, "GET", _READ)))
    return {"POST": {"BODY": str(body)}, "GET": {"REQUESTS": str(reads)}}


def _slower(settings: Mapping[str, str], busy: Sample) -> dict[str, str]:
    """As often again as a request takes under full load is waited, on average."""
    return {**settings, "DELAY": str(max(1, round(16 / busy.rate * 1000)))}


def _run(target: Target, settings: Mapping[str, str], seconds: int) -> Sample:
    return drive(target, target.url, seconds, dict(settings))


def _beside(
    target: Target, settings: Mapping[str, str], seconds: int, lines: list[int] | None
) -> Beside:
    before, started = sum(lines or ()), time.perf_counter()
    sample = _run(target, settings, seconds)
    took = time.perf_counter() - started
    return Beside(sample, (sum(lines or ()) - before) / took)


@contextlib.contextmanager
def _by_api(target: Target, url: str, folder: Path) -> Iterator[list[int]]:
    """Reads exports one after the other; yields numbers of lines that came."""
    token = _token(url, folder)
    address = target.url.replace("/register", "/admin/v1/clients/export")
    came, done = [0], threading.Event()

    def read() -> None:
        with httpx.Client(headers={"Authorization": f"Bearer {token}"}, timeout=_EVER) as http:
            while not done.is_set():
                with http.stream("GET", address) as answer:
                    assert answer.status_code == httpx.codes.OK, answer.read()
                    for chunk in answer.iter_raw():
                        came.append(chunk.count(b"\n"))
                        if done.is_set():
                            break

    with _meanwhile(read, done):
        yield came


@contextlib.contextmanager
def _by_command(url: str, folder: Path) -> Iterator[list[int]]:
    came, done = [0], threading.Event()

    def read() -> None:
        while not done.is_set():
            with subprocess.Popen(
                _command("client", "export"), cwd=folder, env=_environment(url),
                stdout=subprocess.PIPE,
            ) as process:  # fmt: skip
                assert process.stdout is not None
                while not done.is_set() and (chunk := process.stdout.read(1 << 16)):
                    came.append(chunk.count(b"\n"))
                process.kill()

    with _meanwhile(read, done):
        yield came


@contextlib.contextmanager
def _meanwhile(read: Callable[[], None], done: threading.Event) -> Iterator[None]:
    reading = threading.Thread(target=read)
    reading.start()
    time.sleep(_WARMING_SECONDS)
    try:
        yield
    finally:
        done.set()
        reading.join()


def _token(url: str, folder: Path) -> str:
    command = _command("token", "issue", "admin", "--role", "administrator")
    return subprocess.run(
        command, cwd=folder, env=_environment(url), capture_output=True, text=True, check=True
    ).stdout.strip()


def _command(*words: str) -> Sequence[str]:
    return [sys.executable, "-m", "dcrserver", *words]


def _environment(url: str) -> dict[str, str]:
    return os.environ | {"DCR_DATABASE__URL": url}


def _table(runs: Runs) -> Iterator[str]:
    yield "| kind | export | req/s | p50 ms | p99 ms | exported a second | failed |"
    yield "|---|---|---|---|---|---|---|"
    for (kind, name), made in runs.items():
        samples = [each.sample for each in made]
        cells = [
            _spread([each.rate for each in samples], 0),
            _spread([each.p50 for each in samples], 2),
            _spread([each.p99 for each in samples], 1),
            _spread([each.exported for each in made], 0) if name != "alone" else "-",
            str(sum(each.failed for each in samples)),
        ]
        yield f"| {kind} | {name} | {' | '.join(cells)} |"


def _spread(values: Sequence[float], digits: int) -> str:
    low, high = min(values), max(values)
    return f"{statistics.median(values):.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


if __name__ == "__main__":
    main()
