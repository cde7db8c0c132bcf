"""dcrserver token: credentials that let clients register, and servers and administrators in."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from dcrserver.cli.administration.options import grouped
from dcrserver.cli.administration.refusals import MISSING
from dcrserver.cli.administration.where import LimitOption, Where, listed
from dcrserver.cli.output import Form, print_one, print_rows
from dcrserver.cli.shared import commands, examples, print_message, seconds
from dcrserver.names import ALL_TENANTS
from dcrserver.services.access.scopes import ROLES, SCOPES

if TYPE_CHECKING:
    from dcrserver.cli.administration.desks import Desk
    from dcrserver.strict_json import JsonObject

TokenArgument = Annotated[str, typer.Argument(help="its id, as token list shows it")]
_COLUMNS = (
    "kind", "id", "label", "status", "issuer", "issued_at", "expires_at", "uses_left", "policy",
    "scopes", "grant_types", "owner", "audiences",
)  # fmt: skip
# What operations call the kinds.
_NOUNS = {"initial": "initial_access_token", "admin": "admin_token"}

app = commands("Initial access tokens and admin tokens.")


@app.command(
    "issue",
    epilog=examples(
        "token issue initial --uses 10 --expires-in 30d",
        "token issue admin --scope clients:read --expires-in 12h --label monitoring",
        "token issue admin --role administrator --tenant '*'",
        "token issue admin --role owner --owner team-a",
    ),
)
@grouped
def issue(  # noqa: PLR0913, PLR0917 - the options of a command
    kind: Annotated[
        Literal["initial", "admin"],
        typer.Argument(help="initial: lets a client register; admin: for servers and people"),
    ],
    where: Where,
    uses: Annotated[
        int | None, typer.Option(min=1, max=2**31 - 1, help="registrations it is good for")
    ] = None,
    expires_in: Annotated[
        str | None, typer.Option(help="e.g. 30d, 12h, 90m; 0 = never  [30d; admin: 365d]")
    ] = None,
    policy: Annotated[
        str | None, typer.Option(help="named policy that its clients are judged by, for ever")
    ] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(
            help="initial: a scope its clients may have; admin: one of "
            + ", ".join(SCOPES)
            + ". May be repeated"
        ),
    ] = None,
    role: Annotated[
        str | None,
        typer.Option(help="admin: scopes by a name, beside --scope: " + ", ".join(ROLES)),
    ] = None,
    owner: Annotated[
        str | None,
        typer.Option(help="admin: sees and changes the clients of this owner only"),
    ] = None,
    grant_type: Annotated[
        list[str] | None, typer.Option(help="a grant type its clients may have; may be repeated")
    ] = None,
    audience: Annotated[
        list[str] | None,
        typer.Option(
            help="admin, tokens:introspect: looks at access tokens for this audience only; may be"
            " repeated"
        ),
    ] = None,
    label: Annotated[str, typer.Option(help="what it is for, as token list shows it")] = "",
) -> None:
    """Print a new token, alone on stdout; it is not shown again."""
    lifetime = None if expires_in is None else seconds(expires_in, "--expires-in")
    if len(label) > 200:  # noqa: PLR2004 - the column's width
        raise typer.BadParameter("must have at most 200 characters", param_hint="--label")
    for option, value, meant_for in (
        ("--uses", uses, "initial"), ("--policy", policy, "initial"),
        ("--grant-type", grant_type, "initial"), ("--audience", audience, "admin"),
        ("--role", role, "admin"), ("--owner", owner, "admin"),
        ("--tenant *", True if where.tenant == ALL_TENANTS else None, "admin"),
    ):  # fmt: skip
        if value is not None and kind != meant_for:
            raise typer.BadParameter(f"is for {meant_for} tokens", param_hint=option)
    given: JsonObject = {"label": label, "expires_in": lifetime}
    if kind == "admin":
        if role == "owner" and owner is None:
            raise typer.BadParameter("the role owner needs one", param_hint="--owner")
        given |= {"role": role, "owner": owner}
        given |= {"scopes": [*(scope or ())], "audiences": [*(audience or ())]}
        given["all_tenants"] = where.tenant == ALL_TENANTS
    else:
        bounds = {"scopes": scope, "grant_types": grant_type}
        given |= {"uses": uses, "policy": policy, **_lists(bounds)}
    made: dict[str, Any] = where.ask(f"issue_{_NOUNS[kind]}", given)
    print(made["token"])
    for warning in made.get("warnings", ()):
        print_message(f"warning: {warning}")


def _lists(given: dict[str, list[str] | None]) -> JsonObject:
    return {name: None if each is None else [*each] for name, each in given.items()}


@app.command("list", epilog=examples("token list", "token list --tenant '*' --output json"))
@grouped
def list_(where: Where, form: Form, limit: LimitOption = 1000) -> None:
    """Show tokens, those of each kind the newest first, never a token itself; --tenant '*': those
    for all tenants.
    """

    async def find(desk: Desk) -> list[JsonObject]:
        return [
            {"kind": kind, **each}
            for kind, noun, given in _kinds(where)
            for each in await listed(desk, f"list_{noun}s", limit, **given)
        ]

    print_rows(where.run(find), form, _COLUMNS)


@app.command("show", epilog=examples("token show TOKEN_ID"))
@grouped
def show(token_id: TokenArgument, where: Where, form: Form) -> None:
    """Show a token, and which clients were registered with it, when and from where."""
    kind, found = where.run(lambda desk: _first(desk, where, "show", token_id))
    print_one({"kind": kind, **found}, form)


@app.command("revoke", epilog=examples("token revoke TOKEN_ID"))
@grouped
def revoke(token_id: TokenArgument, where: Where) -> None:
    """End a token. What was registered with it stays."""
    kind, _ = where.run(lambda desk: _first(desk, where, "revoke", token_id))
    print_message(f"{_NOUNS[kind].replace('_', ' ')} {token_id}{where.in_words} is revoked")


def _kinds(where: Where) -> list[tuple[str, str, dict[str, str]]]:
    """The kinds that there may be, what operations call them, and what these are given."""
    if where.tenant == ALL_TENANTS:
        return [("admin", _NOUNS["admin"], {"all_tenants": "true"})]
    return [(kind, noun, {}) for kind, noun in _NOUNS.items()]


async def _first(desk: Desk, where: Where, verb: str, token_id: str) -> tuple[str, JsonObject]:
    """What is answered about the token by the first kind that has it."""
    *others, (kind, noun, given) = _kinds(where)
    for other, its_noun, _ in others:
        with suppress(*MISSING):
            return other, await desk.ask(f"{verb}_{its_noun}", token_id=token_id)
    return kind, await desk.ask(f"{verb}_{noun}", token_id=token_id, **given)
