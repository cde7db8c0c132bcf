"""Instructions of the server per request, counted by valgrind: what a busy machine cannot blur.

python benchmarks/instructions.py [--requests 320] [--postgres URL]

Sixteen at a time; three counts of each operation tell the noise, about a per cent. What the kernel
does, waiting, and other processes are not in it. Two trees are compared by running the one script
with the ``PYTHONPATH`` of each, two settings by ``DCR_SERVER__HTTP=uvicorn`` and the like in the
environment. Needs valgrind.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path

import httpx
from registration import _MACHINE, BODY

from harness import database, free_port, running

_AT_ONCE = 16
_COUNTS = 3
_WARMING = 48
_CLIENTS = 64
# Under valgrind everything takes some fifty times as long.
_PATIENCE_SECONDS = 120
_Send = Callable[[httpx.AsyncClient, int], Awaitable[httpx.Response]]


def main() -> None:
    parser = argparse.ArgumentParser(description="instructions per request")
    parser.add_argument("--requests", type=int, default=320, help="of each count")
    parser.add_argument("--postgres", help="server where databases may be made; SQLite if unset")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = f"sqlite:///{folder}/benchmark.db"
        if options.postgres:
            url = stack.enter_context(database(options.postgres, "instructions"))
        base, pid = stack.enter_context(_server(folder, url))
        for name, send in _operations(base):
            asyncio.run(_drive(base, send, _WARMING))
            counts = [_counted(base, send, options.requests, pid, folder) for _ in range(_COUNTS)]
            print(f"{name:8}", *(f"{count / 1000:8.1f} k" for count in counts), flush=True)


def _operations(base: str) -> Iterator[tuple[str, _Send]]:
    yield "POST", lambda client, _: client.post("/register", json=BODY)
    with httpx.Client(base_url=base, timeout=_PATIENCE_SECONDS) as client:
        clients = [client.post("/register", json=BODY).json() for _ in range(_CLIENTS)]
        machine = client.post("/register", json=BODY | _MACHINE).json()
    yield "GET", partial(_read, clients)
    yield "PUT", partial(_update, clients)
    pair = (machine["client_id"], machine["client_secret"])
    grant = {"grant_type": "client_credentials"}
    yield "TOKEN", lambda client, _: client.post("/token", data=grant, auth=pair)


def _read(
    clients: list[dict[str, str]], client: httpx.AsyncClient, number: int
) -> Awaitable[httpx.Response]:
    one = clients[number % len(clients)]
    return client.get(one["registration_client_uri"], headers=_bearer(one))


async def _update(
    clients: list[dict[str, str]], client: httpx.AsyncClient, number: int
) -> httpx.Response:
    one = clients.pop(0)
    changed = BODY | {"client_id": one["client_id"], "client_name": f"Name {number}"}
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


def _counted(base: str, send: _Send, requests: int, pid: int, folder: Path) -> float:
    _tell(pid, "--zero")
    _tell(pid, "--instr=on")
    asyncio.run(_drive(base, send, requests))
    _tell(pid, "--instr=off")
    _tell(pid, "--dump")
    ends_at = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < ends_at:
        for dump in folder.glob("callgrind.out.*.*"):
            if found := re.search(
                r"^totals: (\d+)", dump.read_text(errors="replace"), re.MULTILINE
            ):
                dump.unlink()
                return int(found.group(1)) / requests
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
