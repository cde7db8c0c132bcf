"""dcrserver client approve, reject: let in clients that a statement of the policy holds, or not."""

from __future__ import annotations

from typing import Annotated

import typer

from dcrserver.cli.administration.options import grouped
from dcrserver.cli.administration.where import Where
from dcrserver.cli.shared import ClientArgument, commands, examples, print_message

app = commands("Clients that wait for an approval.")


@app.command("approve", epilog=examples("client approve WAITING_ID"))
@grouped
def approve(
    client_id: ClientArgument,
    where: Where,
    version: Annotated[
        int | None,
        typer.Option(help="the one that was looked at; needed if the client changed since", min=1),
    ] = None,
) -> None:
    """Let in a client that waits for it: client list --status pending."""
    where.ask("approve_client", client_id=client_id, version=version)
    print_message(f"client {client_id}{where.in_words} is approved")


@app.command("reject", epilog=examples('client reject WAITING_ID --reason "nobody knows it"'))
@grouped
def reject(
    client_id: ClientArgument,
    where: Where,
    reason: Annotated[str, typer.Option(help="why, in a sentence for the client")],
) -> None:
    """Do not let in a client that waits for an approval."""
    where.ask("reject_client", {"reason": reason}, client_id=client_id)
    print_message(f"client {client_id}{where.in_words} is rejected")
