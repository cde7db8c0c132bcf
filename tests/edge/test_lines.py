"""Answers of any length: a JSON object a line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest

from dcrserver.edge import lines as edge
from dcrserver.edge.lines import lines
from dcrserver.errors import Unavailable
from dcrserver.slots import SLOT


async def pages(*found: str | Exception) -> AsyncIterator[str]:
    for page in found:
        if isinstance(page, Exception):
            raise page
        yield page


async def sent(answer: Any, *, refusing: bool = False) -> list[Any]:
    messages: list[Any] = []

    async def send(message: Any) -> None:
        messages.append(message)
        if refusing:
            raise ConnectionResetError

    await answer({}, None, send)
    return messages


async def test_each_page_is_sent_as_it_is_read() -> None:
    running = asyncio.Semaphore(1)
    answer = await lines(running, pages('{"a":1}\n{"a":"é"}\n', '{"a":2}\n'))
    head, *bodies = await sent(answer)
    assert dict(head["headers"]) == {b"content-type": b"application/x-ndjson"}
    assert [each["body"].decode() for each in bodies] == [
        '{"a":1}\n{"a":"é"}\n', '{"a":2}\n', "",
    ]  # fmt: skip
    assert [each["more_body"] for each in bodies] == [True, True, False]
    assert not running.locked()


async def test_what_breaks_off_has_no_end() -> None:
    running = asyncio.Semaphore(1)
    answer = await lines(running, pages("{}\n", Unavailable("the database is away")))
    messages = await sent(answer)
    assert [each.get("more_body") for each in messages] == [None, True]
    assert not running.locked()


async def test_what_cannot_begin_is_refused_in_the_ordinary_way() -> None:
    running = asyncio.Semaphore(1)
    with pytest.raises(Unavailable, match="away"):
        await lines(running, pages(Unavailable("the database is away")))
    assert not running.locked()


async def test_so_many_are_written_at_once_and_no_more() -> None:
    running = asyncio.Semaphore(1)
    answer = await lines(running, pages("{}\n"))
    with pytest.raises(Unavailable, match="other exports") as refused:
        await lines(running, pages("{}\n"))
    assert refused.value.retry_after == 30
    with pytest.raises(ConnectionResetError):
        await sent(answer, refusing=True)
    await sent(await lines(running, pages()))


class Held:
    """A slot; ``beside``: how many others there are, time after time."""

    def __init__(self, *beside: int) -> None:
        self.beside = list(beside)
        self.is_held = True

    def release(self) -> bool:
        was_held, self.is_held = self.is_held, False
        return was_held

    async def acquire(self) -> None:
        raise AssertionError("nobody gives it back")

    def others(self) -> int:
        return self.beside.pop(0)


async def rests(
    monkeypatch: pytest.MonkeyPatch, slot: Held | None, times: list[tuple[float, float]]
) -> dict[int, float]:
    """Behind which pages it rested, and for how many seconds; ``times``: when each page was there,
    and when its rest was over.
    """
    page, rested, clock = 0, {}, iter([moment for both in times for moment in both])

    async def sleep(seconds: float) -> None:
        if seconds:
            rested[page] = round(seconds, 3)

    monkeypatch.setattr(edge, "asyncio", SimpleNamespace(sleep=sleep))
    monkeypatch.setattr(edge, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    SLOT.set(slot)

    async def counted() -> AsyncIterator[str]:
        nonlocal page
        for page in range(len(times) + 1):
            yield f"{page}\n"

    await sent(await lines(asyncio.Semaphore(1), counted()))
    return rested


async def test_an_export_rests_while_others_are_served_and_for_a_second_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slot = Held(0, 2, 0, 0, 0, 1)
    times = [(10.0, 10.0), (10.002, 10.2), (10.201, 10.3), (10.9, 11.0), (11.2, 11.2), (20.0, 20.1)]
    rested = await rests(monkeypatch, slot, times)
    assert rested == {2: 0.012, 3: 0.012, 4: 0.1, 6: 0.1}
    assert not slot.is_held, "it takes nobody's place"


async def test_an_export_rests_in_proportion_where_others_use_the_processor_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    times = [(1.0, 1.0), (1.010, 1.04), (1.05, 1.1)]
    assert await rests(monkeypatch, Held(1, 1, 1), times) == {1: 0.012, 2: 0.03, 3: 0.03}


async def test_an_export_that_is_alone_does_not_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = [(1.0, 1.0), (2.0, 2.0), (3.0, 3.0)]
    assert await rests(monkeypatch, Held(0, 0, 0), moments) == {}
    assert await rests(monkeypatch, None, moments) == {}
