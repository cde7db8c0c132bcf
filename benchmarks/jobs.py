"""What jobs and exports of administrators do in a second, and how long they hold up others.

    python benchmarks/jobs.py --backend postgresql --clients 100000

One process serves and works; the pauses are those of its event loop, in which nobody else is
served. Memory is what the process grew by.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]

from dcrserver.services.access.admin_tokens import NewAdminToken  # noqa: E402
from dcrserver.services.clients.exports import exported_pages  # noqa: E402
from dcrserver.settings import TelemetrySettings  # noqa: E402
from dcrserver.telemetry import configure_logging  # noqa: E402
from harness.actors import OPERATOR  # noqa: E402
from harness.application import Application, application  # noqa: E402
from harness.databases import migrated  # noqa: E402

_SCOPES = (
    "clients:read",
    "clients:create",
    "clients:update",
    "clients:delete",
    "jobs:read",
    "jobs:write",
)
_TICK = 0.001
_LARGEST = 1 << 30


def _memory() -> float:
    """MiB that the process has."""
    text = Path("/proc/self/status").read_text("utf-8")
    return int(text.partition("VmRSS:")[2].split()[0]) / 1024


@asynccontextmanager
async def _measured(name: str, count: int) -> AsyncIterator[None]:
    pauses: list[float] = []
    highest = before = _memory()

    async def tick() -> None:
        nonlocal highest
        while True:
            asked = time.perf_counter()
            await asyncio.sleep(_TICK)
            pauses.append(time.perf_counter() - asked - _TICK)
            if not len(pauses) % 500:
                highest = max(highest, _memory())

    gc.collect()
    gc.freeze()  # as a server does: what is loaded is none of the collector's business
    ticking = asyncio.create_task(tick())
    started = time.perf_counter()
    yield
    took = time.perf_counter() - started
    ticking.cancel()
    ordered = sorted(pauses) or [0.0]
    p99, longest = ordered[int(len(ordered) * 0.99)], ordered[-1]
    print(
        f"{name:28} {count / took:9,.0f}/s {took:7.1f} s"
        f"  pauses p99 {p99 * 1000:5.1f} ms, longest {longest * 1000:5.1f} ms"
        f"  memory +{highest - before:.0f} MiB",
        flush=True,
    )


def _lines(count: int) -> bytes:
    return b"".join(
        json.dumps(
            {
                "client_id": f"c{number:08}",
                "client_name": f"Program {number % 1000}",
                "redirect_uris": [f"https://c{number}.example.com/cb"],
                "token_endpoint_auth_method": "none",
            }
        ).encode()
        + b"\n"
        for number in range(count)
    )


async def _job(
    app: Application,
    path: str,
    headers: dict[str, str],
    *,
    content: bytes | None = None,
    json: dict[str, Any] | None = None,
) -> dict[str, Any]:
    answer = await app.http.post(f"/admin/v1{path}", headers=headers, content=content, json=json)
    assert answer.is_success, answer.text
    await app.do_job("do_jobs")
    shown = await app.http.get(f"/admin/v1/jobs/{answer.json()['id']}", headers=headers)
    told: dict[str, Any] = shown.json()
    assert told["state"] == "done", told
    return told


async def _run(url: str, count: int) -> None:
    async with application(url, admin={"max_import_bytes": _LARGEST}) as app:
        token = await app.operations.token_administration.issue_admin_token(
            "default", NewAdminToken(_SCOPES, 0), OPERATOR
        )
        headers = {"Authorization": f"Bearer {token}"}
        lines = _lines(count)
        kind = headers | {"Content-Type": "application/x-ndjson"}
        async with _measured("import, dry run", count):
            await _job(app, "/clients/import?dry_run=true", kind, content=lines)
        async with _measured("import", count):
            assert (await _job(app, "/clients/import", kind, content=lines))["changed"] == count
        del lines
        async with _measured("export", count):
            await _export(app, count)
        body: dict[str, Any] = {"action": "tag", "tag": "moved", "filter": {"origin": "import"}}
        async with _measured("bulk tag", count):
            assert (await _job(app, "/clients/bulk", headers, json=body))["changed"] == count
        body = {"action": "suspend", "filter": {"origin": "import"}}
        async with _measured("bulk suspend, dry run", count):
            await _job(app, "/clients/bulk", headers, json=body | {"dry_run": True})
        async with _measured("bulk suspend", count):
            assert (await _job(app, "/clients/bulk", headers, json=body))["changed"] == count
        async with _measured("bulk delete", count):
            body = {"action": "delete", "filter": {"status": "suspended"}}
            assert (await _job(app, "/clients/bulk", headers, json=body))["changed"] == count


async def _export(app: Application, count: int) -> None:
    """As a server sends it, and without a client that would have to keep it."""
    seen = 0
    async for page in exported_pages(app.runtime.lists, app.runtime.default_tenant.name):
        seen += page.count("\n")
    assert seen == count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backend", default="postgresql")
    parser.add_argument("--clients", type=int, default=100_000)
    given = parser.parse_args()
    configure_logging(TelemetrySettings(level="error"))
    with migrated(given.backend) as url:
        asyncio.run(_run(url, given.clients))


if __name__ == "__main__":
    main()
