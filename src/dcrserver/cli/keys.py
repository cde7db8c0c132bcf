"""dcrserver keys: keys that sign access tokens, and what encrypts at rest."""

from __future__ import annotations

import json
import sys

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
from dcrserver.services.signing_keys import PUBLISHED_AHEAD, REMEMBERED_SECONDS
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
        keys = await runtime.signing_keys.all(here.name)
        return [key.public_jwk | {"created_at": key.created_at} for key in keys]

    for key in with_runtime(load(config), work):
        print(json.dumps(key))


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


@app.command("reencrypt")
def reencrypt(config: ConfigOption = None) -> None:
    """Encrypt everything under the first of secrets.encryption_keys; then others can go."""

    async def work(runtime: Runtime) -> Reencrypted:
        count = await runtime.reencryption.count()
        with typer.progressbar(length=count, label="clients", file=sys.stderr) as bar:
            return await runtime.reencryption.run(bar.update)

    settings = load(config)
    if not (settings.secrets.encryption_keys or settings.secrets.encryption_keys_file):
        fail("there is no key to encrypt with: set secrets.encryption_keys")
    done = with_runtime(settings, work)
    tell(
        f"{done.client_secrets} client secrets and {done.signing_keys} signing keys are"
        " encrypted anew"
    )
    if done.unreadable:
        fail(f"{done.unreadable} cannot be read: the key that encrypted them is not configured")
