"""How long a search over very many clients keeps everybody else from being served.

python benchmarks/search.py [--clients 200000] [--database URL]

In this very process, on a SQLite file of its own or on a database that has our schema: the longest
pause of the event loop while ``like '%acme%'`` is counted, first on the lane of the requests, as a
careless list would, then on that of lists; and what else such lists take.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import func, select

from dcrserver.db.protocol.drivers import open_driver
from dcrserver.db.queries import Queries
from dcrserver.db.tables import clients
from dcrserver.repositories.queries import Lists
from dcrserver.repositories.queries.clients import Filter
from dcrserver.settings import DatabaseSettings

# Not the harness beside this file, which measures servers from without.
sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from harness.databases import migrate
from harness.many import fill, paused

_TENANT = "benchmark"
_ROUNDS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description="the longest pause under a search")
    parser.add_argument("--clients", type=int, default=200_000)
    parser.add_argument("--database", help="URL; an SQLite file of its own if unset")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = options.database or f"sqlite:///{folder}/benchmark.db"
        asyncio.run(_measure(url, options.clients))


async def _measure(url: str, count: int) -> None:
    await migrate(url)
    await fill(url, _TENANT, count)
    settings = DatabaseSettings(url=SecretStr(url))
    driver, queries = open_driver(settings), Queries(settings)
    lists, filters = Lists(queries), Filter({"contains": "acme"})
    like = clients.c.metadata.icontains("acme", autoescape=True)
    counted = select(func.count().label("count")).where(clients.c.tenant == _TENANT, like)
    await lists.clients.total("nobody")

    async def exported() -> None:
        async for _ in lists.clients.every(_TENANT):
            pass

    for name, work in (
        ("search, first lane", lambda: driver.reading.execute(counted, {})),
        ("search, lists", lambda: lists.clients.total(_TENANT, filters)),
        ("page of 100", lambda: lists.clients.page(_TENANT, limit=100)),
        ("page of those found", lambda: lists.clients.page(_TENANT, filters, limit=100)),
        ("every client", exported),
    ):
        results = [await paused(_timed(work())) for _ in range(_ROUNDS)]
        pauses = " ".join(f"{pause * 1000:6.1f}" for _, pause in results)
        seconds = sorted(each for each, _ in results)[_ROUNDS // 2]
        print(f"{name:22}{seconds * 1000:8.1f} ms, longest pauses:{pauses} ms", flush=True)
    await queries.close()
    await driver.close()


async def _timed(work: Awaitable[object]) -> float:
    before = time.perf_counter()
    await work
    return time.perf_counter() - before


if __name__ == "__main__":
    main()
