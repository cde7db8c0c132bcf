"""Killed while somebody decides on a client that waits: it is decided, with its event, or waits."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from crash.steps import STEPS
from dcrserver.repositories.client_approvals import ClientApprovalRepository
from dcrserver.repositories.clients import ClientRepository
from dcrserver.repositories.transaction import Database
from harness.actors import OPERATOR
from harness.application import Application, application
from harness.databases import BACKENDS, migrated
from harness.long_run import only_long

_HOLD: dict[str, Any] = {
    "policy": {"statements": [{"name": "look", "when": {}, "then": {"hold": True}}]}
}
_KILLED = -9
_MOST_STEPS = 20
# Of each status, the events of the client and whether it is still waited for.
_WHOLE = {
    "pending": (["client.held"], True),
    "active": (["client.held", "client.approved"], False),
    "rejected": (["client.held", "client.rejected"], True),  # until it is forgotten
}


@only_long
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("decision", ["approve", "reject"])
def test_a_decision_is_whole_or_was_never_made(backend: str, decision: str, tmp_path: Path) -> None:
    told = tmp_path / "told"
    with migrated(backend) as url:
        kills = 0
        for last in range(1, _MOST_STEPS):
            status = _in_child(url, decision, told, last)
            if status == 0:
                break
            assert status == _KILLED
            kills += 1
        found = asyncio.run(_found(url, told.read_text().split()))
    assert {status for status, *_ in found} == {
        "pending", "active" if decision == "approve" else "rejected",
    }  # fmt: skip
    assert [each for each in found if each[1:] != _WHOLE[each[0]]] == []
    assert kills >= 4


def _in_child(url: str, decision: str, told: Path, last: int) -> int:
    child = os.fork()
    if child == 0:
        code = 1
        try:
            _patch()
            asyncio.run(_decide(url, decision, told, last))
            code = 0
        finally:
            sys.stderr.flush()
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _patch() -> None:
    """From now on each statement of a decision is a step, and so is its commit."""
    Database.transact = STEPS.around(Database.transact)  # type: ignore[method-assign]
    ClientRepository.replace = STEPS.around(ClientRepository.replace)  # type: ignore[method-assign]
    ClientApprovalRepository.decide = STEPS.around(  # type: ignore[method-assign]
        ClientApprovalRepository.decide
    )


async def _decide(url: str, decision: str, told: Path, last: int) -> None:
    async with application(url, **_HOLD) as app:
        STEPS.last = 0
        client_id = (await app.register())["client_id"]
        with told.open("a", encoding="utf-8") as file:
            file.write(f"{client_id}\n")
        STEPS.done, STEPS.last = 0, last
        tenant, approvals = app.runtime.default_tenant, app.operations.client_approvals
        if decision == "approve":
            await approvals.approve(tenant, client_id, OPERATOR)
        else:
            await approvals.reject(tenant, client_id, "no", OPERATOR)
        STEPS.last = 0


async def _found(url: str, client_ids: list[str]) -> list[tuple[str, list[str], bool]]:
    """Of each client its status, its events, and whether it is waited for."""
    async with application(url, **_HOLD) as app:
        return [await _state(app, client_id) for client_id in client_ids]


async def _state(app: Application, client_id: str) -> tuple[str, list[str], bool]:
    async with app.runtime.database.read() as tx:
        client = await tx.clients.find("default", client_id)
        approval = await tx.client_approvals.find("default", client_id)
    assert client is not None
    assert approval is not None
    events = [each.type for each in await app.events(client_id)]
    return client.status, events, approval.ends_at > 0
