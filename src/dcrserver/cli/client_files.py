"""dcrserver client import, export, check: clients in files."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from dcrserver.cli import policy_files
from dcrserver.cli.administration.exports import print_export
from dcrserver.cli.administration.filters import Wanted
from dcrserver.cli.administration.options import grouped
from dcrserver.cli.administration.where import Where
from dcrserver.cli.output import Form
from dcrserver.cli.policy_files import AddressOption, OriginOption
from dcrserver.cli.shared import (
    ConfigOption,
    TenantOption,
    commands,
    examples,
    fail,
    read,
)
from dcrserver.names import DEFAULT_TENANT

app = commands("")


@app.command(
    "import",
    epilog=examples(
        "client import clients.jsonl --dry-run",
        "client import clients.jsonl --skip-refused",
        "client import - --dry-run --json < clients.jsonl",
    ),
)
@grouped
def import_clients(
    file: Annotated[
        Path,
        typer.Argument(
            help="clients of Ory Hydra, Keycloak, node-oidc-provider, Authlib or of client export;"
            " - for stdin"
        ),
    ],
    where: Where,
    policy: Annotated[
        str | None, typer.Option(help="named policy that the clients are judged by, for ever")
    ] = None,
    hashes: Annotated[
        Path | None,
        typer.Option(help="rows of Ory Hydra's table: client_id, client_secret; without --server"),
    ] = None,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="the same report, and nothing is written")
    ] = False,
    skip_refused: Annotated[
        bool, typer.Option("--skip-refused", help="import the good ones all the same")
    ] = False,
    form: Form,
) -> None:
    """Take over clients of another server, with their ids, and secrets or hashes of these.

    Tells what is mapped, what is dropped and who is refused, with the reason. Nothing is written
    while one is refused. Clients that are there already are left as they are, so an import that was
    interrupted goes on when it is started again. A server (--server) imports what it is sent as a
    job, of which Ctrl-C asks whether to cancel it.
    """
    from dcrserver.cli import client_import

    client_import.import_clients(
        file, where, policy, hashes,
        dry_run=dry_run, skip_refused=skip_refused, as_json=form.is_json,
    )  # fmt: skip


@app.command(
    "export",
    epilog=examples(
        "client export",
        "client export --tenant acme --with-hashes",
        "client export --status active --after CLIENT_ID",
    ),
)
@grouped
def export(
    where: Where,
    wanted: Wanted,
    *,
    after: Annotated[
        str | None, typer.Option(help="client_id of the last client that was exported: go on there")
    ] = None,
    with_hashes: Annotated[
        bool,
        typer.Option(
            "--with-hashes",
            help="hashes of secrets and tokens too, for client import elsewhere; a server wants the"
            " scope secrets:export for it",
        ),
    ] = False,
) -> None:
    """Print clients, one JSON object a line, by client_id: what they registered, never a secret.

    All, or those that every filter means. Where the connection to a server breaks it goes on.
    """
    given = dict(wanted.query) | ({"credentials": "true"} if with_hashes else {})
    advice = "hashes of secrets are among it: keep the output as safe as the database"
    print_export(
        where, "export_clients", "client_id", after, advice if with_hashes else "", **given
    )


@app.command(
    "check",
    epilog=examples(
        "client check client.json",
        "client check client.json --json",
        "client check client.json --origin administrator --address 192.0.2.7",
    ),
)
@grouped
def check(
    file: Annotated[Path, typer.Argument(help="JSON object of client metadata; - for stdin")],
    config: ConfigOption = None,
    tenant: TenantOption = DEFAULT_TENANT,
    origin: OriginOption = "open",
    address: AddressOption = None,
    *,
    form: Form,
) -> None:
    """Explain what registering FILE would do; fail when it would be refused."""
    from dcrserver.cli.loading import known_tenant, load
    from dcrserver.strict_json import BadJson, loads_object

    raw, settings = read(file), load(config)
    where = known_tenant(settings, tenant)
    limits = where.terms.policy.json_
    try:
        submission = loads_object(raw, max_depth=limits.max_depth, max_members=limits.max_members)
    except BadJson as error:
        fail(f"{file}: {error}")
    told = policy_files.explained(settings, where, submission, origin, address)
    if form.is_json:
        print(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        print("\n".join(explained(told)))
    sys.exit(0 if told["acceptable"] else 1)


def explained(told: dict[str, Any]) -> Iterator[str]:
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
    if told["policy"]["statements"]:
        names = ", ".join(told["policy"]["statements"])
        yield f"  policy: {told['policy']['decision']}, by the statements {names}"
    for name in told["not_checked"]:
        yield f"  not checked: {name} is only read at registration"
