"""dcrserver tenant: which tenants there are, and the end of one that was taken out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dcrserver.cli import stored_tenants
from dcrserver.cli.output import OutputOption, print_rows
from dcrserver.cli.shared import ConfigOption, commands, counted, examples, fail, print_message

if TYPE_CHECKING:
    from dcrserver.cli.work import Operations
    from dcrserver.strict_json import JsonObject

app = commands("Tenants: of the configuration file, made at run time, or left in the database.")


@app.command("list", epilog=examples("tenant list"))
def list_(config: ConfigOption = None, output: OutputOption = None) -> None:
    """Show tenants with what is stored of each."""
    from dcrserver.cli import work

    async def find(operations: Operations) -> list[JsonObject]:
        return await operations.tenant_administration.tenants()

    print_rows(work.with_operations(work.load(config), find), output)


@app.command("purge", epilog=examples("tenant purge acme --yes"))
def purge(
    name: Annotated[str, typer.Argument(help="as tenant list shows it")],
    config: ConfigOption = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="really; there is no way back")] = False,
) -> None:
    """Delete the clients, tokens and keys of a tenant that is no longer configured."""
    if not yes:
        fail(f"this deletes every client of tenant {name}; say --yes to do it")
    from dcrserver.cli import work

    async def purge(operations: Operations) -> int:
        return await operations.tenant_administration.purge(name, work.OPERATOR)

    ended = work.with_operations(work.load(config), purge)
    gone = counted(ended, "client")
    print_message(f"tenant {name} is purged: {gone}, its tokens and its keys are gone")


stored_tenants.add_to(app)
