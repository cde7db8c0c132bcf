"""Work beside the requests of this process, which goes on whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from dcrserver.logger import Logger

_log = Logger(__name__)
# Between the end of what should not end and its next beginning.
_RESTART_SECONDS = 1.0


@asynccontextmanager
async def running(name: str, work: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Does ``work`` meanwhile, again whenever it ends; cancels it then, and waits for its end."""
    task = asyncio.create_task(_kept_running(name, work))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _kept_running(name: str, work: Callable[[], Awaitable[None]]) -> None:
    """What runs beside requests has nobody to notice that it ended."""
    while True:
        try:
            await work()
        except Exception:  # noqa: BLE001 - told, and begun again
            _log.exception("background_work_failed", work=name)
        await asyncio.sleep(_RESTART_SECONDS)
