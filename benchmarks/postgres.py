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


def durability(server: str) -> str:
    """Exits when what is committed there is not on the disk: that would be another race."""
    found = {setting: ask(server, f"SHOW {setting}") for setting in _DURABILITY}
    told = ", ".join(f"{setting} {value}" for setting, value in found.items())
    if "off" in found.values():
        sys.exit(f"nothing would be comparable: {told} at {server}")
    return told


@contextlib.contextmanager
def database(server: str, name: str) -> Iterator[str]:
    """The URL of a new database on ``server``, dropped in the end."""
    durability(server)
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
