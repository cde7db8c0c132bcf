"""Readiness is asked by many: balancers, orchestrators, and strangers."""

from __future__ import annotations

import asyncio

import pytest

from dcrserver.services.upkeep import readiness
from harness.application import Application


@pytest.mark.finding("S24")
async def test_many_who_ask_are_one_question(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0
    database = app.runtime.database
    ready = database.not_ready_reason

    async def counted() -> str | None:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        return await ready()

    monkeypatch.setattr(database, "not_ready_reason", counted)
    answers = await asyncio.gather(*(app.http.get("/readyz") for _ in range(40)))
    assert {answer.status_code for answer in answers} == {200}
    assert asked == 1
    monkeypatch.setattr(readiness, "_REMEMBERED_SECONDS", -1.0)
    monkeypatch.setattr(app.runtime.readiness, "_good_until", 0.0)
    await app.http.get("/readyz")
    await app.http.get("/readyz")
    assert asked == 3


@pytest.mark.finding("S24")
async def test_who_asks_meanwhile_waits_for_no_other_answer(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that is away lets each wait for seconds: not for those of all before it."""
    asked = 0

    async def counted() -> str | None:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        return "away"

    monkeypatch.setattr(app.runtime.database, "not_ready_reason", counted)
    monkeypatch.setattr(readiness, "_REMEMBERED_SECONDS", -1.0)
    answers = await asyncio.gather(*(app.runtime.readiness.not_ready_reason() for _ in range(40)))
    assert answers == ["away"] * 40
    assert asked == 1
