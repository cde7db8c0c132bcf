"""Work beside the requests: it ends when it is told to."""

from __future__ import annotations

import asyncio
from typing import Any

from dcrserver.background import running
from dcrserver.db.protocol.coalescing import Coalescer


async def test_work_ends_after_the_commit_that_it_is_in() -> None:
    begun, may_end = asyncio.Event(), asyncio.Event()
    told: list[str] = []

    async def write(_: None, batch: Any) -> Any:
        begun.set()
        await may_end.wait()
        return batch

    async def work() -> None:
        told.append(await coalescer.commit("it is there"))
        await asyncio.sleep(60)

    coalescer: Coalescer[str] = Coalescer(write)
    async with asyncio.timeout(5) as limit:
        async with running("work", work):
            await begun.wait()
            asyncio.get_running_loop().call_later(0.01, may_end.set)
    assert told == ["it is there"]
    assert not limit.expired()
