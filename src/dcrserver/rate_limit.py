"""How often an address may do things (POL-47). In memory, or in Redis for several instances."""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import TypeAlias

from limits import RateLimitItem, parse_many

from dcrserver.caches import bounded_cache
from dcrserver.errors import TooManyRequests
from dcrserver.fixed_windows import seconds_until
from dcrserver.settings import ConfigurationError, RateLimitSettings, RedisSettings
from dcrserver.shared_windows import SharedStore, SharedWindows, shared_store

_IPV6_PREFIX = 64
_TOO_MANY = {
    "open_registration": "too many registrations from this address",
    "open_registration_attempts": "too many attempts to register from this address",
    "open_registration_total": "too many registrations of all together",
}


@dataclass(slots=True)
class Use:
    """Where a caller stands with a limit: what is left of it (less than none: refused), until when.

    ``policy``: the limit as RateLimit-Policy has it (draft-ietf-httpapi-ratelimit-headers 3).
    """

    name: str
    policy: str
    remaining: int
    ends_at: float


Uses: TypeAlias = list[Use]


class RateLimiter:
    """Counts open registrations against named limits."""

    def __init__(self, settings: RateLimitSettings, redis: RedisSettings) -> None:
        """
        Raises:
            ConfigurationError: a limit or the Redis URL cannot be understood.
        """
        self._enabled = settings.enabled
        self._store = shared_store(redis)
        self._attempts = self._limit(settings, "open_registration_attempts", None)
        self._of_address = self._limit(settings, "open_registration", self._store)
        self._of_all = self._limit(settings, "open_registration_total", self._store)

    @property
    def store_up(self) -> bool:
        """Whether all instances count together, as far as is known; also without any store."""
        return self._store is None or self._store.up

    def refused(self) -> dict[str, int]:
        """By limit, how often it was used up."""
        return {
            each.name: each.refused for each in (self._attempts, self._of_address, self._of_all)
        }

    async def check(self) -> None:
        """Asks the store, if there is one, so that the log tells at once that it is away."""
        if self._enabled and self._store is not None:
            await self._store.check()

    async def not_ready_reason(self) -> str | None:
        """Why the store cannot be used; None when it can, or there is none."""
        return None if self._store is None else await self._store.not_ready_reason()

    async def close(self) -> None:
        if self._store is not None:
            await self._store.close()

    async def attempt(self, tenant: str, address: str | None, uses: Uses) -> None:
        """Counts what may be refused, or makes nothing; this process alone counts it.

        ``uses`` gets where the address stands with its limits, as the methods below do it.

        Raises:
            TooManyRequests: the address asked enough for now.
        """
        if self._enabled:
            await self._attempts.hit(uses, tenant, address_key(address))

    def open_registration(
        self, tenant: str, address: str | None, uses: Uses
    ) -> AbstractAsyncContextManager[None]:
        """Around a registration: it counts from its beginning, and no longer if it is refused.

        Raises:
            TooManyRequests: the address, or all together, registered enough for now.
        """
        return self._counted(tenant, address, uses) if self._enabled else nullcontext()

    @asynccontextmanager
    async def _counted(self, tenant: str, address: str | None, uses: Uses) -> AsyncIterator[None]:
        await self.attempt(tenant, address, uses)
        # How many others make is not for everybody to know.
        async with (
            self._of_address.made(uses, tenant, address_key(address)),
            self._of_all.made([], tenant),
        ):
            yield

    @staticmethod
    def _limit(settings: RateLimitSettings, name: str, store: SharedStore | None) -> _Limit:
        return _Limit(name, limit_of(name, getattr(settings, name)), store)


class _Limit:
    def __init__(self, name: str, limit: RateLimitItem, store: SharedStore | None) -> None:
        self.name = name
        self.refused = 0
        self._allowed = limit.amount
        self._policy = f'"{name}";q={limit.amount};w={limit.get_expiry()}'
        self._windows = SharedWindows(limit, store)

    async def hit(self, uses: Uses, *keys: str) -> Use:
        """
        Raises:
            TooManyRequests: it is used up.
        """
        count, ends_at = await self._windows.count((self.name, *keys))
        use = Use(self.name, self._policy, self._allowed - count, ends_at)
        uses.append(use)
        if use.remaining < 0:
            self.refused += 1
            raise TooManyRequests(_TOO_MANY[self.name], retry_after=seconds_until(ends_at))
        return use

    @asynccontextmanager
    async def made(self, uses: Uses, *keys: str) -> AsyncIterator[None]:
        """Around what counts if it succeeds. What is cancelled may have been done: it counts."""
        use = None
        try:
            use = await self.hit(uses, *keys)
            yield
        except Exception:
            await self._windows.take_back((self.name, *keys))
            if use is not None:
                use.remaining += 1
            raise


def address_key(address: str | None) -> str:
    """What counts as one caller: an IPv4 address, or the /64 an IPv6 address is from."""
    return _address_key(address or "")


@bounded_cache(entries=4096, longest=64)
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
    """The limit that a setting means, such as 60/minute.

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
