from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from dcrserver.batching import LoopBatcher


async def test_what_is_asked_for_in_one_pass_is_done_together() -> None:
    done: list[str] = []

    @contextmanager
    def around() -> Iterator[None]:
        done.append("begin")
        yield
        done.append("end")

    def do(work: int) -> int:
        done.append(str(work))
        return -work

    batcher = LoopBatcher(do, around)

    async def ask(work: int) -> int:
        return await batcher.ask(work)

    assert await asyncio.gather(ask(1), ask(2), ask(3)) == [-1, -2, -3]
    assert await ask(4) == -4
    assert done == ["begin", "1", "2", "3", "end", "begin", "4", "end"]


async def test_what_fails_fails_alone() -> None:
    batcher = LoopBatcher(lambda work: 1 // work)
    results = await asyncio.gather(*map(batcher.ask, [1, 0, 1]), return_exceptions=True)
    assert results[::2] == [1, 1]
    assert isinstance(results[1], ZeroDivisionError)


async def test_what_fails_around_fails_for_those_who_still_wait() -> None:
    @contextmanager
    def around() -> Iterator[None]:
        raise OSError
        yield

    batcher = LoopBatcher(lambda work: work, around)
    asked = [batcher.ask(1), batcher.ask(2)]
    asked[0].cancel()
    with pytest.raises(OSError):  # noqa: PT011 - there is no more to it
        await asked[1]


async def test_what_was_cancelled_is_not_done() -> None:
    done: list[int] = []
    batcher = LoopBatcher(done.append)
    asked = [batcher.ask(work) for work in (1, 2)]
    asked[0].cancel()
    await asked[1]
    assert done == [2]
