"""A PostgreSQL server: whether it is durable, and new databases on it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Iterator

import asyncpg
import httpx

_DURABILITY = ("fsync", "synchronous_commit")
# What the targets of one round write to the log, and more.
_LOG_MEGABYTES = 768
_AHEAD = """
    SELECT coalesce(sum(size), 0) / 1000000 FROM pg_ls_waldir()
    WHERE name ~ '^[0-9A-F]{24}$' AND name > pg_walfile_name(pg_current_wal_lsn())
"""
_WRITE = """
    SELECT count(pg_logical_emit_message(false, 'dcrbench', repeat('x', 1000000)))
    FROM generate_series(1, {megabytes})
"""


def durability(server: str) -> str:
    """Exits when what is committed there is not on the disk: that would be another race."""
    found = {setting: ask(server, f"SHOW {setting}") for setting in _DURABILITY}
    told = ", ".join(f"{setting} {value}" for setting, value in found.items())
    if "off" in found.values():
        sys.exit(f"nothing would be comparable: {told} at {server}")
    return told


def run_in(server: str) -> None:
    """As on a server that has run for a while: a checkpoint, and a log with files to go on in.

    A new server fills each file of its log, of 16 MB, with zeros when it comes to it, and all who
    commit wait for that: 35 ms, once a second. Later it takes files that a checkpoint has freed.
    """
    ask(server, "CHECKPOINT")
    missing = _LOG_MEGABYTES - int(float(ask(server, _AHEAD)))
    if missing > 0:
        ask(server, _WRITE.format(megabytes=missing))
        ask(server, "CHECKPOINT")


@contextlib.contextmanager
def database(server: str, name: str) -> Iterator[str]:
    """The URL of a new database on ``server``, dropped in the end."""
    durability(server)
    run_in(server)
    unique = f"dcrbench_{name}_{os.getpid()}"
    ask(server, f"CREATE DATABASE {unique}")
    try:
        yield str(httpx.URL(server).copy_with(path=f"/{unique}"))
    finally:
        ask(server, f"DROP DATABASE {unique} WITH (FORCE)")


def ask(url: str, statement: str) -> str:
    async def answer() -> str:
        connection = await asyncpg.connect(url)
        try:
            return str(await connection.fetchval(statement))
        finally:
            await connection.close()

    return asyncio.run(answer())
