"""dcrserver client: look at clients, change them, end them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from dcrserver.cli.output import Output, OutputOption, print_one, print_rows
from dcrserver.cli.shared import (
    ClientArgument,
    ConfigOption,
    TenantOption,
    commands,
    examples,
    fail,
    print_message,
    read,
    seconds,
)
from dcrserver.names import DEFAULT_TENANT

if TYPE_CHECKING:
    from dcrserver.cli.work import Operations

# Takes back what was set for a client.
_DEFAULT = "default"

app = commands("Registered clients.")


@app.command(
    "import",
    epilog=examples(
        "client import clients.jsonl --dry-run",
        "client import clients.jsonl --skip-refused",
        "client import - --dry-run --json < clients.jsonl",
    ),
)
def import_(  # noqa: PLR0913 - what can be given
    file: Annotated[
        Path,
        typer.Argument(
            help="clients of Ory Hydra, Keycloak, node-oidc-provider, Authlib or of client export;"
            " - for stdin"
        ),
    ],
    config: ConfigOption = None,
    tenant: TenantOption = DEFAULT_TENANT,
    policy: Annotated[
        str | None, typer.Option(help="named policy that the clients are judged by, for ever")
    ] = None,
    hashes: Annotated[
        Path | None, typer.Option(help="rows of Ory Hydra's table: client_id, client_secret")
    ] = None,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="the same report, and nothing is written")
    ] = False,
    skip_refused: Annotated[
        bool, typer.Option("--skip-refused", help="import the good ones all the same")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print the report as JSON")] = False,
) -> None:
    """Take over clients of another server, with their ids, and secrets or hashes of these.

    Tells what is mapped, what is dropped and who is refused, with the reason. Nothing is written
    while one is refused. Clients that are there already are left as they are, so an import that was
    interrupted goes on when it is started again.
    """
    from dcrserver.cli.client_import import import_clients

    import_clients(
        file, config, tenant, policy, hashes,
        dry_run=dry_run, skip_refused=skip_refused, as_json=as_json,
    )  # fmt: skip


@app.command("list", epilog=examples("client list", "client list --limit 10 --output json"))
def list_(
    config: ConfigOption = None,
    tenant: TenantOption = DEFAULT_TENANT,
    limit: Annotated[int, typer.Option(min=1, max=10000, help="how many at most")] = 100,
    output: OutputOption = None,
) -> None:
    """Show the newest clients."""
    from dcrserver.cli import work

    found = work.administer(config, tenant, lambda it, here: it.administration.clients(here, limit))
    print_rows(found, output)


@app.command("show", epilog=examples("client show CLIENT_ID"))
def show(
    client_id: ClientArgument,
    config: ConfigOption = None,
    tenant: TenantOption = DEFAULT_TENANT,
    output: OutputOption = None,
) -> None:
    """Show a client with its history, never a secret."""
    from dcrserver.cli import work

    found = work.administer(
        config, tenant, lambda it, here: it.administration.client(here, client_id)
    )
    if found is None:
        fail(f"no such client: {client_id}")
    print_one(found, output)


@app.command(
    "export", epilog=examples("client export", "client export --tenant acme --with-hashes")
)
def export(
    config: ConfigOption = None,
    tenant: TenantOption = DEFAULT_TENANT,
    *,
    with_hashes: Annotated[
        bool,
        typer.Option(
            "--with-hashes", help="hashes of secrets and tokens too, for client import elsewhere"
        ),
    ] = False,
) -> None:
    """Print all clients, one JSON object a line: what they registered, never a secret."""
    if with_hashes:
        print_message("hashes of secrets are among it: keep the output as safe as the database")
    from dcrserver.cli import work
    from dcrserver.services.clients.exports import exported_pages

    async def export(operations: Operations) -> None:
        here = await operations.tenant_administration.find(tenant)
        async for page in exported_pages(operations.lists, here, credentials=with_hashes):
            print(page, end="")

    work.with_operations(work.load(config), export)


@app.command(
    "check", epilog=examples("client check client.json", "client check client.json --json")
)
def check(
    file: Annotated[Path, typer.Argument(help="JSON object of client metadata; - for stdin")],
    config: ConfigOption = None,
    tenant: TenantOption = DEFAULT_TENANT,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="print the explanation as JSON")] = False,
) -> None:
    """Explain what registering FILE would do; fail when it would be refused."""
    from dcrserver.cli.loading import known_tenant, load
    from dcrserver.metadata import explain
    from dcrserver.strict_json import BadJson, loads_object

    raw = read(file)
    terms = known_tenant(load(config), tenant).terms
    limits = terms.policy.json_
    try:
        submission = loads_object(raw, max_depth=limits.max_depth, max_members=limits.max_members)
    except BadJson as error:
        fail(f"{file}: {error}")
    told = explain(submission, terms)
    if as_json:
        print(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        print("\n".join(_explained(told)))
    sys.exit(0 if told["acceptable"] else 1)


def _explained(told: dict[str, Any]) -> Iterator[str]:
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
    for name in told["not_checked"]:
        yield f"  not checked: {name} is only read at registration"


@app.command("delete", epilog=examples("client delete CLIENT_ID"))
def delete(
    client_id: ClientArgument, config: ConfigOption = None, tenant: TenantOption = DEFAULT_TENANT
) -> None:
    """End a registration."""
    from dcrserver.cli import work

    work.administer(
        config, tenant, lambda it, here: it.client_lifecycle.delete(here, client_id, work.OPERATOR)
    )
    print_message(f"client {client_id} of tenant {tenant} is deleted")


@app.command("suspend", epilog=examples("client suspend CLIENT_ID"))
def suspend(
    client_id: ClientArgument, config: ConfigOption = None, tenant: TenantOption = DEFAULT_TENANT
) -> None:
    """Let no credential of a client work, until it is resumed."""
    from dcrserver.cli import work

    work.administer(
        config, tenant, lambda it, here: it.client_lifecycle.suspend(here, client_id, work.OPERATOR)
    )
    print_message(f"client {client_id} of tenant {tenant} is suspended")


@app.command("resume", epilog=examples("client resume CLIENT_ID"))
def resume(
    client_id: ClientArgument, config: ConfigOption = None, tenant: TenantOption = DEFAULT_TENANT
) -> None:
    """Let the credentials of a suspended client work again."""
    from dcrserver.cli import work

    work.administer(
        config, tenant, lambda it, here: it.client_lifecycle.resume(here, client_id, work.OPERATOR)
    )
    print_message(f"client {client_id} of tenant {tenant} is resumed")


@app.command(
    "set",
    epilog=examples(
        "client set CLIENT_ID --access-token-lifetime 10m",
        "client set CLIENT_ID --access-token-format opaque --access-token-lifetime default",
    ),
)
def set_(
    client_id: ClientArgument,
    config: ConfigOption = None,
    tenant: TenantOption = DEFAULT_TENANT,
    access_token_lifetime: Annotated[
        str | None, typer.Option(help="e.g. 10m; at most 1d; default: as configured for all")
    ] = None,
    access_token_format: Annotated[
        Literal["jwt", "opaque", "default"] | None,
        typer.Option(help="default: as configured for all"),
    ] = None,
) -> None:
    """Set what access tokens of a client are like; what is not given stays."""
    from dcrserver.cli import work
    from dcrserver.settings import MAX_TOKEN_LIFETIME

    option = "--access-token-lifetime"
    lifetime: int | Literal["default"] | None = None
    if access_token_lifetime == _DEFAULT:
        lifetime = "default"
    elif access_token_lifetime is not None:
        lifetime = seconds(access_token_lifetime, option)
        if not 0 < lifetime <= MAX_TOKEN_LIFETIME:
            raise typer.BadParameter("must be from 1s to 1d", param_hint=option)
    work.administer(
        config,
        tenant,
        lambda it, here: it.administration.configure_client(
            here,
            client_id,
            work.OPERATOR,
            access_token_lifetime=lifetime,
            access_token_format=access_token_format,
        ),
    )
    print_message(f"client {client_id} of tenant {tenant} is configured")


@app.command("new-token", epilog=examples("client new-token CLIENT_ID"))
def new_token(
    client_id: ClientArgument, config: ConfigOption = None, tenant: TenantOption = DEFAULT_TENANT
) -> None:
    """Print a new registration access token; older ones are dead at once."""
    from dcrserver.cli import work

    print(
        work.administer(
            config,
            tenant,
            lambda it, here: it.client_credentials.reissue_registration_token(
                here, client_id, work.OPERATOR
            ),
        )
    )


@app.command("rotate-secret", epilog=examples("client rotate-secret CLIENT_ID"))
def rotate_secret(
    client_id: ClientArgument, config: ConfigOption = None, tenant: TenantOption = DEFAULT_TENANT
) -> None:
    """Print a new client_secret as JSON; the one before works on for the policy's overlap."""
    from dcrserver.cli import work

    rotated = work.administer(
        config,
        tenant,
        lambda it, here: it.client_credentials.rotate_secret(here, client_id, work.OPERATOR),
    )
    print_one(rotated, Output.JSON)


@app.command("end-overlap", epilog=examples("client end-overlap CLIENT_ID"))
def end_overlap(
    client_id: ClientArgument, config: ConfigOption = None, tenant: TenantOption = DEFAULT_TENANT
) -> None:
    """End the older one of two secrets now."""
    from dcrserver.cli import work

    work.administer(
        config,
        tenant,
        lambda it, here: it.client_credentials.end_overlap(here, client_id, work.OPERATOR),
    )
    print_message(f"only the newest secret of client {client_id} of tenant {tenant} works on")
