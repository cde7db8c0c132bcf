"""dcrserver job: what was begun for many clients, and how far it is."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from dcrserver.cli.administration import watching
from dcrserver.cli.administration.options import grouped
from dcrserver.cli.administration.where import LimitOption, Where
from dcrserver.cli.output import Form, print_one, print_rows
from dcrserver.cli.shared import commands, examples, print_message

JobArgument = Annotated[str, typer.Argument(help="its id, as job list shows it")]
StateOption = Annotated[
    Literal["receiving", "queued", "running", "done", "failed", "cancelled"] | None,
    typer.Option(help="those in this state"),
]
_COLUMNS = (
    "id", "kind", "state", "dry_run", "total", "handled", "changed", "failed", "requested_by",
    "created_at", "finished_at",
)  # fmt: skip

app = commands("Jobs: what is done to many clients, and imports by the API.")


@app.command("list", epilog=examples("job list", "job list --state running"))
@grouped
def list_(where: Where, form: Form, limit: LimitOption = 100, state: StateOption = None) -> None:
    """Show the jobs of a tenant, the newest first; old ones are forgotten."""
    print_rows(where.list("list_jobs", limit, state=state), form, _COLUMNS)


@app.command("show", epilog=examples("job show JOB_ID"))
@grouped
def show(job_id: JobArgument, where: Where, form: Form) -> None:
    """Show how far a job is, what came of it, and which clients it failed for."""
    print_one(where.ask("show_job", job_id=job_id), form)


@app.command("watch", epilog=examples("job watch JOB_ID"))
@grouped
def watch(job_id: JobArgument, where: Where, form: Form) -> None:
    """Wait until a job has ended, then show it; fail where it failed, or did for a client.

    Beside the database the command does jobs itself while it waits, as any worker does.
    """
    watching.print_job(watching.watch(where, job_id), form)


@app.command("cancel", epilog=examples("job cancel JOB_ID"))
@grouped
def cancel(job_id: JobArgument, where: Where) -> None:
    """Let a job do nothing more; what it did stays done."""
    where.ask("cancel_job", job_id=job_id)
    print_message(f"job {job_id}{where.in_words} is cancelled")
