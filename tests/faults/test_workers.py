"""Several workers of one server: numbers together, one that dies, and no orphans."""

from __future__ import annotations

import json
import os
import signal
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
import uvicorn
from uvicorn.supervisors.multiprocess import Process

from dcrserver import supervisor
from dcrserver.telemetry import folder_of_workers
from harness.long_run import only_long, rounds
from harness.process import ServerProcess, serving
from harness.waiting import being_read, listens, until

finding = pytest.mark.finding


def workers_of(server: ServerProcess) -> list[int]:
    folder = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    return [int(each) for each in folder.read_text("ascii").split()]


def metrics(server: ServerProcess) -> dict[str, float]:
    text = httpx.get(f"{server.base_url}/metrics", trust_env=False).text
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {name: float(number) for name, _, number in lines}


def both_serve(server: ServerProcess) -> bool:
    return metrics(server).get("dcrserver_workers") == 2


@finding("B5")
def test_a_scrape_is_the_sum_of_all_workers(tmp_path: Path) -> None:
    name = 'dcrserver_http_requests_total{method="GET",route="/jwks",status="200"}'
    with serving(tmp_path, arguments=("--workers", "2")) as server:
        until(lambda: both_serve(server), "both workers tell their numbers")
        for _ in range(40):  # a connection each, so that both get some
            assert httpx.get(f"{server.base_url}/jwks", trust_env=False).status_code == 200
        for _ in range(10):
            body = {"redirect_uris": ["https://client.example.org/cb"]}
            made = httpx.post(f"{server.base_url}/register", json=body, trust_env=False)
            assert made.status_code == 201
        seen = [metrics(server) for _ in range(6)]
    assert {each["dcrserver_requests_in_hand_max"] for each in seen} == {2 * 512}
    assert {each["dcrserver_requests_in_hand"] for each in seen} == {0}
    assert min(each["dcrserver_database_batched_work_total"] for each in seen) >= 10
    assert all(each["dcrserver_database_queue"] == 0 for each in seen)
    assert {each[name] for each in seen} == {40}
    assert all(each["process_resident_memory_bytes"] > 50e6 for each in seen)
    assert all(each["process_open_fds"] > 10 for each in seen)
    assert any(key.startswith("dcrserver_build_info{") for key in seen[0])


@finding("R6")
def test_a_worker_that_is_slow_to_start_is_left_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that hangs later is not."""
    monkeypatch.setattr(Process, "ping", lambda _self, _timeout=5: answers)
    monkeypatch.setattr("time.monotonic", lambda: now)
    now, answers = 0.0, False
    worker = supervisor._Worker(uvicorn.Config("none"), [], lambda: None, 1.0)  # noqa: SLF001
    worker.process = cast("Any", SimpleNamespace(is_alive=lambda: True))
    now = 59.0
    assert worker.is_alive()
    now = 61.0
    assert not worker.is_alive()
    now, answers = 59.0, True
    assert worker.is_alive()
    answers = False
    assert not worker.is_alive()
    worker.parent_conn.close()
    worker.child_conn.close()


@finding("R6")
def test_a_worker_that_cannot_start_again_stops_nobody(tmp_path: Path) -> None:
    needed = tmp_path / "database"
    needed.mkdir()
    env = {"DCR_DATABASE__URL": f"sqlite:///{needed}/dcrserver.db"}
    with serving(tmp_path, arguments=("--workers", "2"), env=env) as server:
        until(lambda: both_serve(server), "both workers serve")
        needed.rename(tmp_path / "away")
        os.kill(workers_of(server)[0], signal.SIGKILL)
        until(lambda: "worker_cannot_start" in server.log, "the failure is told")
        assert httpx.get(f"{server.base_url}/healthz", trust_env=False).status_code == 200
        (tmp_path / "away").rename(needed)
        until(lambda: both_serve(server), "the worker is back")
        assert server.stop(60) == 0


def test_workers_share_the_memory_of_what_is_loaded(tmp_path: Path) -> None:
    with serving(tmp_path, arguments=("--workers", "2")) as server:
        until(lambda: both_serve(server), "both workers serve")
        processes = [server.process.pid, *workers_of(server)]
        shares = [memory(each, "Pss") for each in processes]
        resident = [memory(each, "Rss") for each in processes]
    assert sum(shares) < 0.6 * sum(resident)


def memory(process: int, kind: str) -> int:
    text = Path(f"/proc/{process}/smaps_rollup").read_text("ascii")
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith(f"{kind}:"))


def test_a_signal_right_after_the_fork_is_heard(tmp_path: Path) -> None:
    """Not by the parent's handler, which is there until the worker has one of its own."""
    with serving(tmp_path, arguments=("--workers", "2")) as server:
        until(lambda: both_serve(server), "both workers serve")
        for _ in range(rounds(2, long=5)):
            before = set(workers_of(server))
            os.kill(before.pop(), signal.SIGKILL)
            while not (young := set(workers_of(server)) - before):
                assert server.process.poll() is None
            (young_one,) = young
            os.kill(young_one, signal.SIGTERM)
            until(lambda gone=young_one: gone not in workers_of(server), "it has ended")
            until(lambda: both_serve(server), "the next one serves")
        assert server.stop(60) == 0


def test_a_hangup_replaces_one_worker_after_the_other(tmp_path: Path) -> None:
    with serving(tmp_path, arguments=("--workers", "2")) as server:
        until(lambda: both_serve(server), "both workers serve")
        before = set(workers_of(server))
        server.process.send_signal(signal.SIGHUP)

        def are_others() -> bool:
            assert httpx.get(f"{server.base_url}/healthz", trust_env=False).status_code == 200
            return len(now := set(workers_of(server))) == 2 and not now & before

        until(are_others, "both are replaced, and one served all the time")
        assert server.stop(60) == 0


def test_workers_that_are_replaced_or_stopped_write_lines_of_the_log_alone(tmp_path: Path) -> None:
    """Of the form that is configured: not a trace of theirs as the parent turns away from them."""
    env = {"DCR_TELEMETRY__FORMAT": "json"}
    with serving(tmp_path, arguments=("--workers", "2"), env=env) as server:
        until(lambda: both_serve(server), "both workers serve")
        before = set(workers_of(server))
        server.process.send_signal(signal.SIGHUP)
        until(lambda: not before & set(workers_of(server)), "both are replaced")
        until(lambda: both_serve(server), "both workers serve again")
    lines = server.log.splitlines()
    (start,) = (each for each in lines if each.startswith("dcrserver on "))
    events = [json.loads(each)["event"] for each in lines if each != start]
    assert events.count("stopped") == 4


def test_the_end_goes_before_a_replacement_that_is_under_way(tmp_path: Path) -> None:
    """Else it takes as long as all workers one after the other, and who waits for it kills."""
    env = {"DCR_SERVER__DRAIN_SECONDS": "4"}
    with serving(tmp_path, arguments=("--workers", "2"), env=env) as server:
        until(lambda: both_serve(server), "both workers serve")
        before = set(workers_of(server))
        server.process.send_signal(signal.SIGHUP)
        until(lambda: len(set(workers_of(server)) - before) == 1, "the first is being replaced")
        assert server.stop(7.5) == 0
        assert not [each for each in before if Path(f"/proc/{each}").exists()]


# Of a worker that was told to end: one that does not is frozen, and is killed.
BRIEF = {
    "DCR_SERVER__DRAIN_SECONDS": "0",
    "DCR_SERVER__SHUTDOWN_SECONDS": "1",
    "DCR_DATABASE__STATEMENT_TIMEOUT": "1",
}


@finding("R6")
@pytest.mark.parametrize(
    "told",
    [signal.SIGTERM, pytest.param(signal.SIGHUP, marks=only_long)],
    ids=lambda told: told.name,
)
def test_a_frozen_worker_holds_up_neither_the_end_nor_a_replacement(
    tmp_path: Path, told: signal.Signals
) -> None:
    with serving(tmp_path, arguments=("--workers", "2"), env=BRIEF) as server:
        until(lambda: both_serve(server), "both workers serve")
        before = set(workers_of(server))
        # As long as it answers the parent it is not looked after.
        os.kill(frozen := min(before), signal.SIGSTOP)
        server.process.send_signal(told)
        if told == signal.SIGHUP:
            until(lambda: not before & set(workers_of(server)), "both are replaced")
            until(lambda: both_serve(server), "both workers serve again")
        assert server.stop(30) == 0
        assert not Path(f"/proc/{frozen}").exists()


@finding("R6")
def test_a_worker_that_dies_during_a_replacement_is_started_again(tmp_path: Path) -> None:
    """Else as few serve as are left, for as long as it takes the one that leaves."""
    body = b'{"redirect_uris":["https://client.example.org/cb"]}'
    env = {"DCR_SERVER__SHUTDOWN_SECONDS": "120", "DCR_SERVER__BODY_SECONDS": "120"}
    with serving(tmp_path, arguments=("--workers", "2"), env=env) as server:
        until(lambda: both_serve(server), "both workers serve")
        (first, second) = workers_of(server)
        os.kill(second, signal.SIGSTOP)  # so that the first one gets the request
        with being_read(server, body, 10) as connection:
            os.kill(second, signal.SIGCONT)
            server.process.send_signal(signal.SIGHUP)
            until(lambda: len(workers_of(server)) == 3, "the successor of the first is there")
            (third,) = set(workers_of(server)) - {first, second}
            os.kill(second, signal.SIGKILL)
            until(lambda: set(workers_of(server)) - {first, second, third}, "there is another")
            assert first in workers_of(server)
            connection.sendall(body[10:])
            assert connection.recv(4096).startswith(b"HTTP/1.1 201 ")
        until(lambda: first not in workers_of(server), "the first has left")
        until(lambda: both_serve(server), "both workers serve")
        assert server.stop(60) == 0


@finding("R3")
def test_a_worker_is_replaced_while_nobody_reads_the_log(tmp_path: Path) -> None:
    """The parent waits for its own lines only so long before it forks the next one."""
    reading, writing = os.pipe()
    with serving(tmp_path, arguments=("--workers", "2"), log_to=writing) as server:
        until(lambda: both_serve(server), "both workers serve")
        fill(writing)
        (first, _) = workers_of(server)
        os.kill(first, signal.SIGKILL)
        until(lambda: first not in workers_of(server), "it is dead")
        until(lambda: both_serve(server), "the next one serves")
        os.close(reading)  # else three processes would wait for a reader before they end
    os.close(writing)


@only_long
@finding("R3")
def test_workers_start_and_stop_while_nobody_reads_the_log(tmp_path: Path) -> None:
    """Each process waits for its lines only so long, from the first one to the last."""
    reading, writing = os.pipe()
    fill(writing)
    with serving(tmp_path, arguments=("--workers", "2"), log_to=writing) as server:
        until(lambda: both_serve(server), "both workers serve")
    os.close(reading)
    os.close(writing)


def fill(pipe: int) -> None:
    """Until who writes to it waits."""
    os.set_blocking(pipe, False)
    with suppress(BlockingIOError):
        while True:
            os.write(pipe, 4096 * b".")
    os.set_blocking(pipe, True)


@pytest.fixture
def temporary(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of temporary files, ours and the servers'; a short one: names of sockets are."""
    folder = tmp_path_factory.mktemp("t")
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@finding("R6")
def test_workers_end_with_their_parent(tmp_path: Path, temporary: Path) -> None:
    """What they shared is removed by whoever starts next."""
    env = {"TMPDIR": str(temporary)}
    with serving(tmp_path, arguments=("--workers", "2"), env=env) as server:
        until(lambda: both_serve(server), "both workers serve")
        children = workers_of(server)
        (shared,) = temporary.iterdir()
        with folder_of_workers():
            assert shared.exists()
        server.process.kill()
        server.process.wait()
        until(lambda: not listens(server), "the port is free again")
        until(lambda: not any(Path(f"/proc/{each}").exists() for each in children), "all ended")
    assert any(shared.iterdir())
    with folder_of_workers():
        assert not shared.exists()
    assert not any(temporary.iterdir())


def test_only_what_servers_of_ours_left_is_removed(tmp_path: Path, temporary: Path) -> None:
    (tmp_path / "lock").touch()
    (temporary / "dcrserver-a").symlink_to(tmp_path)
    (temporary / "dcrserver-b").mkdir()  # being made
    (temporary / "dcrserver-c").touch()
    before = set(temporary.iterdir())
    with folder_of_workers() as one, folder_of_workers() as other:
        assert set(temporary.iterdir()) == before | {one, other}
    assert set(temporary.iterdir()) == before
    assert (tmp_path / "lock").exists()


@finding("R6")
def test_a_hangup_finishes_what_is_in_hand(tmp_path: Path, temporary: Path) -> None:
    body = b'{"redirect_uris":["https://client.example.org/cb"]}'
    with serving(tmp_path, env={"TMPDIR": str(temporary)}) as server:
        assert not any(temporary.iterdir())  # one worker shares nothing
        with being_read(server, body, 10) as connection:
            server.process.send_signal(signal.SIGHUP)
            until(lambda: not listens(server), "nobody gets in")
            connection.sendall(body[10:])
            answer = connection.recv(65536)
        assert answer.startswith(b"HTTP/1.1 201")
        assert server.process.wait(60) == 0
