"""Registrations a second while an authorization server is told, and how soon it is level again.

python benchmarks/provisioning.py [--seconds 5] [--outage 60] [--changes 1000] [--postgres URL]
    [--connector '{"kind": "keycloak", "url": ..., "realm": ..., ...}']

Without a connector the target is one that has nothing to do (``provisioning_target.py``), so that
what is measured is ours; a real one is named by its settings, and has no outage. By turns: no
target, told after the answer, told before it. Then the target is away while clients change, and
the time is told from its return until it has all of them.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import httpx
from registration import BODY

import clients
from harness import HERE, Target, database, dcrserver, drive, free_port, running

_PATIENCE_SECONDS = 300
_AT_ONCE = 16


@contextlib.contextmanager
def _target(folder: Path) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, str(HERE / "provisioning_target.py"), str(port)]
    with running(command, folder, {}):
        url = f"http://127.0.0.1:{port}"
        for _ in range(100):
            with contextlib.suppress(httpx.TransportError):
                httpx.get(f"{url}/count")
                break
            time.sleep(0.05)
        yield url


def settings_of(connector: Mapping[str, object] | None, provision: str) -> dict[str, str]:
    """Of a server that tells ``connector``."""
    if connector is None:
        return {}
    settings = {
        f"DCR_CONNECTORS__TARGET__{name.upper()}": str(value) for name, value in connector.items()
    }
    key = base64.b64encode(bytes(range(32))).decode()
    return settings | {
        "DCR_CONNECTORS__TARGET__PROVISION": provision,
        "DCR_SECRETS__ENCRYPTION_KEYS": json.dumps([key]),
    }


@contextlib.contextmanager
def server(
    folder: Path, postgres: str | None, settings: Mapping[str, str], name: str
) -> Iterator[Target]:
    """One of ours, on a database of its own."""
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(database(postgres)) if postgres else None
        inside = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=folder)))
        yield stack.enter_context(dcrserver(name, inside, url, settings))


def _rate(target: Target, folder: Path, seconds: int) -> None:
    body = folder / "body"
    body.write_text(json.dumps(BODY))
    sample = drive(target, target.url, seconds, {"BODY": str(body)})
    print(
        f"{target.name:10} {sample.rate:7.0f} registrations/s, p50 {sample.p50:.1f} ms,"
        f" p99 {sample.p99:.1f} ms, {sample.failed} failed"
    )


def _counted(url: str, name: str = "") -> dict[str, int]:
    made: dict[str, int] = httpx.get(f"{url}/count?{name}").json()
    return made


async def _renamed(made: list[dict[str, str]], name: str) -> None:
    """An update of each client."""
    waiting = list(made)

    async def some(http: httpx.AsyncClient) -> None:
        while waiting:
            client = waiting.pop()
            answer = await http.put(
                client["registration_client_uri"],
                json=BODY | {"client_name": name, "client_id": client["client_id"]},
                headers={"Authorization": f"Bearer {client['registration_access_token']}"},
            )
            answer.raise_for_status()

    async with httpx.AsyncClient(timeout=60) as http:
        await asyncio.gather(*(some(http) for _ in range(_AT_ONCE)))


def _outage(target: Target, url: str, changes: int, outage: int) -> None:
    made = clients.registered(target.url, BODY, changes)
    _until(lambda: _counted(url)["clients"] >= changes, "the target has all")
    httpx.post(f"{url}/away")
    began = time.monotonic()
    asyncio.run(_renamed(made, "newest"))
    time.sleep(max(0.0, began + outage - time.monotonic()))
    httpx.post(f"{url}/back")
    back = time.monotonic()
    _until(lambda: _counted(url, "newest")["named"] == changes, "the target is level")
    print(f"{changes} changes while it was away for {outage} s: level"
          f" {time.monotonic() - back:.1f} s after it was back")  # fmt: skip


def _until(condition: Callable[[], bool], what: str) -> None:
    ends_at = time.monotonic() + _PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > ends_at:
            sys.exit(f"waited in vain: {what}")
        time.sleep(0.02)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--outage", type=int, default=60)
    parser.add_argument("--changes", type=int, default=1000)
    parser.add_argument("--postgres")
    parser.add_argument("--connector", type=json.loads)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with contextlib.ExitStack() as stack:
            url = "" if given.connector else stack.enter_context(_target(folder))
            connector = given.connector or {"kind": "hydra", "url": url}
            for told, provision in ((None, ""), (connector, "after"), (connector, "before")):
                settings = settings_of(told, provision)
                with server(folder, given.postgres, settings, provision or "no target") as target:
                    _rate(target, folder, given.seconds)
            if url:
                settings = settings_of(connector, "after")
                with (
                    _target(folder) as fresh,
                    server(
                        folder, given.postgres, settings | {"DCR_CONNECTORS__TARGET__URL": fresh},
                        "outage",
                    ) as target,
                ):  # fmt: skip
                    _outage(target, fresh, given.changes, given.outage)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    main()
