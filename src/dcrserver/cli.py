"""The command line: serve, migrate, tokens, clients, configuration."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import typer
from sqlalchemy.exc import SQLAlchemyError

from dcrserver import __version__, serving
from dcrserver.db import schema
from dcrserver.db.engine import create_engines
from dcrserver.errors import ProtocolError
from dcrserver.metadata import explain
from dcrserver.services.audit import Origin
from dcrserver.settings import ConfigurationError, Settings, load
from dcrserver.strict_json import BadJson, loads_object
from dcrserver.telemetry import redact
from dcrserver.tenants import DEFAULT_TENANT, Tenant
from dcrserver.wiring import Runtime, build

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
token_app = typer.Typer(no_args_is_help=True, help="Tokens that let clients register.")
client_app = typer.Typer(no_args_is_help=True, help="Registered clients.")
config_app = typer.Typer(no_args_is_help=True, help="The configuration.")
app.add_typer(token_app, name="token")
app.add_typer(client_app, name="client")
app.add_typer(config_app, name="config")

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="TOML file; DCR_CONFIG if not given")
]
TenantOption = Annotated[str, typer.Option("--tenant", help="name of the tenant")]

_OPERATOR = Origin("operator")
# At most a few centuries, which every database can count.
_DURATION = re.compile(r"([1-9][0-9]{0,4})([smhd])")
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def main() -> None:
    """Runs a command; what the operator can mend is told in one line, without a trace."""
    try:
        app()
    except ConfigurationError as error:
        _fail("\n".join(f"configuration: {line}" for line in str(error).splitlines()))
    except serving.ListenError as error:
        _fail(str(error))
    except ProtocolError as error:
        _fail(f"{error.description} ({error.detail})" if error.detail else error.description)
    except SQLAlchemyError as error:
        told = str(getattr(error, "orig", None) or error) or type(error).__name__
        reason = told.splitlines()[0]
        _fail(f"the database cannot be used: {redact(reason)}")


def _tell(message: str) -> None:
    """For the person; what a script reads goes to stdout."""
    print(f"dcrserver: {message}", file=sys.stderr)


def _fail(message: str) -> NoReturn:
    _tell(message)
    sys.exit(1)


def _print_version(given: bool) -> None:  # noqa: FBT001 - typer's protocol
    if given:
        print(__version__)
        raise typer.Exit


@app.callback()
def options(
    *,
    _version: Annotated[
        bool,
        typer.Option("--version", help="print the version", is_eager=True, callback=_print_version),
    ] = False,
) -> None:
    """OAuth 2.0 dynamic client registration."""


@app.command()
def version() -> None:
    """Print the version."""
    print(__version__)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="address to listen on")] = None,
    port: Annotated[int | None, typer.Option(help="port to listen on")] = None,
    config: ConfigOption = None,
    workers: Annotated[int | None, typer.Option(help="number of processes")] = None,
    *,
    migrate: Annotated[
        bool, typer.Option("--migrate", help="bring a server database up to date first")
    ] = False,
) -> None:
    """Serve. An SQLite database is created and migrated by itself."""
    given = {"host": host, "port": port, "workers": workers}
    flags = {name: value for name, value in given.items() if value is not None}
    settings = load(config, server=flags) if flags else load(config)
    serving.run(settings, migrate=migrate)


@app.command()
def migrate(config: ConfigOption = None) -> None:
    """Bring the database schema up to date."""
    settings = load(config)

    async def work() -> tuple[str | None, str | None]:
        engines = create_engines(settings.database)
        try:
            return await schema.upgrade(engines)
        finally:
            await engines.dispose()

    before, after = asyncio.run(work())
    print(
        f"the schema is at {after}; nothing to do"
        if before == after
        else f"the schema went from {before or 'nothing'} to {after}"
    )


@token_app.command("issue")
def token_issue(
    kind: Annotated[Literal["initial"], typer.Argument(help="initial: lets a client register")],
    config: ConfigOption = None,
    uses: Annotated[
        int | None, typer.Option(min=1, max=2**31 - 1, help="registrations it is good for")
    ] = None,
    expires_in: Annotated[str, typer.Option(help="e.g. 30d, 12h, 90m; 0 = never")] = "30d",
    tenant: TenantOption = DEFAULT_TENANT,
) -> None:
    """Print a new token, alone on stdout; it is not shown again."""
    lifetime = _seconds(expires_in)
    assert kind == "initial"  # noqa: S101 - the only one typer lets through

    async def work(runtime: Runtime) -> str:
        return await runtime.administration.issue_initial_access_token(
            _tenant(runtime, tenant), uses=uses, lifetime=lifetime, origin=_OPERATOR
        )

    print(_with_runtime(load(config), work))


@token_app.command("list")
def token_list(config: ConfigOption = None, tenant: TenantOption = DEFAULT_TENANT) -> None:
    """Show initial access tokens: id, uses left, expiry."""

    async def work(runtime: Runtime) -> list[dict[str, Any]]:
        return await runtime.administration.initial_access_tokens(_tenant(runtime, tenant))

    for row in _with_runtime(load(config), work):
        print(json.dumps(row))


@token_app.command("revoke")
def token_revoke(
    token_id: Annotated[str, typer.Argument(help="id as shown by token list")],
    config: ConfigOption = None,
    tenant: TenantOption = DEFAULT_TENANT,
) -> None:
    """End an initial access token."""

    async def work(runtime: Runtime) -> bool:
        here = _tenant(runtime, tenant)
        return await runtime.administration.revoke_initial_access_token(here, token_id, _OPERATOR)

    if not _with_runtime(load(config), work):
        _fail(f"no such token: {token_id}")
    _tell(f"initial access token {token_id} of tenant {tenant} is revoked")


@client_app.command("list")
def client_list(
    config: ConfigOption = None,
    tenant: TenantOption = DEFAULT_TENANT,
    limit: Annotated[int, typer.Option(min=1, max=10000)] = 100,
) -> None:
    """Show the newest clients, one JSON object a line."""

    async def work(runtime: Runtime) -> list[dict[str, Any]]:
        return await runtime.administration.clients(_tenant(runtime, tenant), limit)

    for row in _with_runtime(load(config), work):
        print(json.dumps(row, ensure_ascii=False))


@client_app.command("show")
def client_show(
    client_id: str, config: ConfigOption = None, tenant: TenantOption = DEFAULT_TENANT
) -> None:
    """Show a client with its history, never a secret."""

    async def work(runtime: Runtime) -> dict[str, Any] | None:
        return await runtime.administration.client(_tenant(runtime, tenant), client_id)

    found = _with_runtime(load(config), work)
    if found is None:
        _fail(f"no such client: {client_id}")
    print(json.dumps(found, indent=2, ensure_ascii=False))


@client_app.command("check")
def client_check(
    file: Annotated[Path, typer.Argument(help="JSON object of client metadata; - for stdin")],
    config: ConfigOption = None,
    tenant: TenantOption = DEFAULT_TENANT,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="print the explanation as JSON")] = False,
) -> None:
    """Explain what registering FILE would do; fail when it would be refused."""
    raw = sys.stdin.buffer.read() if str(file) == "-" else _read(file)

    async def work(runtime: Runtime) -> dict[str, Any]:
        terms = _tenant(runtime, tenant).terms
        limits = terms.policy.json_
        submission = loads_object(raw, max_depth=limits.max_depth, max_members=limits.max_members)
        return explain(submission, terms)

    try:
        told = _with_runtime(load(config), work, needs_schema=False)
    except BadJson as error:
        _fail(f"{file}: {error}")
    if as_json:
        print(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        print("\n".join(_explained(told)))
    sys.exit(0 if told["acceptable"] else 1)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        _fail(f"{file}: {error.strerror}")


def _explained(told: dict[str, Any]) -> Iterator[str]:
    """The explanation for a person, a line for each thing."""
    yield "acceptable" if told["acceptable"] else f"not acceptable: {told['error']}"
    for issue in told["issues"]:
        where = f"[{issue['requirement']}, {issue['specification']}]"
        yield f"  {issue['severity']}: {issue['member']} {issue['reason']} {where}"
    for change in told["changes"]:
        registered = json.dumps(change["registered"]) if "registered" in change else "left out"
        sent = json.dumps(change["sent"], ensure_ascii=False)
        yield f"  changed: {change['member']} {sent} -> {registered}: {change['reason']}"
    for name, value in told["defaults"].items():
        yield f"  filled in: {name} = {json.dumps(value)}"
    for ignored in told["ignored"]:
        yield f"  ignored: {ignored['member']}: {ignored['reason']}"
    for name in told["not_checked"]:
        yield f"  not checked: {name} is only read at registration"


@client_app.command("delete")
def client_delete(
    client_id: str, config: ConfigOption = None, tenant: TenantOption = DEFAULT_TENANT
) -> None:
    """End a registration."""

    async def work(runtime: Runtime) -> bool:
        here = _tenant(runtime, tenant)
        return await runtime.administration.delete_client(here, client_id, _OPERATOR)

    if not _with_runtime(load(config), work):
        _fail(f"no such client: {client_id}")
    _tell(f"client {client_id} of tenant {tenant} is deleted")


@config_app.command("check")
def config_check(config: ConfigOption = None) -> None:
    """Print what is in force, secrets hidden; fail on a wrong or unknown key.

    Below "effective" is the server metadata of each tenant, as discovery publishes it.
    """
    settings = load(config)

    async def work(runtime: Runtime) -> dict[str, Any]:
        # Building the runtime is also the check of what only shows when it is used.
        return {tenant.name: runtime.discovery.document(tenant) for tenant in runtime.tenants}

    effective = _with_runtime(settings, work, needs_schema=False)
    shown = settings.model_dump(mode="json", by_alias=True) | {"effective": effective}
    print(json.dumps(shown, indent=2, sort_keys=True))


def _with_runtime(
    settings: Settings,
    work: Callable[[Runtime], Awaitable[Any]],
    *,
    needs_schema: bool = True,
) -> Any:  # noqa: ANN401 - whatever the work returns
    async def run() -> Any:  # noqa: ANN401
        async with build(settings) as runtime:
            if needs_schema and (obstacle := await runtime.database.obstacle()):
                raise ConfigurationError(obstacle)
            return await work(runtime)

    return asyncio.run(run())


def _tenant(runtime: Runtime, name: str) -> Tenant:
    for tenant in runtime.tenants:
        if tenant.name == name:
            return tenant
    raise ConfigurationError(f"tenants.{name}: no such tenant")


def _seconds(text: str) -> int:
    if text == "0":
        return 0
    found = _DURATION.fullmatch(text)
    if found is None:
        raise typer.BadParameter(
            "must be a number with s, m, h or d, or 0", param_hint="--expires-in"
        )
    return int(found.group(1)) * _UNIT_SECONDS[found.group(2)]
