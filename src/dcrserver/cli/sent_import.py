"""dcrserver client import --server: the file is sent, and a job of the server imports it."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from dcrserver.cli.administration import watching
from dcrserver.cli.progress import bar
from dcrserver.cli.shared import fail
from dcrserver.moving import Report

if TYPE_CHECKING:
    from dcrserver.cli.administration.desks import Desk
    from dcrserver.cli.administration.where import Where

_CHUNK = 65_536


def report_of(where: Where, file: Path, **asked: str | None) -> Report:
    """What came of ``file`` at the server; ``asked``: policy, dry_run, skip_refused.

    Raises:
        Refused: the server takes no such import.
        OSError: ``file`` cannot be read.
    """
    is_pipe = str(file) == "-"
    size = 0 if is_pipe else file.stat().st_size

    async def send(desk: Desk) -> str:
        with (
            nullcontext(sys.stdin.buffer) if is_pipe else file.open("rb") as source,
            bar("sending", size) as move,
        ):
            made = await desk.send("import_clients", _chunks(source, move), **asked)
        return str(made["id"])

    job: dict[str, Any] = watching.watch(where, where.run(send, progress=False))
    if job["state"] == "cancelled":
        fail(f"job {job['id']} was cancelled; {job['changed']} of the clients are imported")
    if job["state"] == "failed" and not job["failed"]:
        fail(f"job {job['id']} failed: {job['report'].get('reason')}")
    told = job["report"] | {"refused": job["errors"]}
    return Report.from_json(told, judged=job["total"] or 0, refusals=job["failed"])


async def _chunks(source: BinaryIO, move: Callable[[int], None]) -> AsyncIterator[bytes]:
    while chunk := source.read(_CHUNK):
        yield chunk
        move(len(chunk))
