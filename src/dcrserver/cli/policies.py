"""dcrserver policy: policies that are drafted, activated and rolled back at run time."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dcrserver.cli import policy_files
from dcrserver.cli.administration import watching
from dcrserver.cli.administration.options import grouped
from dcrserver.cli.administration.where import LimitOption, Where
from dcrserver.cli.output import Form, print_one, print_rows
from dcrserver.cli.policy_files import AddressOption, OriginOption
from dcrserver.cli.shared import ConfigOption, commands, examples, fail, print_message, read

if TYPE_CHECKING:
    from dcrserver.settings import Settings
    from dcrserver.strict_json import JsonObject, JsonValue

app = commands(
    "Policies, of the configuration file and made at run time: of --tenant, or of all tenants."
)

NameArgument = Annotated[str, typer.Argument(help="its name")]
FileArgument = Annotated[
    Path, typer.Argument(help="JSON, or TOML in a .toml file: keys of [policies.NAME]; - is stdin")
]
# Of the worst that is found; 1 and 2 are for commands that fail.
_CODES: Mapping[str | None, int] = MappingProxyType(
    {"low": 3, "medium": 4, "high": 5, "critical": 6}
)
_COLUMNS = (
    "name", "tenant", "declared", "version", "activated_at", "activated_by", "drafted_at",
    "drafted_by", "broken",
)  # fmt: skip


@app.command("list", epilog=examples("policy list"))
@grouped
def list_(where: Where, form: Form, limit: LimitOption = 1000) -> None:
    """Show the policies that mean something for a tenant, or for all."""
    print_rows(where.list("list_policies", limit), form, _COLUMNS)


@app.command("check", epilog=examples("policy check policy.json"))
def check(file: FileArgument, config: ConfigOption = None) -> None:
    """Say what is wrong with a policy, if anything is; nobody is asked."""
    from dcrserver.cli.loading import load

    policy_files.checked(file, load(config))
    print_message(f"{file} is a policy")


@app.command("put", epilog=examples("policy put strict policy.json"))
@grouped
def put(name: NameArgument, file: FileArgument, where: Where, form: Form) -> None:
    """Draft the next version of a policy; nobody is judged by it until it is activated."""
    print_one(where.ask("draft_policy", policy_files.document(file), name=name), form)


@app.command(
    "test",
    epilog=examples(
        "policy test strict client.json --origin open --draft",
        "policy test strict requests.jsonl",
        "policy test strict --stored --draft",
        "policy test dcrserver.toml client.json",
    ),
)
@grouped
def try_out(  # noqa: PLR0913 - what can be given
    name: Annotated[
        str,
        typer.Argument(
            help="its name; or a file before it is used: JSON or TOML as for policy check, or a"
            " configuration file, of which [policy] is tried, with the rest of --config"
        ),
    ],
    where: Where,
    form: Form,
    file: Annotated[
        Path | None,
        typer.Argument(
            help="JSON object of client metadata; - is stdin. Of a .jsonl file one on each line, or"
            " request, origin and address of one"
        ),
    ] = None,
    origin: OriginOption = "open",
    address: AddressOption = None,
    *,
    draft: Annotated[bool, typer.Option("--draft", help="try the draft")] = False,
    stored: Annotated[
        bool, typer.Option("--stored", help="try it with all clients that there are, as a job")
    ] = False,
) -> None:
    """Try a policy; fail when something would be refused. Nothing is stored."""
    which: dict[str, Any] = {"draft": True} if draft else {}
    trial: JsonObject = {"origin": origin, "address": address}
    if policy_files.is_file(name):
        found: dict[str, Any] = _tried_file(Path(name), file, where, trial | which)
    elif stored or file is None:
        _try_clients(name, file, where, form, which, stored=stored)
        return
    else:
        found = _tried(name, file, where, trial, which)
    print_one(found, form)
    is_refused = found.get("decision") == "reject" or found.get("counts", {}).get("reject")
    sys.exit(1 if is_refused else 0)


def _tried_file(policy: Path, file: Path | None, where: Where, trial: JsonObject) -> JsonObject:
    if file is None or "draft" in trial or file.suffix == ".jsonl":
        told = "is tried with one registration; with others once it is drafted by policy put"
        fail(f"{policy} {told}")
    trial |= {"request": policy_files.document(file)}
    return policy_files.tried(policy, trial, where.config, where.tenant)


def _try_clients(
    name: str, file: Path | None, where: Where, form: Form, which: JsonObject, *, stored: bool
) -> None:
    if not stored:
        fail("name a file, or say --stored")
    if file is not None:
        fail("--stored takes no file")
    job = watching.begin(where, "test_policy_with_clients", which | {"filter": {}}, name=name)
    watching.print_job(job, form)


def _tried(name: str, file: Path, where: Where, trial: JsonObject, which: JsonObject) -> JsonObject:
    """With one registration, or with those that were recorded."""
    if file.suffix != ".jsonl":
        request = policy_files.document(file)
        return where.ask("test_policy", which | trial | {"request": request}, name=name)
    requests: list[JsonValue] = [
        trial | _recorded(line) for line in read(file).splitlines() if line
    ]
    return where.ask("test_policy_with_requests", which | {"requests": requests}, name=name)


def _recorded(line: bytes) -> JsonObject:
    """A request as it was recorded, or metadata alone."""
    try:
        made: object = json.loads(line)
    except ValueError as error:
        fail(f"{line[:40]!r}: {error}")
    if not isinstance(made, dict):
        fail(f"{line[:40]!r}: must be an object")
    return made if "request" in made else {"request": made}


@app.command("posture", epilog=examples("policy posture", "policy posture --json"))
@grouped
def posture(where: Where, form: Form) -> None:
    """Say how open registration is: what could be tighter, how bad it is, and the setting that ends
    it, the worst first.

    The exit code tells the worst: 0 for none or info, 3 low, 4 medium, 5 high, 6 critical. With
    --json it is a list.
    """
    from dcrserver.cli.loading import load
    from dcrserver.db.urls import missing_file

    settings = load(where.config, cli=where.flags)
    is_new = settings.cli.server is None and missing_file(settings.database) is not None
    told: dict[str, Any] = (
        _of_configuration(settings, where.tenant) if is_new else where.ask("show_posture")
    )
    if form.is_table:
        print_rows(told["findings"], form)
    else:
        print(json.dumps(told["findings"], indent=2, ensure_ascii=False))
    sys.exit(_CODES.get(told["worst"], 0))


@app.command("activate", epilog=examples("policy activate strict"))
@grouped
def activate(name: NameArgument, where: Where, form: Form) -> None:
    """Make the draft the next version, which all that are bound to the policy follow."""
    print_one(where.ask("activate_policy", name=name), form)


@app.command("show", epilog=examples("policy show strict"))
@grouped
def show(name: NameArgument, where: Where, form: Form) -> None:
    """Show what a policy says, and which version that is."""
    print_one(where.ask("show_policy", name=name), form)


@app.command("versions", epilog=examples("policy versions strict"))
@grouped
def versions(name: NameArgument, where: Where, form: Form) -> None:
    """Show the versions of a policy that were ever active, the newest first."""
    found: dict[str, Any] = where.ask("list_policy_versions", name=name)
    print_rows(found["items"], form)


@app.command("rollback", epilog=examples("policy rollback strict --version 1"))
@grouped
def rollback(
    name: NameArgument,
    where: Where,
    form: Form,
    version: Annotated[
        int | None, typer.Option(min=1, help="the one before the active one if not given")
    ] = None,
) -> None:
    """Make an earlier version count again."""
    print_one(where.ask("roll_back_policy", {"version": version}, name=name), form)


@app.command("delete", epilog=examples("policy delete strict"))
@grouped
def delete(name: NameArgument, where: Where) -> None:
    """Delete a policy with all of its versions, where nothing is bound to it."""
    where.ask("delete_policy", name=name)
    print_message(f"policy {name}{where.in_words} is deleted")


def _of_configuration(settings: Settings, tenant: str | None) -> dict[str, Any]:
    """Before there is a database."""
    import asyncio

    from dcrserver.cli.administration.answers.posture import posture_of
    from dcrserver.names import DEFAULT_TENANT
    from dcrserver.wiring.configured import Configured

    found = Configured(settings).tenants.now.by_name.get(tenant or DEFAULT_TENANT)
    if found is None:
        fail("there is no such tenant")
    return asyncio.run(posture_of(settings, found))
