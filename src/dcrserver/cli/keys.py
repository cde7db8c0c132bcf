"""dcrserver keys: keys that sign access tokens, and what encrypts at rest."""

from __future__ import annotations

import base64
import secrets
from typing import TYPE_CHECKING, Annotated

import typer

from dcrserver.cli.administration.options import grouped
from dcrserver.cli.output import Form, print_rows
from dcrserver.cli.progress import bar
from dcrserver.cli.shared import (
    ConfigOption,
    TenantOption,
    commands,
    counted,
    examples,
    fail,
    print_message,
)
from dcrserver.names import DEFAULT_TENANT

if TYPE_CHECKING:
    from dcrserver.cli.work import Operations
    from dcrserver.services.tokens.signing_keys import StoredKey
    from dcrserver.services.upkeep.reencryption import Reencrypted
    from dcrserver.strict_json import JsonObject

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
def list_(
    form: Form,
    config: ConfigOption = None,
    tenant: TenantOption = DEFAULT_TENANT,
) -> None:
    """Show the public signing keys, oldest first."""
    from dcrserver.cli import work

    async def find(operations: Operations) -> list[JsonObject]:
        here = await operations.tenant_administration.find(tenant)
        return [_shown(each) for each in await operations.signing_keys.stored(here.name)]

    print_rows(work.with_operations(work.load(config), find), form)


def _shown(stored: StoredKey) -> JsonObject:
    """``unreadable``: no key of secrets.encryption_keys opens it."""
    from dcrserver.services.audit import utc

    (row, key), created_at = stored, utc(stored[0].created_at)
    if key is not None:
        return key.public_jwk | {"created_at": created_at}
    return {
        "kid": row.kid, "alg": row.algorithm, "created_at": created_at, "unreadable": True,
    }  # fmt: skip


@app.command("rotate", epilog=examples("keys rotate"))
def rotate(config: ConfigOption = None, tenant: TenantOption = DEFAULT_TENANT) -> None:
    """Make a new signing key now, before the schedule would."""
    from dcrserver.cli import work
    from dcrserver.services.tokens.signing_keys import PUBLISHED_AHEAD, REMEMBERED_SECONDS

    async def create(operations: Operations) -> str:
        here = work.tenant_of(operations.tenants, tenant)
        return await operations.signing_keys.create(here.name, work.OPERATOR)

    kid = work.with_operations(work.load(config), create)
    print_message(
        f"key {kid} is made: each server publishes it within {REMEMBERED_SECONDS} seconds, and"
        f" signs with it from {PUBLISHED_AHEAD} seconds from now"
    )


@app.command("discard", epilog=examples("keys discard KID --yes"))
def discard(
    kid: Annotated[str, typer.Argument(help="as keys list shows it")],
    config: ConfigOption = None,
    tenant: TenantOption = DEFAULT_TENANT,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="really; there is no way back")] = False,
) -> None:
    """Delete a signing key for good: one that leaked, or whose encryption key is lost."""
    if not yes:
        fail(f"tokens that key {kid} signed are good nowhere afterwards; say --yes to do it")
    from dcrserver.cli import work
    from dcrserver.services.tokens.signing_keys import CACHED_SECONDS, REMEMBERED_SECONDS

    async def discard(operations: Operations) -> bool:
        here = await operations.tenant_administration.find(tenant)
        return await operations.signing_keys.discard(here.name, kid, work.OPERATOR)

    if not work.with_operations(work.load(config), discard):
        fail(f"tenant {tenant} has no signing key {kid}; dcrserver keys list shows them")
    print_message(
        f"key {kid} is gone; servers that run sign with it and publish it for up to"
        f" {REMEMBERED_SECONDS} seconds more, and others may keep a copy for {CACHED_SECONDS}"
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
