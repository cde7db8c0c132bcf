"""Work beside the requests: it ends when it is told to."""

from __future__ import annotations

import asyncio

from dcrserver.background import running


async def test_a_cancellation_that_was_kept_by_a_commit_is_said_again() -> None:
    begun = asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:  # as a commit that has begun does
            await asyncio.sleep(0.01)
        await asyncio.sleep(60)

    async with asyncio.timeout(5) as limit:
        async with running("work", work):
            await begun.wait()
    assert not limit.expired()
