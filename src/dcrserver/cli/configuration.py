"""dcrserver config: a file to begin with, and what is in force."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

import typer

from dcrserver.cli.administration.options import grouped
from dcrserver.cli.administration.where import WhereOfAll
from dcrserver.cli.output import Form, print_one, print_rows, printable, table
from dcrserver.cli.shared import ConfigOption, commands, examples, print_message

if TYPE_CHECKING:
    from dcrserver.cli.work import Operations
    from dcrserver.rate_limit import RateLimiter
    from dcrserver.settings import Settings
    from dcrserver.strict_json import JsonObject
    from dcrserver.tenants import TenantRegistry

# As long may a database take to be found away.
_TRY_SECONDS = 10.0
_WAITS = "the metadata of its authorization server are not known here"
# Of a value in the table.
_WIDTH = 48

app = commands("The configuration.")


class _Trial(TypedDict):
    """What came of trying something; ``usable``: a server could do all that is configured."""

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
@grouped
def check(
    form: Form,
    config: ConfigOption = None,
    *,
    offline: Annotated[
        bool, typer.Option("--offline", help="try neither database, Redis nor other servers")
    ] = False,
) -> None:
    """Show what differs from the defaults and where it was set; try the database, Redis, the OpenID
    providers that name administrators, and where issuers of software statements have their keys.

    Fails on a wrong or unknown key, and where one of them cannot be used. As JSON it is all that
    is in force, secrets hidden: below "changes" what differs; below "effective" the server metadata
    of each tenant, as discovery publishes it; below "posture" what works, but not as one would want
    it in production; below "authorization_server_metadata" how old the copy of each server at a URL
    is, and why it cannot be read now; below "admin_providers" why tokens of an OpenID provider that
    names administrators cannot be verified now; below "trials" what came of trying.
    """
    from dcrserver.cli.loading import load
    from dcrserver.settings import configuration_file
    from dcrserver.settings.origins import changes, shown
    from dcrserver.wiring.configured import tls_context

    settings = load(config)
    tls_context(settings.tls)
    told = _configured(settings) if offline else _tried(settings)
    told["changes"] = [asdict(each) for each in changes(settings, configuration_file(config))]
    if form.is_table:
        print("\n".join(_in_words(told)))
    else:
        print(json.dumps(shown(settings) | told, indent=2, sort_keys=True))
        for line in _of_trials(told, only_unusable=True):  # what a log of a pipeline shows
            print_message(line)
    sys.exit(0 if all(trial["usable"] for trial in told["trials"].values()) else 1)


@app.command("show", epilog=examples("config show", "config show --config dcrserver.toml"))
@grouped
def show(where: WhereOfAll, form: Form) -> None:
    """Show what differs from the defaults and where it was set, of the file and the variables here,
    or of the server that is asked. As JSON: every setting, and below "changes" those.
    """
    from dcrserver.cli.loading import load

    settings = load(where.config, cli=where.flags)
    told: dict[str, Any] = (
        where.ask("show_configuration") if settings.cli.server else _in_force(settings)
    )
    if form.is_table:
        print_rows(told["changes"], form)
    else:
        print_one(told, form)


def _in_force(settings: Settings) -> JsonObject:
    """As a server that began with it tells; no database is opened."""
    from dcrserver.schemas.admin.server import Change, Configuration
    from dcrserver.settings.origins import changes, shown

    found = [Change.model_validate(each) for each in changes(settings, settings.read_from)]
    made: JsonObject = Configuration(settings=shown(settings), changes=found).model_dump(
        mode="json"
    )
    return made


def _configured(settings: Settings) -> dict[str, Any]:
    """What the configuration alone says; that all of it could be built is a check already."""
    from dcrserver.db.urls import database_url
    from dcrserver.wiring.configured import Configured

    database_url(settings.database)
    return _found(settings, Configured(settings).tenants, _limiter(settings))


def _tried(settings: Settings) -> dict[str, Any]:
    """And what only shows when it is used."""
    from dcrserver.cli import work

    async def look(operations: Operations) -> dict[str, Any]:
        limiter, copies = _limiter(settings), operations.metadata_copies
        try:
            ages = copies.ages()
            await limiter.check()
            await copies.look()
            providers = await operations.base.providers.problems()
            issuers = await operations.base.statements.problems(operations.tenants)
            return _found(settings, operations.tenants, limiter) | {
                "authorization_server_metadata": {
                    name: {"age_seconds": age, "problem": copies.problems.get(name)}
                    for name, age in ages.items()
                },
                "admin_providers": providers,
                "trials": {
                    "database": await _try_database(operations, settings),
                    "redis": await _try_redis(limiter, settings),
                    **_tried_keys("admin.providers.", providers),
                    **_tried_keys("software_statements ", issuers),
                },
            }
        finally:
            await limiter.close()

    return work.with_operations(settings, look, needs_schema=False)


def _limiter(settings: Settings) -> RateLimiter:
    """
    Raises:
        ConfigurationError: the URL of Redis cannot be understood.
    """
    from dcrserver.rate_limit import RateLimiter

    return RateLimiter(settings.redis)


def _found(settings: Settings, tenants: TenantRegistry, limiter: RateLimiter) -> dict[str, Any]:
    from dcrserver import posture

    if settings.tenants:  # or nothing could be in the way of a route: they take long to load
        from dcrserver.app import reserve_paths

        reserve_paths(tenants)
    return {
        "effective": {each.name: None if each.waits else dict(each.members) for each in tenants},
        "authorization_server_metadata": {},
        "admin_providers": {},
        "posture": [
            {"finding": found.name, "text": found.text, **found.details}
            for found in posture.findings(settings, tenants, limiter)
        ],
        "trials": {},
    }


async def _try_database(operations: Operations, settings: Settings) -> _Trial:
    import asyncio

    from dcrserver.db.urls import missing_file
    from dcrserver.errors import ProtocolError

    if (file := missing_file(settings.database)) is not None:
        return {"usable": True, "text": f"there is no file {file} yet: serve makes it"}
    try:
        async with asyncio.timeout(_TRY_SECONDS):
            reason = await operations.database.not_ready_reason()
    except ProtocolError as error:
        return {"usable": False, "text": error.detail or error.description}
    except TimeoutError:
        return {"usable": False, "text": f"no answer in {_TRY_SECONDS:.0f} s"}
    return {"usable": reason is None, "text": reason or "answers, and its schema is good"}


async def _try_redis(limiter: RateLimiter, settings: Settings) -> _Trial:
    if settings.redis.url is None:
        return {"usable": True, "text": "not configured"}
    reason = await limiter.not_ready_reason()
    return {"usable": reason is None, "text": reason or "answers"}


def _tried_keys(kind: str, problems: Mapping[str, str | None]) -> dict[str, _Trial]:
    return {
        f"{kind}{name}": {
            "usable": problem is None,
            "text": problem or "answers, and its keys are good",
        }
        for name, problem in problems.items()
    }


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
    yield from _of_trials(told)
    for found in told["posture"]:
        about = {name: each for name, each in found.items() if name not in {"finding", "text"}}
        details = ", ".join(f"{name} {value}" for name, value in about.items())
        yield printable(f"warning: {found['text']} ({details})")
    for name, document in told["effective"].items():
        issuer = document["issuer"] if document else _WAITS
        yield f"tenant {name}: {issuer}"
    for name, copy in told["authorization_server_metadata"].items():
        if copy["problem"]:
            yield printable(f"warning: metadata for tenant {name}: {copy['problem']}")


def _of_trials(told: dict[str, Any], *, only_unusable: bool = False) -> Iterator[str]:
    for name, trial in told["trials"].items():
        if not (trial["usable"] and only_unusable):
            outcome = "" if trial["usable"] else "cannot be used: "
            yield f"{name}: {outcome}{printable(trial['text'])}"


def _short(value: object) -> str:
    """As JSON, which has all of it, cut off where it would take the whole line."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 3]}..."
