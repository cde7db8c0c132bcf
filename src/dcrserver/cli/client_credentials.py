"""dcrserver client secrets, rotate-secret, new-token, ...: what clients prove themselves with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from dcrserver.cli.administration.options import grouped
from dcrserver.cli.administration.where import Where
from dcrserver.cli.output import Form, print_one, print_rows
from dcrserver.cli.shared import ClientArgument, commands, examples, fail, print_message

if TYPE_CHECKING:
    from dcrserver.cli.administration.desks import Desk

app = commands("")


@app.command("secrets", epilog=examples("client secrets CLIENT_ID"))
@grouped
def secrets(client_id: ClientArgument, where: Where, form: Form) -> None:
    """Show the secrets of a client that work, the newest first, by id; never a secret itself."""
    found: dict[str, Any] = where.ask("list_client_secrets", client_id=client_id)
    print_rows(found["items"], form)


@app.command("rotate-secret", epilog=examples("client rotate-secret CLIENT_ID"))
@grouped
def rotate_secret(client_id: ClientArgument, where: Where, form: Form) -> None:
    """Print a new client_secret; the one before works on for the policy's overlap."""
    print_one(where.ask("rotate_client_secret", client_id=client_id), form)


@app.command("end-overlap", epilog=examples("client end-overlap CLIENT_ID"))
@grouped
def end_overlap(client_id: ClientArgument, where: Where) -> None:
    """End all secrets of a client but the newest, now."""

    async def end(desk: Desk) -> int:
        found: dict[str, Any] = await desk.ask("list_client_secrets", client_id=client_id)
        older = [each["id"] for each in found["items"][1:]]
        for secret_id in older:
            await desk.ask("end_client_secret", client_id=client_id, secret_id=secret_id)
        return len(older)

    if not where.run(end):
        fail(f"client {client_id} has no second secret")
    print_message(f"only the newest secret of client {client_id}{where.in_words} works on")


@app.command("end-secret", epilog=examples("client end-secret CLIENT_ID SECRET_ID"))
@grouped
def end_secret(
    client_id: ClientArgument,
    secret_id: Annotated[str, typer.Argument(help="its id, as client secrets shows it")],
    where: Where,
) -> None:
    """End one of several secrets of a client now."""
    where.ask("end_client_secret", client_id=client_id, secret_id=secret_id)
    print_message(f"secret {secret_id} of client {client_id}{where.in_words} works no longer")


@app.command("new-token", epilog=examples("client new-token CLIENT_ID"))
@grouped
def new_token(client_id: ClientArgument, where: Where) -> None:
    """Print a new registration access token; older ones are dead at once."""
    made = where.ask("reissue_registration_access_token", client_id=client_id)
    print(made["registration_access_token"])


@app.command("revoke-token", epilog=examples("client revoke-token CLIENT_ID"))
@grouped
def revoke_token(client_id: ClientArgument, where: Where) -> None:
    """Let no registration access token of a client work: administrators alone manage it."""
    where.ask("revoke_registration_access_token", client_id=client_id)
    print_message(f"client {client_id}{where.in_words} manages itself no longer")
