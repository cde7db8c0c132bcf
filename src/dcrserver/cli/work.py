"""What commands work with: settings, a runtime, and who they act as. Loaded when one runs."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from pydantic import SecretStr

from dcrserver.cli.progress import waiting
from dcrserver.db.urls import missing_file
from dcrserver.logger import Logger
from dcrserver.services.audit import Origin
from dcrserver.services.clients.administration import AdministrationService
from dcrserver.settings import ConfigurationError, Settings, load
from dcrserver.telemetry import configure_logging
from dcrserver.tenants import Tenant
from dcrserver.wiring import Runtime, build

__all__ = ["OPERATOR", "Runtime", "Tenant", "administer", "load", "tenant_of", "with_runtime"]

T = TypeVar("T")

OPERATOR = Origin("operator")


def with_runtime(
    settings: Settings,
    work: Callable[[Runtime], Awaitable[T]],
    *,
    needs_schema: bool = True,
    progress: bool = True,
) -> T:
    """What ``work`` returns, in an event loop of its own. Makes no database where there is none.

    ``progress``: a line says how long it takes; without, ``work`` tells something better.

    Raises:
        ConfigurationError: among others, there is none, and ``work`` needs one.
    """
    # To stderr: stdout is what the command was asked for.
    Logger.configure = lambda: configure_logging(settings.telemetry)
    if (file := missing_file(settings.database)) is not None:
        if needs_schema:
            raise ConfigurationError(
                f"database.url: there is no file {file}; is this the configuration that the server"
                " runs with? A new one is made by serve and migrate"
            )
        nowhere = settings.database.model_copy(update={"url": SecretStr("sqlite://")})
        settings = settings.model_copy(update={"database": nowhere})

    async def run() -> T:
        async with waiting(shown=progress), build(settings) as runtime:
            if needs_schema and (reason := await runtime.database.not_ready_reason()):
                raise ConfigurationError(reason)
            return await work(runtime)

    # Work may be long, but what is loaded by now stays.
    gc.freeze()
    gc.enable()
    return asyncio.run(run())


def administer(
    config: Path | None,
    tenant: str,
    work: Callable[[AdministrationService, Tenant], Awaitable[T]],
) -> T:
    """What ``work`` returns for a tenant, which may be one that is configured no longer."""

    async def run(runtime: Runtime) -> T:
        here = await runtime.tenant_administration.find(tenant)
        return await work(runtime.administration, here)

    return with_runtime(load(config), run)


def tenant_of(runtime: Runtime, name: str) -> Tenant:
    """The configured tenant of that name.

    Raises:
        ConfigurationError: there is none.
    """
    for tenant in runtime.tenants:
        if tenant.name == name:
            return tenant
    raise ConfigurationError(f"tenants.{name}: no such tenant")
