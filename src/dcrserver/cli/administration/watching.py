"""Jobs while they are done: a bar on a terminal, until one has ended or somebody interrupts."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import typer

from dcrserver.cli.output import Form, print_one
from dcrserver.cli.progress import moving
from dcrserver.cli.shared import fail, print_message

if TYPE_CHECKING:
    from dcrserver.cli.administration.desks import Desk
    from dcrserver.cli.administration.where import Where
    from dcrserver.strict_json import JsonObject

# Between two looks at a job: short while it may be a short one.
_FIRST_SECONDS, _LAST_SECONDS, _LONGER = 0.1, 1.0, 1.5
_ALIVE = frozenset({"receiving", "queued", "running"})


def begin(where: Where, operation: str, body: JsonObject, **path: str) -> JsonObject:
    """The job that ``operation`` begins, when it has ended, as far as nobody interrupts."""
    return watch(where, str(where.ask(operation, body, **path)["id"]))


def watch(where: Where, job_id: str) -> JsonObject:
    """The job, when it has ended. Ctrl-C leaves it alone, or cancels it where somebody says so."""
    try:
        return where.run(lambda desk: _ended(desk, job_id), progress=False)
    except KeyboardInterrupt:
        return _interrupted(where, job_id)


def print_job(job: JsonObject, form: Form) -> None:
    """Prints a job that has ended; the command fails where the job did, or did for any client."""
    print_one(job, form)
    if job["state"] != "done" or job["failed"]:
        sys.exit(1)


async def _ended(desk: Desk, job_id: str) -> JsonObject:
    import asyncio

    pause = _FIRST_SECONDS
    with moving() as move:
        async with desk.working():
            while True:
                job: dict[str, Any] = await desk.ask("show_job", job_id=job_id)
                if job["state"] not in _ALIVE:
                    return job
                move(f"{job['kind']}, {job['state']}", job["handled"], job["total"])
                await asyncio.sleep(pause)
                pause = min(_LAST_SECONDS, pause * _LONGER)


def _interrupted(where: Where, job_id: str) -> JsonObject:
    """
    Raises:
        SystemExit: it goes on.
    """
    question = "\ncancel the job? What is done stays done"
    if not (sys.stdin.isatty() and typer.confirm(question, err=True)):
        fail(
            f"job {job_id} is not cancelled, and goes on wherever a server or a worker runs;"
            f" dcrserver job watch {job_id} shows how far it is, job cancel {job_id} ends it"
        )
    job = where.ask("cancel_job", job_id=job_id)
    print_message(f"job {job_id} is cancelled")
    return job
