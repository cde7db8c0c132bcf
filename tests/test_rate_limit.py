"""Limits by address, in memory and in Redis."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from pydantic import SecretStr

from dcrserver.errors import TooManyRequests
from dcrserver.rate_limit import RateLimiter, address_key
from dcrserver.settings import ConfigurationError, RateLimitSettings, RedisSettings

IN_MEMORY = RedisSettings()


def redis() -> RedisSettings:
    url = os.environ.get("DCR_TEST_REDIS_URL")
    if url is None:
        pytest.skip("DCR_TEST_REDIS_URL is not set: no Redis to test with")
    return RedisSettings(url=SecretStr(url))


@pytest.fixture(params=["memory", "redis"])
def store(request: pytest.FixtureRequest) -> RedisSettings:
    return IN_MEMORY if request.param == "memory" else redis()


@pytest.fixture
async def limiter_of() -> AsyncIterator[Callable[..., RateLimiter]]:
    """Makes limiters that are closed in the end."""
    made: list[RateLimiter] = []

    def make(store: RedisSettings, **limits: Any) -> RateLimiter:
        made.append(RateLimiter(RateLimitSettings(**limits), store))
        return made[-1]

    yield make
    for limiter in made:
        await limiter.close()


async def hits(limiter: RateLimiter, tenant: str, *addresses: str | None) -> list[bool]:
    results = []
    for address in addresses:
        try:
            await limiter.open_registration(tenant, address)
        except TooManyRequests as refusal:
            results.append(refusal.retry_after < 1)
        else:
            results.append(True)
    return results


MakeLimiter = Callable[..., RateLimiter]


async def test_each_address_has_its_own_limit(
    limiter_of: MakeLimiter, store: RedisSettings
) -> None:
    limiter = limiter_of(store, open_registration="2/minute")
    tenant = secrets.token_hex(4)
    assert await hits(limiter, tenant, "192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2") == [
        True, True, False, True,
    ]  # fmt: skip
    assert await hits(limiter, secrets.token_hex(4), "192.0.2.1") == [True]


async def test_instances_share_what_redis_counts(limiter_of: MakeLimiter) -> None:
    store, tenant = redis(), secrets.token_hex(4)
    first, second = [limiter_of(store, open_registration="1/minute") for _ in range(2)]
    assert await hits(first, tenant, "192.0.2.1") == [True]
    assert await hits(second, tenant, "192.0.2.1") == [False]


async def test_all_together_have_a_ceiling(limiter_of: MakeLimiter) -> None:
    limiter = limiter_of(IN_MEMORY, open_registration_total="2/minute")
    assert await hits(limiter, "t", "192.0.2.1", "192.0.2.2", "192.0.2.3") == [True, True, False]


async def test_without_its_store_registrations_go_on(limiter_of: MakeLimiter) -> None:
    away = RedisSettings(url=SecretStr("redis://127.0.0.1:1/0"))
    limiter = limiter_of(away, open_registration="1/minute")
    assert await hits(limiter, "t", "192.0.2.1", "192.0.2.1") == [True, True]


async def test_limits_can_be_switched_off(limiter_of: MakeLimiter) -> None:
    limiter = limiter_of(IN_MEMORY, enabled=False, open_registration="1/minute")
    assert all(await hits(limiter, "t", *["192.0.2.1"] * 5))


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("testclient", "unknown"),
        (None, "unknown"),
    ],
)
def test_what_counts_as_one_caller(address: str | None, key: str) -> None:
    assert address_key(address) == key


def test_mistakes_are_named() -> None:
    with pytest.raises(ConfigurationError, match=r"rate_limits\.open_registration:"):
        RateLimiter(RateLimitSettings(open_registration="often"), IN_MEMORY)
    with pytest.raises(ConfigurationError, match=r"redis\.url"):
        RateLimiter(RateLimitSettings(), RedisSettings(url=SecretStr("ftp://x")))


@pytest.mark.finding("S23")
@pytest.mark.parametrize(
    "text", ["60/minute;1/second", "60/minute, 1/second", "0/minute", "", "60"]
)
def test_a_limit_is_one_limit(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"rate_limits\.open_registration: "):
        RateLimiter(RateLimitSettings(open_registration=text), IN_MEMORY)
