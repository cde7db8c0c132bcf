"""Answers of any length: a JSON object a line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from dcrserver.edge.lines import lines
from dcrserver.errors import Unavailable
from dcrserver.strict_json import JsonObject


async def pages(*found: Sequence[JsonObject] | Exception) -> AsyncIterator[Sequence[JsonObject]]:
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
    answer = await lines(running, pages([{"a": 1}, {"a": "é"}], [{"a": 2}]))
    head, *bodies = await sent(answer)
    assert dict(head["headers"]) == {b"content-type": b"application/x-ndjson"}
    assert [each["body"].decode() for each in bodies] == [
        '{"a":1}\n{"a":"é"}\n', '{"a":2}\n', "",
    ]  # fmt: skip
    assert [each["more_body"] for each in bodies] == [True, True, False]
    assert not running.locked()


async def test_what_breaks_off_has_no_end() -> None:
    running = asyncio.Semaphore(1)
    answer = await lines(running, pages([{"a": 1}], Unavailable("the database is away")))
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
    answer = await lines(running, pages([{"a": 1}]))
    with pytest.raises(Unavailable, match="other exports") as refused:
        await lines(running, pages([{"a": 1}]))
    assert refused.value.retry_after == 30
    with pytest.raises(ConnectionResetError):
        await sent(answer, refusing=True)
    await sent(await lines(running, pages()))
