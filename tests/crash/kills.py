"""Kills the server under load again and again, and checks what is in the database.

python tests/crash/kills.py --kills 200 --database postgresql://user@host/empty
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import select

HERE = Path(__file__).parent
if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parent))

from crash.history import History, lost  # noqa: E402 - after the path, when run as a program
from dcrserver import security  # noqa: E402
from dcrserver.db import tables  # noqa: E402
from dcrserver.db.engine import create_engine  # noqa: E402
from dcrserver.settings import DatabaseSettings  # noqa: E402
from harness.process import ServerProcess, serving  # noqa: E402

WORKERS = 8
# Acknowledged in a round before the server is killed.
AT_LEAST = 20


def kill_and_check(folder: Path, database: str, kills: int) -> tuple[History, list[str]]:
    """The history of all rounds, and what was lost (nothing)."""
    return asyncio.run(_kill_and_check(folder, database, kills))


async def _kill_and_check(folder: Path, database: str, kills: int) -> tuple[History, list[str]]:
    history, found, started = History(), [], time.monotonic()
    for number in range(kills):
        since = len(history.registrations)
        with serving(folder, database, ("--migrate",)) as server:
            await _under_load(server, history)
        with serving(folder, database, ("--migrate",)) as server:
            found += await lost(history, server.base_url, since)
        _tell(f"kill {number + 1} of {kills}, {history.acknowledged} acknowledged,"
              f" {len(found)} lost, {time.monotonic() - started:.0f} s")  # fmt: skip
    found += await incomplete(history, database)
    return history, history.wrong + found


async def _under_load(server: ServerProcess, history: History) -> None:
    workers = [
        asyncio.create_task(history.live(server.base_url, number)) for number in range(WORKERS)
    ]
    enough = history.acknowledged + AT_LEAST
    for _ in range(2000):  # in full swing, then at any moment
        if history.acknowledged >= enough:
            break
        await asyncio.sleep(0.01)
    await asyncio.sleep(random.uniform(0, 0.4))  # noqa: S311 - no secret
    server.process.kill()
    await asyncio.gather(*workers)
    server.process.wait(10)


async def incomplete(history: History, database: str) -> list[str]:
    """Clients without their event or secret, events without client, and more than there can be."""
    engine = create_engine(DatabaseSettings(url=SecretStr(database)))
    clients, events = tables.clients.c, tables.events.c
    try:
        async with engine.connect() as connection:
            rows = {
                row.client_id: row
                for row in await connection.execute(
                    select(
                        clients.client_id,
                        clients.registration_access_token_digest,
                        clients.client_secrets,
                    )
                )
            }
            told = Counter(
                (row.subject_id, row.type)
                for row in await connection.execute(
                    select(events.subject_id, events.type).where(events.subject_kind == "client")
                )
            )
    finally:
        await engine.dispose()
    found = [
        f"{client_id}: {told[client_id, 'client.registered']} events of its registration"
        for client_id in rows
        if told[client_id, "client.registered"] != 1
    ]
    gone = {client_id for client_id, kind in told if kind == "client.deleted"}
    registered = {client_id for client_id, kind in told if kind == "client.registered"}
    found += [f"{client_id}: deleted, and there" for client_id in gone & rows.keys()]
    found += [
        f"{client_id}: an event and no client" for client_id in registered - gone - rows.keys()
    ]
    if len(registered) > len(history.registrations) + history.unknown:
        found.append("more clients than anybody asked for")
    for made in history.registrations:
        row = rows.get(made.client_id)
        if row is None:
            continue
        kept = json.loads(row.client_secrets)[0]["digest"]
        if kept != security.secret_digest(made.secret):
            found.append(f"{made.client_id}: another secret")
        if made.is_certain and row.registration_access_token_digest not in {
            security.token_digest(token) for token in made.tokens
        }:
            found.append(f"{made.client_id}: another token")
    return found


def _tell(text: str) -> None:
    if sys.stderr.isatty() or __name__ == "__main__":
        print(text, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="kill -9 under load, then look")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--database", help="URL of an empty database; SQLite if left out")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        database = options.database or f"sqlite:///{folder}/crash.db"
        history, found = kill_and_check(folder, database, options.kills)
    print(
        f"{options.kills} kills, {history.acknowledged} acknowledged, {history.refused} refused,"
        f" {history.unknown} unknown, {len(found)} lost or incomplete"
    )
    print("\n".join(found))
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
