"""The desk that opens the database: use cases, whose results are told as the API tells them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

from dcrserver.cli import work
from dcrserver.cli.administration.answers import answer_to
from dcrserver.cli.administration.answers.here import Here
from dcrserver.cli.administration.refusals import Refused
from dcrserver.settings import Settings
from dcrserver.strict_json import JsonObject, JsonValue

T = TypeVar("T")

# Whoever serves on this machine goes before an export.
_BACKGROUND = 10


class DatabaseDesk:
    """Answers of the database."""

    def __init__(self, here: Here) -> None:
        self._here = here

    async def ask(
        self, operation: str, body: JsonValue = None, **given: str | int | None
    ) -> JsonObject:
        """See ``Desk``."""
        answer = answer_to(operation)
        if answer is None:
            raise Refused("this is about a server, which --server names; no database knows it")
        known = {name: value for name, value in given.items() if value is not None}
        if body is not None:
            return await answer(self._here, body=body, **known)
        return await answer(self._here, **known)

    def lines(self, operation: str, **given: str | None) -> AsyncIterator[str]:
        """See ``Desk``."""
        known = {name: value for name, value in given.items() if value is not None}
        os.nice(_BACKGROUND)
        from dcrserver.cli.administration.answers.exports import LINES

        return LINES[operation](self._here, **known)

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """As a worker does jobs, beside others: what is left when it ends, these go on with."""
        from dcrserver.telemetry import Metrics
        from dcrserver.wiring.worker import jobs_of_administrators

        runner = jobs_of_administrators(self._here.operations.base, Metrics())
        doing = asyncio.create_task(runner.run())
        try:
            yield
        finally:
            doing.cancel()
            with suppress(asyncio.CancelledError):
                await doing


def run(
    settings: Settings,
    tenant: str | None,
    job: Callable[[DatabaseDesk], Awaitable[T]],
    *,
    progress: bool = True,
) -> T:
    """What ``job`` returns."""

    async def answer(operations: work.Operations) -> T:
        here = Here(operations, tenant, work.OPERATOR)
        return await job(DatabaseDesk(here))

    return work.with_operations(settings, answer, progress=progress)
