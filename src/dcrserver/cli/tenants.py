"""dcrserver tenant: which tenants there are, and the end of one that was taken out."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from dcrserver.cli.shared import OPERATOR, ConfigOption, fail, tell, with_runtime
from dcrserver.settings import load
from dcrserver.strict_json import JsonObject
from dcrserver.wiring import Runtime

app = typer.Typer(no_args_is_help=True, help="Tenants, configured or left in the database.")


@app.command("list")
def list_(config: ConfigOption = None) -> None:
    """Show tenants with what is stored of each, one JSON object a line."""

    async def work(runtime: Runtime) -> list[JsonObject]:
        return await runtime.tenant_administration.tenants()

    for row in with_runtime(load(config), work):
        print(json.dumps(row))


@app.command("purge")
def purge(
    name: str,
    config: ConfigOption = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="really; there is no way back")] = False,
) -> None:
    """Delete the clients, tokens and keys of a tenant that is no longer configured."""
    if not yes:
        fail(f"this deletes every client of tenant {name}; say --yes to do it")

    async def work(runtime: Runtime) -> int:
        return await runtime.tenant_administration.purge(name, OPERATOR)

    ended = with_runtime(load(config), work)
    tell(f"tenant {name} is purged: {ended} clients, its tokens and its keys are gone")
