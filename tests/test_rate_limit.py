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
from pydantic import SecretStr, ValidationError
from structlog.testing import capture_logs

from dcrserver import buckets, shared_buckets
from dcrserver.buckets import Buckets
from dcrserver.errors import InvalidClientMetadata, TooManyRequests
from dcrserver.limits import ROWS, Limits, Rate, Stage, Subject, address_key, rate_of
from dcrserver.rate_limit import RateLimiter, Registrant, Uses
from dcrserver.settings import (
    ConfigurationError,
    RateLimitSettings,
    RedisSettings,
    TenantRateLimitSettings,
)
from dcrserver.shared_buckets import SharedStore

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
def logs() -> Iterator[list[Any]]:
    """What is logged of the store."""
    with capture_logs() as captured:
        yield captured


class Limited:
    """A limiter, and what is limited at its tenants."""

    def __init__(self, store: RedisSettings, **limits: Any) -> None:
        self.limiter = RateLimiter(store)
        self.limits = Limits(RateLimitSettings(**limits).rates())

    def registrant(self, tenant: str, address: str | None, **more: Any) -> Registrant:
        return Registrant(self.limiter, self.limits, Subject(tenant, address, **more), [])

    async def register(
        self, tenant: str, address: str | None, *, refused: bool = False, software: str = ""
    ) -> Uses:
        """Where the caller stands then."""
        uses: Uses = []
        made = Registrant(self.limiter, self.limits, Subject(tenant, address), uses)
        with suppress(InvalidClientMetadata):
            async with made:
                made.attempt(Stage.OPEN_ATTEMPT)
                await made.charge(Stage.OPEN_MADE)
                await made.charge_software(software)
                if refused:
                    raise InvalidClientMetadata("refused")
        return uses


@pytest.fixture
async def limiter_of() -> AsyncIterator[Callable[..., Limited]]:
    """Makes limiters that are closed in the end."""
    made: list[Limited] = []

    def make(store: RedisSettings, **limits: Any) -> Limited:
        made.append(Limited(store, **limits))
        return made[-1]

    yield make
    for each in made:
        await each.limiter.close()


MakeLimiter = Callable[..., Limited]


async def hits(limited: Limited, tenant: str, *addresses: str | None, **more: Any) -> list[bool]:
    results = []
    for address in addresses:
        try:
            await limited.register(tenant, address, **more)
        except TooManyRequests as refusal:
            results.append(refusal.retry_after < 1)
        else:
            results.append(True)
    return results


async def test_each_address_has_its_own_limit(
    limiter_of: MakeLimiter, store: RedisSettings
) -> None:
    limited = limiter_of(store, open_registration="2/minute")
    tenant = secrets.token_hex(4)
    assert await hits(limited, tenant, "192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2") == [
        True, True, False, True,
    ]  # fmt: skip
    assert await hits(limited, secrets.token_hex(4), "192.0.2.1") == [True]


async def test_instances_share_what_redis_counts(limiter_of: MakeLimiter) -> None:
    store, tenant = redis(), secrets.token_hex(4)
    first, second = [limiter_of(store, open_registration="1/minute") for _ in range(2)]
    assert await hits(first, tenant, "192.0.2.1") == [True]
    assert await hits(second, tenant, "192.0.2.1") == [False]


async def test_what_is_told_of_a_window_is_what_is_left_of_it(limiter_of: MakeLimiter) -> None:
    """Whoever did not see it begin tells the same as who did: it is the clock of Redis."""
    store, tenant = redis(), secrets.token_hex(4)
    first, second = [limiter_of(store, open_registration="9/2second") for _ in range(2)]
    uses = await first.register(tenant, "192.0.2.1")
    ends_at = uses[-1].more_at
    assert 1.5 < ends_at - time.monotonic() <= 2
    later = await second.register(tenant, "192.0.2.1")
    assert later[-1].more_at == pytest.approx(ends_at, abs=0.3)
    assert later[-1].remaining == 7


@pytest.mark.parametrize(
    ("rate", "served"), [("2/second", [2, 2]), ("2/second burst 3", [3, 2]), ("1/second", [1, 1])]
)
async def test_what_was_used_comes_back(
    limiter_of: MakeLimiter,
    store: RedisSettings,
    monkeypatch: pytest.MonkeyPatch,
    rate: str,
    served: list[int],
) -> None:
    """All at once what is saved, then what each period brings."""
    limited, tenant = limiter_of(store, open_registration=rate), secrets.token_hex(4)
    found = []
    for _ in served:
        found.append(sum(await hits(limited, tenant, *["192.0.2.1"] * 5)))
        if store.url is None:
            now = time.monotonic()
            monkeypatch.setattr(time, "monotonic", lambda now=now: now + 1)
        else:
            await asyncio.sleep(1.05)
    assert found == served


@pytest.mark.finding("L1")
async def test_networks_have_a_wider_limit(limiter_of: MakeLimiter, store: RedisSettings) -> None:
    """Whoever has many /64s moves from one to the next; an IPv4 address is its own."""
    limited, tenant = limiter_of(store, open_registration_network="3/minute"), secrets.token_hex(4)
    moving = [f"2001:db8:{number:x}::1" for number in range(5)]
    assert await hits(limited, tenant, *moving) == [True, True, True, False, False]
    assert await hits(limited, tenant, "2001:db9::1", *(f"192.0.2.{n}" for n in range(9)))


async def test_all_together_have_a_ceiling(limiter_of: MakeLimiter, store: RedisSettings) -> None:
    tenant, addresses = secrets.token_hex(4), ["192.0.2.1", "192.0.2.2", "192.0.2.3"]
    for name in ("open_registration_total", "registration"):
        limited = limiter_of(store, **{name: "2/minute"})
        assert await hits(limited, tenant, *addresses) == [True, True, False]


@pytest.mark.finding("L4")
async def test_what_one_limit_refuses_uses_up_nothing_of_the_others(
    limiter_of: MakeLimiter, store: RedisSettings
) -> None:
    """Else whoever floods would use up what is there for all, with requests that are refused."""
    limited = limiter_of(store, open_registration="1/minute", open_registration_total="3/minute")
    tenant = secrets.token_hex(4)
    assert await hits(limited, tenant, *["192.0.2.1"] * 9) == [True] + [False] * 8
    assert await hits(limited, tenant, "192.0.2.2", "192.0.2.3", "192.0.2.4") == [True, True, False]


async def test_software_has_its_own_limit(limiter_of: MakeLimiter, store: RedisSettings) -> None:
    limited, tenant = limiter_of(store, software_id="1/minute"), secrets.token_hex(4)
    one, other = f"{tenant}-a", f"{tenant}-b" + "x" * 5000
    assert await hits(limited, tenant, "192.0.2.1", "192.0.2.2", software=one) == [True, False]
    assert await hits(limited, tenant, "192.0.2.1", "192.0.2.2", software=other) == [True, False]
    assert await hits(limited, tenant, "192.0.2.1", "192.0.2.2") == [True, True], "it has none"


@pytest.mark.finding("R9", "B4")
async def test_without_its_store_this_process_counts(
    limiter_of: MakeLimiter, logs: list[Any]
) -> None:
    away = RedisSettings(url=SecretStr("redis://127.0.0.1:1/0"))
    limited = limiter_of(away, open_registration="1/minute")
    assert await hits(limited, "t", "192.0.2.1", "192.0.2.1") == [True, False]
    assert [entry["event"] for entry in logs] == ["rate_limit_store_failed"]
    assert not limited.limiter.store_up


@pytest.mark.finding("R9")
async def test_a_store_that_hangs_is_waited_for_once(
    limiter_of: MakeLimiter, monkeypatch: pytest.MonkeyPatch, logs: list[Any]
) -> None:
    monkeypatch.setattr(shared_buckets, "_RETRY_SECONDS", 600.0)
    limited = limiter_of(redis(), open_registration="50/minute")
    asked = AsyncMock(wraps=asyncio.Event().wait)
    monkeypatch.setattr(SharedStore, "_call", lambda *_: asked())
    assert await hits(limited, "t", *["192.0.2.1"] * 51) == [True] * 50 + [False]
    assert asked.await_count == 1
    assert len(logs) == 1


@pytest.mark.finding("R9")
async def test_a_store_that_is_back_is_used_again(
    limiter_of: MakeLimiter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_buckets, "_RETRY_SECONDS", 0.0)
    limited, tenant = limiter_of(redis(), open_registration="1/minute"), secrets.token_hex(4)
    with monkeypatch.context() as patch:
        patch.setattr(SharedStore, "_call", AsyncMock(side_effect=OSError))
        assert await hits(limited, tenant, "192.0.2.1") == [True]
        assert not limited.limiter.store_up
    assert await hits(limited, tenant, "192.0.2.1", "192.0.2.1") == [True, False]
    assert limited.limiter.store_up


async def test_a_flood_that_is_refused_does_not_ask_the_store(
    limiter_of: MakeLimiter, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited, tenant = limiter_of(redis(), open_registration="1/hour"), secrets.token_hex(4)
    assert await hits(limited, tenant, "192.0.2.1", "192.0.2.1") == [True, False]
    with monkeypatch.context() as patch:
        asked = AsyncMock(side_effect=OSError)
        patch.setattr(SharedStore, "_call", asked)
        patch.setattr(shared_buckets, "_REFUSED_SECONDS", 600.0)
        assert await hits(limited, tenant, *["192.0.2.1"] * 99) == [False] * 99
        assert not asked.await_count
    assert await hits(limited, tenant, "192.0.2.2") == [True]


@pytest.mark.finding("B4")
async def test_a_store_that_is_away_is_told_at_the_start(
    limiter_of: MakeLimiter, logs: list[Any]
) -> None:
    await limiter_of(RedisSettings(url=SecretStr("redis://127.0.0.1:1/0"))).limiter.check()
    assert [entry["event"] for entry in logs] == ["rate_limit_store_failed"]


@pytest.mark.finding("R10")
async def test_a_clock_that_is_set_changes_no_limit(
    limiter_of: MakeLimiter, store: RedisSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited, tenant = limiter_of(store, open_registration="1/minute"), secrets.token_hex(4)
    assert await hits(limited, tenant, "192.0.2.1") == [True]
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - 3600)
    with pytest.raises(TooManyRequests) as refusal:
        await limited.register(tenant, "192.0.2.1")
    assert 1 <= refusal.value.retry_after <= 60


async def test_what_is_refused_is_not_counted(
    limiter_of: MakeLimiter, store: RedisSettings
) -> None:
    limited = limiter_of(store, open_registration="1/minute", software_id="1/minute")
    tenant = secrets.token_hex(4)
    for _ in range(3):
        assert await limited.register(tenant, "192.0.2.1", refused=True, software="s")
    assert await hits(limited, tenant, "192.0.2.1", "192.0.2.1", software="s") == [True, False]


async def test_who_was_refused_gets_what_another_gives_back(
    limiter_of: MakeLimiter, store: RedisSettings
) -> None:
    limited, tenant = limiter_of(store, open_registration="1/hour"), secrets.token_hex(4)
    first = limited.registrant(tenant, "192.0.2.1")
    with suppress(InvalidClientMetadata):
        async with first:
            await first.charge(Stage.OPEN_MADE)
            assert await hits(limited, tenant, "192.0.2.1") == [False]
            raise InvalidClientMetadata("refused")
    assert await hits(limited, tenant, "192.0.2.1", "192.0.2.1") == [True, False]


async def test_attempts_have_a_wider_limit(limiter_of: MakeLimiter) -> None:
    limited = limiter_of(
        IN_MEMORY,
        open_registration_attempts="2/minute",
        open_registration_network_attempts="3/minute",
    )
    for _ in range(2):
        limited.registrant("t", "2001:db8::1").attempt(Stage.OPEN_ATTEMPT)
    found = await hits(limited, "t", "2001:db8::2", "2001:db8:1::1", "2001:db8:2::1", "192.0.2.2")
    assert found == [False, True, False, True]


async def test_what_is_left_is_told(limiter_of: MakeLimiter, store: RedisSettings) -> None:
    limited, tenant = limiter_of(store, open_registration="2/5minute"), secrets.token_hex(4)
    left: list[tuple[int, int]] = []
    for refused in (False, True, False, True):
        try:
            uses = await limited.register(tenant, "192.0.2.1", refused=refused)
        except TooManyRequests as error:
            uses = error.uses  # type: ignore[assignment]
        attempts, made = uses
        assert attempts.policy == '"open_registration_attempts";q=300;w=60'
        assert made.policy == '"open_registration";q=2;w=300'
        assert 0 < made.more_at - time.monotonic() <= 300
        left.append((attempts.remaining, made.remaining))
    assert left == [(299, 1), (298, 1), (297, 0), (296, 0)]


async def test_a_refusal_says_until_when(limiter_of: MakeLimiter, store: RedisSettings) -> None:
    limited, tenant = (
        limiter_of(store, open_registration="1/hour", open_registration_total="2/hour"),
        secrets.token_hex(4),
    )
    assert await hits(limited, tenant, "192.0.2.1") == [True]
    for address, reason in (("192.0.2.1", "from this address"), ("192.0.2.3", "of all together")):
        with pytest.raises(TooManyRequests) as refusal:
            await limited.register(tenant, address)
        seconds = refusal.value.retry_after
        assert 3590 <= seconds <= 3600
        told = refusal.value.description
        assert told == f"too many registrations {reason}; try again in {seconds} s"
        await hits(limited, tenant, "192.0.2.2")


async def test_limits_can_be_switched_off(limiter_of: MakeLimiter) -> None:
    for limits in ({"enabled": False, "open_registration": "1/minute"}, {"open_registration": ""}):
        assert all(await hits(limiter_of(IN_MEMORY, **limits), "t", *["192.0.2.1"] * 5))


@pytest.mark.finding("L2")
def test_invented_keys_fill_no_memory_and_forget_nobody_who_comes_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(buckets, "_MAX_REMEMBERED", 100)
    counted, rate = Buckets(), rate_of("3/hour")
    counted.charge(("others", "t", ""), rate)
    for number in range(1000):
        counted.charge(("one", "t", str(number)), rate)
        left = counted.charge(("one", "t", "often"), rate).left
        assert left == max(-1, 2 - number)
    assert len(counted) == 101
    assert counted.charge(("others", "t", ""), rate).left == 1, "another limit's keys do not count"


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


@pytest.mark.finding("S23")
@pytest.mark.parametrize(
    "text",
    [
        "often", "60/minute;1/second", "60/minute, 1/second", "0/minute", "60", "60/0minute",
        "60/minute burst", "60/minute burst 10", "-1/minute", "1/fortnight", "60/minute burst -1",
        "9999999999/minute", "60/minutess", "1/minute burst 60 burst 70", "\u0661/minute",
    ],
)  # fmt: skip
def test_a_limit_is_one_limit(text: str) -> None:
    with pytest.raises(ValidationError, match="open_registration"):
        RateLimitSettings(open_registration=text)


def test_a_limit_is_written_as_people_write_it() -> None:
    written = {
        "60/minute": Rate(60, 60, 60), "5/10second": Rate(5, 10, 5), "2 per hour": Rate(2, 3600, 2),
        "1/second burst 60": Rate(1, 1, 60), " 10/Days ": Rate(10, 86400, 10),
    }  # fmt: skip
    assert {text: rate_of(text) for text in written} == written
    assert rate_of("2/second burst 5").window == 3


def test_each_limit_has_its_setting_and_a_tenant_those_that_are_its_own() -> None:
    own = {name for name, row in ROWS.items() if not row.of_all}
    assert TenantRateLimitSettings.model_fields.keys() == own
    assert RateLimitSettings.model_fields.keys() - ROWS == {"enabled", "failed_authentication"}
    rates = {"open_registration": Rate(1, 1, 1), "registration": Rate(2, 1, 2)}
    found = TenantRateLimitSettings(registration="", software_id="3/day").over(rates)
    assert found == {"open_registration": Rate(1, 1, 1), "software_id": Rate(3, 86400, 3)}


def test_mistakes_are_named() -> None:
    with pytest.raises(ConfigurationError, match=r"redis\.url"):
        RateLimiter(RedisSettings(url=SecretStr("ftp://x")))
