"""Clients that go on through faults of the database, and what they were told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from clusters.engines import Cluster
from crash.history import SECONDS, History, lost
from crash.kills import incomplete
from harness.databases import migrate
from harness.haproxy import haproxy
from harness.process import free_port, serving

WORKERS = 6
# Of a client between its turns: what is measured is the database's faults, not how fast we are.
_BETWEEN_SECONDS = 0.05
# After a refusal: what Retry-After says is longer.
_AGAIN_SECONDS = 0.1
_PATIENCE_SECONDS = 60
_ISSUER = "https://server.example.com"
_SETTINGS = {
    "DCR_DATABASE__STATEMENT_TIMEOUT": "3",
    "DCR_DATABASE__POOL_TIMEOUT": "3",
    "DCR_SERVER__MAX_CONNECTIONS": "200",
}


@dataclass
class Outage:
    """What one fault did to all clients."""

    fault: str
    gap: float
    lasted: float
    acknowledged: int
    refused: int


@dataclass
class Outcome:
    """``wrong``: in words; answers, and what was lost or is there twice."""

    outages: list[Outage] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def go_through(cluster: Cluster, faults: list[str], folder: Path, seconds: float) -> Outcome:
    """One fault after the other, under load."""
    asyncio.run(migrate(cluster.urls[0]))
    with ExitStack() as stack:
        instances = [stack.enter_context(_instance(folder, url)) for url in cluster.urls]
        base_url = stack.enter_context(_balanced(folder, instances))
        return asyncio.run(_go_through(cluster, instances, faults, base_url, seconds))


def check(cluster: Cluster, faults: list[str], folder: Path, seconds: float = 4) -> None:
    """A short run: nothing is wrong, and no fault keeps all waiting for long."""
    outcome = go_through(cluster, faults, folder, seconds)
    assert outcome.wrong == []
    assert all(outage.gap < _PATIENCE_SECONDS for outage in outcome.outages)


async def _go_through(
    cluster: Cluster, instances: list[str], faults: list[str], base_url: str, seconds: float
) -> Outcome:
    history, outcome = History(), Outcome()
    async with _load(history, base_url):
        for fault in faults:
            outcome.outages.append(await _outage(history, fault, cluster.faults[fault], seconds))
            await asyncio.gather(*(_recovered(instance) for instance in instances))
    outcome.wrong = history.wrong + await lost(history, base_url)
    outcome.wrong += await incomplete(history, cluster.urls[0])
    return outcome


async def _outage(
    history: History, fault: str, happen: Callable[[float], None], seconds: float
) -> Outage:
    await _until_acknowledged(history, 20)
    since, acknowledged, refused = time.monotonic(), history.acknowledged, history.refused
    await asyncio.to_thread(happen, seconds)
    await _until_acknowledged(history, 20)
    until = time.monotonic()
    return Outage(
        fault,
        history.longest_gap(since, until),
        until - since,
        history.acknowledged - acknowledged,
        history.refused - refused,
    )


async def _until_acknowledged(history: History, more: int) -> None:
    enough = history.acknowledged + more
    for _ in range(_PATIENCE_SECONDS * 20):
        if history.acknowledged >= enough:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"nothing is acknowledged for {_PATIENCE_SECONDS} s")


async def _recovered(instance: str) -> None:
    """By itself, and not only because another has its clients now."""
    async with httpx.AsyncClient(base_url=instance, timeout=SECONDS, trust_env=False) as http:
        for _ in range(_PATIENCE_SECONDS * 5):
            if (await http.get("/readyz")).status_code == 200:
                return
            await asyncio.sleep(0.2)
    raise AssertionError(f"an instance is not ready after {_PATIENCE_SECONDS} s")


@asynccontextmanager
async def _load(history: History, base_url: str) -> AsyncIterator[None]:
    ended = asyncio.Event()

    async def work(worker: int) -> None:
        async with httpx.AsyncClient(base_url=base_url, timeout=SECONDS, trust_env=False) as http:
            turn = 0
            while not ended.is_set():
                turn += 1
                refused = history.refused
                with suppress(httpx.TransportError):
                    await history.turn(http, f"worker {worker} turn {turn}")
                    if history.refused == refused:
                        await asyncio.sleep(_BETWEEN_SECONDS)
                        continue
                await asyncio.sleep(_AGAIN_SECONDS)

    workers = [asyncio.create_task(work(number)) for number in range(WORKERS)]
    try:
        yield
    finally:
        ended.set()
        await asyncio.gather(*workers)


@contextmanager
def _instance(folder: Path, url: str) -> Iterator[str]:
    """The address of a server; all say that they are one."""
    with serving(folder, url, env={"DCR_SERVER__BASE_URL": _ISSUER, **_SETTINGS}) as server:
        yield server.base_url


@contextmanager
def _balanced(folder: Path, instances: list[str]) -> Iterator[str]:
    """The address of a HAProxy before those of the instances that say they are ready."""
    port = free_port()
    servers = [instance.removeprefix("http://") for instance in instances]
    with haproxy(folder, "dcrserver", port, servers):
        yield f"http://127.0.0.1:{port}"
