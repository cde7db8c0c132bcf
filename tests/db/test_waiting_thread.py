"""The thread that waits for the disk: work in its order, errors to those who wait."""

from __future__ import annotations

import asyncio
import threading

import pytest

from dcrserver.db.protocol.drivers.sqlite_thread import WaitingThread


async def test_it_does_one_after_the_other_beside_the_loop_and_ends_when_all_is_done() -> None:
    done: list[int] = []
    may_begin = threading.Event()
    thread = WaitingThread("probe")
    first = thread.do(may_begin.wait)
    others = [thread.do(lambda number=number: done.append(number)) for number in range(3)]
    others[1].cancel()  # whoever gives up does not end it
    may_begin.set()
    await asyncio.gather(first, *others, return_exceptions=True)
    last = thread.do(lambda: done.append(3))
    thread.close()
    assert done == [0, 1, 2, 3]
    await last


async def test_who_waits_is_told_what_went_wrong_and_the_next_one_fares_well() -> None:
    thread = WaitingThread("probe")
    with pytest.raises(ZeroDivisionError):
        await thread.do(lambda: 1 / 0)
    await thread.do(list)
    thread.close()


async def test_one_that_was_never_used_has_no_thread_to_wait_for() -> None:
    before = threading.active_count()
    WaitingThread("probe").close()
    assert threading.active_count() == before
