"""dcrserver client: look at clients, make them, change them, end them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from dcrserver.cli import (
    client_approvals,
    client_bulk,
    client_credentials,
    client_documents,
    client_files,
    deleted_clients,
)
from dcrserver.cli.administration.filters import Wanted
from dcrserver.cli.administration.options import grouped
from dcrserver.cli.administration.refusals import MISSING, Refused
from dcrserver.cli.administration.where import LimitOption, Where, listed
from dcrserver.cli.output import Form, print_one, print_rows
from dcrserver.cli.shared import (
    ClientArgument,
    commands,
    examples,
    print_message,
    read_object,
    seconds,
)

if TYPE_CHECKING:
    from dcrserver.cli.administration.desks import Desk
    from dcrserver.strict_json import JsonObject, JsonValue

# Takes back what was set for a client.
_DEFAULT = "default"
_MAX_EVENTS = 10_000
_COLUMNS = (
    "client_id", "status", "metadata.client_name", "owner", "tags",
    "metadata.token_endpoint_auth_method", "metadata.redirect_uris", "created_at", "updated_at",
)  # fmt: skip
SortOption = Annotated[
    str,
    typer.Option(help="created, updated, name or last_used; - before it for descending"),
]
DocumentArgument = Annotated[
    Path, typer.Argument(metavar="FILE", help="JSON object; - for stdin", show_default=False)
]

app = commands("Registered clients.")
for each in (client_approvals, client_bulk, client_credentials, deleted_clients, client_files):
    app.add_typer(each.app)
app.add_typer(client_documents.app, name="document")


@app.command(
    "list",
    epilog=examples(
        "client list",
        "client list --limit 10 --output json",
        "client list --status suspended --grant client_credentials --sort name",
        "client list --metadata software_statement_issuer=https://a.example",
    ),
)
@grouped
def list_(
    where: Where,
    wanted: Wanted,
    form: Form,
    limit: LimitOption = 100,
    sort: SortOption = "-created",
) -> None:
    """Show clients, the newest first: all, or those that every filter means."""
    print_rows(where.list("list_clients", limit, sort=sort, **wanted.query), form, _COLUMNS)


@app.command("search", epilog=examples("client search billing", "client search bill acme"))
@grouped
def search(
    words: Annotated[list[str], typer.Argument(help="words of the name, or beginnings of them")],
    where: Where,
    form: Form,
    limit: LimitOption = 100,
) -> None:
    """Show the clients in whose names all of the words are, by name."""
    found = where.list("list_clients", limit, sort="name", q=" ".join(words))
    print_rows(found, form, _COLUMNS)


@app.command("count", epilog=examples("client count", "client count --status suspended"))
@grouped
def count(where: Where, wanted: Wanted, form: Form) -> None:
    """Tell how many clients there are, or how many every filter means."""
    print_one(where.ask("count_clients", **wanted.query), form)


@app.command("show", epilog=examples("client show CLIENT_ID"))
@grouped
def show(client_id: ClientArgument, where: Where, form: Form) -> None:
    """Show a client with everything that is known of it, and its history; never a secret."""

    async def look(desk: Desk) -> JsonObject:
        try:
            found = await desk.ask("show_client", client_id=client_id)
        except MISSING:
            if not (events := (await _history(desk, client_id))[0]):
                raise
            return {"client_id": client_id, "status": "deleted", "events": events}
        events, reason = await _history(desk, client_id)
        if reason:
            print_message(f"its history is left out: {reason}")
        return {**found, "events": events}

    print_one(where.run(look), form)


async def _history(desk: Desk, client_id: str) -> tuple[list[JsonValue], str]:
    """What happened to a client, oldest first; or why that is not told."""
    about = {"subject_kind": "client", "subject_id": client_id, "oldest_first": "true"}
    try:
        return [*await listed(desk, "list_events", _MAX_EVENTS, **about)], ""
    except Refused as error:
        return [], str(error)


@app.command(
    "create",
    epilog=examples("client create new.json", "client create - --output json < new.json"),
)
@grouped
def create(file: DocumentArgument, where: Where, form: Form) -> None:
    """Make a client of FILE: {"metadata": {...}}, and beside it owner, tags, expires_at, policy,
    template, and client_id, client_secret, client_secret_expires_at where they are not to be made.

    Prints it with its credentials, which are not shown again.
    """
    print_one(where.ask("create_client", read_object(file)), form)


@app.command("replace", epilog=examples("client replace CLIENT_ID new.json"))
@grouped
def replace(client_id: ClientArgument, file: DocumentArgument, where: Where, form: Form) -> None:
    """Make a client what FILE says, as for client create; what it leaves out is gone."""
    print_one(where.ask("replace_client", read_object(file), client_id=client_id), form)


@app.command("patch", epilog=examples("client patch CLIENT_ID change.json"))
@grouped
def patch(client_id: ClientArgument, file: DocumentArgument, where: Where, form: Form) -> None:
    """Change a client by the JSON Merge Patch (RFC 7396) in FILE, such as {"metadata":
    {"client_name": "x"}}; null takes a member away, what is not named stays.
    """
    print_one(where.ask("patch_client", read_object(file), client_id=client_id), form)


@app.command(
    "set",
    epilog=examples(
        "client set CLIENT_ID --access-token-lifetime 10m",
        "client set CLIENT_ID --access-token-format opaque --access-token-lifetime default",
        "client set CLIENT_ID --owner team-a --tag production --tag eu",
        "client set CLIENT_ID --expires-in 90d",
    ),
)
@grouped
def set_(  # noqa: PLR0913 - what can be set
    client_id: ClientArgument,
    where: Where,
    *,
    owner: Annotated[str | None, typer.Option(help="whom it belongs to; empty: nobody")] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option(help="a word; in place of those it has; may be repeated; empty: none"),
    ] = None,
    policy: Annotated[str | None, typer.Option(help="named policy that it is judged by")] = None,
    expires_in: Annotated[
        str | None,
        typer.Option(help="how long it lives from now on: e.g. 90d; 0: for ever"),
    ] = None,
    access_token_lifetime: Annotated[
        str | None,
        typer.Option(help="of client_credentials: e.g. 10m; default: as configured for all"),
    ] = None,
    access_token_format: Annotated[
        Literal["jwt", "opaque", "default"] | None,
        typer.Option(help="default: as configured for all"),
    ] = None,
) -> None:
    """Set what administrators know of a client, and what its access tokens are like; what is not
    given stays.
    """
    metadata = _given(
        client_credentials_access_token_lifetime=_lifetime(access_token_lifetime),
        access_token_format=access_token_format,
    )
    facts = _given(owner=owner, policy=policy, tags=_words(tag), expires_at=_moment(expires_in))
    if policy is not None:
        facts["policy_version"] = None  # by the active one, also where the policy stays
    body: JsonObject = {**facts, "metadata": metadata} if metadata else facts
    if not body:
        raise typer.BadParameter("there is nothing to set; give an option", param_hint="client set")
    where.ask("patch_client", body, client_id=client_id)
    print_message(f"client {client_id}{where.in_words} is configured")


def _given(**values: Any) -> JsonObject:  # noqa: ANN401 - of options
    """Those that were given, as a merge patch has them: what is taken back is null."""
    taken_back: tuple[JsonValue, ...] = ("", _DEFAULT, [])
    return {
        name: None if value in taken_back else value
        for name, value in values.items()
        if value is not None
    }


def _lifetime(given: str | None) -> str | int | None:
    return given if given in {None, _DEFAULT} else seconds(given, "--access-token-lifetime")


def _moment(expires_in: str | None) -> str | None:
    if expires_in is None:
        return None
    in_seconds = seconds(expires_in, "--expires-in")
    moment = datetime.now(UTC) + timedelta(seconds=in_seconds)
    return moment.isoformat(timespec="seconds") if in_seconds else _DEFAULT


def _words(tags: list[str] | None) -> list[str] | None:
    return None if tags is None else [each for each in tags if each]


@app.command("delete", epilog=examples("client delete CLIENT_ID"))
@grouped
def delete(client_id: ClientArgument, where: Where) -> None:
    """End a registration; client restore takes it back for a while."""
    where.ask("delete_client", client_id=client_id)
    print_message(f"client {client_id}{where.in_words} is deleted")


@app.command("suspend", epilog=examples("client suspend CLIENT_ID"))
@grouped
def suspend(client_id: ClientArgument, where: Where) -> None:
    """Let no credential of a client work, until it is resumed."""
    where.ask("suspend_client", client_id=client_id)
    print_message(f"client {client_id}{where.in_words} is suspended")


@app.command("resume", epilog=examples("client resume CLIENT_ID"))
@grouped
def resume(client_id: ClientArgument, where: Where) -> None:
    """Let the credentials of a suspended client work again."""
    where.ask("resume_client", client_id=client_id)
    print_message(f"client {client_id}{where.in_words} is resumed")
