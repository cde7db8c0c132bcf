"""What the commands share: options, a runtime to work with, telling and failing."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import typer
from pydantic import SecretStr

from dcrserver.db.engine import missing_file
from dcrserver.services.audit import Origin
from dcrserver.settings import ConfigurationError, Settings
from dcrserver.tenants import Tenant
from dcrserver.wiring import Runtime, build

T = TypeVar("T")

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="TOML file; DCR_CONFIG if not given")
]
TenantOption = Annotated[str, typer.Option("--tenant", help="name of the tenant")]

OPERATOR = Origin("operator")
# At most a few centuries, which every database can count.
_DURATION = re.compile(r"([1-9][0-9]{0,4})([smhd])")
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def tell(message: str) -> None:
    """For the person; what a script reads goes to stdout."""
    print(f"dcrserver: {message}", file=sys.stderr)


def fail(message: str) -> NoReturn:
    tell(message)
    sys.exit(1)


def with_runtime(
    settings: Settings,
    work: Callable[[Runtime], Awaitable[T]],
    *,
    needs_schema: bool = True,
) -> T:
    """What ``work`` returns, in an event loop of its own. Makes no database where there is none.

    Raises:
        ConfigurationError: among others, there is none, and ``work`` needs one.
    """
    if (file := missing_file(settings.database)) is not None:
        if needs_schema:
            raise ConfigurationError(
                f"database.url: there is no file {file}; is this the configuration that the server"
                " runs with? A new one is made by serve and migrate"
            )
        nowhere = settings.database.model_copy(update={"url": SecretStr("sqlite://")})
        settings = settings.model_copy(update={"database": nowhere})

    async def run() -> T:
        async with build(settings) as runtime:
            if needs_schema and (obstacle := await runtime.database.obstacle()):
                raise ConfigurationError(obstacle)
            return await work(runtime)

    return asyncio.run(run())


def tenant_of(runtime: Runtime, name: str) -> Tenant:
    for tenant in runtime.tenants:
        if tenant.name == name:
            return tenant
    raise ConfigurationError(f"tenants.{name}: no such tenant")


def seconds(text: str, option: str) -> int:
    """A duration like 30d, in seconds; 0 for ever."""
    if text == "0":
        return 0
    found = _DURATION.fullmatch(text)
    if found is None:
        raise typer.BadParameter("must be a number with s, m, h or d, or 0", param_hint=option)
    return int(found.group(1)) * _UNIT_SECONDS[found.group(2)]


def read(file: Path) -> bytes:
    """The content of ``file``; - is stdin."""
    if str(file) == "-":
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except OSError as error:
        fail(f"{file}: {error.strerror}")
