"""dcrserver client: look at clients, change them, end them."""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from dcrserver.cli import client_import
from dcrserver.cli.shared import (
    OPERATOR,
    ConfigOption,
    T,
    TenantOption,
    fail,
    read,
    seconds,
    tell,
    tenant_of,
    with_runtime,
)
from dcrserver.metadata import explain
from dcrserver.services.administration import AdministrationService
from dcrserver.settings import MAX_TOKEN_LIFETIME, load
from dcrserver.strict_json import BadJson, loads_object
from dcrserver.tenants import DEFAULT_TENANT, Tenant
from dcrserver.wiring import Runtime

# Takes back what was set for a client.
_DEFAULT = "default"

app = typer.Typer(no_args_is_help=True, help="Registered clients.")
app.command("import")(client_import.import_clients)


@app.command("list")
def list_(
    config: ConfigOption = None,
    tenant: TenantOption = DEFAULT_TENANT,
    limit: Annotated[int, typer.Option(min=1, max=10000)] = 100,
) -> None:
    """Show the newest clients, one JSON object a line."""
    for row in _administer(config, tenant, lambda admin, here: admin.clients(here, limit)):
        print(json.dumps(row, ensure_ascii=False))


@app.command("show")
def show(
    client_id: str, config: ConfigOption = None, tenant: TenantOption = DEFAULT_TENANT
) -> None:
    """Show a client with its history, never a secret."""
    found = _administer(config, tenant, lambda admin, here: admin.client(here, client_id))
    if found is None:
        fail(f"no such client: {client_id}")
    print(json.dumps(found, indent=2, ensure_ascii=False))


@app.command("export")
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
        tell("hashes of secrets are among it: keep the output as safe as the database")

    async def work(runtime: Runtime) -> None:
        here = await runtime.tenant_administration.find(tenant)
        clients = runtime.tenant_administration.clients(here, credentials=with_hashes)
        async for client in clients:
            print(json.dumps(client, ensure_ascii=False))

    with_runtime(load(config), work)


@app.command("check")
def check(
    file: Annotated[Path, typer.Argument(help="JSON object of client metadata; - for stdin")],
    config: ConfigOption = None,
    tenant: TenantOption = DEFAULT_TENANT,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="print the explanation as JSON")] = False,
) -> None:
    """Explain what registering FILE would do; fail when it would be refused."""
    raw = read(file)

    async def work(runtime: Runtime) -> dict[str, Any]:
        terms = tenant_of(runtime, tenant).known().terms
        limits = terms.policy.json_
        submission = loads_object(raw, max_depth=limits.max_depth, max_members=limits.max_members)
        return explain(submission, terms)

    try:
        told = with_runtime(load(config), work, needs_schema=False)
    except BadJson as error:
        fail(f"{file}: {error}")
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


@app.command("delete")
def delete(
    client_id: str, config: ConfigOption = None, tenant: TenantOption = DEFAULT_TENANT
) -> None:
    """End a registration."""
    _administer(config, tenant, lambda admin, here: admin.delete_client(here, client_id, OPERATOR))
    tell(f"client {client_id} of tenant {tenant} is deleted")


@app.command("suspend")
def suspend(
    client_id: str, config: ConfigOption = None, tenant: TenantOption = DEFAULT_TENANT
) -> None:
    """Let no credential of a client work, until it is resumed."""
    _administer(config, tenant, lambda admin, here: admin.suspend_client(here, client_id, OPERATOR))
    tell(f"client {client_id} of tenant {tenant} is suspended")


@app.command("resume")
def resume(
    client_id: str, config: ConfigOption = None, tenant: TenantOption = DEFAULT_TENANT
) -> None:
    """Let the credentials of a suspended client work again."""
    _administer(config, tenant, lambda admin, here: admin.resume_client(here, client_id, OPERATOR))
    tell(f"client {client_id} of tenant {tenant} is resumed")


@app.command("set")
def set_(
    client_id: str,
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
    option = "--access-token-lifetime"
    lifetime: int | Literal["default"] | None = None
    if access_token_lifetime == _DEFAULT:
        lifetime = "default"
    elif access_token_lifetime is not None:
        lifetime = seconds(access_token_lifetime, option)
        if not 0 < lifetime <= MAX_TOKEN_LIFETIME:
            raise typer.BadParameter("must be from 1s to 1d", param_hint=option)
    _administer(
        config,
        tenant,
        lambda admin, here: admin.configure_client(
            here,
            client_id,
            OPERATOR,
            access_token_lifetime=lifetime,
            access_token_format=access_token_format,
        ),
    )
    tell(f"client {client_id} of tenant {tenant} is configured")


@app.command("new-token")
def new_token(
    client_id: str, config: ConfigOption = None, tenant: TenantOption = DEFAULT_TENANT
) -> None:
    """Print a new registration access token; older ones are dead at once."""
    print(
        _administer(
            config,
            tenant,
            lambda admin, here: admin.reissue_registration_token(here, client_id, OPERATOR),
        )
    )


@app.command("rotate-secret")
def rotate_secret(
    client_id: str, config: ConfigOption = None, tenant: TenantOption = DEFAULT_TENANT
) -> None:
    """Print a new client_secret as JSON; the one before works on for the policy's overlap."""
    rotated = _administer(
        config, tenant, lambda admin, here: admin.rotate_secret(here, client_id, OPERATOR)
    )
    print(json.dumps(rotated, indent=2))


@app.command("end-overlap")
def end_overlap(
    client_id: str, config: ConfigOption = None, tenant: TenantOption = DEFAULT_TENANT
) -> None:
    """End the older one of two secrets now."""
    _administer(config, tenant, lambda admin, here: admin.end_overlap(here, client_id, OPERATOR))
    tell(f"only the newest secret of client {client_id} of tenant {tenant} works on")


def _administer(
    config: Path | None,
    tenant: str,
    work: Callable[[AdministrationService, Tenant], Awaitable[T]],
) -> T:
    async def run(runtime: Runtime) -> T:
        here = await runtime.tenant_administration.find(tenant)
        return await work(runtime.administration, here)

    return with_runtime(load(config), run)
