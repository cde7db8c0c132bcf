"""dcrserver tenant: tenants that are made, changed and ended at run time."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from dcrserver.cli.output import Output, OutputOption, print_one
from dcrserver.cli.shared import ConfigOption, examples, fail, print_message

if TYPE_CHECKING:
    from dcrserver.services.tenants.lifecycle import TenantLifecycleService, TenantView
    from dcrserver.strict_json import JsonObject

    Work: TypeAlias = Callable[[TenantLifecycleService], Awaitable[TenantView]]

NameArgument = Annotated[str, typer.Argument(help="its name")]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="KEY=VALUE of [tenants.NAME], the value as JSON or as it is; may be given again",
    ),
]


def add_to(app: typer.Typer) -> None:
    """These commands, beside those of ``app``."""
    app.command("create", epilog=examples("tenant create partner --set mode=protected"))(create)
    app.command("show", epilog=examples("tenant show partner"))(show)
    app.command("set", epilog=examples("tenant set partner --unset mode"))(change)
    app.command("suspend", epilog=examples("tenant suspend partner"))(suspend)
    app.command("resume", epilog=examples("tenant resume partner"))(resume)
    app.command("delete", epilog=examples("tenant delete partner --yes"))(delete)


def create(
    name: NameArgument,
    config: ConfigOption = None,
    set_: SetOption = None,
) -> None:
    """Make a tenant, which every server has within two seconds."""
    settings = _settings(set_)
    _print(config, None, lambda service: service.create(name, settings, _operator()))


def show(name: NameArgument, config: ConfigOption = None, output: OutputOption = None) -> None:
    """Show a tenant with its settings, and how far its deletion is."""
    _print(config, output, lambda service: service.tenant(_operator().actor, name))


def change(
    name: NameArgument,
    config: ConfigOption = None,
    set_: SetOption = None,
    unset: Annotated[
        list[str] | None, typer.Option(help="a setting to take away; may be given again")
    ] = None,
) -> None:
    """Change the settings of a tenant; those that are not given stay."""
    patch = _settings(set_) | dict.fromkeys(unset or (), None)
    _print(config, None, lambda service: service.configure(name, patch, _operator()))


def suspend(name: NameArgument, config: ConfigOption = None) -> None:
    """Answer everything below its issuer with 503, until it is resumed."""
    _print(config, None, lambda service: service.suspend(name, _operator()))


def resume(name: NameArgument, config: ConfigOption = None) -> None:
    """Let a suspended tenant answer again."""
    _print(config, None, lambda service: service.resume(name, _operator()))


def delete(
    name: NameArgument,
    config: ConfigOption = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="really; there is no way back")] = False,
) -> None:
    """Delete a tenant: nothing of it answers from now on, and a worker deletes all in it."""
    if not yes:
        fail(f"this deletes every client of tenant {name}; say --yes to do it")
    _print(config, None, lambda service: service.delete(name, _operator()))
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


def _operator() -> Any:  # noqa: ANN401 - loaded when a command runs
    from dcrserver.cli import work

    return work.OPERATOR


def _print(config: Path | None, output: Output | None, do: Work) -> None:
    from dcrserver.app import reserve_paths
    from dcrserver.cli import work

    async def run(operations: work.Operations) -> TenantView:
        reserve_paths(operations.tenants)
        return await do(operations.tenant_lifecycle)

    shown = asdict(work.with_operations(work.load(config), run))
    settings, progress = shown.pop("settings"), shown.pop("progress")
    print_one(shown | settings | ({"progress": progress} if progress else {}), output)
