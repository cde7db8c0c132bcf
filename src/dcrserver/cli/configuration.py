"""dcrserver config: a file to begin with, and what is in force."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

import typer

from dcrserver.cli.output import Output, OutputOption, is_table, printable, table
from dcrserver.cli.shared import ConfigOption, commands, examples

if TYPE_CHECKING:
    from dcrserver.cli.work import Runtime
    from dcrserver.settings import Settings

# As long may a database take to be found away.
_TRY_SECONDS = 10.0
# Of a value in the table.
_WIDTH = 48

app = commands("The configuration.")


class _Trial(TypedDict):
    """What came of trying something; ``usable``: a server would start."""

    usable: bool
    text: str


@app.command("init", epilog=examples("config init", "config init > dcrserver.toml"))
def init() -> None:
    """Print a configuration file with every setting, its meaning and its default, as comments."""
    from dcrserver.settings.catalogue import sample

    print(sample(), end="")


@app.command(
    "check",
    epilog=examples(
        "config check --config dcrserver.toml", "config check --offline", "config check --json"
    ),
)
def check(
    config: ConfigOption = None,
    output: OutputOption = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="as --output json: everything")] = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="try neither database, Redis nor other servers")
    ] = False,
) -> None:
    """Show what differs from the defaults and where it was set; try the database and Redis.

    Fails on a wrong or unknown key, and where one of the two cannot be used. As JSON it is all that
    is in force, secrets hidden: below "changes" what differs; below "effective" the server metadata
    of each tenant, as discovery publishes it; below "posture" what works, but not as one would want
    it in production; below "authorization_server_metadata" how old the copy of each server at a URL
    is, and why it cannot be read now; below "trials" what came of trying.
    """
    from dcrserver.cli import work
    from dcrserver.settings import configuration_file
    from dcrserver.settings.origins import changes, shown

    settings = work.load(config)

    async def look(runtime: Runtime) -> dict[str, Any]:
        return await _found(runtime, settings, offline=offline)

    told = work.with_runtime(settings, look, needs_schema=False)
    told["changes"] = [asdict(each) for each in changes(settings, configuration_file(config))]
    if is_table(Output.JSON if as_json else output):
        print("\n".join(_in_words(told)))
    else:
        print(json.dumps(shown(settings) | told, indent=2, sort_keys=True))
    sys.exit(0 if all(trial["usable"] for trial in told["trials"].values()) else 1)


async def _found(runtime: Runtime, settings: Settings, *, offline: bool) -> dict[str, Any]:
    """What only shows when it is used; that the runtime was built was a check already."""
    from dcrserver import posture

    copies = runtime.metadata_copies
    ages = copies.ages()
    if not offline:
        await runtime.limiter.check()
        await copies.look()
    return {
        "effective": {
            each.name: None if each.waits else runtime.discovery.document(each)
            for each in runtime.tenants
        },
        "authorization_server_metadata": {
            name: {"age_seconds": age, "problem": copies.problems.get(name)}
            for name, age in ages.items()
        },
        "posture": [
            {"finding": found.name, "text": found.text, **found.details}
            for found in posture.findings(runtime)
        ],
        "trials": {} if offline else await _trials(runtime, settings),
    }


async def _trials(runtime: Runtime, settings: Settings) -> dict[str, _Trial]:
    return {
        "database": await _try_database(runtime, settings),
        "redis": await _try_redis(runtime, settings),
    }


async def _try_database(runtime: Runtime, settings: Settings) -> _Trial:
    import asyncio

    from dcrserver.db.urls import missing_file
    from dcrserver.errors import ProtocolError

    if (file := missing_file(settings.database)) is not None:
        return {"usable": True, "text": f"there is no file {file} yet: serve makes it"}
    try:
        async with asyncio.timeout(_TRY_SECONDS):
            reason = await runtime.database.not_ready_reason()
    except ProtocolError as error:
        return {"usable": False, "text": error.detail or error.description}
    except TimeoutError:
        return {"usable": False, "text": f"no answer in {_TRY_SECONDS:.0f} s"}
    return {"usable": reason is None, "text": reason or "answers, and its schema is good"}


async def _try_redis(runtime: Runtime, settings: Settings) -> _Trial:
    if settings.redis.url is None:
        return {"usable": True, "text": "not configured"}
    reason = await runtime.limiter.not_ready_reason()
    return {"usable": reason is None, "text": reason or "answers"}


def _in_words(told: dict[str, Any]) -> Iterator[str]:
    rows = [
        {
            "setting": each["key"],
            "value": _short(each["value"]),
            "default": _short(each["default"]),
            "from": each["origin"],
        }
        for each in told["changes"]
    ]
    yield from table(rows) or ["every setting is at its default"]
    yield ""
    for name, trial in told["trials"].items():
        yield f"{name}: {'' if trial['usable'] else 'cannot be used: '}{printable(trial['text'])}"
    for found in told["posture"]:
        about = {name: each for name, each in found.items() if name not in {"finding", "text"}}
        details = ", ".join(f"{name} {value}" for name, value in about.items())
        yield printable(f"warning: {found['text']} ({details})")
    for name, document in told["effective"].items():
        issuer = document["issuer"] if document else "waits for its authorization server"
        yield f"tenant {name}: {issuer}"
    for name, copy in told["authorization_server_metadata"].items():
        if copy["problem"]:
            yield printable(f"warning: metadata for tenant {name}: {copy['problem']}")


def _short(value: object) -> str:
    """As JSON, which has all of it, cut off where it would take the whole line."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 3]}..."
