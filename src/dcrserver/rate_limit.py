"""How often an address may do things (POL-47). In memory, or in Redis for several instances."""

from __future__ import annotations

import ipaddress
import time
from typing import TYPE_CHECKING

import structlog
from limits import RateLimitItem, parse_many
from limits.aio.storage import MemoryStorage, RedisStorage, Storage
from limits.aio.strategies import FixedWindowRateLimiter

from dcrserver.errors import TooManyRequests
from dcrserver.settings import ConfigurationError, RateLimitSettings, RedisSettings
from dcrserver.text_cache import text_cache

if TYPE_CHECKING:
    from redis.asyncio import ConnectionPool

_log = structlog.get_logger(__name__)
_IPV6_PREFIX = 64
_REDIS_SECONDS = 1.0


class RateLimiter:
    """Counts hits against named limits."""

    def __init__(self, settings: RateLimitSettings, redis: RedisSettings) -> None:
        """
        Raises:
            ConfigurationError: a limit or the Redis URL cannot be understood.
        """
        self._enabled = settings.enabled
        self._limits = {
            name: limit_of(name, getattr(settings, name))
            for name in ("open_registration", "open_registration_total")
        }
        self._connections = _connections(redis)
        self._strategy = FixedWindowRateLimiter(_storage(self._connections))

    async def close(self) -> None:
        if self._connections is not None:
            await self._connections.aclose()

    async def open_registration(self, tenant: str, address: str | None) -> None:
        """
        Raises:
            TooManyRequests: the address, or all together, registered enough for now.
        """
        if not self._enabled:
            return
        await self._hit("open_registration", tenant, address_key(address))
        await self._hit("open_registration_total", tenant)

    async def _hit(self, name: str, *keys: str) -> None:
        limit = self._limits[name]
        try:
            if await self._strategy.hit(limit, name, *keys):
                return
            resets = (await self._strategy.get_window_stats(limit, name, *keys)).reset_time
        except Exception as error:  # noqa: BLE001 - whatever the store's driver raises
            # A limit is a ceiling, not a lock: without its store registrations go on.
            _log.warning("rate_limit_store_failed", error=str(error))
            return
        raise TooManyRequests(
            "too many registrations; try again later",
            retry_after=max(1, int(resets - time.time())),
        )


def address_key(address: str | None) -> str:
    """What counts as one caller: an IPv4 address, or the /64 an IPv6 address is from."""
    return _address_key(address or "")


@text_cache(entries=4096, longest=64)
def _address_key(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.IPv6Network((parsed, _IPV6_PREFIX), strict=False))
    return str(parsed)


def limit_of(name: str, text: str) -> RateLimitItem:
    """
    Raises:
        ConfigurationError: ``text`` is not one limit such as 60/minute.
    """
    try:
        found = parse_many(text)
    except ValueError as error:
        raise ConfigurationError(f"rate_limits.{name}: {error}") from None
    if len(found) > 1:
        raise ConfigurationError(f"rate_limits.{name}: must be one limit, such as 60/minute")
    if found[0].amount < 1 or found[0].multiples < 1:
        raise ConfigurationError(f"rate_limits.{name}: must allow at least one")
    return found[0]


def _connections(redis: RedisSettings) -> ConnectionPool | None:
    """A pool of our own, so that it can be closed; a Redis that hangs must not hang us."""
    if redis.url is None:
        return None
    url = redis.url.get_secret_value()
    if not url.startswith(("redis://", "rediss://")):
        raise ConfigurationError("redis.url: must be redis:// or rediss://")
    from redis.asyncio import ConnectionPool  # noqa: PLC0415 - takes memory that few need

    try:
        return ConnectionPool.from_url(
            url, socket_timeout=_REDIS_SECONDS, socket_connect_timeout=_REDIS_SECONDS
        )
    except ValueError as error:
        raise ConfigurationError(f"redis.url: {error}") from None


def _storage(connections: ConnectionPool | None) -> Storage:
    if connections is None:
        return MemoryStorage()
    return RedisStorage(
        "async+redis://",
        implementation="redispy",
        connection_pool=connections,  # type: ignore[arg-type]  # documented, typed too narrow
    )
