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

from crash.levelling import level, lost
from crash.steps import SCENARIOS, groups, in_child
from dcrserver.repositories.clients import ClientRecord
from dcrserver.security import secret_digest
from harness.application import application
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
        here = await level(app)
        there = _target(path)
        differing = here.keys() ^ there.keys()
        wrong = [f"{client_id} is on one side only" for client_id in differing]
        for client_id in here.keys() & there.keys():
            wrong += _differences(here[client_id], there[client_id])
        return wrong + list(lost(path, here, there))


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
