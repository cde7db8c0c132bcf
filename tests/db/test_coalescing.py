"""Work that waits shares a commit: who is told what, whatever goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from unittest.mock import MagicMock

import pytest

from dcrserver.db.failures import Absent, AlreadyThere, DatabaseAway, Locked, Lost
from dcrserver.db.protocol import coalescing
from dcrserver.db.protocol.coalescing import Coalescer


async def test_waiting_inserts_share_a_commit() -> None:
    batches: list[int] = []

    async def write(_: None, inserts: Any) -> Any:
        await asyncio.sleep(0)
        batches.append(len(inserts))
        return [None] * len(inserts)

    coalescer = Coalescer(write)
    await asyncio.gather(*(coalescer.commit([_insert()]) for _ in range(100)))
    assert sum(batches) == 100
    assert len(batches) < 10


async def test_an_absent_database_is_asked_once_for_a_batch() -> None:
    """Each of many attempts would wait for its own time limit."""
    asked: list[int] = []
    release = asyncio.Event()

    async def write(_: None, inserts: Any) -> Any:
        await release.wait()
        asked.append(len(inserts))
        raise Absent("database is locked")

    coalescer = Coalescer(write)
    tasks = [asyncio.create_task(coalescer.commit([_insert()]))]
    await asyncio.sleep(0.01)  # it is being written while the others queue up
    tasks += [asyncio.create_task(coalescer.commit([_insert()])) for _ in range(19)]
    await asyncio.sleep(0)
    release.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(result) for result in results} == {Absent}
    assert asked == [1, 19]


async def test_an_answer_lost_on_commit_is_not_tried_again() -> None:
    """The rows may be there: a second attempt would find them and blame the clients."""
    written: list[int] = []

    async def write(_: None, inserts: Any) -> Any:
        written.append(len(inserts))
        raise Absent("gone")

    coalescer = Coalescer(write)
    tasks = [asyncio.create_task(coalescer.commit([_insert()])) for _ in range(5)]
    await asyncio.gather(*tasks, return_exceptions=True)
    assert sum(written) == 5


async def test_what_was_cancelled_before_its_turn_is_not_written() -> None:
    written: list[int] = []
    release = asyncio.Event()

    async def write(_: None, inserts: Any) -> Any:
        await release.wait()
        written.append(len(inserts))
        return [None] * len(inserts)

    coalescer = Coalescer(write)
    tasks = [asyncio.create_task(coalescer.commit([_insert()]))]
    await asyncio.sleep(0.01)
    tasks += [asyncio.create_task(coalescer.commit([_insert()])) for _ in range(3)]
    await asyncio.sleep(0)
    for task in tasks[1:3]:
        task.cancel()
    await asyncio.sleep(0)
    release.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert written == [1, 1]


async def test_a_cancelled_request_does_not_disturb_the_others() -> None:
    release = asyncio.Event()

    async def write(_: None, batch: Any) -> Any:
        await release.wait()
        return [None] * len(batch)

    coalescer = Coalescer(write)
    tasks = [asyncio.create_task(coalescer.commit([_insert()])) for _ in range(3)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    release.set()
    await asyncio.gather(*tasks[1:])
    await coalescer.drain()
    assert tasks[0].cancelled()


async def _cancel_while_it_is_written(task: asyncio.Task[Any]) -> None:
    for _ in range(3):  # it queues, and is taken
        await asyncio.sleep(0)
    task.cancel()


@pytest.mark.finding("R8")
async def test_who_is_cancelled_during_a_commit_is_told_its_outcome_and_then_cancelled() -> None:
    """Else whoever does one thing after the other would go on as if nobody had asked it to end."""
    release, told = asyncio.Event(), []

    async def write(_: None, batch: Any) -> Any:
        await release.wait()
        return batch

    async def one_after_the_other() -> None:
        while len(told) < 100:
            told.append(await coalescer.commit(len(told)))

    coalescer: Coalescer[int] = Coalescer(write)
    task = asyncio.create_task(one_after_the_other())
    await _cancel_while_it_is_written(task)
    release.set()
    await asyncio.wait([task])
    assert task.cancelled()
    assert told == [0]


@pytest.mark.finding("R8")
async def test_who_is_cancelled_again_and_again_is_told_the_outcome() -> None:
    release = asyncio.Event()

    async def write(_: None, batch: Any) -> Any:
        await release.wait()
        return batch

    coalescer: Coalescer[int] = Coalescer(write)
    task = asyncio.create_task(coalescer.commit(7))
    for _ in range(3):
        await _cancel_while_it_is_written(task)
        await asyncio.sleep(0)
    release.set()
    assert await task == 7


async def test_who_waits_is_told_when_the_commit_itself_is_cut_off() -> None:
    """As the end of the event loop does with all there is."""

    async def write(_: None, batch: Any) -> Any:
        return await asyncio.Event().wait() and batch

    coalescer: Coalescer[int] = Coalescer(write)
    task = asyncio.create_task(coalescer.commit(7))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for each in others:
        each.cancel()
    await asyncio.wait(others)
    with pytest.raises(Absent, match="the server ends"):
        await task


async def test_a_failed_commit_is_told_and_then_its_caller_is_cancelled() -> None:
    release, told = asyncio.Event(), []

    async def write(_: None, batch: Any) -> Any:
        await release.wait()
        raise AlreadyThere(batch)

    async def again_and_again() -> None:
        for number in range(100):
            with suppress(AlreadyThere):
                told.append(number)
                await coalescer.commit(number)

    coalescer: Coalescer[int] = Coalescer(write)
    task = asyncio.create_task(again_and_again())
    await _cancel_while_it_is_written(task)
    release.set()
    await asyncio.wait([task])
    assert task.cancelled()
    assert told == [0, 1], "the second was not begun"


@pytest.mark.parametrize("is_ending", [False, True], ids=["at work", "cancelled before"])
async def test_a_time_limit_that_ends_during_a_commit_ends_nothing_after_it(
    *, is_ending: bool
) -> None:
    """Also where it is around the last thing that a cancelled task does."""
    limit = asyncio.timeout(None)
    reached: list[str] = []

    async def write(_: None, batch: Any) -> Any:
        limit.reschedule(asyncio.get_running_loop().time())
        for _ in range(3):
            await asyncio.sleep(0)
        return batch

    async def work() -> None:
        try:
            await asyncio.sleep(60 if is_ending else 0)
        finally:
            async with limit:
                await coalescer.commit(1)
            for _ in range(3):
                await asyncio.sleep(0)
            reached.append("end")

    coalescer: Coalescer[int] = Coalescer(write)
    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    if is_ending:
        task.cancel()
    await asyncio.wait([task])
    assert limit.expired()
    assert reached == ["end"]
    assert task.cancelled() is is_ending


async def test_the_queue_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dcrserver.db.protocol.coalescing._MAX_WAITING", 2)
    release = asyncio.Event()

    async def write(_: None, batch: Any) -> Any:
        await release.wait()
        return [None] * len(batch)

    coalescer = Coalescer(write)
    tasks = []
    for _ in range(5):  # one is being written, two wait, the others are too many
        tasks.append(asyncio.create_task(coalescer.commit([_insert()])))
        await asyncio.sleep(0)
    release.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results if result] == [DatabaseAway, DatabaseAway]


async def test_without_a_connection_all_who_wait_are_told_at_once() -> None:
    """Each group of them would wait for another ``pool_timeout``, and more would come meanwhile."""
    asked = 0

    @asynccontextmanager
    async def resource() -> AsyncIterator[None]:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0.01)
        raise Absent("no connection in time")
        yield

    coalescer = Coalescer(_nothing, resource)
    tasks = [asyncio.create_task(coalescer.commit(_insert())) for _ in range(500)]
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(result) for result in results} == {Absent}
    assert asked == 1


async def test_a_connection_that_cannot_be_given_back_fails_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened, told = 0, MagicMock()
    monkeypatch.setattr(coalescing, "_log", told)

    @asynccontextmanager
    async def resource() -> AsyncIterator[None]:
        nonlocal opened
        opened += 1
        yield
        raise Absent("it broke while it was given back")

    coalescer = Coalescer(_nothing, resource)
    tasks = [asyncio.create_task(coalescer.commit(_insert())) for _ in range(2000)]
    assert await asyncio.gather(*tasks) == [None] * 2000
    await coalescer.drain()
    assert opened > 1
    assert "it broke while it was given back" in str(told.warning.call_args)


async def test_a_write_that_tells_of_too_few_leaves_nobody_waiting() -> None:
    async def write(_: None, batch: Any) -> Any:
        return [None] * (len(batch) - 1)

    coalescer = Coalescer(write)
    tasks = [asyncio.create_task(coalescer.commit(_insert())) for _ in range(3)]
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(result) for result in results} == {type(None), ValueError}


@pytest.mark.finding("R5")
async def test_who_waits_too_long_is_told_and_never_written() -> None:
    written: list[object] = []
    release = asyncio.Event()

    async def write(_: None, batch: Any) -> Any:
        await release.wait()
        written.extend(batch)
        return [None] * len(batch)

    coalescer = Coalescer(write, patience=0.05)
    first = asyncio.create_task(coalescer.commit("first"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    for each in ("second", "third"):
        with pytest.raises(Absent):
            await coalescer.commit(each)
    release.set()
    await first
    await coalescer.commit("fourth")
    assert written == ["first", "fourth"]


@pytest.mark.finding("R5", "F9")
async def test_one_locked_row_fails_alone() -> None:
    attempts: list[int] = []

    async def write(_: None, batch: Any) -> Any:
        attempts.append(len(batch))
        if "locked" in batch:
            raise Locked("by another")
        return [None] * len(batch)

    coalescer = Coalescer(write)
    works = ["a", "locked", "b", "c"]
    results = await asyncio.gather(*map(coalescer.commit, works), return_exceptions=True)
    assert [type(each) for each in results] == [type(None), Locked, type(None), type(None)]
    assert attempts == [4, 1, 1, 1, 1]


@pytest.mark.finding("R5", "F9")
async def test_many_locked_rows_hold_up_the_queue_for_a_few_waits_only() -> None:
    attempts = 0

    async def write(*_: Any) -> Any:
        nonlocal attempts
        attempts += 1
        raise Locked("all of it")

    coalescer = Coalescer(write)
    results = await asyncio.gather(
        *(coalescer.commit(_insert()) for _ in range(50)), return_exceptions=True
    )
    assert {type(each) for each in results} == {Locked}
    assert attempts < 6


@pytest.mark.finding("R7", "F3")
async def test_a_connection_learns_that_it_is_lost() -> None:
    seen: list[BaseException] = []

    @asynccontextmanager
    async def resource() -> AsyncIterator[None]:
        try:
            yield
        except Lost as error:
            seen.append(error)
            raise

    async def write(*_: Any) -> Any:
        raise Lost("read-only")

    coalescer = Coalescer(write, resource)
    results = await asyncio.gather(
        *(coalescer.commit(_insert()) for _ in range(3)), return_exceptions=True
    )
    await coalescer.drain()
    assert {type(each) for each in results} == {Lost}
    assert len(seen) == 1


async def _nothing(_: None, batch: Any) -> Any:
    return [None] * len(batch)


def _insert() -> object:
    return object()  # never executed
