"""dcrserver client deleted, restore, purge: clients that were deleted and can be restored."""

from __future__ import annotations

from typing import Annotated

import typer

from dcrserver.cli.administration.options import grouped
from dcrserver.cli.administration.where import LimitOption, Where
from dcrserver.cli.output import Form, print_rows
from dcrserver.cli.shared import ClientArgument, commands, examples, fail, print_message

app = commands("")


@app.command("deleted", epilog=examples("client deleted"))
@grouped
def deleted(where: Where, form: Form, limit: LimitOption = 100) -> None:
    """Show the clients that were deleted and can be restored."""
    print_rows(where.list("list_deleted_clients", limit), form)


@app.command("restore", epilog=examples("client restore DELETED_ID"))
@grouped
def restore(client_id: ClientArgument, where: Where) -> None:
    """Take back the deletion of a client: its credentials work again, its access tokens do not."""
    where.ask("restore_client", client_id=client_id)
    print_message(f"client {client_id}{where.in_words} is restored")


@app.command("purge", epilog=examples("client purge DELETED_ID --yes"))
@grouped
def purge(
    client_id: ClientArgument,
    where: Where,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="really; there is no way back")] = False,
) -> None:
    """Leave nothing of a deleted client but its events."""
    if not yes:
        fail(f"client {client_id} can be restored by nobody afterwards; say --yes to do it")
    where.ask("purge_client", client_id=client_id)
    print_message(f"client {client_id}{where.in_words} is purged")
