"""Connections to PostgreSQL."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from dcrserver.db.failures import Lost
from dcrserver.db.protocol.drivers.postgresql_connect import connect, connect_options
from dcrserver.db.protocol.drivers.postgresql_errors import translated, translation
from dcrserver.db.protocol.session import LOCK_SECONDS
from dcrserver.db.urls import database_url
from dcrserver.settings import DatabaseSettings

Connection: TypeAlias = PoolConnectionProxy

# All that is often asked for has a key. A plan is kept for as long as a connection lives: one made
# while a table was empty must not read all of it when it has grown, nor compile anything for it.
_BY_KEY = {
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
}


class Pool:
    """Connects at first need."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self._settings = settings
        self.timeout = settings.pool_timeout
        self._pool: asyncpg.Pool | None = None
        self._opening = asyncio.Lock()

    def acquired(self) -> AbstractAsyncContextManager[Connection]:
        """A connection for as long as the block takes; given up if the block raises ``Lost``.

        Raises:
            Absent: there is none in time, or what the block did shows that the database is away.
        """
        return _Acquired(self)

    async def opened(self) -> asyncpg.Pool:
        """Of asyncpg's.

        Raises:
            Exception: of asyncpg, or of the network.
        """
        return self._pool or await self._open()

    def connections(self) -> dict[str, int]:
        """How many there are, by state."""
        idle = self._pool.get_idle_size() if self._pool else 0
        every = self._pool.get_size() if self._pool else 0
        return {"idle": idle, "used": every - idle}

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.close()

    async def _open(self) -> asyncpg.Pool:
        async with self._opening:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(**_options(self._settings))
            return self._pool


class _Acquired(AbstractAsyncContextManager[Connection]):
    """See ``Pool.acquired``: no generator, as several are entered for each request."""

    __slots__ = ("_connection", "_opened", "_pool")

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def __aenter__(self) -> Connection:
        with translated():
            self._opened = await self._pool.opened()
            self._connection = await self._opened.acquire(timeout=self._pool.timeout)
        return self._connection

    async def __aexit__(self, _: object, error: BaseException | None, __: object) -> None:
        meant = translation(error) or error
        with translated():
            try:
                if isinstance(meant, Lost):
                    # The others led to the same server; they are replaced when their turn comes.
                    self._connection.terminate()
                    await self._opened.expire_connections()
            finally:
                await self._opened.release(self._connection)  # also when we are cancelled
        if meant is not None and meant is not error:
            raise meant from error


class _PlainConnection(asyncpg.Connection):  # type: ignore[misc]
    async def reset(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109 - asyncpg's name
        """Nothing of a session is changed here. Who refuses, or is cancelled, leaves a transaction
        open: to roll it back is no fault of anybody, which asyncpg's own would tell the log.
        """
        if self.is_in_transaction():
            await self.execute("ROLLBACK", timeout=timeout)


def _options(settings: DatabaseSettings) -> dict[str, Any]:
    milliseconds = int(settings.statement_timeout * 1000)
    return {
        **connect_options(database_url(settings)),
        "connect": connect,
        "connection_class": _PlainConnection,
        "min_size": 0,
        "max_size": settings.pool_size,
        "timeout": settings.pool_timeout,
        # A connection that leads nowhere must not hold up its lane: longer than the server waits.
        "command_timeout": settings.statement_timeout + 1,
        "server_settings": {
            "statement_timeout": str(milliseconds),
            "lock_timeout": str(min(milliseconds, LOCK_SECONDS * 1000)),
            "idle_in_transaction_session_timeout": str(milliseconds * 2),
            "application_name": "dcrserver",
            "default_transaction_isolation": "read committed",
            **_BY_KEY,
        },
    }
