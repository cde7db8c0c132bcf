"""Jobs whose worker is killed, that two workers want, that are cancelled while they are done."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dcrserver.metadata.bounds import Bounds
from dcrserver.repositories.queries.events import EventFilter
from dcrserver.repositories.transaction import Transaction
from dcrserver.services.access.admin_tokens import NewAdminToken
from dcrserver.services.jobs.bulk import BulkChange
from dcrserver.services.jobs.ongoing import OngoingJob
from harness.actors import OPERATOR
from harness.administration import Administrator
from harness.application import Application, application
from harness.environment import environment
from harness.long_run import FIRST_EVERYDAY
from harness.process import Process, started

SCOPES = ("clients:read", "clients:update", "jobs:read", "jobs:write")
_WAIT_SECONDS = 90


async def administrator(app: Application) -> Administrator:
    """Whose token outlives the slowest of machines."""
    token = await app.operations.token_administration.issue_admin_token(
        "default", NewAdminToken(SCOPES, 0), OPERATOR
    )
    return Administrator(app, {"Authorization": f"Bearer {token}"})


async def stored(app: Application, prefix: str, count: int) -> list[str]:
    """Clients of ``count`` names, which nobody else's filter means."""
    service, tenant = app.operations.client_import, app.runtime.default_tenant
    lines = [
        {
            "client_id": f"{prefix}-{number:05}",
            "client_name": prefix,
            "redirect_uris": ["https://a.example/cb"],
            "token_endpoint_auth_method": "none",
        }
        for number in range(count)
    ]
    judged = [service.judge(tenant, Bounds(), OPERATOR, {**line}) for line in lines]
    good = [client for _, client in judged if client]
    for first in range(0, count, 200):
        await service.write(tenant, good[first : first + 200], OPERATOR)
    return [line["client_id"] for line in lines]  # type: ignore[misc]


async def begun(admin: Administrator, prefix: str, action: str = "suspend") -> str:
    body = {"action": action, "filter": {"name": prefix}}
    return str((await admin.post("/clients/bulk", 202, json=body))["id"])


async def until(found: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(_WAIT_SECONDS):
        while not await found():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def suspensions(app: Application, client_ids: list[str]) -> list[int]:
    """How often each was suspended: asked once, not for each of a thousand."""
    wanted = EventFilter(types=["client.suspended"])
    events = await app.runtime.lists.events.page("default", wanted, limit=5000)
    found = Counter(event.subject_id for event in events)
    return [found[client_id] for client_id in client_ids]


@contextmanager
def worker(url: str, folder: Path) -> Iterator[Process]:
    variables = environment(
        DCR_DATABASE__URL=url, DCR_WORKER__LEASE_SECONDS="2", DCR_TELEMETRY__LEVEL="error"
    )
    with (folder / "worker.log").open("ab") as log:
        outputs = (log.fileno(), log.fileno())
        process = started(["dcrserver", "worker"], folder, variables, outputs)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("own_database", FIRST_EVERYDAY, indirect=True)
async def test_a_job_whose_worker_was_killed_goes_on_where_it_was(
    own_database: str, tmp_path: Path
) -> None:
    async with application(own_database) as app:
        ids = await stored(app, "killed", 1500)
        admin = await administrator(app)
        job = await begun(admin, "killed")

        async def is_on_its_way() -> bool:
            return int((await admin.get(f"/jobs/{job}"))["handled"]) > 0

        async def is_done() -> bool:
            return bool((await admin.get(f"/jobs/{job}"))["state"] == "done")

        with worker(own_database, tmp_path) as first:
            await until(is_on_its_way)
            os.kill(first.pid, signal.SIGKILL)
            first.wait()
        told = await admin.get(f"/jobs/{job}")
        assert (told["state"], told["handled"] < 1500) == ("running", True)
        assert sum(await suspensions(app, ids)) == told["handled"] == told["changed"]
        with worker(own_database, tmp_path):
            await until(is_done)
        told = await admin.get(f"/jobs/{job}")
        assert (told["handled"], told["changed"], told["failed"]) == (1500, 1500, 0)
        assert await suspensions(app, ids) == [1] * 1500


async def test_of_two_workers_one_does_a_job(own_database: str) -> None:
    async with application(own_database) as one, application(own_database) as two:
        ids = await stored(one, "both", 300)
        admin = await administrator(one)
        working = [asyncio.create_task(each.runtime.jobs.run()) for each in (one, two)]
        try:
            job = await begun(admin, "both")

            async def is_done() -> bool:
                return bool((await admin.get(f"/jobs/{job}"))["state"] == "done")

            await until(is_done)
        finally:
            for each in working:
                each.cancel()
            await asyncio.wait(working)
        assert (await admin.get(f"/jobs/{job}"))["changed"] == 300
        assert await suspensions(one, ids) == [1] * 300


async def test_nothing_is_done_after_a_job_was_cancelled(own_database: str) -> None:
    async with application(own_database) as app:
        ids = await stored(app, "stopped", 600)
        admin = await administrator(app)
        job = await begun(admin, "stopped")
        working = asyncio.create_task(app.do_job("do_jobs"))

        async def is_on_its_way() -> bool:
            return int((await admin.get(f"/jobs/{job}"))["handled"]) > 0

        await until(is_on_its_way)
        cancelled = await admin.post(f"/jobs/{job}/cancel")
        at_once = sum(await suspensions(app, ids))
        await working
        told = await admin.get(f"/jobs/{job}")
        assert told["state"] == cancelled["state"] == "cancelled"
        assert told["handled"] == cancelled["handled"] == at_once < 600
        assert sum(await suspensions(app, ids)) == at_once


async def change(app: Application, client_id: str, **changes: Any) -> None:
    """As another server would, between two steps of the job."""

    async def write(tx: Transaction) -> None:
        record = await tx.clients.find("default", client_id)
        assert record is not None
        new = record._replace(version=record.version + 1, **changes)
        assert await tx.clients.replace(record, new)

    await app.runtime.database.transact(write)


async def test_who_is_no_longer_meant_is_left_alone_also_between_reading_and_writing(
    any_app: Application,
) -> None:
    lists, database = any_app.runtime.lists, any_app.runtime.database
    await any_app.do_job("do_jobs")
    ids = await stored(any_app, "beneath", 120)
    admin = await administrator(any_app)
    for each in ids:
        await change(any_app, each, owner="beneath")
    body = {"action": "suspend", "filter": {"owner": "beneath"}}
    job_id = (await admin.post("/clients/bulk", 202, json=body))["id"]
    async with database.read() as tx:
        record = await tx.jobs.find("default", job_id)
    assert record is not None
    job = OngoingJob(record, database)
    await job.begin()
    search, moved = lists.clients.part, list(ids)

    async def searched(*given: Any, **named: Any) -> Any:
        """What is read is changed before it is written, three times."""
        found = await search(*given, **named)
        if len(moved) > 117:
            await change(any_app, moved.pop(), owner="another")
        return found

    lists.clients.part = searched  # type: ignore[method-assign]
    async for _ in BulkChange(lists, any_app.runtime.tenants).work(job):
        pass
    told = await admin.get(f"/jobs/{job_id}")
    assert (told["state"], told["changed"], told["failed"]) == ("done", 117, 0)
    assert await suspensions(any_app, ids) == [1] * 117 + [0] * 3
