"""dcrserver tenant: which tenants there are, those that are made at run time, and their end."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dcrserver.cli.administration.options import grouped
from dcrserver.cli.administration.where import LimitOption, WhereOfAll
from dcrserver.cli.output import Form, print_one, print_rows
from dcrserver.cli.shared import ConfigOption, commands, counted, examples, fail, print_message

if TYPE_CHECKING:
    from dcrserver.cli.work import Operations
    from dcrserver.strict_json import JsonObject

NameArgument = Annotated[str, typer.Argument(help="its name")]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="KEY=VALUE of [tenants.NAME], the value as JSON or as it is; may be given again",
    ),
]
YesOption = Annotated[bool, typer.Option("--yes", help="really; there is no way back")]
_COLUMNS = ("name", "status", "declared", "issuer", "mode", "policy", "broken")

app = commands("Tenants: of the configuration file, made at run time, or left in the database.")


@app.command("list", epilog=examples("tenant list"))
@grouped
def list_(where: WhereOfAll, form: Form, limit: LimitOption = 1000) -> None:
    """Show the tenants that are configured, by file or at run time, by name."""
    print_rows(where.list("list_tenants", limit), form, _COLUMNS)


@app.command("create", epilog=examples("tenant create partner --set mode=protected"))
@grouped
def create(name: NameArgument, where: WhereOfAll, form: Form, set_: SetOption = None) -> None:
    """Make a tenant, which every server has within two seconds."""
    print_one(where.ask("create_tenant", {"name": name, **_settings(set_)}), form)


@app.command("show", epilog=examples("tenant show partner"))
@grouped
def show(name: NameArgument, where: WhereOfAll, form: Form) -> None:
    """Show a tenant with its settings, and how far its deletion is."""
    print_one(where.ask("show_tenant", name=name), form)


@app.command("set", epilog=examples("tenant set partner --unset mode"))
@grouped
def change(
    name: NameArgument,
    where: WhereOfAll,
    form: Form,
    set_: SetOption = None,
    unset: Annotated[
        list[str] | None, typer.Option(help="a setting to take away; may be given again")
    ] = None,
) -> None:
    """Change the settings of a tenant; those that are not given stay."""
    patch = _settings(set_) | dict.fromkeys(unset or (), None)
    print_one(where.ask("change_tenant", patch, name=name), form)


@app.command("suspend", epilog=examples("tenant suspend partner"))
@grouped
def suspend(name: NameArgument, where: WhereOfAll, form: Form) -> None:
    """Answer everything below its issuer with 503, until it is resumed."""
    print_one(where.ask("suspend_tenant", name=name), form)


@app.command("resume", epilog=examples("tenant resume partner"))
@grouped
def resume(name: NameArgument, where: WhereOfAll, form: Form) -> None:
    """Let a suspended tenant answer again."""
    print_one(where.ask("resume_tenant", name=name), form)


@app.command("delete", epilog=examples("tenant delete partner --yes"))
@grouped
def delete(name: NameArgument, where: WhereOfAll, form: Form, *, yes: YesOption = False) -> None:
    """Delete a tenant: nothing of it answers from now on, and a worker deletes all in it."""
    if not yes:
        fail(f"this deletes every client of tenant {name}; say --yes to do it")
    print_one(where.ask("delete_tenant", name=name), form)
    print_message(f"tenant {name} answers no more; tenant show {name} says what is deleted already")


def _settings(given: list[str] | None) -> JsonObject:
    """A dot in a key is a level: authorization_server.metadata=URL."""
    made: JsonObject = {}
    for each in given or ():
        key, equals, text = each.partition("=")
        if not equals:
            raise typer.BadParameter("must be KEY=VALUE", param_hint="--set")
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        *levels, last = key.split(".")
        inner: Any = made
        for level in levels:
            inner = inner.setdefault(level, {})
        inner[last] = value
    return made


@app.command("left", epilog=examples("tenant left"))
@grouped
def left(form: Form, config: ConfigOption = None) -> None:
    """Show the tenants of which something is stored, and those that are configured no longer.

    The database alone is asked.
    """
    from dcrserver.cli import work

    async def find(operations: Operations) -> list[JsonObject]:
        return await operations.tenant_administration.tenants()

    print_rows(work.with_operations(work.load(config), find), form)


@app.command("purge", epilog=examples("tenant purge acme --yes"))
def purge(
    name: Annotated[str, typer.Argument(help="as tenant left shows it")],
    config: ConfigOption = None,
    *,
    yes: YesOption = False,
) -> None:
    """Delete the clients, tokens and keys of a tenant that is no longer configured.

    The database alone is asked.
    """
    if not yes:
        fail(f"this deletes every client of tenant {name}; say --yes to do it")
    from dcrserver.cli import work

    async def purge(operations: Operations) -> int:
        return await operations.tenant_administration.purge(name, work.OPERATOR)

    ended = work.with_operations(work.load(config), purge)
    gone = counted(ended, "client")
    print_message(f"tenant {name} is purged: {gone}, its tokens and its keys are gone")
