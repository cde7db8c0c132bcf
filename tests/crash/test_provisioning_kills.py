"""Killed at each step of what is done with a client: afterwards both sides are equal, nothing is
double, and no secret is wrong.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from crash.steps import SCENARIOS, groups, in_child
from dcrserver.repositories.clients import ClientRecord
from dcrserver.security import secret_digest
from harness.application import Application, application
from harness.databases import BACKENDS, migrated
from harness.long_run import only_long

_MOST_STEPS = 25
_LEAST_KILLS = 25
_KILLED = -9


@only_long
@pytest.mark.parametrize(
    ("backend", "provision"), [("sqlite", "after"), *((each, "before") for each in BACKENDS)]
)
def test_a_kill_at_any_step_leaves_both_sides_equal(
    backend: str, provision: str, tmp_path: Path
) -> None:
    kills, wrong = 0, []
    with migrated(backend) as url:
        for scenario in SCENARIOS:
            path = tmp_path / f"{scenario}.jsonl"
            for last in range(1, _MOST_STEPS):
                status = in_child(url, path, provision, scenario, last)
                if status == 0:  # it has fewer steps, and left nothing to others
                    break
                assert status == _KILLED, (scenario, last)
                kills += 1
            found = asyncio.run(_compared(url, path, provision))
            wrong += [f"{scenario}: {each}" for each in found]
    assert wrong == []
    assert kills >= _LEAST_KILLS
    print(f"{backend} {provision}: {kills} kills, 0 differences")


async def _compared(url: str, path: Path, provision: str) -> list[str]:
    """What differs between here and there when a worker has done its work, or was acknowledged and
    is not so. Each scenario has a file, and so a target, of its own.
    """
    async with application(url, **groups(path, provision)) as app:
        here = await _level(app)
        there = _target(path)
        differing = here.keys() ^ there.keys()
        wrong = [f"{client_id} is on one side only" for client_id in differing]
        for client_id in here.keys() & there.keys():
            wrong += _differences(here[client_id], there[client_id])
        return wrong + list(_lost(path, here, there))


async def _level(app: Application) -> dict[str, ClientRecord]:
    """The target's clients, when a worker that comes after the killed has done its work."""
    (target,) = app.runtime.provisioning.targets
    work = asyncio.create_task(app.runtime.provisioning.work())
    try:
        async with asyncio.timeout(30):
            while True:
                here = await _linked(app, target.name)
                async with app.runtime.database.read() as tx:
                    links = [
                        await tx.client_links.find("default", client_id, target.name)
                        for client_id in here
                    ]
                    counts = await tx.client_links.counts(target.name)
                # One is looked at again when its secret before ends.
                if not counts and not any(link.claim for link in links if link):
                    return here
                await asyncio.sleep(0.05)
    finally:
        work.cancel()
        await asyncio.wait([work])


async def _linked(app: Application, connector: str) -> dict[str, ClientRecord]:
    found: dict[str, ClientRecord] = {}
    async for page in app.runtime.lists.clients.every(None):
        async with app.runtime.database.read() as tx:
            for record in page:
                link = await tx.client_links.find("default", record.client_id, connector)
                if link is not None:
                    found[record.client_id] = record
    return found


def _target(path: Path) -> dict[str, dict[str, Any]]:
    text = path.read_text("utf-8") if path.exists() else ""
    lines = [json.loads(line) for line in text.splitlines()]
    found = {line["client_id"]: line for line in lines}
    assert len(found) == len(lines), "double"
    return found


def _differences(record: ClientRecord, line: dict[str, Any]) -> Iterable[str]:
    for name, value in json.loads(record.metadata).items():
        if line.get(name) != value:
            yield f"{record.client_id}: {name} is {line.get(name)} there"
    newest = json.loads(record.client_secrets or "[]")[0]["digest"]
    if secret_digest(line.get("client_secret", "")) != newest:
        yield f"{record.client_id}: another secret there"


def _lost(
    path: Path, here: dict[str, ClientRecord], there: dict[str, dict[str, Any]]
) -> Iterable[str]:
    """What was acknowledged, the last of each client."""
    told = dict(line.split() for line in Path(f"{path}.told").read_text().splitlines())
    for client_id, secret in told.items():
        if secret == "-":
            if client_id in here or client_id in there:
                yield f"{client_id} was deleted"
        elif client_id not in here:
            if path.stem != "delete":  # killed before it was acknowledged
                yield f"{client_id} was acknowledged"
        elif path.stem != "rotate" and there[client_id].get("client_secret") != secret:
            yield f"{client_id} was told another secret"
