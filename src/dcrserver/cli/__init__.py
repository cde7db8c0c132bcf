"""The command line: serve, worker, migrate, tokens, clients, keys, configuration."""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from dcrserver import __version__
from dcrserver.cli import server
from dcrserver.cli.shared import ConfigOption, examples, fail, print_message

if TYPE_CHECKING:
    from dcrserver.settings import Settings

_NAME = "dcrserver"
# Pydantic looks for plugins in all packages that are installed, which takes longer than to check
# the configuration; we have none.
_NO_PLUGINS = {"PYDANTIC_DISABLE_PLUGINS": "1"}
# By this variable the shell asks what may follow.
_COMPLETE = "_DCRSERVER_COMPLETE"
# Noun -> the file of its commands.
_NOUNS = {
    "token": "tokens",
    "client": "clients",
    "keys": "keys",
    "events": "events",
    "tenant": "tenants",
    "policy": "policies",
    "connector": "connectors",
    "job": "jobs",
    "config": "configuration",
}
# Allocations after which garbage is looked for: what is loaded as a command goes on stays, too.
_GARBAGE_THRESHOLD = 20_000

_alone = typer.Typer()


def application(noun: str | None = None) -> typer.Typer:
    """All commands; of one ``noun`` its own alone, as each takes time to load and to lay out."""
    made = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for each in [noun] if noun in _NOUNS else _NOUNS:
        made.add_typer(import_module(f"{__name__}.{_NOUNS[each]}").app, name=each)
    made.add_typer(server.app)
    made.registered_commands += _alone.registered_commands
    made.registered_callback = _alone.registered_callback
    return made


def main() -> None:
    """Runs a command; what the operator can mend is told in one line, without a trace."""
    # What is loaded stays: looking in it for garbage is a fifth of what a command takes.
    gc.disable()
    gc.set_threshold(_GARBAGE_THRESHOLD)
    os.environ.update(_NO_PLUGINS)
    if _COMPLETE in os.environ:
        from typer.completion import (  # type: ignore[attr-defined]  # not said to be exported
            completion_init,
        )

        completion_init()
    try:
        application(sys.argv[1] if len(sys.argv) > 1 else None)(prog_name=_NAME)
    except Exception as error:
        from dcrserver.cli.failures import explained

        told = explained(error)
        if told is None:
            raise
        fail(told)
    finally:
        # The interpreter looks once more at all there is when it ends; at nothing of this.
        gc.freeze()


def _print_version(given: bool) -> None:  # noqa: FBT001 - typer's protocol
    if given:
        print(__version__)
        raise typer.Exit


@_alone.callback()
def options(
    *,
    _version: Annotated[
        bool,
        typer.Option("--version", help="print the version", is_eager=True, callback=_print_version),
    ] = False,
) -> None:
    """OAuth 2.0 dynamic client registration."""


@_alone.command(epilog=examples("version"))
def version() -> None:
    """Print the version."""
    print(__version__)


@_alone.command(epilog=examples("serve", "serve --config dcrserver.toml --port 9000"))
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
    from dcrserver import serving
    from dcrserver.settings import load

    gc.freeze()
    gc.enable()
    given = {"host": host, "port": port, "workers": workers}
    flags = {name: value for name, value in given.items() if value is not None}
    settings = load(config, server=flags) if flags else load(config)
    _tell_of_server(settings, "serve")
    try:
        serving.run(settings, migrate=migrate, allow_newer=allow_newer_schema)
    except serving.ListenError as error:
        fail(str(error))


def _tell_of_server(settings: Settings, command: str) -> None:
    """One file may be that of the server and of who administers it: it stops no server."""
    if settings.cli.server is not None:
        print_message(
            f"cli.server ({settings.cli.server}) is whom other commands ask; {command} asks nobody,"
            " and uses the database of its own configuration"
        )


@_alone.command(epilog=examples("worker --config dcrserver.toml"))
def worker(config: ConfigOption = None) -> None:
    """Do the work in the background apart from serve, which does it too unless worker.inside is
    false. Runs until it is stopped; any number of them, on any machine.
    """
    from dcrserver import worker
    from dcrserver.settings import load

    gc.freeze()
    gc.enable()
    settings = load(config)
    _tell_of_server(settings, "worker")
    worker.run(settings)


@_alone.command(epilog=examples("migrate --config dcrserver.toml"))
def migrate(config: ConfigOption = None) -> None:
    """Bring the database schema up to date."""
    import asyncio

    from dcrserver.cli.progress import waiting
    from dcrserver.db import migration, schema
    from dcrserver.db.engine import create_engine
    from dcrserver.settings import ConfigurationError, load

    settings = load(config)
    _tell_of_server(settings, "migrate")

    async def work() -> tuple[str | None, str | None]:
        engine = create_engine(settings.database)
        try:
            async with waiting():
                return await migration.upgrade(engine)
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


@_alone.command(epilog=examples("completion bash", "completion zsh", "completion fish"))
def completion(
    shell: Annotated[Literal["bash", "zsh", "fish"], typer.Argument(help="the shell")],
) -> None:
    """Print what makes a shell complete our commands and options with the tab key.

    In ~/.bashrc: source <(dcrserver completion bash). In ~/.zshrc, after compinit: source
    <(dcrserver completion zsh). For fish: dcrserver completion fish >
    ~/.config/fish/completions/dcrserver.fish
    """
    from typer.completion import (  # type: ignore[attr-defined]  # not said to be exported
        get_completion_script,
    )

    print(get_completion_script(prog_name=_NAME, complete_var=_COMPLETE, shell=shell))
