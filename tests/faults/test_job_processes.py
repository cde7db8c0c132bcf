"""Workers that are killed, frozen, stopped, or told to work elsewhere."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TypeVar

import httpx
import pytest
from sqlalchemy import insert, select, update

from dcrserver.db.protocol.drivers import open_driver
from dcrserver.db.tables import access_tokens, leases
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.security import new_client_id
from harness.application import settings
from harness.environment import environment
from harness.long_run import FIRST_EVERYDAY
from harness.process import Process, run_to_end, serving, started

T = TypeVar("T")

_LEASE_SECONDS = 2
_PATIENCE_SECONDS = 60
_SCRIPT = Path(__file__).with_name("job_apart.py")


def until(condition: Callable[[], object], what: str) -> None:
    ends_at = time.monotonic() + _PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < ends_at, what
        time.sleep(0.02)


class Workers:
    """Processes of ``job_apart`` with the same job."""

    def __init__(self, url: str, output: IO[bytes], path: Path) -> None:
        self.url, self.job = url, new_client_id()
        self._output, self._path = output, path
        self.processes: dict[int, Process] = {}

    @property
    def told(self) -> list[str]:
        return self._path.read_text("utf-8").splitlines()

    def start(self, freezes_after: int = 0) -> None:
        process = started(
            [str(_SCRIPT), self.url, self.job, str(_LEASE_SECONDS), str(freezes_after)],
            self._path.parent,
            environment(PYTHONPATH=os.pathsep.join(sys.path)),
            (self._output.fileno(), self._output.fileno()),
        )
        self.processes[process.pid] = process

    def end(self) -> None:
        for process in self.processes.values():
            process.kill()
            process.wait()

    def begun(self) -> list[int]:
        return [int(line.split()[1]) for line in self.told if line.startswith("begins ")]

    def written(self, process: int) -> int:
        """How often the job of that process has written."""

        async def read(tx: Transaction) -> int:
            return (await tx.last_uses.of_client("default", self.job)).get(str(process), 0)

        return asyncio.run(_on(self.url, read))


async def _on(url: str, work: Callable[[Transaction], Awaitable[T]]) -> T:
    database = Database(open_driver(settings(url).database))
    try:
        return await database.transact(work)
    finally:
        await database.close()


@contextmanager
def two_workers(url: str, folder: Path, freezes_after: int = 0) -> Iterator[tuple[Workers, int]]:
    """One of which does the job, which is told, and may freeze; the other waits for it."""
    path = folder / "told"
    with path.open("ab") as output, ExitStack() as stack:
        workers = Workers(url, output, path)
        stack.callback(workers.end)
        workers.start(freezes_after)
        until(workers.begun, "it begins")
        workers.start()
        until(lambda: sum(line.startswith("waits") for line in workers.told) == 2, "both run")
        yield workers, workers.begun()[0]


@pytest.mark.parametrize("any_database", FIRST_EVERYDAY, indirect=True)
def test_a_worker_that_is_killed_is_taken_over_within_its_lease(
    any_database: str, tmp_path: Path
) -> None:
    with two_workers(any_database, tmp_path) as (workers, first):
        until(lambda: workers.written(first) > 10, "it writes")
        workers.processes[first].kill()
        killed_at = time.monotonic()
        until(lambda: len(workers.begun()) > 1, "the other begins")
        took = time.monotonic() - killed_at
        assert set(workers.begun()) == set(workers.processes)
    print(f"taken over after {took:.1f} s")
    # The rest of a lease, and of the sleep of the other one, on a machine that may be busy.
    assert took < _LEASE_SECONDS + 15


@pytest.mark.parametrize("any_database", FIRST_EVERYDAY, indirect=True)
def test_a_worker_that_was_frozen_writes_nothing_when_it_wakes(
    any_database: str, tmp_path: Path
) -> None:
    with two_workers(any_database, tmp_path, freezes_after=20) as (workers, first):
        until(lambda: len(workers.begun()) > 1, "the other begins")
        (_, second) = workers.begun()
        before = workers.written(first), workers.written(second)
        os.kill(first, signal.SIGCONT)
        until(lambda: any("job_lost" in line for line in workers.told), "it sees that it lost it")
        until(lambda: workers.written(second) > before[1] + 10, "the other goes on")
        assert workers.written(first) == before[0] == 20
        assert len(workers.begun()) == 2
        assert not any(line.startswith("ends") for line in workers.told)


def make_work(url: str) -> str:
    """An access token that expired long ago, and jobs that are due."""
    digest = new_client_id()

    async def make(tx: Transaction) -> None:
        token = {"tenant": "default", "digest": digest, "claims": "{}", "expires_at": 1}
        tx.session.insert(insert(access_tokens), token)
        await tx.session.execute(update(leases).values(expires_at=0), {})
        for name in ("forget_expired", "rotate_signing_keys"):
            if await tx.leases.free_in(name) is None:
                await tx.leases.add(name, 0)

    asyncio.run(_on(url, make))
    return digest


def is_there(url: str, digest: str) -> bool:
    found = select(access_tokens.c.digest).where(access_tokens.c.digest == digest)

    async def read(tx: Transaction) -> bool:
        return bool((await tx.session.execute(found, {})).all())

    return asyncio.run(_on(url, read))


@contextmanager
def worker_apart(url: str, folder: Path) -> Iterator[tuple[Process, Path]]:
    """``dcrserver worker``, and its log."""
    log = folder / "worker.log"
    env = environment(DCR_DATABASE__URL=url)
    with log.open("wb") as output:
        outputs = output.fileno(), output.fileno()
        process = started(["dcrserver", "worker"], folder, env, outputs)
    try:
        until(lambda: b"worker_started" in log.read_bytes(), "it starts")
        yield process, log
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("own_database", FIRST_EVERYDAY, indirect=True)
def test_a_worker_apart_does_the_jobs_until_it_is_told_to_stop(
    own_database: str, tmp_path: Path, number: signal.Signals
) -> None:
    digest = make_work(own_database)
    with worker_apart(own_database, tmp_path) as (process, log):
        until(lambda: not is_there(own_database, digest), "the job is done")
        process.send_signal(number)
        assert process.wait(10) == 0
    assert b"worker_stopped" in log.read_bytes()
    assert b"job_failed" not in log.read_bytes()


def jobs_of(base_url: str) -> list[str]:
    text = httpx.get(f"{base_url}/metrics", trust_env=False).text
    return [line for line in text.splitlines() if line.startswith("dcrserver_jobs_total{")]


def test_a_server_without_a_worker_inside_leaves_the_jobs_to_others(
    own_database: str, tmp_path: Path
) -> None:
    outside = {"DCR_WORKER__INSIDE": "false"}
    with serving(tmp_path, own_database, env=outside) as server:
        digest = make_work(own_database)
        with worker_apart(own_database, tmp_path):
            until(lambda: not is_there(own_database, digest), "the worker does it")
        assert jobs_of(server.base_url) == []
        assert is_there(own_database, make_work(own_database))
    digest = make_work(own_database)
    with serving(tmp_path, own_database) as server:
        until(lambda: not is_there(own_database, digest), "the server does it")
        until(lambda: jobs_of(server.base_url), "it is counted")


def test_a_worker_needs_the_schema_and_makes_no_database(tmp_path: Path) -> None:
    file = tmp_path / "none.db"
    env = {"DCR_DATABASE__URL": f"sqlite:///{file}"}
    done = run_to_end("worker", env=env)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert f"there is no file {file}" in done.stderr
    assert not file.exists()
    file.touch()
    done = run_to_end("worker", env=env)
    assert done.returncode == 1
    assert "dcrserver migrate" in done.stderr
