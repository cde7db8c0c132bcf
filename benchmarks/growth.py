"""What a request costs with a thousand, a hundred thousand, a million stored clients.

python benchmarks/growth.py --postgres postgresql://user@host/postgres

The database is filled by SQL with copies of a client that was registered, each with an event and a
token of its own; then requests are spread over all of them. After that, real registrations to one
worker: whether its memory grows.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import json
import random
import signal
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import httpx
import registration
import report

from harness import Target, database, dcrserver, drive, listener, memory, settled

_BATCH = 10_000
_READ = 5_000
_TOKEN = "rat_growth"


def main() -> None:
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    found: list[Target] = []
    sizes: dict[str, list[tuple[int, float]]] = {}
    for name in ["sqlite", *(["postgresql"] if options.postgres else [])]:
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            (folder / "body.json").write_text(json.dumps(registration.BODY))
            url = f"sqlite:///{folder}/growth.db"
            if name == "postgresql":
                url = stack.enter_context(database(options.postgres, "growth"))
            target = stack.enter_context(dcrserver(f"dcrserver/{name}", folder, url))
            target.database_pid = listener(options.postgres) if name == "postgresql" else None
            stored = 0
            for size in options.sizes:
                _fill(url, target, stored, size)
                stored = size
                _measure(target, folder, size, options)
            sizes[target.name] = list(_register_for_real(target, folder, options.registrations))
            found.append(target)
    report.show(found)
    for name, steps in sizes.items():
        print(f"{name}: MB after so many registrations:",
              ", ".join(f"{count}: {megabytes:.0f}" for count, megabytes in steps))  # fmt: skip
    report.keep(found, options.json, registered=sizes)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="cost against the number of stored clients")
    parser.add_argument("--postgres", help="URL of a server where databases may be made")
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--sizes",
        type=lambda text: [int(part) for part in text.split(",")],
        default=[1_000, 100_000, 1_000_000],
    )
    parser.add_argument("--registrations", type=int, default=100_000, help="real ones, in the end")
    parser.add_argument("--json", metavar="FILE", help="write every sample to this file")
    return parser.parse_args()


def _measure(target: Target, folder: Path, size: int, options: argparse.Namespace) -> None:
    for _ in range(options.rounds):
        for method in ("POST", "GET"):
            settled(target)
            requests = {"BODY": str(folder / "body.json")}
            if method == "GET":
                requests = {"REQUESTS": str(_reads(folder, size))}
            sample = drive(target, target.url, options.seconds, requests)
            target.samples.setdefault(f"{method} {size}", []).append(sample)
            size_now = memory(target.pid) or 0
            print(f"{target.name} {size} clients {method} {sample.rate:.0f}/s, {size_now:.0f} MB",
                  file=sys.stderr)  # fmt: skip


def _reads(folder: Path, size: int) -> Path:
    """Reads of clients all over the table, in no order."""
    file = folder / "requests"
    with file.open("w") as lines:
        for number in random.sample(range(size), min(size, _READ)):
            lines.write(f"GET\t/register/{_client_id(number)}\tAuthorization=Bearer ")
            lines.write(f"{_TOKEN}{number};;\t\n")
    return file


def _client_id(number: int) -> str:
    return hashlib.md5(str(number).encode(), usedforsecurity=False).hexdigest()


def _fill(url: str, target: Target, start: int, end: int) -> None:
    """Rows of clients and their events, as those of one that is registered now."""
    made = httpx.post(target.url, json=registration.BODY).raise_for_status().json()
    insert = _sqlite if url.startswith("sqlite") else _postgresql
    for done in insert(url, made["client_id"], range(start, end)):
        print(f"{target.name}: {done} clients stored", file=sys.stderr)


_IDENTIFIERS = (("clients", "client_id"), ("events", "subject_id"))


def _rows(
    numbers: range, client: dict[str, object], event: dict[str, object]
) -> Iterator[tuple[list[tuple[object, ...]], list[tuple[object, ...]]]]:
    for first in range(numbers.start, numbers.stop, _BATCH):
        clients, events = [], []
        for number in range(first, min(first + _BATCH, numbers.stop)):
            digest = hashlib.sha256(f"{_TOKEN}{number}".encode()).hexdigest()
            own = {"client_id": _client_id(number), "registration_access_token_digest": digest}
            clients.append(tuple((client | own).values()))
            named = {"id": f"0{number:011x}-growth", "subject_id": own["client_id"]}
            events.append(tuple((event | named).values()))
        yield clients, events


def _sqlite(url: str, client_id: str, numbers: range) -> Iterator[int]:
    with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=30)) as link:
        link.row_factory = sqlite3.Row
        rows = [
            dict(link.execute(f"SELECT * FROM {table} WHERE {column} = ?", [client_id]).fetchone())
            for table, column in _IDENTIFIERS
        ]
        for batch in _rows(numbers, rows[0], rows[1]):
            for table, values in zip(("clients", "events"), batch, strict=True):
                marks = ", ".join("?" * len(values[0]))
                link.executemany(f"INSERT INTO {table} VALUES ({marks})", values)
            link.commit()
            yield int(link.execute("SELECT count(*) FROM clients").fetchone()[0])


def _postgresql(url: str, client_id: str, numbers: range) -> Iterator[int]:
    async def fill() -> None:
        link = await asyncpg.connect(url)
        rows = [
            dict(await link.fetchrow(f"SELECT * FROM {table} WHERE {column} = $1", client_id))
            for table, column in _IDENTIFIERS
        ]
        for number, batch in enumerate(_rows(numbers, rows[0], rows[1])):
            for table, values in zip(("clients", "events"), batch, strict=True):
                await link.copy_records_to_table(table, records=values)
            print(f"batch {number + 1} of {_BATCH} clients stored", file=sys.stderr)
        for table in ("clients", "events"):
            await link.execute(f"ANALYZE {table}")
        await link.close()

    asyncio.run(fill())
    yield numbers.stop


def _register_for_real(target: Target, folder: Path, count: int) -> Iterator[tuple[int, float]]:
    """By wrk, in pieces: how many there are, and the megabytes of the one worker."""
    done = 0
    while done < count:
        yield done, memory(target.pid) or 0.0
        sample = drive(target, target.url, 4, {"BODY": str(folder / "body.json")})
        done += int(sample.rate * 4)
        print(f"{target.name}: {done} registered, {memory(target.pid):.0f} MB", file=sys.stderr)
    yield done, memory(target.pid) or 0.0


if __name__ == "__main__":
    main()
