"""What settings of a highly available database cost: milliseconds of a write and of a read.

python tests/clusters/costs.py --engine galera
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import SecretStr

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))

from dcrserver.db.protocol.drivers import open_driver
from dcrserver.repositories.transaction import Database
from dcrserver.settings import DatabaseSettings
from harness import clusters, postgresql
from harness.databases import migrate
from harness.rows import add, find, record

_TIMES = 200
_COMMITS = ("off", "local", "remote_write", "on", "remote_apply")
# Setting -> milliseconds of each round.
Costs = dict[str, list[float]]


@contextmanager
def _galera() -> Iterator[Callable[[int], Awaitable[Costs]]]:
    """Reads at one node while another writes, and commits that reach the disk or not."""
    with clusters.galera() as nodes:

        async def measure(rounds: int) -> Costs:
            await migrate(nodes[0].url)
            costs: Costs = {}
            for _ in range(rounds):
                for causal in (False, True):
                    name = f"read, wsrep_sync_wait={causal:d}"
                    for others in (0, 8):
                        took = await _reading(nodes, others, causal=causal)
                        costs.setdefault(f"{name}, {others} that write", []).append(took)
                for flush in (2, 1):
                    for node in nodes:
                        node.query(f"SET GLOBAL innodb_flush_log_at_trx_commit={flush}")
                    took = await _writing(nodes[0].url)
                    name = f"write, innodb_flush_log_at_trx_commit={flush}"
                    costs.setdefault(name, []).append(took)
            return costs

        yield measure


@contextmanager
def _standby() -> Iterator[Callable[[int], Awaitable[Costs]]]:
    """What a commit waits for."""
    with postgresql.pair(fsync="on") as (primary, _):

        async def measure(rounds: int) -> Costs:
            url = f"postgresql://root@127.0.0.1:{primary.port}/postgres"
            await migrate(url)
            costs: Costs = {}
            for _ in range(rounds):
                for wait in _COMMITS:
                    primary.query(f"ALTER SYSTEM SET synchronous_commit = '{wait}'")
                    primary.query("SELECT pg_reload_conf()")
                    name = f"write, synchronous_commit={wait}"
                    costs.setdefault(name, []).append(await _writing(url))
            return costs

        yield measure


async def _writing(url: str) -> float:
    database = _opened(url)
    took = await _milliseconds(lambda: add(database, record()))
    await database.close()
    return took


async def _reading(nodes: list[clusters.Node], others: int, *, causal: bool) -> float:
    here, there, one = _opened(nodes[1].url, causal=causal), _opened(nodes[0].url), record()
    await add(there, one)
    ended = False

    async def write() -> None:
        while not ended:
            await add(there, record())

    writers = [asyncio.create_task(write()) for _ in range(others)]
    took = await _milliseconds(lambda: find(here, one.client_id))
    ended = True
    await asyncio.gather(*writers)
    await here.close()
    await there.close()
    return took


def _opened(url: str, *, causal: bool = True) -> Database:
    return Database(open_driver(DatabaseSettings(url=SecretStr(url), causal_reads=causal)))


async def _milliseconds(work: Callable[[], Awaitable[object]]) -> float:
    """One after the other, the median."""
    await work()
    found = []
    for _ in range(_TIMES):
        started = time.perf_counter()
        await work()
        found.append((time.perf_counter() - started) * 1000)
    return statistics.median(found)


_ENGINES = {"galera": _galera, "standby": _standby}


def main() -> None:
    parser = argparse.ArgumentParser(description="what settings of a cluster cost")
    parser.add_argument("--engine", choices=_ENGINES, required=True)
    parser.add_argument("--rounds", type=int, default=7, help="of all settings by turns")
    options = parser.parse_args()
    with _ENGINES[options.engine]() as measure:
        costs = asyncio.run(measure(options.rounds))
    print("| setting | ms, median of rounds | least to most |\n|---|---|---|")
    for name, found in costs.items():
        median = statistics.median(found)
        print(f"| {name} | {median:.2f} | {min(found):.2f} - {max(found):.2f} |")


if __name__ == "__main__":
    main()
