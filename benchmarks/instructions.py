"""Instructions of the server per request, counted by valgrind: what a busy machine cannot blur.

python benchmarks/instructions.py [--requests 320] [--only POST,PUT] [--postgres URL]

Sixteen at a time; the counts of each operation tell the noise, about a per cent. What the kernel
does, waiting, and other processes are not in it; nor what the server does by the clock whether
anybody asks or not: under valgrind a request takes fifty times as long, and as many looks at the
clock would fall to it. So there is no worker inside, which looks for jobs, and what is left (the
configuration that others may have changed) is counted first, while nobody asks, and taken off by
the second. Two trees are compared by running the one script with the ``PYTHONPATH`` of each, two
settings by ``DCR_SERVER__HTTP=uvicorn`` and the like in the environment. Needs valgrind.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import httpx
from registration import _MACHINE, BODY

from harness import database, free_port, running

_AT_ONCE = 16
_WARMING = 48
_CLIENTS = 64
# Under valgrind everything takes some fifty times as long.
_PATIENCE_SECONDS = 120
_IDLE_SECONDS = 10
_Send = Callable[[httpx.AsyncClient, int], Awaitable[httpx.Response]]


def main() -> None:
    parser = argparse.ArgumentParser(description="instructions per request")
    parser.add_argument("--requests", type=int, default=320, help="of each count")
    parser.add_argument("--counts", type=int, default=3, help="of each operation")
    parser.add_argument("--only", default="POST,GET,PUT,CHANGED,TOKEN", metavar="KIND,...")
    parser.add_argument("--postgres", help="server where databases may be made; SQLite if unset")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = f"sqlite:///{folder}/benchmark.db"
        if options.postgres:
            url = stack.enter_context(database(options.postgres, "instructions"))
        base, pid = stack.enter_context(_server(folder, url))
        asyncio.run(_drive(base, _healthy, _WARMING))
        counted = partial(_counted, pid, folder)
        idle = counted(partial(time.sleep, _IDLE_SECONDS)).per_second
        print(f"idle     {idle / 1000:8.1f} k a second", flush=True)
        for name, send in _operations(base):
            if name not in options.only.upper().split(","):
                continue
            asyncio.run(_drive(base, send, _WARMING))
            load = partial(_load, base, send, options.requests)
            counts = sorted(
                counted(load).without(idle) / options.requests / 1000 for _ in range(options.counts)
            )
            told = " ".join(f"{count:8.1f} k" for count in counts)
            print(f"{name:8} {told}   median {statistics.median(counts):8.1f} k", flush=True)


def _operations(base: str) -> Iterator[tuple[str, _Send]]:
    yield "POST", lambda client, _: client.post("/register", json=BODY)
    with httpx.Client(base_url=base, timeout=_PATIENCE_SECONDS) as client:
        clients = [client.post("/register", json=BODY).json() for _ in range(_CLIENTS)]
        machine = client.post("/register", json=BODY | _MACHINE).json()
    yield "GET", partial(_read, clients)
    yield "PUT", partial(_update, clients, {})
    yield "CHANGED", lambda client, n: _update(clients, {"client_name": f"Name {n}"}, client)
    pair = (machine["client_id"], machine["client_secret"])
    grant = {"grant_type": "client_credentials"}
    yield "TOKEN", lambda client, _: client.post("/token", data=grant, auth=pair)


def _healthy(client: httpx.AsyncClient, _: int) -> Awaitable[httpx.Response]:
    return client.get("/healthz")


def _read(
    clients: list[dict[str, str]], client: httpx.AsyncClient, number: int
) -> Awaitable[httpx.Response]:
    one = clients[number % len(clients)]
    return client.get(one["registration_client_uri"], headers=_bearer(one))


async def _update(
    clients: list[dict[str, str]], changes: dict[str, str], client: httpx.AsyncClient, _: int = 0
) -> httpx.Response:
    one = clients.pop(0)
    changed = BODY | {"client_id": one["client_id"]} | changes
    answer = await client.put(one["registration_client_uri"], json=changed, headers=_bearer(one))
    clients.append(one | answer.json())
    return answer


def _bearer(client: dict[str, str]) -> dict[str, str]:
    return {"Authorization": f"Bearer {client['registration_access_token']}"}


async def _drive(base: str, send: _Send, requests: int) -> None:
    numbers = iter(range(requests))
    async with httpx.AsyncClient(base_url=base, timeout=_PATIENCE_SECONDS) as client:

        async def one_of_many() -> None:
            for number in numbers:
                (await send(client, number)).raise_for_status()

        await asyncio.gather(*(one_of_many() for _ in range(_AT_ONCE)))


class _Count(NamedTuple):
    instructions: int
    seconds: float

    @property
    def per_second(self) -> float:
        return self.instructions / self.seconds

    def without(self, idle: float) -> float:
        """Less what would have been done all the same: ``idle`` instructions a second."""
        return self.instructions - idle * self.seconds


def _load(base: str, send: _Send, requests: int) -> None:
    asyncio.run(_drive(base, send, requests))


def _counted(pid: int, folder: Path, meanwhile: Callable[[], None]) -> _Count:
    _tell(pid, "--zero")
    _tell(pid, "--instr=on")
    started_at = time.monotonic()
    meanwhile()
    seconds = time.monotonic() - started_at
    _tell(pid, "--instr=off")
    _tell(pid, "--dump")
    ends_at = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < ends_at:
        for dump in folder.glob("callgrind.out.*.*"):
            if found := re.search(
                r"^totals: (\d+)", dump.read_text(errors="replace"), re.MULTILINE
            ):
                dump.unlink()
                return _Count(int(found.group(1)), seconds)
        time.sleep(0.05)
    sys.exit("valgrind wrote nothing")


def _tell(pid: int, what: str) -> None:
    subprocess.run(["callgrind_control", what, str(pid)], check=True, capture_output=True)


@contextlib.contextmanager
def _server(folder: Path, url: str) -> Iterator[tuple[str, int]]:
    port = free_port()
    environment = {
        "DCR_SERVER__BASE_URL": f"http://127.0.0.1:{port}",
        "DCR_DATABASE__URL": url,
        "DCR_RATE_LIMITS__ENABLED": "false",
        "DCR_TELEMETRY__LEVEL": "warning",
        "DCR_WORKER__INSIDE": "false",
        "PYTHONHASHSEED": "0",
    }
    python = [sys.executable, "-m", "dcrserver"]
    subprocess.run(
        [*python, "migrate"],
        cwd=folder,
        check=True,
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
    )
    valgrind = ["valgrind", "--quiet", "--tool=callgrind", "--instr-atstart=no"]
    with running(
        [*valgrind, *python, "serve", "--port", str(port)], folder, environment
    ) as process:
        ends_at = time.monotonic() + _PATIENCE_SECONDS
        while process.poll() is None and time.monotonic() < ends_at:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=30).is_success:
                    break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}", process.pid


if __name__ == "__main__":
    main()
