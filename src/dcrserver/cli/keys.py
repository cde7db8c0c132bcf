"""dcrserver keys: keys that sign access tokens, and what encrypts at rest."""

from __future__ import annotations

import base64
import secrets
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dcrserver.cli.administration.options import grouped
from dcrserver.cli.administration.where import Where
from dcrserver.cli.output import Form, print_one, print_rows
from dcrserver.cli.progress import bar
from dcrserver.cli.shared import (
    ConfigOption,
    commands,
    counted,
    examples,
    fail,
    print_message,
)

if TYPE_CHECKING:
    from dcrserver.cli.work import Operations
    from dcrserver.services.upkeep.reencryption import Reencrypted

_COLUMNS = ("kid", "algorithm", "state", "created_at", "signs_from", "verifies_until")
_KEY_BYTES = 32

app = commands("Keys that sign and keys that encrypt.")


@app.command("generate", epilog=examples("keys generate"))
def generate() -> None:
    """Print a new key for secrets.encryption_keys, alone on stdout; keep a copy elsewhere.

    Beside keys that there are it comes last, until every server was restarted with it; then
    first, and after another restart run keys reencrypt. docs/operations.md has the commands.
    """
    print(base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode())


@app.command("list", epilog=examples("keys list", "keys list --tenant acme --output json"))
@grouped
def list_(where: Where, form: Form) -> None:
    """Show the signing keys of a tenant, oldest first, and until when each is good."""
    found: dict[str, Any] = where.ask("list_signing_keys")
    print_rows(found["items"], form, _COLUMNS)


@app.command("rotate", epilog=examples("keys rotate"))
@grouped
def rotate(where: Where, form: Form) -> None:
    """Make a new signing key now, before the schedule would."""
    made = where.ask("rotate_signing_key")
    print_one(made, form)
    print_message(
        f"key {made['kid']}{where.in_words} is made: servers publish it within half a minute, and"
        f" it signs from {made['signs_from']}"
    )


@app.command("discard", epilog=examples("keys discard KID --yes"))
@grouped
def discard(
    kid: Annotated[str, typer.Argument(help="as keys list shows it")],
    where: Where,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="really; there is no way back")] = False,
) -> None:
    """Delete a signing key for good: one that leaked, or whose encryption key is lost."""
    if not yes:
        fail(f"tokens that key {kid} signed are good nowhere afterwards; say --yes to do it")
    where.ask("discard_signing_key", kid=kid)
    print_message(
        f"key {kid}{where.in_words} is gone; servers that run sign with it and publish it for up to"
        " half a minute more, and others use it for as long as they keep a copy of the key set"
    )


@app.command("reencrypt", epilog=examples("keys reencrypt --config dcrserver.toml"))
def reencrypt(config: ConfigOption = None) -> None:
    """Encrypt everything under the first of secrets.encryption_keys; then others can go."""
    from dcrserver.cli import work

    async def reencrypt(operations: Operations) -> Reencrypted:
        with bar("clients", await operations.reencryption.count()) as move:
            return await operations.reencryption.run(move)

    settings = work.load(config)
    if not settings.secrets.encryption_keys:
        fail("there is no key to encrypt with: set secrets.encryption_keys")
    done = work.with_operations(settings, reencrypt, progress=False)
    print_message(
        f"encrypted anew: {counted(done.client_secrets, 'client secret')},"
        f" {counted(done.signing_keys, 'signing key')}"
    )
    if done.unreadable:
        fail(f"{done.unreadable} cannot be read: the key that encrypted them is not configured")
