"""Limits by address, in memory and in Redis."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from typing import Any
from unittest.mock import AsyncMock

import pytest
from limits.aio.storage import RedisStorage
from pydantic import SecretStr
from structlog.testing import capture_logs

from dcrserver import shared_windows
from dcrserver.errors import InvalidClientMetadata, TooManyRequests
from dcrserver.logger import Logger
from dcrserver.rate_limit import RateLimiter, Uses, address_key
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
def logs(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """What is logged of the store, by a logger that keeps nothing of another test's settings."""
    monkeypatch.setattr(shared_windows, "_log", Logger(shared_windows.__name__))
    with capture_logs() as captured:
        yield captured


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
            async with limiter.open_registration(tenant, address, []):
                pass
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


async def test_what_is_told_of_a_window_is_what_is_left_of_it(
    limiter_of: MakeLimiter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever saw it begin knows its end; others ask Redis, once."""
    expiry = AsyncMock(return_value=time.time() + 10)
    monkeypatch.setattr(RedisStorage, "get_expiry", expiry)
    store, tenant = redis(), secrets.token_hex(4)
    first, second = [limiter_of(store, open_registration_total="9999/hour") for _ in range(2)]
    assert 50 < await _seconds_told(first, tenant) <= 60
    assert 50 < await _seconds_told(first, tenant) <= 60
    assert not expiry.await_count
    assert await _seconds_told(second, tenant) <= 10
    asked = expiry.await_count
    assert await _seconds_told(second, tenant) <= 10
    assert expiry.await_count == asked


async def _seconds_told(limiter: RateLimiter, tenant: str) -> float:
    uses: Uses = []
    async with limiter.open_registration(tenant, "192.0.2.1", uses):
        pass
    return uses[-1].ends_at - time.monotonic()


async def test_all_together_have_a_ceiling(limiter_of: MakeLimiter) -> None:
    limiter = limiter_of(IN_MEMORY, open_registration_total="2/minute")
    assert await hits(limiter, "t", "192.0.2.1", "192.0.2.2", "192.0.2.3") == [True, True, False]


@pytest.mark.finding("R9", "B4")
async def test_without_its_store_this_process_counts(
    limiter_of: MakeLimiter, logs: list[Any]
) -> None:
    away = RedisSettings(url=SecretStr("redis://127.0.0.1:1/0"))
    limiter = limiter_of(away, open_registration="1/minute")
    assert await hits(limiter, "t", "192.0.2.1", "192.0.2.1") == [True, False]
    assert [entry["event"] for entry in logs] == ["rate_limit_store_failed"]
    assert not limiter.store_up


@pytest.mark.finding("R9")
async def test_a_store_that_hangs_is_waited_for_once(
    limiter_of: MakeLimiter, monkeypatch: pytest.MonkeyPatch, logs: list[Any]
) -> None:
    monkeypatch.setattr(shared_windows, "_RETRY_SECONDS", 600.0)
    limiter = limiter_of(redis(), open_registration="50/minute")
    asked = AsyncMock(wraps=asyncio.Event().wait)
    monkeypatch.setattr(RedisStorage, "incr", lambda *_: asked())
    assert await hits(limiter, "t", *["192.0.2.1"] * 51) == [True] * 50 + [False]
    assert asked.await_count == 1
    assert len(logs) == 1


@pytest.mark.finding("R9")
async def test_a_store_that_is_back_is_used_again(
    limiter_of: MakeLimiter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_windows, "_RETRY_SECONDS", 0.0)
    limiter, tenant = limiter_of(redis(), open_registration="1/minute"), secrets.token_hex(4)
    with monkeypatch.context() as patch:
        patch.setattr(RedisStorage, "incr", AsyncMock(side_effect=OSError))
        assert await hits(limiter, tenant, "192.0.2.1") == [True]
        assert not limiter.store_up
    assert await hits(limiter, tenant, "192.0.2.1", "192.0.2.1") == [True, False]
    assert limiter.store_up


@pytest.mark.finding("B4")
async def test_a_store_that_is_away_is_told_at_the_start(
    limiter_of: MakeLimiter, logs: list[Any]
) -> None:
    await limiter_of(RedisSettings(url=SecretStr("redis://127.0.0.1:1/0"))).check()
    assert [entry["event"] for entry in logs] == ["rate_limit_store_failed"]


@pytest.mark.finding("R10")
async def test_a_clock_that_is_set_changes_no_limit(
    limiter_of: MakeLimiter, store: RedisSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    limiter, tenant = limiter_of(store, open_registration="1/minute"), secrets.token_hex(4)
    assert await hits(limiter, tenant, "192.0.2.1") == [True]
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - 3600)
    with pytest.raises(TooManyRequests) as refusal:
        async with limiter.open_registration(tenant, "192.0.2.1", []):
            pass
    assert 1 <= refusal.value.retry_after <= 60


async def test_what_is_refused_is_not_counted(
    limiter_of: MakeLimiter, store: RedisSettings
) -> None:
    limiter, tenant = limiter_of(store, open_registration="1/minute"), secrets.token_hex(4)
    for _ in range(3):
        with pytest.raises(InvalidClientMetadata):
            async with limiter.open_registration(tenant, "192.0.2.1", []):
                raise InvalidClientMetadata("refused")
    assert await hits(limiter, tenant, "192.0.2.1", "192.0.2.1") == [True, False]


async def test_attempts_have_a_wider_limit(limiter_of: MakeLimiter) -> None:
    limiter = limiter_of(IN_MEMORY, open_registration_attempts="2/minute")
    for _ in range(2):
        await limiter.attempt("t", "192.0.2.1", [])
    assert await hits(limiter, "t", "192.0.2.1", "192.0.2.2") == [False, True]


async def test_what_is_left_is_told(limiter_of: MakeLimiter, store: RedisSettings) -> None:
    limiter, tenant = limiter_of(store, open_registration="2/5minute"), secrets.token_hex(4)
    left: list[tuple[str, int]] = []
    for refused in (False, True, False, True):
        uses: Uses = []
        with suppress(TooManyRequests, InvalidClientMetadata):
            async with limiter.open_registration(tenant, "192.0.2.1", uses):
                if refused:
                    raise InvalidClientMetadata("refused")
        attempts, made = uses
        assert attempts.policy == '"open_registration_attempts";q=300;w=60'
        assert made.policy == '"open_registration";q=2;w=300'
        assert 0 < made.ends_at - time.monotonic() <= 300
        left.append((attempts.remaining, made.remaining))
    assert left == [(299, 1), (298, 1), (297, 0), (296, -1)]


async def test_a_refusal_says_until_when(limiter_of: MakeLimiter) -> None:
    limiter = limiter_of(IN_MEMORY, open_registration="1/hour", open_registration_total="2/hour")
    assert await hits(limiter, "t", "192.0.2.1") == [True]
    for address, reason in (("192.0.2.1", "from this address"), ("192.0.2.3", "of all together")):
        with pytest.raises(TooManyRequests) as refusal:
            async with limiter.open_registration("t", address, []):
                pass
        seconds = refusal.value.retry_after
        assert 3590 <= seconds <= 3600
        told = refusal.value.description
        assert told == f"too many registrations {reason}; try again in {seconds} s"
        await hits(limiter, "t", "192.0.2.2")


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
