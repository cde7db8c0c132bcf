"""dcrserver client import --server: the file is sent, and a job of the server imports it."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from dcrserver.cli.administration import remote, watching
from dcrserver.cli.progress import bar
from dcrserver.cli.shared import fail
from dcrserver.moving import Report

if TYPE_CHECKING:
    from dcrserver.cli.administration.remote import RemoteDesk
    from dcrserver.cli.administration.where import Where
    from dcrserver.settings import CliSettings
    from dcrserver.strict_json import JsonObject

_CHUNK = 65_536


def report_of(where: Where, server: CliSettings, file: Path, **asked: str | None) -> Report:
    """What came of ``file`` at the ``server``; ``asked``: policy, dry_run, skip_refused.

    Raises:
        Refused: the server takes no such import.
        OSError: ``file`` cannot be read.
    """
    is_pipe = str(file) == "-"
    size = 0 if is_pipe else file.stat().st_size
    if not size and file.is_file():
        fail(f"{file} is empty: there is no client in it")

    async def send(desk: RemoteDesk) -> str:
        with (
            nullcontext(sys.stdin.buffer) if is_pipe else file.open("rb") as source,
            bar("sending", size) as move,
        ):
            made = await desk.send("import_clients", _chunks(source, move), **asked)
        return str(made["id"])

    job_id = remote.run(server, where.tenant, send, progress=False)
    job: dict[str, Any] = watching.watch(where, job_id)
    if job["state"] == "cancelled":
        fail(f"job {job['id']} was cancelled; {job['changed']} of the clients are imported")
    if job["state"] == "failed" and not job["failed"]:
        fail(f"job {job['id']} failed: {job['report'].get('reason')}")
    refused = job["errors"]
    if len(refused) < job["failed"]:
        refused = remote.run(server, where.tenant, partial(_refused, job_id), progress=False)
    told = job["report"] | {"refused": refused}
    return Report.from_json(told, judged=job["total"] or 0, refusals=job["failed"])


async def _refused(job_id: str, desk: RemoteDesk) -> list[JsonObject]:
    texts = [text async for text in desk.lines("list_job_errors", job_id=job_id)]
    return [json.loads(line) for line in "".join(texts).splitlines()]


async def _chunks(source: BinaryIO, move: Callable[[int], None]) -> AsyncIterator[bytes]:
    while chunk := source.read(_CHUNK):
        yield chunk
        move(len(chunk))
