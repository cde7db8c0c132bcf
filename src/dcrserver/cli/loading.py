"""What a command begins with: the settings, and the tenant that it is about. No database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dcrserver import settings
from dcrserver.logger import Logger
from dcrserver.settings import ConfigurationError, Settings
from dcrserver.tenants import Tenant, TenantRegistry
from dcrserver.wiring.configured import Configured


def load(config: Path | None, **flags: Any) -> Settings:  # noqa: ANN401 - any group
    """As ``settings.load``; what is logged from now on is logged as they say."""
    loaded = settings.load(config, **flags)

    def configure() -> None:
        from dcrserver.telemetry import configure_logging

        # To stderr: stdout is what the command was asked for. What goes well it tells itself.
        told = loaded.telemetry
        is_news = told.level == "info"
        configure_logging(told.model_copy(update={"level": "warning"}) if is_news else told)

    Logger.configure = configure
    return loaded


def tenant_of(tenants: TenantRegistry, name: str) -> Tenant:
    """The configured tenant of that name.

    Raises:
        ConfigurationError: there is none.
    """
    tenant = tenants.now.by_name.get(name)
    if tenant is None:
        raise ConfigurationError(f"tenants.{name}: no such tenant")
    return tenant


def known_tenant(loaded: Settings, name: str) -> Tenant:
    """The same, with what its authorization server can do.

    A database is opened only where it knows more than the file: of a stored tenant, and of one
    whose server's metadata are at a URL.

    Raises:
        ConfigurationError: there is none.
        Unavailable: nobody has read that URL yet.
    """
    configured = Configured(loaded)
    if name in configured.tenants.now.by_name and name not in configured.remote:
        return tenant_of(configured.tenants, name)
    from dcrserver.cli import work

    async def find(operations: work.Operations) -> Tenant:
        return tenant_of(operations.tenants, name).known()

    return work.with_operations(loaded, find, needs_schema=False)
