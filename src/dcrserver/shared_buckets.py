"""The same counts for several instances, in Redis; by this process alone while Redis is away."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypeVar

from dcrserver.buckets import BucketKey, Level
from dcrserver.limits import Rate
from dcrserver.logger import Logger
from dcrserver.settings import ConfigurationError, RedisSettings

if TYPE_CHECKING:
    from redis.asyncio import Redis

_log = Logger(__name__)
_T = TypeVar("_T")
# A request waits so long for Redis, once.
_ANSWER_SECONDS = 0.3
# Then nobody does; one request tries again so often.
_RETRY_SECONDS = 5.0
_LOG_SECONDS = 60.0
# Who was refused is refused again for so long without asking: a flood costs Redis nothing.
_REFUSED_SECONDS = 1.0
# Those who are, so many at most.
_MAX_REMEMBERED = 10_000
# All of them or none: what is refused by one limit uses up nothing of the others. By the clock of
# Redis, so that no instance's matters; an instance that is killed leaves nothing half done.
_SCRIPT = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local cost = tonumber(ARGV[1])
local state, told, refused = {}, {}, false
for i, key in ipairs(KEYS) do
  local units, period, burst = tonumber(ARGV[3*i-1]), tonumber(ARGV[3*i]), tonumber(ARGV[3*i+1])
  local kept = redis.call('HMGET', key, 'used', 'since')
  local used, since = tonumber(kept[1]) or 0, tonumber(kept[2]) or now
  if since > now then since = now end
  local periods = math.floor((now - since) / period)
  used, since = used - periods * units, since + periods * period
  if used <= 0 then used, since = 0, now end
  local left, wait = burst - used - 1, since + period - now
  if left < 0 then
    refused, left = true, -1
    wait = since + math.ceil((used + 1 - burst) / units) * period - now
  end
  state[i] = {used, since, period * math.ceil((used + 1) / units)}
  told[2*i-1], told[2*i] = left, wait
end
if cost > 0 and refused then
  for i = 1, #KEYS do if told[2*i-1] >= 0 then told[2*i-1] = told[2*i-1] + 1 end end
  return told
end
for i, key in ipairs(KEYS) do
  local used = state[i][1] + cost
  if used <= 0 then
    redis.call('DEL', key)
  else
    redis.call('HSET', key, 'used', used, 'since', state[i][2])
    redis.call('PEXPIREAT', key, state[i][2] + state[i][3])
  end
end
return told
"""
_TAKE, _GIVE_BACK = 1, -1

# What is charged, and how much of that there is.
Charges: TypeAlias = Sequence[tuple[BucketKey, Rate]]
# Where each of them stands, as far as it was asked.
Levels: TypeAlias = Sequence[Level | None]


class _Refused(NamedTuple):
    level: Level
    ask_again_at: float


class SharedStore:
    """Redis behind a breaker: who finds it away tells all others."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._script = redis.register_script(_SCRIPT)
        self.up = True
        self._retry_at = 0.0
        self._log_at = 0.0
        self._refused: OrderedDict[BucketKey, _Refused] = OrderedDict()

    async def close(self) -> None:
        """Ends its connections."""
        await self._redis.aclose()
        await self._redis.connection_pool.aclose()

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

    async def charge(self, charges: Charges) -> Levels | None:
        """Takes one of each, or of none where one is refused; None while it is away."""
        for number, (key, _) in enumerate(charges):
            if (refused := self._refused.get(key)) is not None:
                if refused.ask_again_at > time.monotonic():
                    untold: list[Level | None] = [None] * len(charges)
                    return [*untold[:number], refused.level, *untold[number + 1 :]]
                del self._refused[key]
        told = await self._ask(partial(self._call, charges, _TAKE))
        if told is None:
            return None
        now = time.monotonic()
        levels = [
            Level(left, now + wait / 1000) for left, wait in zip(told[::2], told[1::2], strict=True)
        ]
        for (key, _), level in zip(charges, levels, strict=True):
            if level.left < 0:
                self._refused[key] = _Refused(level, min(level.more_at, now + _REFUSED_SECONDS))
                if len(self._refused) > _MAX_REMEMBERED:
                    self._refused.popitem(last=False)
        return levels

    async def take_back(self, charges: Charges) -> None:
        """As if what ``charge`` took had not been taken."""
        for key, _ in charges:
            self._refused.pop(key, None)
        await self._ask(partial(self._call, charges, _GIVE_BACK))

    async def _call(self, charges: Charges, cost: int) -> list[int]:
        values = [cost]
        for _, rate in charges:
            values += (rate.units, rate.seconds * 1000, rate.burst)
        # No name of a limit or a tenant holds a colon.
        answer: list[int] = await self._script(
            [f"dcrserver:{':'.join(key)}" for key, _ in charges], values
        )
        return answer

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
    from redis.asyncio import ConnectionPool, Redis  # noqa: PLC0415 - takes memory that few need

    try:
        pool = ConnectionPool.from_url(
            url, socket_timeout=_ANSWER_SECONDS, socket_connect_timeout=_ANSWER_SECONDS
        )
    except ValueError as error:
        raise ConfigurationError(f"redis.url: {error}") from None
    return SharedStore(Redis(connection_pool=pool))
