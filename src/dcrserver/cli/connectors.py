"""dcrserver connector: authorization servers that are told of clients."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from dcrserver.cli.administration import watching
from dcrserver.cli.administration.options import grouped
from dcrserver.cli.administration.where import Where
from dcrserver.cli.output import Form, print_one, print_rows
from dcrserver.cli.shared import commands, counted, examples, fail, print_message

if TYPE_CHECKING:
    from dcrserver.strict_json import JsonObject

app = commands("Authorization servers that are told of clients: [connectors.NAME].")

NameArgument = Annotated[str, typer.Argument(help="its name in the configuration")]
JsonOption = Annotated[bool, typer.Option("--json", help="print JSON")]
_COLUMNS = (
    "name", "kind", "provision", "drift", "tenants", "pending", "failed", "gone", "is_away",
    "differs_since",
)  # fmt: skip
_KINDS = ("missing", "changed", "foreign", "orphaned")


@app.command("list", epilog=examples("connector list"))
@grouped
def list_(where: Where, form: Form) -> None:
    """Show the connectors, and how far their servers are."""
    found: dict[str, Any] = where.ask("list_connectors")
    print_rows(found["items"], form, _COLUMNS)


@app.command("describe", epilog=examples("connector describe keycloak"))
@grouped
def describe(name: NameArgument, where: Where, form: Form) -> None:
    """Show a connector, and which members of client metadata it carries, maps, and drops."""
    print_one(where.ask("describe_connector", name=name), form)


@app.command("test", epilog=examples("connector test keycloak"))
@grouped
def test(name: NameArgument, where: Where, form: Form) -> None:
    """Ask the server whether it answers, lets us in, and can do what is needed; fail if not."""
    found: dict[str, Any] = where.ask("test_connector", name=name)
    print_one(found, form)
    sys.exit(0 if found["ok"] else 1)


@app.command(
    "reconcile",
    epilog=examples(
        "connector reconcile keycloak --dry-run",
        "connector reconcile keycloak --json",
        "connector reconcile keycloak --drift repair --first",
    ),
)
@grouped
def reconcile(
    name: NameArgument,
    where: Where,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="tell, and change nothing there or here")
    ] = False,
    drift: Annotated[
        Literal["repair", "report", "adopt"] | None,
        typer.Option(help="what to do about differences, in place of what is configured"),
    ] = None,
    first: Annotated[
        bool,
        typer.Option(
            "--first", help="do it also at the first look at a server with clients of others"
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Compare what the server has with what is here; put right what drift says."""
    body: JsonObject = {"dry_run": dry_run, "first": first, "drift": drift}
    body = {key: value for key, value in body.items() if value is not None}
    job: dict[str, Any] = watching.begin(where, "reconcile_connector", body, name=name)
    report = job["report"]
    if job["state"] != "done":
        reason = str(report.get("reason", job["state"]))
        fail(f"{name}: {reason.removeprefix(f'{name}: ')}")
    if as_json or not sys.stdout.isatty():
        print(json.dumps(report | {"errors": job["errors"]}))
    else:
        _print_findings(report)
    told = f"{counted(job['handled'], 'client')} compared, {job['changed']} put right"
    if report["is_first"] and not (first or dry_run):
        told += "; it has clients of others: nothing was changed, say --first if that is meant"
    print_message(f"{name}: {told}")
    for error in job["errors"]:
        print_message(f"{error['client_id']}: {error['reason']}")
    sys.exit(1 if job["failed"] else 0)


@app.command("retry", epilog=examples("connector retry keycloak"))
@grouped
def retry(name: NameArgument, where: Where) -> None:
    """Send all clients now that the server does not have as they are here, refused ones too."""
    found: dict[str, Any] = where.ask("retry_connector", name=name)
    print_message(
        f"{counted(found['retried'], 'client')} will be sent now by whichever worker runs"
    )


def _print_findings(report: dict[str, Any]) -> None:
    for kind in _KINDS:
        for client_id in report[kind]:
            members = ", ".join(report["differences"].get(client_id, ()))
            print(f"{kind:9}{client_id}{f'  {members}' if members else ''}")
        if more := report["more"].get(kind):
            print_message(f"{kind:9}and {more} more")
