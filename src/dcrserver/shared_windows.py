"""The same counts for several instances, in Redis; by this process alone while Redis is away."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from limits import RateLimitItem
from limits.aio.storage import RedisStorage

from dcrserver.fixed_windows import Counted, FixedWindows
from dcrserver.logger import Logger
from dcrserver.settings import ConfigurationError, RedisSettings

if TYPE_CHECKING:
    from redis.asyncio import ConnectionPool

_log = Logger(__name__)
_T = TypeVar("_T")
# A request waits so long for Redis, once.
_ANSWER_SECONDS = 0.3
# Then nobody does; one request tries again so often.
_RETRY_SECONDS = 5.0
_LOG_SECONDS = 60.0
# Windows whose end is remembered; of another one Redis is asked again.
_MAX_REMEMBERED = 10_000


class SharedStore:
    """Redis behind a breaker: who finds it away tells all others."""

    def __init__(self, connections: ConnectionPool) -> None:
        self._connections = connections
        self._redis = RedisStorage(
            "async+redis://",
            implementation="redispy",
            connection_pool=connections,  # type: ignore[arg-type]  # documented, typed too narrow
        )
        self.up = True
        self._retry_at = 0.0
        self._log_at = 0.0
        self._ends: OrderedDict[str, float] = OrderedDict()

    async def close(self) -> None:
        await self._connections.aclose()

    async def check(self) -> None:
        """Asks it something, so that the log tells at once that it is away."""
        await self._ask(partial(self._redis.get, "dcrserver"))

    async def not_ready_reason(self) -> str | None:
        """Why it cannot be used, asked without the breaker; None when it can."""
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                await self._redis.get("dcrserver")
        except Exception as error:  # noqa: BLE001 - whatever the store's driver raises
            return _reason(error)
        return None

    async def count(self, key: str, seconds: int) -> Counted | None:
        """How many there are with this one, and when they are forgotten; None while away."""
        return await self._ask(partial(self._count, key, seconds))

    async def take_back(self, key: str, seconds: int) -> None:
        """Takes one back, as if it had not been counted."""
        await self._ask(partial(self._redis.incr, key, seconds, -1))

    async def _count(self, key: str, seconds: int) -> Counted:
        count, now = await self._redis.incr(key, seconds), time.monotonic()
        ends_at = now + seconds if count == 1 else self._ends.pop(key, 0.0)
        if ends_at <= now:  # another instance saw it begin
            left = await self._redis.get_expiry(key) - time.time()
            ends_at = now + min(left, float(seconds))
        self._ends[key] = ends_at
        if len(self._ends) > _MAX_REMEMBERED:
            self._ends.popitem(last=False)
        return count, ends_at

    async def _ask(self, question: Callable[[], Awaitable[_T]]) -> _T | None:
        now = time.monotonic()
        if not self.up and now < self._retry_at:
            return None
        self._retry_at = now + _RETRY_SECONDS
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                answer = await question()
        except Exception as error:  # noqa: BLE001 - whatever the store's driver raises
            self._went(error)
            return None
        if not self.up:
            self.up = True
            _log.info("rate_limit_store_back")
        return answer

    def _went(self, error: Exception) -> None:
        now = time.monotonic()
        self.up, self._retry_at = False, now + _RETRY_SECONDS
        if now >= self._log_at:
            self._log_at = now + _LOG_SECONDS
            reason = _reason(error)
            _log.warning("rate_limit_store_failed", error=reason, meanwhile="counted in memory")


def _reason(error: Exception) -> str:
    return str(error) or "no answer in time"


class SharedWindows:
    """Counts as ``FixedWindows`` does, where other instances see them if that can be."""

    def __init__(self, limit: RateLimitItem, store: SharedStore | None) -> None:
        self._limit = limit
        self._store = store
        self._own = FixedWindows(limit)

    async def count(self, key: tuple[str, ...]) -> Counted:
        """How many there are with this one, and when they are forgotten."""
        if self._store is not None:
            seconds = self._limit.get_expiry()
            counted = await self._store.count(self._limit.key_for(*key), seconds)
            if counted is not None:
                return counted
        return self._own.count(key)

    async def take_back(self, key: tuple[str, ...]) -> None:
        """Takes one back, as if it had not been counted."""
        if self._store is not None and self._store.up:
            await self._store.take_back(self._limit.key_for(*key), self._limit.get_expiry())
        else:
            self._own.take_back(key)


def shared_store(redis: RedisSettings) -> SharedStore | None:
    """None without Redis. The pool is our own, so that it can be closed.

    Raises:
        ConfigurationError: the URL cannot be understood.
    """
    if redis.url is None:
        return None
    url = redis.url.get_secret_value()
    if not url.startswith(("redis://", "rediss://")):
        raise ConfigurationError("redis.url: must be redis:// or rediss://")
    from redis.asyncio import ConnectionPool  # noqa: PLC0415 - takes memory that few need

    try:
        return SharedStore(
            ConnectionPool.from_url(
                url, socket_timeout=_ANSWER_SECONDS, socket_connect_timeout=_ANSWER_SECONDS
            )
        )
    except ValueError as error:
        raise ConfigurationError(f"redis.url: {error}") from None
