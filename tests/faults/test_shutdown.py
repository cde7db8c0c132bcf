"""A shutdown among requests: who is cut off is told so, and what became of a commit is told."""

from __future__ import annotations

import asyncio
import signal
import socket
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from sqlalchemy import make_url

from conftest import MakeApplication
from dcrserver.db.protocol.coalescing import Coalescer
from dcrserver.edge import admission
from dcrserver.edge.http_protocol import ANSWERING
from harness.application import CALLBACK, application, bearer
from harness.databases import migrated
from harness.process import ServerProcess, serving

pytestmark = pytest.mark.finding("R8")

BODY = b'{"redirect_uris":["https://client.example.org/cb"]}'


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await condition():  # noqa: ASYNC110 - another program's
            await asyncio.sleep(0.01)


def sent(server: ServerProcess, octets: int) -> socket.socket:
    """A connection with a registration of which only the first ``octets`` of the body came."""
    port = int(server.base_url.rpartition(":")[2])
    connection = socket.create_connection(("127.0.0.1", port), timeout=60)
    head = (
        "POST /register HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(BODY)}\r\n\r\n"
    )
    connection.sendall(head.encode() + BODY[:octets])
    return connection


def received(connection: socket.socket) -> str:
    """All until the connection ends, as it must."""
    return b"".join(iter(lambda: connection.recv(65536), b"")).decode()


def test_who_is_cut_off_is_told_and_nothing_of_it_is_kept(tmp_path: Path) -> None:
    """Some whose writes wait for a lock, and some whose bodies do not come."""
    env = {"DCR_SERVER__SHUTDOWN_SECONDS": "1", "DCR_DATABASE__STATEMENT_TIMEOUT": "60"}
    database = tmp_path / "dcrserver.db"
    with serving(tmp_path, env=env) as server, ExitStack() as stack:
        other = stack.enter_context(closing(sqlite3.connect(database, isolation_level=None)))
        other.execute("BEGIN IMMEDIATE")
        waiting = [
            stack.enter_context(closing(sent(server, octets)))
            for octets in [len(BODY)] * 8 + [10] * 4
        ]
        health = httpx.get(f"{server.base_url}/healthz", trust_env=False)
        assert health.status_code == 200  # so they have been read
        server.process.terminate()
        for answer in map(received, waiting):
            head = answer.partition("\r\n\r\n")[0].lower()
            assert head.startswith("http/1.1 503 "), answer
            assert "\r\nretry-after: 1" in head
            assert "\r\nconnection: close" in head
            assert "the server is stopping" in answer
        other.execute("ROLLBACK")
        assert server.process.wait(60) == -signal.SIGTERM  # as Uvicorn ends
        log = server.log
    requests = [line for line in log.splitlines() if '"event": "request"' in line]
    assert sum('"status": 503' in line for line in requests) == len(waiting)
    assert "Traceback" not in log
    assert "Exception" not in log
    with closing(sqlite3.connect(database)) as stored:
        assert stored.execute("SELECT count(*) FROM clients").fetchone() == (0,)


@pytest.mark.parametrize("http", ANSWERING)
def test_who_does_not_read_is_cut_off_in_silence(tmp_path: Path, http: str) -> None:
    """An answer that has begun cannot become another, and there is nothing to be told of it."""
    asked = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 400
    env = {"DCR_SERVER__SHUTDOWN_SECONDS": "1", "DCR_SERVER__HTTP": http}
    with serving(tmp_path, env=env) as server, socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(60)
        connection.connect(("127.0.0.1", int(server.base_url.rpartition(":")[2])))
        connection.sendall(asked)
        answered, before = 0, -1
        while not before == answered > 0:  # until an answer does not end
            time.sleep(0.5)
            before, answered = answered, server.log.count("/openapi.json")
        assert answered < 400
        server.stop(60)
        log = server.log
    assert "Cancel 1 running task(s)" in log
    assert "Traceback" not in log
    assert "ASGI" not in log


async def test_a_commit_that_has_begun_is_told() -> None:
    may_end = asyncio.Event()
    written: list[str] = []

    async def write(_: None, batch: Any) -> Any:
        await may_end.wait()
        written.extend(batch)
        return [f"{work} is there" for work in batch]

    coalescer = Coalescer[str](write)
    begun = [asyncio.create_task(coalescer.commit("the first"))]
    await asyncio.sleep(0)
    queued = asyncio.create_task(coalescer.commit("the second"))
    await asyncio.sleep(0)
    for task in (*begun, queued):
        task.cancel()
    await asyncio.wait([queued])
    assert queued.cancelled()
    may_end.set()
    assert await asyncio.gather(*begun) == ["the first is there"]
    await coalescer.drain()
    assert written == ["the first"]


async def test_an_outcome_that_is_there_is_not_lost() -> None:
    """The task is cancelled when its result has come, and before it could take it."""

    async def write(_: None, batch: Any) -> Any:
        task.cancel()
        return list(batch)

    async def commit() -> Any:
        return await Coalescer[str](write).commit("work")

    task = asyncio.create_task(commit())
    assert await task == "work"


async def test_a_question_can_be_given_up() -> None:
    """Readiness asks, and must not wait for longer than it says."""

    async def write(*_: Any) -> Any:
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await Coalescer[str](write).ask("anything")


@pytest.fixture
def postgresql() -> Iterator[str]:
    with migrated("postgresql") as url:
        yield url


@pytest.fixture
async def other(postgresql: str) -> AsyncIterator[asyncpg.Connection]:
    """Who holds a lock, so that nobody can write a client."""
    url = make_url(postgresql).set(drivername="postgresql")
    connection = await asyncpg.connect(url.render_as_string(hide_password=False))
    await connection.execute("BEGIN; LOCK TABLE clients IN SHARE MODE")
    yield connection
    await connection.close()


async def test_a_registration_at_the_database_is_answered(
    postgresql: str, other: asyncpg.Connection
) -> None:
    async def is_waiting() -> bool:
        waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'clients'::regclass"
        return bool(await other.fetchval(waits))

    async with application(postgresql) as app:
        call = asyncio.create_task(app.http.post("/register", json={"redirect_uris": [CALLBACK]}))
        await until(is_waiting)
        call.cancel()
        await other.execute("COMMIT")
        answer = await call
        assert answer.status_code == 201
        made = answer.json()
        read = await app.http.get(f"/register/{made['client_id']}", headers=bearer(made))
        assert read.status_code == 200


async def test_who_waits_for_a_place_is_told(
    make_app: MakeApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "_READERS_SHARE", 1)  # so no place is for writes
    app = await make_app(server={"max_requests": 1})
    call = asyncio.create_task(app.http.post("/register", json={"redirect_uris": [CALLBACK]}))
    await asyncio.sleep(0.01)
    call.cancel()
    answer = await call
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
