"""dcrserver statistics, server: what there is, and how the process is that answers."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from dcrserver.cli.administration.options import grouped
from dcrserver.cli.administration.where import Where, WhereOfAll
from dcrserver.cli.output import Form, print_one
from dcrserver.cli.shared import commands, examples

app = commands("")


@app.command(
    "statistics",
    epilog=examples("statistics", "statistics --by software --step hour"),
)
@grouped
def statistics(
    where: Where,
    form: Form,
    by: Annotated[
        Literal["origin", "status", "method", "software"],
        typer.Option(help="what clients are told apart by"),
    ] = "origin",
    step: Annotated[Literal["hour", "day"], typer.Option(help="of what length times are")] = "day",
    since: Annotated[str | None, typer.Option(help="a moment; else thirty times ago")] = None,
    until: Annotated[str | None, typer.Option(help="a moment; else now")] = None,
) -> None:
    """Count the clients of a tenant by one of their properties, and when they were registered."""
    print_one(where.ask("show_statistics", by=by, step=step, since=since, until=until), form)


@app.command(
    "server",
    epilog=examples("server --server https://dcr.example --token-file admin.token"),
)
@grouped
def server(where: WhereOfAll, form: Form) -> None:
    """Show how the server is that answers: version, health, age of its copies, when jobs are due.

    It is about a process, of which a database knows nothing: --server or DCR_CLI__SERVER is needed.
    """
    print_one(where.ask("show_server"), form)
