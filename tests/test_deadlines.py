from __future__ import annotations

import asyncio

import pytest

from dcrserver.deadlines import Deadline

_SECONDS = 0.05


async def _work(deadline: Deadline, seconds: float) -> str:
    try:
        with deadline:
            await asyncio.sleep(seconds)
    except TimeoutError:
        return "late"
    return "done"


async def test_ends_what_takes_too_long_and_nothing_else() -> None:
    deadline, loop = Deadline(_SECONDS), asyncio.get_running_loop()
    started = loop.time()
    ends: list[float] = []

    async def one(delay: float, seconds: float) -> str:
        await asyncio.sleep(delay)
        came = await _work(deadline, seconds)
        ends.append(loop.time() - started)
        return came

    came = await asyncio.gather(
        one(0, 5), one(0, 0), one(_SECONDS / 2, 5), one(_SECONDS / 2, 0), one(4 * _SECONDS, 5)
    )
    assert came == ["late", "done", "late", "done", "late"]
    # Each had its whole time, and not much more.
    for measured, at_least in zip(ends[2:], [1, 1.5, 5], strict=True):
        assert at_least * _SECONDS * 0.9 <= measured <= (at_least + 5) * _SECONDS


async def test_a_task_goes_on_after_it_was_late() -> None:
    deadline = Deadline(_SECONDS)
    assert await _work(deadline, 5) == "late"
    assert await _work(deadline, 0) == "done"
    await asyncio.sleep(2 * _SECONDS)


async def test_who_is_cancelled_by_others_is_not_late() -> None:
    deadline = Deadline(_SECONDS)
    task = asyncio.create_task(_work(deadline, 5))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(2 * _SECONDS)


async def test_who_is_late_and_cancelled_is_cancelled() -> None:
    deadline = Deadline(_SECONDS)
    task = asyncio.create_task(_work(deadline, 5))
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_later(_SECONDS, task.cancel)
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_error_of_the_work_stays_what_it_is() -> None:
    with pytest.raises(ValueError, match="own"), Deadline(_SECONDS):
        raise ValueError("own")


def test_is_for_tasks() -> None:
    with pytest.raises(RuntimeError), Deadline(_SECONDS):
        pass
