"""What the jobs of upkeep do, and what each process writes now and then: last uses."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from conftest import MakeApplication
from dcrserver import background
from dcrserver.db.tables import access_tokens, signing_keys, spent_identifiers
from dcrserver.errors import Unavailable
from dcrserver.repositories.access_tokens import AccessTokenRecord
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.security import new_client_id
from dcrserver.services.authentication import last_uses
from dcrserver.services.upkeep.certain_time import CertainTime
from harness.actors import OPERATOR
from harness.application import Application
from harness.long_run import only_long
from harness.process import environment
from harness.programs import program

GRANT = {"grant_type": "client_credentials"}


async def granted(app: Application) -> dict[str, Any]:
    client = await app.register(grant_types=["client_credentials"])
    auth = (client["client_id"], client["client_secret"])
    assert (await app.http.post("/token", data=GRANT, auth=auth)).status_code == 200
    return client


async def uses(app: Application, client: dict[str, Any]) -> dict[str, int]:
    async with app.runtime.database.read() as tx:
        return await tx.last_uses.of_client("default", client["client_id"])


async def test_what_cannot_be_written_waits(
    any_app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await granted(any_app)

    async def away(*_: object) -> None:
        raise Unavailable("away")

    with monkeypatch.context() as broken:
        broken.setattr(Database, "transact", away)
        with pytest.raises(Unavailable):
            await any_app.runtime.last_uses.flush()
    assert await uses(any_app, client) == {}
    await any_app.runtime.last_uses.flush()
    assert len(await uses(any_app, client)) == 1
    await any_app.runtime.last_uses.flush()  # nothing left


async def test_a_later_use_overwrites_an_earlier_one_never_the_other_way(
    any_app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted, now = any_app.runtime.last_uses, int(time.time())
    client = await granted(any_app)
    await noted.flush()
    for moment, stored in ((now + 100, now + 100), (now + 50, now + 100)):
        monkeypatch.setattr("time.time", lambda moment=moment: moment)
        noted.note("default", client["client_id"], "x")
        await noted.flush()
        assert (await uses(any_app, client))["x"] == stored


async def test_noting_never_grows_without_bound(app: Application) -> None:
    noted = app.runtime.last_uses
    for number in range(10_500):
        noted.note("default", f"c{number}")
    await noted.flush()
    async with app.runtime.database.read() as tx:
        assert await tx.last_uses.of_client("default", "c9999")
        assert not await tx.last_uses.of_client("default", "c10000")


async def test_last_uses_are_written_beside_the_requests_and_after_trouble(
    make_app: MakeApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = await make_app()
    monkeypatch.setattr(last_uses, "FLUSH_SECONDS", 0.01)
    monkeypatch.setattr(background, "_RESTART_SECONDS", 0.01)
    client, troubles = await granted(app), [Unavailable("away"), RuntimeError("surprise")]
    flush = app.runtime.last_uses.flush

    async def troubled() -> None:
        if troubles:
            raise troubles.pop()
        await flush()

    monkeypatch.setattr(type(app.runtime.last_uses), "flush", lambda _: troubled())
    async with background.running("last_uses", app.runtime.last_uses.run):
        for _ in range(500):
            if await uses(app, client):
                break
            await asyncio.sleep(0.02)
    assert await uses(app, client)
    assert not troubles


@pytest.mark.parametrize("repository", ["spent_identifiers", "access_tokens"])
async def test_what_expired_goes_a_part_at_a_time(
    any_app: Application, monkeypatch: pytest.MonkeyPatch, repository: str
) -> None:
    """However much it is: what is written meanwhile need not wait for all of it."""
    database, now = any_app.runtime.database, int(time.time())
    name = new_client_id()
    rows = [(f"{name}-{number}", now - 86402 - number) for number in range(1001)]
    rows += [(f"{name}-good", now - 86300)]  # while the server is young

    async def write(tx: Transaction) -> None:
        for digest, expires_at in rows:
            if repository == "access_tokens":
                tx.access_tokens.add(AccessTokenRecord("default", digest, "{}", expires_at))
            else:
                tx.spent_identifiers.add("default", digest, expires_at)

    await database.transact(write)
    transact, transactions = Database.transact, []

    async def counted(self: Database, work: Any) -> Any:
        transactions.append(await transact(self, work))
        return transactions[-1]

    monkeypatch.setattr(Database, "transact", counted)
    await any_app.do_job("forget_expired")
    assert transactions.count(True) >= 2
    table = {"access_tokens": access_tokens, "spent_identifiers": spent_identifiers}[repository]
    left = select(table.c.digest).where(table.c.digest.startswith(name))
    async with database.read() as tx:
        found = (await tx.session.execute(left, {})).all()
    assert [row["digest"] for row in found] == [f"{name}-good"]


@pytest.mark.finding("B7")
async def test_keys_rotate_on_schedule(
    make_app: MakeApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new key is published before it signs; the old one goes when its tokens have expired."""
    app = await make_app(tokens={"key_lifetime": 3600})
    await app.do_job("rotate_signing_keys")
    assert await app.runtime.signing_keys.all("default") == []  # before the first need
    await granted(app)
    start = time.time()

    async def kids(at: float) -> list[str]:
        monkeypatch.setattr("time.time", lambda: start + at)
        await app.do_job("rotate_signing_keys")
        return [key.kid for key in await app.runtime.signing_keys.all("default")]

    async def signing() -> str:
        return (await app.runtime.signing_keys.current("default")).kid

    (first,) = await kids(10)
    assert await kids(3500) == [first]
    assert len(await kids(3601)) == 2
    (_, second) = await kids(3602)
    assert await signing() == first
    await kids(3602 + 361)
    assert await signing() == second
    # A process that read the keys a moment before may have signed with it for that much longer.
    assert first in await kids(3602 + 360 + 86400 + 25)
    assert first not in await kids(3602 + 360 + 86400 + 35)


async def test_a_key_that_cannot_be_read_holds_up_that_of_no_other_tenant(
    make_app: MakeApplication, capsys: pytest.CaptureFixture[str]
) -> None:
    app = await make_app(tokens={"key_lifetime": 3600}, tenants={"a": {}, "b": {}})
    keys, now = app.runtime.signing_keys, int(time.time())
    for tenant in ("default", "a", "b"):
        await keys.create(tenant, OPERATOR)

    async def make_old(tx: Transaction) -> None:
        await tx.session.execute(update(signing_keys).values(created_at=now - 3601), {})
        await tx.signing_keys.rewrite("a", (await tx.signing_keys.all("a"))[0].kid, "x")

    await app.runtime.database.transact(make_old)
    await app.do_job("rotate_signing_keys")
    assert [len(await keys.stored(tenant)) for tenant in ("default", "a", "b")] == [2, 1, 2]
    assert '"tenant": "a"' in capsys.readouterr().err


class Clock:
    """Seconds that are counted from one on, and what the machine's clock is ahead of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.counted, self.ahead = 1.0, 1e9
        monkeypatch.setattr("time.monotonic", lambda: self.counted)
        monkeypatch.setattr("time.time", lambda: self.counted + self.ahead)


@pytest.mark.finding("R10")
def test_a_leap_ahead_counts_when_it_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    certain = CertainTime()
    assert certain.now() == 1e9 + 1 - 86400, "nothing is known of the time before the start"
    clock.counted += 3900
    assert certain.now() == 1e9 + 3901
    clock.ahead += 7200
    for _ in range(23):
        clock.counted += 3600
        assert certain.now() == int(1e9 + clock.counted)
    clock.ahead -= 3600  # half of it was right
    clock.counted += 1801
    assert certain.now() == int(1e9 + clock.counted)
    clock.counted += 86400
    assert certain.now() == int(1e9 + 3600 + clock.counted)
    clock.ahead -= 3600
    assert certain.now() == int(1e9 + clock.counted), "a leap back counts at once"


@only_long
@pytest.mark.finding("R10")
def test_a_spent_assertion_is_refused_after_the_clock_went_forth_and_back(tmp_path: Path) -> None:
    """With the clock of libfaketime, days ahead, while what expired is removed."""
    library = Path(program("faketime")).resolve().parent.parent / "lib"
    (preload,) = library.glob("*/faketime/libfaketime.so.1")
    (tmp_path / "clock").write_text("+0")
    faked = {
        "LD_PRELOAD": str(preload),
        "FAKETIME_TIMESTAMP_FILE": str(tmp_path / "clock"),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    script = Path(__file__).parents[1] / "faults" / "forth_and_back.py"
    ran = subprocess.run(
        [sys.executable, script, tmp_path],
        env=environment(**faked), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ran.stdout.split() == ["200", "401", "3", "days", "ahead", "401", "200"], ran.stderr
