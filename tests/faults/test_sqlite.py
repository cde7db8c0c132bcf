"""An SQLite file that others lock, remove, replace or damage while we serve."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from dcrserver.db.failures import DatabaseAway
from dcrserver.db.protocol.drivers import open_driver
from dcrserver.errors import Unavailable
from dcrserver.repositories.transaction import Database
from dcrserver.services.upkeep import readiness
from dcrserver.settings import DatabaseSettings
from harness.application import CALLBACK, Application, application
from harness.databases import migrate
from harness.rows import add, find, record

SECONDS = 1.0


@asynccontextmanager
async def opened(file: Path) -> AsyncIterator[Database]:
    """Each waits at most ``SECONDS``."""
    url = f"sqlite:///{file}"
    await migrate(url)
    settings = DatabaseSettings(url=SecretStr(url), statement_timeout=SECONDS)
    database = Database(open_driver(settings))
    yield database
    await database.close()


@asynccontextmanager
async def served(file: Path) -> AsyncIterator[Application]:
    url = f"sqlite:///{file}"
    await migrate(url)
    async with application(url) as app:
        yield app


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Another program writes."""
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


async def timed(asked: Awaitable[Any]) -> tuple[float, type[BaseException] | None]:
    started = time.monotonic()
    try:
        await asked
    except Unavailable as error:
        return time.monotonic() - started, type(error)
    return time.monotonic() - started, None


@pytest.mark.finding("R5")
async def test_who_waits_for_a_lock_of_others_is_told_in_time(tmp_path: Path) -> None:
    """However many came before: none waits for the waiting of others, and none is written later."""
    file = tmp_path / "some.db"
    async with opened(file) as database:
        there = record()
        await add(database, there)
        rows = [record() for _ in range(300)]
        with locked(file):
            tasks = []
            for each in rows:
                tasks.append(asyncio.create_task(timed(add(database, each))))
                await asyncio.sleep(0.005)
            assert await find(database, there.client_id) == there, "reads go on"
            told = await asyncio.gather(*tasks)
        assert {kind for _, kind in told} == {DatabaseAway}
        assert max(seconds for seconds, _ in told) < 2 * SECONDS
        late = record()
        await add(database, late)
        assert await find(database, late.client_id) == late
        assert not any([await find(database, each.client_id) for each in rows])


@pytest.mark.finding("B6")
@pytest.mark.parametrize("replaced", [False, True])
async def test_a_file_that_is_not_ours_any_more_is_not_written(
    tmp_path: Path, *, replaced: bool
) -> None:
    file = tmp_path / "some.db"
    async with served(file) as app:
        await app.register()
        assert (await app.http.get("/readyz")).status_code == 200
        if replaced:
            shutil.copy(file, tmp_path / "other.db")
            (tmp_path / "other.db").replace(file)
        else:
            file.unlink()
        answer = await app.http.post("/register", json={"redirect_uris": [CALLBACK]})
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert "removed or replaced" in str(await app.runtime.database.not_ready_reason())


def remove(file: Path, *endings: str) -> Path:
    """The last one's path."""
    for ending in endings:
        path = file.with_name(file.name + ending)
        path.unlink()
    return path


def seen_by_others(file: Path) -> set[str]:
    with closing(sqlite3.connect(file)) as other:
        return {client_id for (client_id,) in other.execute("SELECT client_id FROM clients")}


@pytest.mark.finding("B6")
@pytest.mark.parametrize("endings", [("-wal",), ("-shm",), ("-wal", "-shm")])
async def test_a_log_that_was_removed_is_begun_again(
    tmp_path: Path, endings: tuple[str, ...]
) -> None:
    """What was acknowledged before is in the file, and what is acknowledged later too."""
    file = tmp_path / "some.db"
    async with opened(file) as database:
        before, refused, later = record(), record(), record()
        await add(database, before)
        remove(file, *endings)
        assert await find(database, before.client_id) == before
        await add(database, later)
        assert await database.not_ready_reason() is None
        assert await find(database, before.client_id) == before
        assert seen_by_others(file) == {before.client_id, later.client_id}
        with closing(sqlite3.connect(file)) as other:
            other.execute("SELECT count(*) FROM clients").fetchone()
            remove(file, *endings)
            with pytest.raises(Unavailable) as told:
                await add(database, refused)
            assert "locked" in str(told.value.detail)
            assert "removed or replaced" in str(await database.not_ready_reason())
            assert await find(database, later.client_id) == later, "reads go on"
            assert await find(database, refused.client_id) is None
        assert await database.not_ready_reason() is None, "readiness alone mends it"
        assert await find(database, later.client_id) == later
        await add(database, refused)
    assert seen_by_others(file) == {before.client_id, later.client_id, refused.client_id}


@pytest.mark.finding("B6")
async def test_a_log_that_somebody_else_began_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "some.db"
    async with opened(file) as database:
        before, refused = record(), record()
        await add(database, before)
        remove(file, "-wal").touch()
        for _ in range(2):
            with pytest.raises(Unavailable) as told:
                await add(database, refused)
            assert "(-wal) was removed or replaced" in str(told.value.detail)
            assert "removed or replaced" in str(await database.not_ready_reason())
    async with opened(file) as database:
        assert await database.not_ready_reason() is None
        assert await find(database, before.client_id) == before
        assert await find(database, refused.client_id) is None


@pytest.mark.finding("R7")
async def test_readiness_waits_for_a_lock_of_others_but_shortly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "_REMEMBERED_SECONDS", -1.0)
    file = tmp_path / "some.db"
    async with served(file) as app:
        assert (await app.http.get("/readyz")).status_code == 200
        with locked(file):
            answer = await app.http.get("/readyz")
            assert answer.status_code == 503
            assert "in time" in answer.json()["reason"]
        assert (await app.http.get("/readyz")).status_code == 200


@pytest.mark.finding("R10")
async def test_a_damaged_file_is_told_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "some.db"
    async with served(file) as app:
        await app.register()
    size = 4096
    with closing(sqlite3.connect(file)) as other:
        pages = [
            page
            for (page,) in other.execute(
                "SELECT rootpage FROM sqlite_master WHERE tbl_name IN ('client', 'clients')"
            )
        ]
    with file.open("r+b") as raw:
        for page in pages:
            raw.seek((page - 1) * size)
            raw.write(b"\xff" * size)
    async with application(f"sqlite:///{file}") as app:
        answer = await app.http.post("/register", json={"redirect_uris": [CALLBACK]})
        assert answer.status_code == 503
        assert "damaged" in str(await app.runtime.database.not_ready_reason())
    told = "".join(capsys.readouterr())
    assert "malformed" in told
    assert "Traceback" not in told


def _of(length: int) -> str:
    """A registration about as long."""
    return f'{{"policy_uri":"{length * "x"}"}}'


@pytest.mark.finding("R10")
async def test_a_log_that_a_reader_held_up_is_cut_again(tmp_path: Path) -> None:
    file = tmp_path / "some.db"
    log = tmp_path / "some.db-wal"
    async with opened(file) as database:
        with closing(sqlite3.connect(file, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM sqlite_master").fetchone()
            for _ in range(12):
                await add(database, record(metadata=_of(1_000_000)))
            assert log.stat().st_size > 8_000_000
            reader.execute("ROLLBACK")
        for _ in range(4):
            await add(database, record(metadata=_of(100_000)))
        assert log.stat().st_size < 8_000_000
