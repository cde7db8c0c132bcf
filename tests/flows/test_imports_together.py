"""Several imports at once: one after the other, each read while it is judged."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterator
from typing import Any

import pytest

from conftest import MakeApplication
from dcrserver.services.clients.import_runs import ImportRun
from dcrserver.services.jobs import inputs
from dcrserver.services.jobs.bulk import BulkChange
from dcrserver.services.jobs.client_import import ClientImport
from dcrserver.services.jobs.ongoing import OngoingJob
from harness.administration import Administrator, administrator
from harness.application import Application

_SCOPES = ("clients:read", "clients:create", "clients:update", "jobs:read", "jobs:write")
_LINES = {"Content-Type": "application/x-ndjson"}


def _client(name: str) -> str:
    known = {"redirect_uris": ["https://a.example/cb"], "token_endpoint_auth_method": "none"}
    return json.dumps({"client_id": name, **known})


async def _begun(admin: Administrator, content: str) -> str:
    answer = await admin.ask(
        "POST", "/clients/import", 202, content=content.encode(), headers=_LINES
    )
    return str(answer.json()["id"])


@pytest.mark.finding("M24")
async def test_imports_wait_for_each_other_and_keep_nothing_else_waiting(
    make_app: MakeApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each held all that was sent to it, twenty of them side by side; and more were in the way."""
    begun: list[str] = []
    at_work = [0]

    def watched(kind: type[Any], name: str) -> None:
        original = kind.work

        async def work(self: object, job: OngoingJob) -> AsyncGenerator[None, None]:
            begun.append(name)
            at_work[0] += name == "import"
            assert at_work[0] <= 1, "two imports at once"
            try:
                async for _ in original(self, job):
                    yield
            finally:
                at_work[0] -= name == "import"

        monkeypatch.setattr(kind, "work", work)

    watched(ClientImport, "import")
    watched(BulkChange, "bulk")
    app: Application = await make_app()
    admin = await administrator(app, *_SCOPES)
    jobs = [await _begun(admin, _client(f"together-{number}")) for number in range(21)]
    await admin.post("/clients/bulk", 202, json={"action": "suspend", "filter": {"name": "x"}})
    await app.do_job("do_jobs")
    assert begun[:2] == ["import", "bulk"]
    assert begun[2:] == ["import"] * 20
    for job in jobs:
        assert (await admin.get(f"/jobs/{job}"))["changed"] == 1


async def test_lines_are_judged_while_they_are_read(
    make_app: MakeApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts end within lines; a document of one value is there as a whole, as it has to be."""
    judged: list[int] = []
    original = ImportRun.judge

    def judge(self: ImportRun, *given: Any) -> Iterator[int]:
        judged.append(0)
        for size in original(self, *given):
            judged[-1] += size
            yield size

    monkeypatch.setattr(ImportRun, "judge", judge)
    monkeypatch.setattr(inputs, "_PART_BYTES", 1000)
    app: Application = await make_app()
    admin = await administrator(app, *_SCOPES)
    lines = "\n".join(_client(f"streamed-{number}") for number in range(50))
    job = await _begun(admin, f"{lines}\n\nnothing\n")
    await app.do_job("do_jobs")
    told = await admin.get(f"/jobs/{job}")
    assert (told["state"], told["failed"], told["total"]) == ("failed", 1, 51)
    assert max(judged) <= 1000 + 200, judged
    assert sum(judged) == len(lines) + len("\nnothing\n")
    judged.clear()
    job = await _begun(admin, "[\n" + lines.replace("\n", ",\n") + "]")
    await app.do_job("do_jobs")
    assert (await admin.get(f"/jobs/{job}"))["changed"] == 50
    assert judged == [50]
