"""How long a search over very many clients keeps everybody else from being served.

python benchmarks/search.py [--clients 200000] [--database URL]

In this very process, on a SQLite file of its own or on a database that has our schema: the longest
pause of the event loop while ``like '%acme%'`` is counted, first on the lane of the requests, as a
careless list would, then on that of lists; and what else such lists take.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Awaitable
from typing import Any, TypeVar

from pydantic import SecretStr
from sqlalchemy import func, insert, select

from dcrserver.db import migration
from dcrserver.db.engine import create_engine
from dcrserver.db.protocol.drivers import open_driver
from dcrserver.db.queries import Queries
from dcrserver.db.tables import clients
from dcrserver.repositories.queries import Lists
from dcrserver.repositories.queries.clients import ClientFilters
from dcrserver.settings import DatabaseSettings

T = TypeVar("T")

_TENANT = "benchmark"
_ROUNDS = 5
_BATCH = 1000
_METADATA = (
    '{{"client_name":"{name} {number}","redirect_uris":["https://client.example.com/callback"],'
    '"grant_types":["authorization_code","refresh_token"],"response_types":["code"],'
    '"token_endpoint_auth_method":"client_secret_basic","scope":"openid profile email",'
    '"contacts":["operations@client.example.com"]}}'
)


def main() -> None:
    parser = argparse.ArgumentParser(description="the longest pause under a search")
    parser.add_argument("--clients", type=int, default=200_000)
    parser.add_argument("--database", help="URL; an SQLite file of its own if unset")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = options.database or f"sqlite:///{folder}/benchmark.db"
        asyncio.run(_measure(DatabaseSettings(url=SecretStr(url)), options.clients))


async def _measure(settings: DatabaseSettings, count: int) -> None:
    await _fill(settings, count)
    driver, queries = open_driver(settings), Queries(settings)
    lists, filters = Lists(queries), ClientFilters(contains="acme")
    like = clients.c.metadata.icontains("acme", autoescape=True)
    counted = select(func.count().label("count")).where(clients.c.tenant == _TENANT, like)
    await lists.clients.count("nobody")

    async def exported() -> None:
        async for _ in lists.clients.every(_TENANT):
            pass

    for name, work in (
        ("search, first lane", lambda: driver.reading.execute(counted, {})),
        ("search, lists", lambda: lists.clients.count(_TENANT, filters)),
        ("page of 100", lambda: lists.clients.page(_TENANT, limit=100)),
        ("page of those found", lambda: lists.clients.page(_TENANT, filters, limit=100)),
        ("every client", exported),
    ):
        results = [await _paused(work()) for _ in range(_ROUNDS)]
        pauses = " ".join(f"{pause * 1000:6.1f}" for _, pause in results)
        seconds = sorted(each for each, _ in results)[_ROUNDS // 2]
        print(f"{name:22}{seconds * 1000:8.1f} ms, longest pauses:{pauses} ms", flush=True)
    await queries.close()
    await driver.close()


async def _fill(settings: DatabaseSettings, count: int) -> None:
    engine = create_engine(settings)
    await migration.upgrade(engine)
    async with engine.begin() as connection:
        for start in range(0, count, _BATCH):
            rows = [_row(number) for number in range(start, min(start + _BATCH, count))]
            await connection.execute(insert(clients), rows)
    await engine.dispose()


def _row(number: int) -> dict[str, Any]:
    name = "Other" if number % 1000 else "Acme"
    return {
        "tenant": _TENANT,
        "client_id": f"client-{number}",
        "metadata": _METADATA.format(name=name, number=number),
        "registration_access_token_digest": "x",
        "issued_at": number // 2,
        "updated_at": 1,
        "version": 1,
    }


async def _paused(work: Awaitable[T]) -> tuple[float, float]:
    """The seconds that ``work`` took, and the longest in which nothing else could run meanwhile."""
    longest = 0.0

    async def look() -> None:
        nonlocal longest
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            longest = max(longest, time.perf_counter() - before - 0.001)

    looking = asyncio.create_task(look())
    await asyncio.sleep(0.01)
    before = time.perf_counter()
    await work
    seconds = time.perf_counter() - before
    await asyncio.sleep(0.002)
    looking.cancel()
    return seconds, longest


if __name__ == "__main__":
    main()
