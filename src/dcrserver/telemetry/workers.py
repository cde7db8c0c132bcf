"""What the other worker processes of this server count, asked for when somebody reads the metrics.

Each worker answers on a socket of its own in a folder that the parent made; who is asked for the
metrics asks all of them. Nothing is paid until then, and one scrape is the sum of all.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import shutil
import stat
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

from dcrserver.telemetry.metrics import Metrics, Snapshot

_SOCKET = ".sock"
# What a worker that ended has counted stays in the sum: a counter never goes back.
_LAST_WORDS = ".json"
# A worker that is too busy to answer is left out of one scrape rather than to hold it up.
_SECONDS = 1.0
_PREFIX = "dcrserver-"
# Held by the parent and, as they are forked, by all workers: free when the last of them has ended.
_LOCK = "lock"


@contextmanager
def folder_of_workers() -> Iterator[Path]:
    """Where the workers of one server find each other; what killed servers left is removed."""
    for left in Path(gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            _remove_if_left(left)
    with TemporaryDirectory(prefix=_PREFIX) as folder, Path(folder, _LOCK).open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield Path(folder)


def _remove_if_left(folder: Path) -> None:
    """Raises OSError where it is in use, or being made."""
    found = folder.lstat()
    # Whatever others may have put there, to be followed or waited at.
    if stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid():
        with (folder / _LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder)


@asynccontextmanager
async def shared(metrics: Metrics, folder: Path) -> AsyncIterator[None]:
    """Tells the others what ``metrics`` says, and adds to it what they say."""
    own = folder / f"{os.getpid()}{_SOCKET}"

    async def tell(_: StreamReader, writer: StreamWriter) -> None:
        with suppress(OSError):
            writer.write(json.dumps(metrics.snapshot()).encode())
            await writer.drain()
        writer.close()

    async def others() -> Sequence[Snapshot]:
        told = await asyncio.gather(*map(_asked, _found(folder, _SOCKET) - {own}))
        last = [json.loads(each.read_bytes()) for each in _found(folder, _LAST_WORDS)]
        return [each for each in (*told, *last) if each is not None]

    server = await asyncio.start_unix_server(tell, own)
    metrics.others = others
    try:
        yield
    finally:
        server.close()
        _leave(own, json.dumps(metrics.snapshot(lasting=True)))


def _leave(own: Path, words: str) -> None:
    part = own.with_suffix(".part")
    with suppress(OSError):
        part.write_text(words, "utf-8")
        part.rename(own.with_suffix(_LAST_WORDS))
        own.unlink(missing_ok=True)


def _found(folder: Path, ending: str) -> set[Path]:
    """A few files on this machine: not worth a thread."""
    return set(folder.glob(f"*{ending}"))


async def _asked(socket: Path) -> Snapshot | None:
    """None from a worker that does not answer; one that was killed leaves its socket behind."""
    try:
        async with asyncio.timeout(_SECONDS):
            reader, writer = await asyncio.open_unix_connection(socket)
            try:
                told: Snapshot = json.loads(await reader.read(-1))
            finally:
                writer.close()
    except (OSError, TimeoutError, ValueError):
        return None
    return told
