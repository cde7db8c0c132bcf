"""dcrserver policy: policies that are drafted, activated and rolled back at run time."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dcrserver.cli.output import OutputOption, print_one, print_rows
from dcrserver.cli.shared import (
    ConfigOption,
    commands,
    examples,
    fail,
    print_message,
    read,
)
from dcrserver.names import ALL_TENANTS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from dcrserver.cli.output import Output
    from dcrserver.services.policies.administration import (
        PolicyAdministrationService,
        PolicyView,
    )

app = commands("Policies, of the configuration file and made at run time.")

NameArgument = Annotated[str, typer.Argument(help="its name")]
FileArgument = Annotated[
    Path, typer.Argument(help="JSON, or TOML in a .toml file: keys of [policies.NAME]; - is stdin")
]
ScopeOption = Annotated[str, typer.Option("--tenant", help="whose it is; * for all tenants")]
_FACTS = (
    "name", "tenant", "declared", "version", "activated_at", "activated_by", "drafted_at",
    "drafted_by", "broken",
)  # fmt: skip


@app.command("list", epilog=examples("policy list"))
def list_(
    config: ConfigOption = None, tenant: ScopeOption = ALL_TENANTS, output: OutputOption = None
) -> None:
    """Show the policies that mean something for a tenant, or for all."""
    from dcrserver.cli import work

    async def find(operations: work.Operations) -> list[dict[str, Any]]:
        found = await operations.policy_administration.policies(tenant)
        return [_facts(each) for each in found]

    print_rows(work.with_operations(work.load(config), find), output)


@app.command("check", epilog=examples("policy check policy.json"))
def check(file: FileArgument) -> None:
    """Say what is wrong with a policy, if anything is."""
    from dcrserver.services.policies.administration import PolicyAdministrationService

    problems = PolicyAdministrationService.check(_document(file))
    if problems:
        fail("\n".join(f"{file}: {each.pointer or '/'}: {each.text}" for each in problems))
    print_message(f"{file} is a policy")


@app.command("put", epilog=examples("policy put strict policy.json"))
def put(
    name: NameArgument,
    file: FileArgument,
    config: ConfigOption = None,
    tenant: ScopeOption = ALL_TENANTS,
) -> None:
    """Draft the next version of a policy; nobody is judged by it until it is activated."""
    document = _document(file)
    _print(config, None, lambda service: service.draft(tenant, name, document, _operator()))


@app.command("activate", epilog=examples("policy activate strict"))
def activate(
    name: NameArgument,
    config: ConfigOption = None,
    tenant: ScopeOption = ALL_TENANTS,
) -> None:
    """Make the draft the next version, which all that are bound to the policy follow."""
    _print(config, None, lambda service: service.activate(tenant, name, _operator()))


@app.command("show", epilog=examples("policy show strict"))
def show(
    name: NameArgument,
    config: ConfigOption = None,
    tenant: ScopeOption = ALL_TENANTS,
    output: OutputOption = None,
) -> None:
    """Show what a policy says, and which version that is."""
    _print(config, output, lambda service: service.policy(tenant, name))


@app.command("rollback", epilog=examples("policy rollback strict --version 1"))
def rollback(
    name: NameArgument,
    config: ConfigOption = None,
    tenant: ScopeOption = ALL_TENANTS,
    version: Annotated[
        int | None, typer.Option(min=1, help="the one before the active one if not given")
    ] = None,
) -> None:
    """Make an earlier version count again."""
    _print(config, None, lambda service: service.roll_back(tenant, name, _operator(), version))


def _document(file: Path) -> dict[str, Any]:
    text = read(file)
    try:
        made = tomllib.loads(text.decode()) if file.suffix == ".toml" else json.loads(text)
    except ValueError as error:
        fail(f"{file}: {error}")
    if not isinstance(made, dict):
        fail(f"{file}: must be an object")
    return made


def _operator() -> Any:  # noqa: ANN401 - loaded when a command runs
    from dcrserver.cli import work

    return work.OPERATOR


def _facts(policy: PolicyView) -> dict[str, Any]:
    return {name: getattr(policy, name) for name in _FACTS}


def _print(
    config: Path | None,
    output: Output | None,
    do: Callable[[PolicyAdministrationService], Awaitable[PolicyView]],
) -> None:
    from dcrserver.cli import work

    async def run(operations: work.Operations) -> PolicyView:
        return await do(operations.policy_administration)

    found = work.with_operations(work.load(config), run)
    print_one(_facts(found) | {"policy": found.policy, "draft": found.draft}, output)
