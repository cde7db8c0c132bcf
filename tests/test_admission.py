"""How many requests a process takes on."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from dcrserver.api.admission import AdmissionMiddleware
from dcrserver.telemetry import Metrics


class Inner:
    """Notes who began, and answers when it is told to."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.release = asyncio.Event()

    async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:
        self.begun.append(scope["path"])
        await self.release.wait()
        if scope["path"] == "/broken":
            raise RuntimeError
        await send({"type": "http.response.start", "status": 201, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def ask(app: AdmissionMiddleware, path: str = "/register", method: str = "POST") -> Any:
    """Status and headers of the answer."""
    messages: list[Any] = []

    async def receive() -> Any:
        raise AssertionError("nobody reads a body here")

    async def send(message: Any) -> None:
        messages.append(message)

    await app({"type": "http", "path": path, "method": method}, receive, send)
    return messages[0]["status"], dict(messages[0]["headers"])


async def begun(inner: Inner, count: int) -> None:
    while len(inner.begun) < count:  # noqa: ASYNC110 - passes of the loop are what is tested
        await asyncio.sleep(0)


async def test_what_is_too_much_is_refused_soon_and_told_when_to_come_back() -> None:
    inner, metrics = Inner(), Metrics()
    app = AdmissionMiddleware(inner, metrics, 3, in_turns=True)
    taken = [asyncio.create_task(ask(app)) for _ in range(3)]
    await begun(inner, 3)
    status, headers = await ask(app)
    assert (status, headers[b"retry-after"]) == (503, b"1")
    assert headers[b"cache-control"] == b"no-store"
    labels = {"method": "(any)", "route": "(refused)", "status": "503"}
    assert metrics.registry.get_sample_value("dcrserver_http_requests_total", labels) == 1
    inner.release.set()
    assert [status for status, _ in await asyncio.gather(*taken)] == [201] * 3
    assert (await ask(app))[0] == 201


async def test_health_is_told_in_the_greatest_rush() -> None:
    inner = Inner()
    app = AdmissionMiddleware(inner, Metrics(), 1, in_turns=True)
    taken = asyncio.create_task(ask(app))
    await begun(inner, 1)
    health = [asyncio.create_task(ask(app, path)) for path in ("/healthz", "/readyz", "/metrics")]
    await begun(inner, 4)
    inner.release.set()
    assert [status for status, _ in await asyncio.gather(taken, *health)] == [201] * 4


async def test_what_breaks_or_is_cancelled_makes_room() -> None:
    inner = Inner()
    app = AdmissionMiddleware(inner, Metrics(), 2, in_turns=True)
    broken = asyncio.create_task(ask(app, "/broken"))
    cancelled = asyncio.create_task(ask(app))
    await begun(inner, 2)
    cancelled.cancel()
    inner.release.set()
    with pytest.raises(RuntimeError):
        await broken
    await asyncio.gather(cancelled, return_exceptions=True)
    assert [status for status, _ in await asyncio.gather(ask(app), ask(app))] == [201] * 2


async def test_a_few_begin_in_one_pass_of_the_loop_in_the_order_they_came() -> None:
    inner = Inner()
    app = AdmissionMiddleware(inner, Metrics(), 100, in_turns=True)
    tasks = [asyncio.create_task(ask(app, f"/{number}")) for number in range(30)]
    await asyncio.sleep(0)
    assert inner.begun == [f"/{number}" for number in range(8)]
    tasks[8].cancel()
    await begun(inner, 29)
    assert inner.begun == [f"/{number}" for number in range(30) if number != 8]
    inner.release.set()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize(("method", "in_turns"), [("GET", True), ("POST", False)])
async def test_reads_wait_for_nobody_and_nobody_for_a_database_of_our_own(
    method: str, *, in_turns: bool
) -> None:
    inner = Inner()
    app = AdmissionMiddleware(inner, Metrics(), 100, in_turns=in_turns)
    tasks = [asyncio.create_task(ask(app, f"/{n}", method)) for n in range(30)]
    await asyncio.sleep(0)
    assert len(inner.begun) == 30
    inner.release.set()
    await asyncio.gather(*tasks)
