"""dcrserver client bulk: one thing that is done to many clients, as a job."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from dcrserver.cli.administration import watching
from dcrserver.cli.administration.filters import Wanted
from dcrserver.cli.administration.options import grouped
from dcrserver.cli.administration.where import Where
from dcrserver.cli.output import Form, print_one
from dcrserver.cli.shared import commands, examples, fail
from dcrserver.strict_json import JsonObject

# Actions that say more, and the member that says it.
_VALUES = {"tag": "tag", "untag": "tag", "set_owner": "owner", "reject": "reason"}

app = commands("")


@app.command(
    "bulk",
    epilog=examples(
        "client bulk suspend --owner team-a --dry-run",
        "client bulk tag reviewed --created-before 2026-01-01",
        "client bulk set_owner team-b --owner team-a --no-wait",
        "client bulk delete --status suspended --yes",
        "client bulk approve --redirect-host app.example.org --dry-run",
        'client bulk reject "nobody knows it" --created-before 2026-01-01',
    ),
)
@grouped
def bulk(  # noqa: PLR0913 - what can be given
    action: Annotated[
        Literal["suspend", "resume", "delete", "tag", "untag", "set_owner", "approve", "reject"],
        typer.Argument(help="what is done to each"),
    ],
    where: Where,
    wanted: Wanted,
    form: Form,
    value: Annotated[
        str | None, typer.Argument(help="the tag, the owner (none: of nobody), or the reason")
    ] = None,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="count, show examples, and change nothing")
    ] = False,
    all_: Annotated[bool, typer.Option("--all", help="no filter: all clients are meant")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="delete: really")] = False,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="show the job at once; servers and workers do it")
    ] = False,
) -> None:
    """Do one thing to all clients that every filter means, as a job.

    Waits until it has ended, and fails where it failed, or did for a client. Ctrl-C asks whether
    it shall be cancelled.
    """
    if action == "delete" and not (yes or dry_run):
        fail("this deletes every client that is meant; --dry-run counts them, --yes does it")
    body: JsonObject = {"filter": dict(wanted.query), "dry_run": dry_run, "all": all_}
    body |= _action(action, value)
    if not (wanted.query or all_):
        fail("there is no filter, such as --owner; --all says that all clients are meant")
    if no_wait:
        print_one(where.ask("change_clients", body), form)
    else:
        watching.print_job(watching.begin(where, "change_clients", body), form)


def _action(action: str, value: str | None) -> JsonObject:
    member = _VALUES.get(action)
    if member is None:
        if value is not None:
            raise typer.BadParameter(f"{action} takes none", param_hint="VALUE")
        return {"action": action}
    if value is None and member != "owner":
        fail(f"{action} needs the {member}")
    return {"action": action, member: value}
