"""dcrserver token: credentials that let clients register, and servers and administrators in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from dcrserver.cli.administration.options import grouped
from dcrserver.cli.output import Form, print_rows
from dcrserver.cli.shared import (
    ConfigOption,
    TenantOption,
    commands,
    examples,
    fail,
    print_message,
    seconds,
)
from dcrserver.names import ALL_TENANTS, DEFAULT_TENANT
from dcrserver.services.access.scopes import ROLES, SCOPES

if TYPE_CHECKING:
    from pathlib import Path

    from dcrserver.cli.work import Operations, Tenant
    from dcrserver.metadata.bounds import Bounds

app = commands("Initial access tokens and admin tokens.")

_LIFETIMES = {"initial": "30d", "admin": "365d"}


@app.command(
    "issue",
    epilog=examples(
        "token issue initial --uses 10 --expires-in 30d",
        "token issue admin --scope clients:read --expires-in 12h --label monitoring",
        "token issue admin --role administrator --tenant '*'",
        "token issue admin --role owner --owner team-a",
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
    tenant: TenantOption = DEFAULT_TENANT,
) -> None:
    """Print a new token, alone on stdout; it is not shown again."""
    lifetime = seconds(_LIFETIMES[kind] if expires_in is None else expires_in, "--expires-in")
    if len(label) > 200:  # noqa: PLR2004 - the column's width
        raise typer.BadParameter("must have at most 200 characters", param_hint="--label")
    for option, value, meant_for in (
        ("--uses", uses, "initial"), ("--policy", policy, "initial"),
        ("--grant-type", grant_type, "initial"), ("--audience", audience, "admin"),
        ("--role", role, "admin"), ("--owner", owner, "admin"),
        ("--tenant *", True if tenant == ALL_TENANTS else None, "admin"),
    ):  # fmt: skip
        if value is not None and kind != meant_for:
            raise typer.BadParameter(f"is for {meant_for} tokens", param_hint=option)
    if kind == "admin":
        if role == "owner" and owner is None:
            raise typer.BadParameter("the role owner needs one", param_hint="--owner")
        scopes = [*_scopes_of(role), *(scope or ())]
        _print_admin(config, tenant, scopes, lifetime, label, audience or [], owner)
        return
    _print_initial(config, tenant, (uses, lifetime, label), (policy, scope, grant_type))


def _scopes_of(role: str | None) -> tuple[str, ...]:
    if role is not None and role not in ROLES:
        raise typer.BadParameter(f"must be one of {', '.join(ROLES)}", param_hint="--role")
    return ROLES[role] if role else ()


def _print_initial(
    config: Path | None,
    tenant: str,
    terms: tuple[int | None, int, str],
    bound: tuple[str | None, list[str] | None, list[str] | None],
) -> None:
    from dcrserver.cli import work
    from dcrserver.metadata.bounds import Bounds
    from dcrserver.services.access.initial_access_tokens import NewInitialAccessToken

    (uses, lifetime, label), (policy, scopes, grant_types) = terms, bound
    settings = work.load(config)
    bounds = Bounds(
        policy=policy,
        scopes=None if scopes is None else tuple(scopes),
        grant_types=None if grant_types is None else tuple(grant_types),
    )
    initial = NewInitialAccessToken(uses, lifetime, bounds, label)

    async def issue(operations: Operations) -> str:
        here = work.tenant_of(operations.tenants, tenant)
        _check_policy(here, policy)
        _warn(here, bounds)
        return await operations.token_administration.issue_initial_access_token(
            here, initial, work.OPERATOR
        )

    print(work.with_operations(settings, issue))
    if policy in settings.policies:
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


def _check_policy(tenant: Tenant, policy: str | None) -> None:
    from dcrserver.settings import ConfigurationError

    if policy is not None and policy not in tenant.policies:
        raise ConfigurationError(f"policies.{policy}: no such policy")


def _print_admin(
    config: Path | None,
    tenant: str,
    scopes: list[str],
    lifetime: int,
    label: str,
    audiences: list[str],
    owner: str | None,
) -> None:
    from dcrserver.cli import work
    from dcrserver.services.access.admin_tokens import BadAdminToken, NewAdminToken

    try:
        wanted = NewAdminToken(scopes, lifetime, label, audiences, owner)
    except BadAdminToken as error:
        option = f"--{error.member.removesuffix('s')}"
        raise typer.BadParameter(str(error), param_hint=option) from None

    async def issue(operations: Operations) -> str:
        if tenant != ALL_TENANTS:
            work.tenant_of(operations.tenants, tenant)
        return await operations.token_administration.issue_admin_token(
            tenant, wanted, work.OPERATOR
        )

    print(work.with_operations(work.load(config), issue))


async def _check_name(operations: Operations, tenant: str) -> None:
    """Of a tenant that is configured, or that something is stored of; or all of them."""
    if tenant != ALL_TENANTS:
        await operations.tenant_administration.find(tenant)


@app.command("list", epilog=examples("token list", "token list --output json"))
@grouped
def list_(
    form: Form,
    config: ConfigOption = None,
    tenant: TenantOption = DEFAULT_TENANT,
) -> None:
    """Show tokens: id, what for, and who registered what with it."""
    from dcrserver.cli import work

    async def find(operations: Operations) -> list[dict[str, Any]]:
        await _check_name(operations, tenant)
        tokens = operations.token_administration
        return [*await tokens.initial_access_tokens(tenant), *await tokens.admin_tokens(tenant)]

    print_rows(work.with_operations(work.load(config), find), form)


@app.command("revoke", epilog=examples("token revoke TOKEN_ID"))
def revoke(
    token_id: Annotated[str, typer.Argument(help="id as shown by token list")],
    config: ConfigOption = None,
    tenant: TenantOption = DEFAULT_TENANT,
) -> None:
    """End a token. What was registered with it stays."""
    from dcrserver.cli import work

    async def revoke(operations: Operations) -> str | None:
        await _check_name(operations, tenant)
        return await operations.token_administration.revoke_token(tenant, token_id, work.OPERATOR)

    kind = work.with_operations(work.load(config), revoke)
    if kind is None:
        fail(f"no such token, or it is revoked already: {token_id}")
    print_message(f"{kind} {token_id} of tenant {tenant} is revoked")
