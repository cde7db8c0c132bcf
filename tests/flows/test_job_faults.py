"""Jobs that cannot be done: what is the job's own fault, and what is the database's."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from conftest import MakeApplication
from dcrserver.db.failures import DatabaseAway
from dcrserver.errors import InvalidInput, ProtocolError, Unavailable
from dcrserver.services.jobs import executor
from dcrserver.services.jobs.bulk import BulkChange
from dcrserver.services.jobs.ongoing import OngoingJob
from harness.administration import administrator
from harness.application import Application

_FAULTS: dict[str, ProtocolError] = {
    "refused": InvalidInput("it is refused"),
    "busy": Unavailable("slow hashes queue up"),
    "away": DatabaseAway("the database is away"),
}


@pytest.mark.finding("M22")
async def test_a_job_that_is_refused_fails_with_its_reason_and_holds_up_no_other(
    make_app: MakeApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was begun again and again as if the database were away, and nobody else's was done."""
    original = BulkChange.work

    async def work(self: BulkChange, job: OngoingJob) -> AsyncGenerator[None, None]:
        wanted = job.parameters["filter"]
        assert isinstance(wanted, dict)
        if (fault := _FAULTS.get(str(wanted["name"]))) is not None:
            raise fault
        async for _ in original(self, job):
            yield

    monkeypatch.setattr(BulkChange, "work", work)
    for name in ("_AGAIN_SECONDS", "_PAUSE_SECONDS"):
        monkeypatch.setattr(executor, name, 0)
    app: Application = await make_app()
    admin = await administrator(app, "clients:read", "clients:update", "jobs:read", "jobs:write")

    async def begun(name: str) -> str:
        body = {"action": "suspend", "filter": {"name": name}}
        return str((await admin.post("/clients/bulk", 202, json=body))["id"])

    jobs = {name: await begun(name) for name in ("refused", "busy", "fine")}
    await app.do_job("do_jobs")
    told = {name: await admin.get(f"/jobs/{each}") for name, each in jobs.items()}
    assert {name: each["state"] for name, each in told.items()} == {
        "refused": "failed", "busy": "failed", "fine": "done",
    }  # fmt: skip
    assert told["refused"]["report"]["reason"] == "it is refused"
    assert "slow hashes queue up" in told["busy"]["report"]["reason"]
    away = await begun("away")
    with pytest.raises(DatabaseAway):
        await app.do_job("do_jobs")
    assert (await admin.get(f"/jobs/{away}"))["state"] == "running"
