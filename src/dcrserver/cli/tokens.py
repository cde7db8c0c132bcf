"""dcrserver token: credentials that let clients register, and servers and administrators in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from dcrserver.cli.output import OutputOption, print_rows
from dcrserver.cli.shared import (
    ConfigOption,
    TenantOption,
    commands,
    examples,
    fail,
    print_message,
    seconds,
)
from dcrserver.names import ADMIN_SCOPES, DEFAULT_TENANT

if TYPE_CHECKING:
    from dcrserver.cli.work import Operations, Tenant
    from dcrserver.metadata.bounds import Bounds
    from dcrserver.services.access.admin_tokens import NewAdminToken
    from dcrserver.settings import Settings

app = commands("Initial access tokens and admin tokens.")

_LIFETIMES = {"initial": "30d", "admin": "365d"}


@app.command(
    "issue",
    epilog=examples(
        "token issue initial --uses 10 --expires-in 30d",
        "token issue admin --scope clients:read --expires-in 12h --label monitoring",
    ),
)
def issue(  # noqa: PLR0913, PLR0917 - the options of a command
    kind: Annotated[
        Literal["initial", "admin"],
        typer.Argument(help="initial: lets a client register; admin: for servers and people"),
    ],
    config: ConfigOption = None,
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
            + ", ".join(ADMIN_SCOPES)
            + ". May be repeated"
        ),
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
    tenant: TenantOption = DEFAULT_TENANT,
) -> None:
    """Print a new token, alone on stdout; it is not shown again."""
    from dcrserver.cli import work
    from dcrserver.metadata.bounds import Bounds
    from dcrserver.services.access.admin_tokens import NewAdminToken
    from dcrserver.services.access.initial_access_tokens import NewInitialAccessToken

    lifetime = seconds(_LIFETIMES[kind] if expires_in is None else expires_in, "--expires-in")
    if len(label) > 200:  # noqa: PLR2004 - the column's width
        raise typer.BadParameter("must have at most 200 characters", param_hint="--label")
    settings = work.load(config)
    for option, value, meant_for in (
        ("--uses", uses, "initial"), ("--policy", policy, "initial"),
        ("--grant-type", grant_type, "initial"), ("--audience", audience, "admin"),
    ):  # fmt: skip
        if value is not None and kind != meant_for:
            raise typer.BadParameter(f"is for {meant_for} tokens", param_hint=option)
    if kind == "admin":
        wanted = NewAdminToken(scope or [], lifetime, label, audience or [])
        print(_admin(settings, tenant, wanted))
        return
    bounds = Bounds(
        policy=policy,
        scopes=None if scope is None else tuple(scope),
        grant_types=None if grant_type is None else tuple(grant_type),
    )
    _check_policy(settings, policy)
    initial = NewInitialAccessToken(uses, lifetime, bounds, label)

    async def issue(operations: Operations) -> str:
        here = work.tenant_of(operations.tenants, tenant)
        _warn(here, bounds)
        return await operations.token_administration.issue_initial_access_token(
            here, initial, work.OPERATOR
        )

    print(work.with_operations(settings, issue))
    if policy is not None:
        print_message(
            f"servers that do not know policies.{policy} yet refuse it with 503: restart them"
        )


def _warn(tenant: Tenant, bounds: Bounds) -> None:
    """Of what its clients cannot have, as the server does not have it."""
    if tenant.mode == "closed":
        print_message(
            f"warning: registration is closed for tenant {tenant.name}; nobody can use it"
        )
    for name, wanted in (
        ("scopes_supported", bounds.scopes),
        ("grant_types_supported", bounds.grant_types),
    ):
        supported = None if tenant.waits else tenant.terms.server.lists.get(name)
        for value in wanted or ():
            if supported is not None and value not in supported:
                print_message(f"warning: {value} is not in {name} of tenant {tenant.name}")


def _check_policy(settings: Settings, policy: str | None) -> None:
    from dcrserver.settings import ConfigurationError

    if policy is not None and policy not in settings.policies:
        raise ConfigurationError(f"policies.{policy}: no such policy")


def _admin(settings: Settings, tenant: str, wanted: NewAdminToken) -> str:
    from dcrserver.cli import work

    if not wanted.scopes or not set(wanted.scopes) <= set(ADMIN_SCOPES):
        told = "; ".join(f"{name}: {meaning}" for name, meaning in ADMIN_SCOPES.items())
        raise typer.BadParameter(f"must be one or more of these - {told}", param_hint="--scope")
    if wanted.audiences and "tokens:introspect" not in wanted.scopes:
        raise typer.BadParameter("is for tokens:introspect", param_hint="--audience")

    async def issue(operations: Operations) -> str:
        return await operations.token_administration.issue_admin_token(
            work.tenant_of(operations.tenants, tenant).name, wanted, work.OPERATOR
        )

    return work.with_operations(settings, issue)


@app.command("list", epilog=examples("token list", "token list --output json"))
def list_(
    config: ConfigOption = None,
    tenant: TenantOption = DEFAULT_TENANT,
    output: OutputOption = None,
) -> None:
    """Show tokens: id, what for, and who registered what with it."""
    from dcrserver.cli import work

    async def find(operations: Operations) -> list[dict[str, Any]]:
        here = await operations.tenant_administration.find(tenant)
        tokens = operations.token_administration
        return [*await tokens.initial_access_tokens(here), *await tokens.admin_tokens(here.name)]

    print_rows(work.with_operations(work.load(config), find), output)


@app.command("revoke", epilog=examples("token revoke TOKEN_ID"))
def revoke(
    token_id: Annotated[str, typer.Argument(help="id as shown by token list")],
    config: ConfigOption = None,
    tenant: TenantOption = DEFAULT_TENANT,
) -> None:
    """End a token. What was registered with it stays."""
    from dcrserver.cli import work

    async def revoke(operations: Operations) -> str | None:
        here = await operations.tenant_administration.find(tenant)
        return await operations.token_administration.revoke_token(
            here.name, token_id, work.OPERATOR
        )

    kind = work.with_operations(work.load(config), revoke)
    if kind is None:
        fail(f"no such token, or it is revoked already: {token_id}")
    print_message(f"{kind} {token_id} of tenant {tenant} is revoked")
