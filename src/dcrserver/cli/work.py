"""What commands work with: operations on the database, and who they act as. Loaded when one runs,
unless it needs no database: then ``loading`` is enough.
"""

from __future__ import annotations

import asyncio
import gc
import os
import pwd
from collections.abc import Awaitable, Callable
from typing import TypeVar

from pydantic import SecretStr

from dcrserver.cli.loading import load, tenant_of
from dcrserver.cli.progress import waiting
from dcrserver.db.urls import missing_file
from dcrserver.services.access import actors
from dcrserver.services.audit import Origin
from dcrserver.settings import ConfigurationError, Settings
from dcrserver.tenants import Tenant
from dcrserver.wiring.configured import Configured
from dcrserver.wiring.foundation import opened
from dcrserver.wiring.operations import Operations

__all__ = [
    "OPERATOR", "Operations", "Tenant", "load", "tenant_of", "with_operations",
]  # fmt: skip

T = TypeVar("T")

# Of the column's width.
_LONGEST_USER = 100


def system_user() -> str:
    """Who runs the command, as the system knows it: an environment can say anything.

    Its number where it has no name, as in containers that run by any.
    """
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name[:_LONGEST_USER]
    except KeyError:
        return str(number)


OPERATOR = Origin(actors.operator(system_user()))


def with_operations(
    settings: Settings,
    work: Callable[[Operations], Awaitable[T]],
    *,
    needs_schema: bool = True,
    progress: bool = True,
) -> T:
    """What ``work`` returns, in an event loop of its own. Makes no database where there is none.

    ``progress``: a line says how long it takes; without, ``work`` tells something better.

    Raises:
        ConfigurationError: among others, there is none, and ``work`` needs one.
    """
    if settings.cli.server is not None:
        raise ConfigurationError(
            "cli.server: this command opens the database, and asks no server; run it where the"
            " database is"
        )
    if (file := missing_file(settings.database)) is not None:
        if needs_schema:
            raise ConfigurationError(
                f"database.url: there is no file {file}; is this the configuration that the server"
                " runs with? A new one is made by serve and migrate"
            )
        nowhere = settings.database.model_copy(update={"url": SecretStr("sqlite://")})
        settings = settings.model_copy(update={"database": nowhere})

    async def run() -> T:
        async with waiting(shown=progress):
            return await _done(settings, work, needs_schema=needs_schema)

    # Work may be long, but what is loaded by now stays.
    gc.freeze()
    gc.enable()
    return asyncio.run(run())


async def _done(
    settings: Settings, work: Callable[[Operations], Awaitable[T]], *, needs_schema: bool
) -> T:
    async with opened(Configured(settings)) as base:
        if needs_schema and (reason := await base.database.not_ready_reason()):
            raise ConfigurationError(reason)
        return await work(Operations(base))
