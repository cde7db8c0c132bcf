"""How many requests a process takes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from conftest import MakeApplication
from dcrserver.edge.admission import AdmissionMiddleware, OverloadResponse
from dcrserver.errors import Unavailable
from dcrserver.slots import without_slot
from harness.application import CALLBACK, Application


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


class Reader:
    """Reads a body, then works until it is told to answer."""

    def __init__(self) -> None:
        self.working = 0
        self.release = asyncio.Event()

    async def __call__(self, _scope: Any, receive: Any, send: Any) -> None:
        await receive()
        self.working += 1
        await self.release.wait()
        await send({"type": "http.response.start", "status": 201})


class Sender:
    """A request whose body is complete when it is told to be."""

    def __init__(self, app: AdmissionMiddleware) -> None:
        self.complete = asyncio.Event()
        self._app = app
        self._statuses: list[int] = []
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> int:
        scope = {"type": "http", "path": "/register", "method": "POST"}
        await self._app(scope, self._receive, self._send)
        return self._statuses[0]

    async def _receive(self) -> Any:
        await self.complete.wait()
        return {"type": "http.request", "body": b"x"}

    async def _send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self._statuses.append(message["status"])


async def begun(inner: Inner, count: int) -> None:
    while len(inner.begun) < count:  # noqa: ASYNC110 - passes of the loop are what is tested
        await asyncio.sleep(0)


async def test_what_is_too_much_is_refused_and_told_when_to_come_back() -> None:
    inner = Inner()
    app = AdmissionMiddleware(inner, OverloadResponse(), 3, in_turns=True)
    taken = [asyncio.create_task(ask(app)) for _ in range(3)]
    await begun(inner, 3)
    status, headers = await ask(app)
    assert (status, headers[b"retry-after"]) == (503, b"1")
    assert headers[b"cache-control"] == b"no-store"
    inner.release.set()
    assert [status for status, _ in await asyncio.gather(*taken)] == [201] * 3
    assert (await ask(app))[0] == 201


@pytest.mark.finding("R5")
async def test_writes_that_wait_leave_places_for_reads() -> None:
    inner = Inner()
    app = AdmissionMiddleware(inner, OverloadResponse(), 16, in_turns=False)
    writes = [asyncio.create_task(ask(app)) for _ in range(16)]
    await asyncio.sleep(0)
    assert len(inner.begun) == 14
    reads = [asyncio.create_task(ask(app, "/read", "GET")) for _ in range(2)]
    await asyncio.sleep(0)
    assert inner.begun.count("/read") == 2
    inner.release.set()
    statuses = [status for status, _ in await asyncio.gather(*writes, *reads)]
    assert (statuses.count(201), statuses.count(503)) == (16, 2)


async def test_health_is_told_in_the_greatest_rush() -> None:
    inner = Inner()
    app = AdmissionMiddleware(inner, OverloadResponse(), 1, in_turns=True)
    taken = asyncio.create_task(ask(app))
    await begun(inner, 1)
    health = [asyncio.create_task(ask(app, path)) for path in ("/healthz", "/readyz", "/metrics")]
    await begun(inner, 4)
    inner.release.set()
    assert [status for status, _ in await asyncio.gather(taken, *health)] == [201] * 4


async def test_what_breaks_or_is_cancelled_makes_room() -> None:
    inner = Inner()
    app = AdmissionMiddleware(inner, OverloadResponse(), 2, in_turns=True)
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
    app = AdmissionMiddleware(inner, OverloadResponse(), 100, in_turns=True)
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
    app = AdmissionMiddleware(inner, OverloadResponse(), 100, in_turns=in_turns)
    tasks = [asyncio.create_task(ask(app, f"/{n}", method)) for n in range(30)]
    await asyncio.sleep(0)
    assert len(inner.begun) == 30
    inner.release.set()
    await asyncio.gather(*tasks)


async def working(reader: Reader, count: int) -> None:
    while reader.working < count:  # noqa: ASYNC110 - passes of the loop are what is tested
        await asyncio.sleep(0)


async def test_bodies_that_are_still_arriving_shut_nobody_out() -> None:
    reader = Reader()
    app = AdmissionMiddleware(reader, OverloadResponse(), 2, in_turns=False)
    slow = [Sender(app) for _ in range(20)]
    quick = Sender(app)
    await asyncio.sleep(0.01)
    quick.complete.set()
    await working(reader, 1)
    slow[0].complete.set()
    await working(reader, 2)
    # Both places are taken by what works: whoever is ready now is told to come back.
    slow[1].complete.set()
    with pytest.raises(Unavailable):
        await slow[1].task
    reader.release.set()
    assert await asyncio.gather(quick.task, slow[0].task) == [201, 201]
    slow[2].complete.set()
    assert await slow[2].task == 201


async def test_whoever_leaves_while_sending_leaves_the_count_as_it_was() -> None:
    reader = Reader()
    app = AdmissionMiddleware(reader, OverloadResponse(), 2, in_turns=False)
    gone = [Sender(app) for _ in range(5)]
    await asyncio.sleep(0.01)
    for each in gone:
        each.task.cancel()
    await asyncio.gather(*(each.task for each in gone), return_exceptions=True)
    last = [Sender(app) for _ in range(3)]
    for each in last:
        each.complete.set()
    assert await last[2].task == 503
    reader.release.set()
    assert await asyncio.gather(last[0].task, last[1].task) == [201, 201]


async def test_a_refusal_looks_like_any_other_answer(make_app: MakeApplication) -> None:
    """Named, counted, and to be read by scripts of any page, below a tenant as well."""
    app = await make_app(server={"max_requests": 1}, tenants={"acme": {}})
    async with occupied(app):
        given = {"X-Request-ID": "hop-1", "Origin": "https://app.example"}
        answer = await app.http.post("/t/acme/register", headers=given)
        preflight = await app.http.options(
            "/register", headers=given | {"Access-Control-Request-Method": "POST"}
        )
        head = await app.http.head("/jwks")
    assert answer.status_code == 503
    assert answer.json()["error"] == "temporarily_unavailable"
    assert answer.headers["retry-after"] == "1"
    assert answer.headers["x-request-id"] == "hop-1"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert preflight.status_code == 200
    assert (head.status_code, head.content) == (503, b"")
    labels = {"method": "(any)", "route": "(refused)", "status": "503"}
    registry = app.runtime.metrics.registry()
    assert registry.get_sample_value("dcrserver_http_requests_total", labels) == 2


async def test_who_comes_with_its_body_too_late_is_answered_too(make_app: MakeApplication) -> None:
    app = await make_app(server={"max_requests": 1})
    taken = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b'{"redirect_uris":'
        await taken.wait()
        yield f'["{CALLBACK}"]}}'.encode()

    headers = {"Content-Type": "application/json"}
    late = asyncio.create_task(app.http.post("/register", content=body(), headers=headers))
    await asyncio.sleep(0.05)
    async with occupied(app):
        taken.set()
        answer = await late
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
    assert answer.headers["retry-after"] == "1"


@asynccontextmanager
async def occupied(app: Application) -> AsyncIterator[None]:
    """The one place is taken: the database lets a registration wait."""
    database, release = app.runtime.database, asyncio.Event()
    transact = type(database).transact

    async def waiting(*arguments: Any) -> Any:
        await release.wait()
        return await transact(*arguments)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(type(database), "transact", waiting)
        task = asyncio.create_task(app.register())
        await asyncio.sleep(0.05)
        yield
        release.set()
        await task


@pytest.mark.finding("S4")
async def test_who_waits_for_others_holds_no_place_and_has_it_again_afterwards() -> None:
    """And is refused when it is taken meanwhile, for longer than a little while."""
    answered, inside = asyncio.Event(), asyncio.Event()

    async def waiting(_scope: Any, _receive: Any, send: Any) -> None:
        async with without_slot():
            inside.set()
            await answered.wait()
        await send({"type": "http.response.start", "status": 201, "headers": []})

    inner = Inner()

    async def both(scope: Any, receive: Any, send: Any) -> None:
        await (waiting if scope["path"] == "/waiting" else inner)(scope, receive, send)

    app = AdmissionMiddleware(both, OverloadResponse(), 1, in_turns=False)
    tasks = [asyncio.create_task(ask(app, "/waiting")) for _ in range(3)]
    await inside.wait()
    taken = asyncio.create_task(ask(app))
    await begun(inner, 1)
    tasks[0].cancel()
    answered.set()
    with pytest.raises(Unavailable):
        await tasks[1]
    with pytest.raises(Unavailable):
        await tasks[2]
    inner.release.set()
    assert (await taken)[0] == 201
    assert (await ask(app, "/waiting"))[0] == 201
    assert (await ask(app))[0] == 201


@pytest.mark.finding("S4")
async def test_a_place_that_is_had_again_is_had_once() -> None:
    """Also where several waits of one request end, or one within another."""

    async def waiting(_scope: Any, _receive: Any, send: Any) -> None:
        async def one() -> None:
            async with without_slot():
                await asyncio.sleep(0)

        async with without_slot():
            await asyncio.gather(one(), one(), one())
        assert app.inside == 1
        await send({"type": "http.response.start", "status": 201, "headers": []})

    app = AdmissionMiddleware(waiting, OverloadResponse(), 8, in_turns=False)
    assert (await ask(app))[0] == 201
    assert app.inside == 0
