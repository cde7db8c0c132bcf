"""A Galera of three nodes, a server of ours at each: what one acknowledged, all know."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from clusters.engines import galera_of
from clusters.load import check
from dcrserver.db import migration, schema
from dcrserver.db.engine import create_engine
from dcrserver.db.protocol.drivers import open_driver
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.services.upkeep.leases import Leases
from dcrserver.settings import DatabaseSettings
from harness.clusters import Node, galera
from harness.long_run import only_long
from harness.process import ServerProcess, serving

pytestmark = [only_long, pytest.mark.timeout(420), pytest.mark.xdist_group("galera")]
finding = pytest.mark.finding
_CLIENT = {"redirect_uris": [], "grant_types": ["client_credentials"]}


@pytest.fixture(scope="module")
def nodes() -> Iterator[list[Node]]:
    with galera() as made:
        yield made


@pytest.fixture(scope="module")
def servers(
    nodes: list[Node], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[ServerProcess]]:
    """One at each node, all of one issuer, as behind a load balancer."""
    asyncio.run(_migrate_at_once(nodes))
    env = {
        "DCR_SERVER__BASE_URL": "https://server.example.com",
        "DCR_DATABASE__STATEMENT_TIMEOUT": "5",
        "DCR_SERVER__MAX_CONNECTIONS": "200",
    }
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("galera")
        yield [
            stack.enter_context(serving(_made(folder / str(place)), node.url, env=env))
            for place, node in enumerate(nodes)
        ]


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


async def _migrate_at_once(nodes: list[Node]) -> list[tuple[str | None, str | None]]:
    engines = [create_engine(DatabaseSettings(url=SecretStr(node.url))) for node in nodes]
    try:
        return await asyncio.gather(*(migration.upgrade(engine) for engine in engines))
    finally:
        for engine in engines:
            await engine.dispose()


def register(server: ServerProcess) -> dict[str, Any] | None:
    """A client that was acknowledged; None where the server could not."""
    try:
        answer = httpx.post(
            f"{server.base_url}/register", json=_CLIENT, timeout=30, trust_env=False
        )
    except httpx.TransportError:
        return None
    assert answer.status_code in {201, 503}, answer.text
    return answer.json() if answer.status_code == 201 else None


def token(server: ServerProcess, client: dict[str, Any]) -> int:
    return httpx.post(
        f"{server.base_url}/token",
        data={"grant_type": "client_credentials"},
        auth=(client["client_id"], client["client_secret"]),
        timeout=30,
        trust_env=False,
    ).status_code


def delete(server: ServerProcess, client: dict[str, Any]) -> int:
    return httpx.delete(
        f"{server.base_url}/register/{client['client_id']}",
        headers={"Authorization": f"Bearer {client['registration_access_token']}"},
        timeout=30,
        trust_env=False,
    ).status_code


@finding("F6")
def test_of_three_migrations_at_once_one_migrates(nodes: list[Node]) -> None:
    results = asyncio.run(_migrate_at_once(nodes))
    assert {after for _, after in results} == {schema.head_revision()}
    assert [before for before, _ in results].count(None) <= 1


def test_of_workers_at_three_nodes_one_at_a_time_does_a_job(
    nodes: list[Node], servers: list[ServerProcess]
) -> None:
    """No session lock holds at all nodes: of commits for one lease at once, one is left."""
    assert len(servers) == len(nodes)
    asyncio.run(_take_turns([node.url for node in nodes]))


async def _take_turns(urls: list[str]) -> None:
    doing: list[str] = []
    turns: Counter[str] = Counter()

    async def work(url: str, leases: Leases) -> None:
        while sum(turns.values()) < 30 or len(turns) < len(urls):
            if await leases.free_in("a-job", 0) <= 0 and (lease := await leases.take("a-job")):
                assert not doing
                doing.append(url)
                turns[url] += 1
                await lease.transact(_use)
                assert doing.pop() == url
                await lease.end(0)
            await asyncio.sleep(random.uniform(0, 0.01))  # noqa: S311 - no secret

    async with AsyncExitStack() as stack:
        databases = [Database(open_driver(DatabaseSettings(url=SecretStr(url)))) for url in urls]
        for each in databases:
            stack.push_async_callback(each.close)
        async with asyncio.timeout(120):
            all_of_them = zip(urls, databases, strict=True)
            await asyncio.gather(*(work(url, Leases(each, 30)) for url, each in all_of_them))


async def _use(tx: Transaction) -> None:
    await tx.last_uses.write({("default", "a-job", ""): 1})


@finding("F5")
def test_what_one_node_acknowledged_all_nodes_know_at_once(servers: list[ServerProcess]) -> None:
    """Without causal reads a node that lags answers 401, or gives a deleted client a token."""
    for number in range(30):
        here, there = servers[number % 3], servers[(number + 1) % 3]
        client = register(here)
        assert client is not None
        assert token(there, client) == 200
        assert delete(there, client) == 204
        assert token(servers[(number + 2) % 3], client) == 401


@finding("F5")
def test_a_node_that_lags_refuses_nobody_wrongly(
    nodes: list[Node], servers: list[ServerProcess]
) -> None:
    """It applies nothing while a backup locks it; who asks there waits, or is told to come back."""
    gone = register(servers[0])
    assert gone is not None
    with nodes[1].locked(seconds=3):
        client = register(servers[0])
        assert client is not None
        assert delete(servers[0], gone) == 204
        assert token(servers[1], client) in {200, 503}
        assert token(servers[1], gone) in {401, 503}
    assert token(servers[1], client) == 200
    assert token(servers[1], gone) == 401


@finding("F1", "F2", "F5")
@pytest.mark.parametrize("faults", [["kill"], ["freeze", "rolling restart"]])
def test_no_answer_is_wrong_and_nothing_acknowledged_is_lost(
    nodes: list[Node], faults: list[str], tmp_path: Path
) -> None:
    database = f"history_{len(faults)}"
    nodes[0].query(f"CREATE DATABASE {database}")
    check(galera_of(nodes, database), faults, tmp_path)
