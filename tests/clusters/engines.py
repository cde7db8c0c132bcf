"""Highly available databases: what of them is told to us, and the faults that each has."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from harness import clusters, patroni, postgresql
from harness.haproxy import haproxy
from harness.pgbouncer import pgbouncer
from harness.process import free_port


@dataclass
class Cluster:
    """``urls``: of the database, one for each instance of ours. A fault ends with all mended."""

    urls: list[str]
    faults: Mapping[str, Callable[[float], None]]


@contextmanager
def galera() -> Iterator[Cluster]:
    with clusters.galera() as nodes:
        yield galera_of(nodes)


def galera_of(nodes: list[clusters.Node], database: str = "dcr") -> Cluster:
    """An instance for each node, which goes to the others where that cannot serve it."""
    turns = itertools.cycle(nodes)

    def kill(seconds: float) -> None:
        node = next(turns)
        node.kill()
        time.sleep(seconds)
        node.start()
        clusters.wait_until_whole(nodes)

    def freeze(seconds: float) -> None:
        node = next(turns)
        node.freeze()
        time.sleep(seconds)
        node.thaw()
        clusters.wait_until_whole(nodes)

    def restart_all(_: float) -> None:
        for node in nodes:
            node.stop()
            node.start()
            clusters.wait_until_whole(nodes)

    ports = [f"127.0.0.1:{node.port}" for node in nodes]
    return Cluster(
        [
            nodes[0].url_of(database, ",".join(ports[place:] + ports[:place]))
            for place in range(len(nodes))
        ],
        {"kill": kill, "freeze": freeze, "rolling restart": restart_all},
    )


@contextmanager
def standby() -> Iterator[Cluster]:
    """A primary and its synchronous standby; the fault comes with the operator who promotes."""
    with postgresql.pair() as servers:
        primary, other = servers

        def kill(seconds: float) -> None:
            nonlocal primary, other
            primary.kill()
            other.promote()
            time.sleep(seconds)
            postgresql.follow(other, primary)
            primary, other = other, primary

        def freeze(seconds: float) -> None:
            nonlocal primary, other
            primary.freeze()
            other.promote()
            time.sleep(seconds)
            primary.kill()  # fenced: it would take itself for the primary still
            postgresql.follow(other, primary)
            primary, other = other, primary

        def restart_all(_: float) -> None:
            for server in (other, primary):
                server.stop()
                server.start()

        hosts = "&".join(f"host=127.0.0.1:{server.port}" for server in reversed(servers))
        url = f"postgresql://root@/postgres?{hosts}&target_session_attrs=read-write"
        yield Cluster([url, url], {"kill": kill, "freeze": freeze, "rolling restart": restart_all})


@contextmanager
def patroni_by_its_hosts() -> Iterator[Cluster]:
    """We look for the primary ourselves."""
    with patroni.patroni() as machines:
        hosts = ",".join(f"127.0.0.1:{machine.port}" for machine in machines)
        yield Cluster([f"postgresql://postgres@{hosts}/postgres"] * 2, _patroni_faults(machines))


@contextmanager
def patroni_behind_haproxy() -> Iterator[Cluster]:
    """HAProxy asks each Patroni whether its PostgreSQL is the primary."""
    with patroni.patroni() as machines, TemporaryDirectory() as folder:
        port = free_port()
        servers = [f"127.0.0.1:{machine.port} port {machine.rest}" for machine in machines]
        with haproxy(Path(folder), "postgresql", port, servers):
            _wait(lambda: _leads_to_a_primary(port))
            url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
            yield Cluster([url] * 2, _patroni_faults(machines))


@contextmanager
def patroni_behind_pgbouncer() -> Iterator[Cluster]:
    with patroni_behind_haproxy() as cluster, pgbouncer(cluster.urls[0]) as url:
        yield Cluster([f"{url}?statement_cache_size=0"] * 2, cluster.faults)


def _patroni_faults(machines: list[patroni.Machine]) -> Mapping[str, Callable[[float], None]]:
    def fail(happen: Callable[[patroni.Machine], None]) -> patroni.Machine:
        """The primary, as soon as it has a successor."""
        old = next(machine for machine in machines if machine.is_primary())
        happen(old)
        _wait(lambda: any(each.is_primary() for each in machines if each is not old))
        return old

    def kill(_: float) -> None:
        fail(patroni.Machine.kill).start()
        patroni.wait_until_whole(machines)

    def freeze(_: float) -> None:
        fail(patroni.Machine.freeze).thaw()
        patroni.wait_until_whole(machines)

    def restart_all(_: float) -> None:
        for machine in machines:
            machine.stop()
            machine.start()
            patroni.wait_until_whole(machines)

    return {"kill": kill, "freeze": freeze, "rolling restart": restart_all}


def _leads_to_a_primary(port: int) -> bool:
    """Whether both of two connections do: before its first checks HAProxy leads to all by turns."""
    asked = "SELECT pg_is_in_recovery()"
    try:
        return {postgresql.query(port, asked, "postgres") for _ in range(2)} == {"f"}
    except AssertionError:
        return False


def _wait(is_so: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + 90
    while not is_so():
        assert time.monotonic() < ends_at
        time.sleep(0.1)


ENGINES: Mapping[str, Callable[[], AbstractContextManager[Cluster]]] = {
    "galera": galera,
    "standby": standby,
    "patroni": patroni_by_its_hosts,
    "patroni-haproxy": patroni_behind_haproxy,
    "patroni-pgbouncer": patroni_behind_pgbouncer,
}
