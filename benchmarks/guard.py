"""Processor time per request, relative to a static answer in the same run; reports, never fails.

python benchmarks/guard.py [--seconds 2]

Needs nothing but dcrserver: what the requests cost their sender does not count.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
from registration import BODY

from harness import HERE, dcrserver, free_port, processor_seconds, wait

CONNECTIONS = 16
CLIENTS = 32


def main() -> None:
    parser = argparse.ArgumentParser(description="processor time relative to a static answer")
    parser.add_argument("--seconds", type=float, default=2)
    seconds = parser.parse_args().seconds
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        static_url, static_pid = stack.enter_context(_static())
        target = stack.enter_context(dcrserver("dcrserver/sqlite", folder))
        assert target.pid is not None
        reference = _cost(static_url, [_request("GET", "/")], seconds, static_pid)
        print(f"static   {reference:6.0f} us")
        clients = [httpx.post(target.url, json=BODY).json() for _ in range(CLIENTS)]
        for name, requests in (("POST", [_post()]), ("GET", [_get(client) for client in clients])):
            cost = _cost(target.url, requests, seconds, target.pid)
            print(f"{name:8} {cost:6.0f} us {cost / reference:6.1f} times a static answer")


@contextlib.contextmanager
def _static() -> Iterator[tuple[str, int]]:
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "static:app", "--port", str(port)]
    process = subprocess.Popen(
        [*command, "--no-access-log", "--log-level", "warning"], cwd=HERE, env=os.environ
    )
    try:
        wait(f"http://127.0.0.1:{port}/", process)
        yield f"http://127.0.0.1:{port}/", process.pid
    finally:
        process.terminate()
        process.wait(30)


def _post() -> bytes:
    return _request("POST", "/register", json.dumps(BODY), "Content-Type: application/json")


def _get(client: dict[str, str]) -> bytes:
    path = httpx.URL(client["registration_client_uri"]).raw_path.decode()
    return _request("GET", path, "", f"Authorization: Bearer {client['registration_access_token']}")


def _request(method: str, path: str, body: str = "", *headers: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body]).encode()


def _cost(url: str, requests: Sequence[bytes], seconds: float, pid: int) -> float:
    """Microseconds of the server's processes for a request, after a warming half second."""
    asyncio.run(_load(url, requests, 0.5))
    before = processor_seconds(pid)
    answered = asyncio.run(_load(url, requests, seconds))
    return (processor_seconds(pid) - before) / max(answered, 1) * 1e6


async def _load(url: str, requests: Sequence[bytes], seconds: float) -> int:
    """How many were answered."""
    turn = itertools.cycle(requests)
    ends_at = asyncio.get_running_loop().time() + seconds
    counts = await asyncio.gather(*(_converse(url, turn, ends_at) for _ in range(CONNECTIONS)))
    return sum(counts)


async def _converse(url: str, turn: Iterator[bytes], ends_at: float) -> int:
    address, count = httpx.URL(url), 0
    reader, writer = await asyncio.open_connection(address.host, address.port)
    while asyncio.get_running_loop().time() < ends_at:
        writer.write(next(turn))
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.split(b" ", 2)[1] in {b"200", b"201"}, head
        (length,) = (
            int(line.split(b":")[1])
            for line in head.lower().split(b"\r\n")
            if line.startswith(b"content-length")
        )
        await reader.readexactly(length)
        count += 1
    writer.close()
    return count


if __name__ == "__main__":
    main()
