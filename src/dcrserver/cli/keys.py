"""dcrserver keys: keys that sign access tokens, and what encrypts at rest."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from dcrserver.cli.shared import (
    OPERATOR,
    ConfigOption,
    TenantOption,
    fail,
    tell,
    tenant_of,
    with_runtime,
)
from dcrserver.services.reencryption import Reencrypted
from dcrserver.services.signing_keys import (
    CACHED_SECONDS,
    PUBLISHED_AHEAD,
    REMEMBERED_SECONDS,
    StoredKey,
)
from dcrserver.settings import load
from dcrserver.strict_json import JsonObject
from dcrserver.tenants import DEFAULT_TENANT
from dcrserver.wiring import Runtime

app = typer.Typer(no_args_is_help=True, help="Keys that sign and keys that encrypt.")


@app.command("list")
def list_(config: ConfigOption = None, tenant: TenantOption = DEFAULT_TENANT) -> None:
    """Show the public signing keys, one JSON object a line, oldest first."""

    async def work(runtime: Runtime) -> list[JsonObject]:
        here = await runtime.tenant_administration.find(tenant)
        return [_shown(each) for each in await runtime.signing_keys.stored(here.name)]

    for key in with_runtime(load(config), work):
        print(json.dumps(key))


def _shown(stored: StoredKey) -> JsonObject:
    """``unreadable``: no key of secrets.encryption_keys opens it."""
    row, key = stored
    if key is not None:
        return key.public_jwk | {"created_at": row.created_at}
    return {
        "kid": row.kid, "alg": row.algorithm, "created_at": row.created_at, "unreadable": True,
    }  # fmt: skip


@app.command("rotate")
def rotate(config: ConfigOption = None, tenant: TenantOption = DEFAULT_TENANT) -> None:
    """Make a new signing key now, before the schedule would."""

    async def work(runtime: Runtime) -> str:
        return await runtime.signing_keys.create(tenant_of(runtime, tenant).name, OPERATOR)

    kid = with_runtime(load(config), work)
    tell(
        f"key {kid} is made: each server publishes it within {REMEMBERED_SECONDS} seconds, and"
        f" signs with it from {PUBLISHED_AHEAD} seconds from now"
    )


@app.command("discard")
def discard(
    kid: str,
    config: ConfigOption = None,
    tenant: TenantOption = DEFAULT_TENANT,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="really; there is no way back")] = False,
) -> None:
    """Delete a signing key for good: one that leaked, or whose encryption key is lost."""
    if not yes:
        fail(f"tokens that key {kid} signed are good nowhere afterwards; say --yes to do it")

    async def work(runtime: Runtime) -> bool:
        here = await runtime.tenant_administration.find(tenant)
        return await runtime.signing_keys.discard(here.name, kid, OPERATOR)

    if not with_runtime(load(config), work):
        fail(f"tenant {tenant} has no signing key {kid}; dcrserver keys list shows them")
    tell(
        f"key {kid} is gone; servers that run sign with it and publish it for up to"
        f" {REMEMBERED_SECONDS} seconds more, and others may keep a copy for {CACHED_SECONDS}"
    )


@app.command("reencrypt")
def reencrypt(config: ConfigOption = None) -> None:
    """Encrypt everything under the first of secrets.encryption_keys; then others can go."""

    async def work(runtime: Runtime) -> Reencrypted:
        count = await runtime.reencryption.count()
        with typer.progressbar(length=count, label="clients", file=sys.stderr) as bar:
            return await runtime.reencryption.run(bar.update)

    settings = load(config)
    if not settings.secrets.encryption_keys:
        fail("there is no key to encrypt with: set secrets.encryption_keys")
    done = with_runtime(settings, work)
    tell(
        f"{done.client_secrets} client secrets and {done.signing_keys} signing keys are"
        " encrypted anew"
    )
    if done.unreadable:
        fail(f"{done.unreadable} cannot be read: the key that encrypted them is not configured")
