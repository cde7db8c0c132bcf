"""The command line: serve, migrate, tokens, clients, keys, configuration."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Any

import typer
from sqlalchemy.exc import SQLAlchemyError

from dcrserver import __version__, posture, serving
from dcrserver.cli import clients, keys, tenants, tokens
from dcrserver.cli.shared import ConfigOption, fail, with_runtime
from dcrserver.db import schema
from dcrserver.db.engine import create_engine
from dcrserver.errors import ProtocolError
from dcrserver.settings import ConfigurationError, load, with_variable
from dcrserver.telemetry import redact
from dcrserver.wiring import Runtime

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
config_app = typer.Typer(no_args_is_help=True, help="The configuration.")
app.add_typer(tokens.app, name="token")
app.add_typer(clients.app, name="client")
app.add_typer(keys.app, name="keys")
app.add_typer(tenants.app, name="tenant")
app.add_typer(config_app, name="config")


def main() -> None:
    """Runs a command; what the operator can mend is told in one line, without a trace."""
    try:
        app()
    except ConfigurationError as error:
        lines = map(with_variable, str(error).splitlines())
        fail("\n".join(f"configuration: {line}" for line in lines))
    except serving.ListenError as error:
        fail(str(error))
    except ProtocolError as error:
        fail(f"{error.description} ({error.detail})" if error.detail else error.description)
    except SQLAlchemyError as error:
        told = str(getattr(error, "orig", None) or error) or type(error).__name__
        reason = told.splitlines()[0]
        fail(f"the database cannot be used: {redact(reason)}")


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
    allow_newer_schema: Annotated[
        bool,
        typer.Option("--allow-newer-schema", help="start on a database of a later version"),
    ] = False,
) -> None:
    """Serve. An SQLite database is created and migrated by itself."""
    given = {"host": host, "port": port, "workers": workers}
    flags = {name: value for name, value in given.items() if value is not None}
    settings = load(config, server=flags) if flags else load(config)
    serving.run(settings, migrate=migrate, allow_newer=allow_newer_schema)


@app.command()
def migrate(config: ConfigOption = None) -> None:
    """Bring the database schema up to date."""
    settings = load(config)

    async def work() -> tuple[str | None, str | None]:
        engine = create_engine(settings.database)
        try:
            return await schema.upgrade(engine)
        finally:
            await engine.dispose()

    before, after = asyncio.run(work())
    if schema.is_newer(after):
        raise ConfigurationError(f"database.url: {schema.NEWER} ({after}); nothing was changed")
    print(
        f"the schema is at {after}; nothing to do"
        if before == after
        else f"the schema went from {before or 'nothing'} to {after}"
    )


@config_app.command("check")
def config_check(config: ConfigOption = None) -> None:
    """Print what is in force, secrets hidden; fail on a wrong or unknown key.

    Below "effective" is the server metadata of each tenant, as discovery publishes it; below
    "posture" what works, but not as one would want it in production; below
    "authorization_server_metadata" how old the copy of each server at a URL is, and why it cannot
    be read now.
    """
    settings = load(config)

    async def work(runtime: Runtime) -> dict[str, Any]:
        # Building the runtime is also the check of what only shows when it is used.
        await runtime.limiter.check()
        copies = runtime.metadata_copies
        ages = copies.ages()
        await copies.look()
        tenants = {
            tenant.name: None if tenant.waits else runtime.discovery.document(tenant)
            for tenant in runtime.tenants
        }
        read = {
            name: {"age_seconds": age, "problem": copies.problems.get(name)}
            for name, age in ages.items()
        }
        found = [
            {"finding": found.name, "text": found.text, **found.details}
            for found in posture.findings(runtime)
        ]
        return {
            "effective": tenants,
            "posture": found,
            "authorization_server_metadata": read,
        }

    told = with_runtime(settings, work, needs_schema=False)
    shown = settings.model_dump(mode="json", by_alias=True) | told
    print(json.dumps(shown, indent=2, sort_keys=True))
