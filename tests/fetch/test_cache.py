"""What is remembered of fetched documents, and that one request serves all who wait for it."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from dcrserver.fetch import CachingFetcher, Document, FetchError
from dcrserver.settings import OutboundSettings

URL = "https://a.example/x"


class Counting:
    """Answers each URL with its number, after ``gate`` opens."""

    def __init__(self, max_age: int | None = None, size: int = 1) -> None:
        self.asked: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.max_age, self.size = max_age, size
        self.failing = False

    async def fetch(self, url: str) -> Document:
        self.asked.append(url)
        await self.gate.wait()
        if self.failing:
            raise FetchError("refused")
        body = str(len(self.asked)).encode().ljust(self.size)
        return Document(body, "application/json", self.max_age)


def caching(inner: Counting, **settings: Any) -> CachingFetcher:
    return CachingFetcher(inner, OutboundSettings(**settings))


async def test_a_document_is_remembered_and_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    inner, now = Counting(), 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    fetcher = caching(inner, cache_seconds=30)
    assert [(await fetcher.fetch(URL)).body for _ in range(3)] == [b"1"] * 3
    now += 29.9
    assert (await fetcher.fetch(URL)).body == b"1"
    now += 0.2
    assert (await fetcher.fetch(URL)).body == b"2"


@pytest.mark.parametrize(("max_age", "lives"), [(0, 0), (10, 10), (100000, 300), (None, 30)])
async def test_its_server_says_for_how_long(
    monkeypatch: pytest.MonkeyPatch, max_age: int | None, lives: int
) -> None:
    inner, now = Counting(max_age), 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    fetcher = caching(inner)
    await fetcher.fetch(URL)
    now += max(lives - 0.5, 0)
    await fetcher.fetch(URL)
    assert len(inner.asked) == (1 if lives else 2)
    now += 1
    await fetcher.fetch(URL)
    assert len(inner.asked) == (2 if lives else 3)


async def test_a_failure_is_remembered_shortly(monkeypatch: pytest.MonkeyPatch) -> None:
    inner, now = Counting(), 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    inner.failing = True
    fetcher = caching(inner)
    for _ in range(3):
        with pytest.raises(FetchError, match="refused"):
            await fetcher.fetch(URL)
    assert len(inner.asked) == 1
    inner.failing = False
    now += 5.1
    assert (await fetcher.fetch(URL)).body == b"2"


async def test_what_is_older_than_wanted_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    inner, now = Counting(), 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    fetcher = caching(inner)
    await fetcher.fetch(URL)
    assert (await fetcher.fetch(URL, newer_than=0.0)).body == b"1"
    now += 1
    assert (await fetcher.fetch(URL, newer_than=0.5)).body == b"2"
    assert (await fetcher.fetch(URL, newer_than=0.5)).body == b"2"


async def test_those_who_wait_share_one_request() -> None:
    inner = Counting()
    inner.gate.clear()
    fetcher = caching(inner)
    waiting = [asyncio.create_task(fetcher.fetch(URL)) for _ in range(50)]
    other = asyncio.create_task(fetcher.fetch(f"{URL}2"))
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.sleep(0)
    inner.gate.set()
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(found[0], asyncio.CancelledError)
    assert {document.body for document in found[1:] if isinstance(document, Document)} == {b"2"}
    await other
    assert sorted(inner.asked) == [URL, f"{URL}2"]


async def test_a_failure_is_shared() -> None:
    inner = Counting()
    inner.failing = True
    inner.gate.clear()
    fetcher = caching(inner, cache_failure_seconds=0)
    waiting = [asyncio.create_task(fetcher.fetch(URL)) for _ in range(5)]
    await asyncio.sleep(0)
    inner.gate.set()
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert [str(error) for error in found] == ["refused"] * 5
    assert len(inner.asked) == 1


async def test_the_memory_is_bounded_by_number() -> None:
    inner = Counting()
    fetcher = caching(inner, cache_entries=3)
    for number in (1, 2, 3, 1, 4):  # 2 is the one that nobody asked for again
        await fetcher.fetch(f"{URL}{number}")
    inner.asked.clear()
    for number in (1, 3, 4, 2):
        await fetcher.fetch(f"{URL}{number}")
    assert inner.asked == [f"{URL}2"]


async def test_the_memory_is_bounded_by_octets() -> None:
    inner = Counting(size=100)
    fetcher = caching(inner, cache_bytes=250)
    for number in range(5):
        await fetcher.fetch(f"{URL}{number}")
    inner.asked.clear()
    for number in (3, 4, 2):
        await fetcher.fetch(f"{URL}{number}")
    assert inner.asked == [f"{URL}2"]
    inner.size = 251  # more than there is room for
    await fetcher.fetch(f"{URL}big")
    inner.asked.clear()
    await fetcher.fetch(f"{URL}4")
    await fetcher.fetch(f"{URL}big")
    assert inner.asked == [f"{URL}big"]


async def test_closing_gives_up_what_runs() -> None:
    inner = Counting()
    inner.gate.clear()
    fetcher = caching(inner)
    waiting = asyncio.create_task(fetcher.fetch(URL))
    await asyncio.sleep(0)
    await fetcher.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_who_has_an_old_document_does_not_wait_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Once it is there, the newer one counts; who may have no old one waits."""
    inner, ahead, real = Counting(), 0.0, time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: real() + ahead)
    fetcher = caching(inner)
    assert (await fetcher.fetch(URL, stale=True, patience=0.01)).body == b"1"
    ahead += 60
    inner.gate.clear()
    for _ in range(3):
        assert (await fetcher.fetch(URL, stale=True, patience=0.01)).body == b"1"
    waiting = asyncio.create_task(fetcher.fetch(URL, patience=0.01))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    inner.gate.set()
    assert (await waiting).body == b"2"
    assert (await fetcher.fetch(URL, stale=True, patience=0.01)).body == b"2"
    assert inner.asked == [URL] * 2


async def test_a_document_that_is_too_old_is_no_reason_not_to_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inner, ahead, real = Counting(), 0.0, time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: real() + ahead)
    fetcher = caching(inner, stale_seconds=100)
    await fetcher.fetch(URL)
    ahead += 101
    inner.gate.clear()
    waiting = asyncio.create_task(fetcher.fetch(URL, stale=True, patience=0.01))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    inner.gate.set()
    assert (await waiting).body == b"2"
