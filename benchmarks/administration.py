"""What administrators ask for with very many clients, and what it costs those who are served.

python benchmarks/administration.py [--postgres URL | --database URL] [--clients 1000 1000000]
    [--times 100]

Without a URL it is SQLite; ``--database`` is a database of any kind, empty or filled by an earlier
run, which stays. It is filled past the server (``many_clients.py``). In this very process: pages,
filters, searches, counts and statistics, p50 and p99 of each, and the rate and memory of an export;
then one worker is driven, alone and while an export runs (``beside.py``). The load of the machine
stands at both ends.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import resource
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import beside
import many_clients
from pydantic import SecretStr

from dcrserver.db import migration
from dcrserver.db.engine import create_engine
from dcrserver.db.protocol.drivers import open_driver
from dcrserver.db.queries import Queries
from dcrserver.errors import QueryTooLong
from dcrserver.repositories.queries import Lists
from dcrserver.repositories.queries.clients import Filter, Found, Sort
from dcrserver.repositories.queries.clients.statistics import Kind
from dcrserver.services.clients.exports import exported_pages
from dcrserver.settings import DatabaseSettings
from harness import database

_TENANT = "default"
_PAGE = 50
_EXPORTED = 200_000
_SECONDS = 4
# Name -> filters and sort; the last of each group are what no index has in the wanted order.
_PAGES: dict[str, tuple[dict[str, str], str]] = {
    "newest": ({}, "-created"),
    "changed last": ({}, "-updated"),
    "by name": ({}, "name"),
    "used last": ({}, "-last_used"),
    "rare software": ({"software_id": "software-4321"}, "-created"),
    "common software": ({"software_id": "software-1"}, "-created"),
    "common software by change": ({"software_id": "software-1"}, "-updated"),
    "unknown software": ({"software_id": "unknown"}, "-created"),
    "common method, oldest": ({"method": "none"}, "created"),
    "method of nobody": ({"method": "tls_client_auth"}, "-created"),
    "host": ({"redirect_host": "app17.example.org"}, "-created"),
    "origin, method, host": (
        {"origin": "import", "method": "private_key_jwt", "redirect_host": "app5.example.org"},
        "-created",
    ),
    "suspended": ({"status": "suspended"}, "-created"),
    "owner": ({"owner": "owner-7"}, "-created"),
    "owner by use": ({"owner": "owner-7"}, "-last_used"),
    "owner by name": ({"owner": "owner-7"}, "name"),
    "owner of nobody": ({"owner": "nobody"}, "-created"),
    "tag by change": ({"tag": "tag-3"}, "-updated"),
    "secret ends": ({"secret_expires_before": "1800600000"}, "-created"),
    "not used since": ({"last_used_before": "1750000000"}, "-created"),
    "search: rare word": ({"q": "customer 77777"}, "-created"),
    "search: common beginning": ({"q": "acm"}, "-created"),
    "search: common, by change": ({"q": "cust"}, "-updated"),
    "search: common, by name": ({"q": "mail"}, "name"),
    "search: common, by use": ({"q": "mail"}, "-last_used"),
    "search: no such word": ({"q": "zebra"}, "-created"),
    "member that many have": ({"metadata.scope": "openid profile email"}, "-created"),
    "member that is a facet": ({"metadata.software_id": "software-3"}, "-created"),
    "member that nobody has": ({"metadata.client_uri": "https://nobody.example/"}, "-created"),
    "the same by change": ({"metadata.client_uri": "https://nobody.example/"}, "-updated"),
    "text that nobody has": ({"contains": "nobody.example"}, "created"),
}
_COUNTS: dict[str, dict[str, str]] = {
    "count all": {},
    "count a rare software": {"software_id": "software-4321"},
    "count a common method": {"method": "none"},
    "count a common word": {"q": "mail"},
}


def main() -> None:
    options = _options()
    for count in options.clients:
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            url = f"sqlite:///{folder}/administration.db"
            if options.database:
                url = options.database
            elif options.postgres:
                url = stack.enter_context(database(options.postgres, "administration"))
            filled(url, count)
            print(f"{count} clients, {url.partition(':')[0]}, load {os.getloadavg()[0]:.1f}")
            asyncio.run(_measure(url, options.times))
            beside.measure(url, folder, options.rounds, _SECONDS)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="what administrators ask for, and what it costs")
    parser.add_argument("--postgres", help="server where databases may be made; SQLite if unset")
    parser.add_argument("--database", help="an empty database, for one number of clients")
    parser.add_argument("--clients", type=int, nargs="+", default=[1_000, 1_000_000])
    parser.add_argument("--times", type=int, default=100, help="of each question")
    parser.add_argument("--rounds", type=int, default=6, help="beside an export")
    return parser.parse_args()


async def _migrated(url: str) -> None:
    engine = create_engine(_settings(url))
    await migration.upgrade(engine)
    await engine.dispose()


def filled(url: str, count: int) -> None:
    """Migrates the database, and fills it with so many clients."""
    asyncio.run(_migrated(url))
    if asyncio.run(_stored(url)) >= count:
        return
    for stored in many_clients.fill(url, _TENANT, count):
        print(f"{stored} clients stored", file=sys.stderr)
    many_clients.analyze(url)


async def _stored(url: str) -> int:
    # Not a question of administrators: a million one by one take MariaDB longer than those may.
    async with _opened(url, query_timeout=60) as queries:
        return await Lists(queries).clients.total(_TENANT)


@contextlib.asynccontextmanager
async def _opened(url: str, **options: float) -> AsyncIterator[Queries]:
    """With the driver of requests, without which SQLite has no log to read by."""
    settings = _settings(url, **options)
    driver, queries = open_driver(settings), Queries(settings)
    yield queries
    await queries.close()
    await driver.close()


def _settings(url: str, **options: float) -> DatabaseSettings:
    return DatabaseSettings.model_validate(
        {"url": SecretStr(url), "statement_timeout": 60, **options}
    )


def _questions(lists: Lists) -> Iterator[tuple[str, Callable[[], Awaitable[object]]]]:
    for name, (given, sort) in _PAGES.items():
        wanted, order = Filter.parse(given.items()), Sort.parse(sort)
        yield name, lambda w=wanted, o=order: lists.clients.part(_TENANT, w, o, limit=_PAGE)
    for name, given in _COUNTS.items():
        wanted = Filter.parse(given.items())
        yield name, lambda w=wanted: lists.clients.count(_TENANT, w)
    for kind in Kind:
        yield f"clients by {kind}", lambda k=kind: lists.statistics.shares(_TENANT, k, None)
    until = many_clients.NOW
    since, step = until - 30 * 86_400, 86_400
    yield (
        "registrations of 30 days",
        lambda: lists.statistics.registrations(
            _TENANT, Kind.ORIGIN, None, since=since, until=until, step=step
        ),
    )


async def _measure(url: str, times: int) -> None:
    async with _opened(url) as queries:
        await _measured(Lists(queries), times)


async def _measured(lists: Lists, times: int) -> None:
    for name, ask in _questions(lists):
        taken, found = [], ""
        for _ in range(times):
            before = time.perf_counter()
            try:
                made = await ask()
                if isinstance(made, Found):
                    found = f"{len(made.matches)} clients{'' if made.next is None else ' ...'}"
                else:
                    found = f"{len(made)} rows" if isinstance(made, list) else str(made)
            except QueryTooLong as error:
                found = error.description
            taken.append((time.perf_counter() - before) * 1000)
        taken.sort()
        p50, p99 = taken[len(taken) // 2], taken[int(len(taken) * 0.99)]
        print(f"{name:28} p50 {p50:8.1f} ms  p99 {p99:8.1f} ms  {found}", flush=True)
    before, number, at_first = time.perf_counter(), 0, _megabytes()
    async for text in exported_pages(lists, _TENANT):
        number += text.count("\n")
        if number >= _EXPORTED:
            break
    rate = number / (time.perf_counter() - before)
    print(f"export: {rate:.0f} clients a second, {at_first:.0f} MB grew to {_megabytes():.0f}")
    print(f"load {os.getloadavg()[0]:.1f}")


def _megabytes() -> float:
    """At most, in this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
