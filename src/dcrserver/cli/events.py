"""dcrserver events: the audit trail."""

from __future__ import annotations

from typing import Annotated

import typer

from dcrserver.cli.administration.options import grouped
from dcrserver.cli.administration.where import LimitOption, Where
from dcrserver.cli.output import Form, print_rows
from dcrserver.cli.shared import commands, examples

_COLUMNS = ("at", "type", "actor", "subject", "address", "id")

app = commands("What happened: the audit trail.")


@app.command(
    "list",
    epilog=examples(
        "events list",
        "events list --type client. --since 2026-01-01",
        "events list --subject-kind client --subject-id CLIENT_ID --oldest-first",
    ),
)
@grouped
def list_(  # noqa: PLR0913 - filters of a list
    where: Where,
    form: Form,
    *,
    type_: Annotated[
        str | None,
        typer.Option("--type", help="a type, or the beginning of some with its dot (client.)"),
    ] = None,
    actor_kind: Annotated[str | None, typer.Option(help="who did it: kind")] = None,
    actor_id: Annotated[str | None, typer.Option(help="who did it: id")] = None,
    subject_kind: Annotated[str | None, typer.Option(help="what it was done to: kind")] = None,
    subject_id: Annotated[str | None, typer.Option(help="what it was done to: id")] = None,
    request_id: Annotated[str | None, typer.Option(help="X-Request-Id of the request")] = None,
    since: Annotated[str | None, typer.Option(help="then or later")] = None,
    until: Annotated[str | None, typer.Option(help="before")] = None,
    oldest_first: Annotated[bool, typer.Option("--oldest-first", help="in that order")] = False,
    limit: LimitOption = 100,
) -> None:
    """Show what happened, the newest first: all, or what every filter means."""
    found = where.list(
        "list_events", limit,
        type=type_, actor_kind=actor_kind, actor_id=actor_id, subject_kind=subject_kind,
        subject_id=subject_id, request_id=request_id, since=since, until=until,
        oldest_first="true" if oldest_first else None,
    )  # fmt: skip
    print_rows(found, form, _COLUMNS)
