"""Decisions about a client that waits, at once: one wins, and the others are told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from dcrserver.names import ClientStatus
from dcrserver.repositories.client_approvals import ClientApprovalRecord
from dcrserver.repositories.transaction import Transaction
from dcrserver.security import new_client_id
from dcrserver.services.registration.decisions import end
from flows.test_approvals import CALLBACK, HOLD, PUBLIC, hold, is_over, types
from harness.administration import ROOT, Administrator, administrator
from harness.application import Application, application, bearer, update_of
from harness.races import before_the_write

POLICY = {"statements": HOLD}


@pytest.fixture
async def two(any_database: str) -> AsyncIterator[tuple[Application, Application]]:
    """Instances on one database."""
    async with (
        application(any_database, policy=POLICY) as first,
        application(any_database, policy=POLICY) as second,
    ):
        yield first, second


@pytest.mark.finding("A6")
async def test_of_all_that_is_decided_at_once_one_thing_is_done(
    two: tuple[Application, Application],
) -> None:
    """Approvals, rejections and the end of its time, at two instances."""
    first, second = two
    scopes = ("clients:read", "clients:approve")
    here, there = [await administrator(each, *scopes) for each in (first, second)]
    for _ in range(4):
        made = await hold(first)
        client_id = made["client_id"]
        path = f"{ROOT}/clients/{client_id}"

        async def ask(by: Administrator, action: str, path: str = path) -> int:
            body = {"reason": "no"} if action == "reject" else None
            answer = await by.app.http.post(f"{path}/{action}", json=body, headers=by.headers)
            return int(answer.status_code)

        async def time_is_over() -> int:
            await second.do_job("end_approvals")
            return 0

        await is_over(first, client_id)
        answers = await asyncio.gather(
            ask(here, "approve"), ask(there, "approve"), ask(here, "reject"), ask(there, "reject"),
            time_is_over(),
        )  # fmt: skip
        status = (await first.client(client_id)).status
        decided = [each for each in await types(first, client_id) if each != "client.held"]
        assert sorted(answers)[:4] in ([0, 200, 409, 409], [0, 409, 409, 409]), answers
        if status != ClientStatus.EXPIRED:
            assert answers.count(200) == 1
            assert decided == [f"client.{'approved' if status == 'active' else 'rejected'}"]
        else:
            assert decided == ["client.approval_expired"]


@pytest.mark.finding("A6")
async def test_what_was_decided_since_its_time_was_looked_at_is_not_forgotten_with_it(
    two: tuple[Application, Application],
) -> None:
    """Who was rejected just then can read why, and who was approved is there."""
    first, second = two
    admin = await administrator(second, "clients:read", "clients:approve")
    database, tenant = first.runtime.database, first.runtime.default_tenant
    now = int(time.time())
    for action, status in (("approve", "active"), ("reject", "rejected")):
        made = await hold(first)
        await is_over(first, made["client_id"])
        async with database.read() as tx:
            due = await tx.client_approvals.due(now)
        (looked_at,) = [each for each in due if each.client_id == made["client_id"]]
        body = {"reason": "no"} if action == "reject" else None
        await admin.post(f"/clients/{made['client_id']}/{action}", json=body)

        async def ends(tx: Transaction, due: ClientApprovalRecord = looked_at) -> None:
            await end(tx, due, tenant, now)

        await database.transact(ends)
        assert (await first.client(made["client_id"])).status == status


@pytest.mark.finding("A6")
async def test_what_changes_before_the_decision_is_written_is_not_decided_about(
    two: tuple[Application, Application], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = two
    admin = await administrator(first, "clients:read", "clients:approve")

    async def meanwhile(
        does: Callable[[dict[str, Any]], Awaitable[httpx.Response]], **headers: str
    ) -> tuple[int, dict[str, Any]]:
        made = await hold(first, **PUBLIC)
        seen = await admin.ask("GET", f"/clients/{made['client_id']}")
        with monkeypatch.context() as patch:
            before_the_write(patch, first, lambda: does(made))
            answer = await first.http.post(
                f"{ROOT}/clients/{made['client_id']}/approve",
                headers=admin.headers
                | {name: seen.headers["etag"] for name in headers if name == "If-Match"},
            )
        return answer.status_code, made

    async def renames(made: dict[str, Any]) -> httpx.Response:
        return await second.http.put(
            f"/register/{made['client_id']}", headers=bearer(made),
            json=update_of(made, client_name=new_client_id()),
        )  # fmt: skip

    async def leaves(made: dict[str, Any]) -> httpx.Response:
        return await second.http.delete(f"/register/{made['client_id']}", headers=bearer(made))

    status, made = await meanwhile(renames)
    assert status == 428
    assert (await first.client(made["client_id"])).status == "pending"
    status, made = await meanwhile(renames, **{"If-Match": ""})
    assert status == 412
    status, made = await meanwhile(leaves)
    assert status == 404


async def test_the_same_asked_for_at_once_at_two_instances_is_one_entry(
    two: tuple[Application, Application],
) -> None:
    body = {"client_name": new_client_id(), "redirect_uris": [CALLBACK], **PUBLIC}
    answers = await asyncio.gather(*(app.http.post("/register", json=body) for app in two * 3))
    assert [each.status_code for each in answers] == [201] * 6, [each.text for each in answers]
    told = [each.json() for each in answers]
    assert len({each["client_id"] for each in told}) == 1
    assert sum("registration_access_token" in each for each in told) == 1


async def test_an_update_that_comes_second_is_judged_by_what_was_decided(
    two: tuple[Application, Application], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that was approved meanwhile must not change past the approval."""
    first, second = two
    admin = await administrator(second, "clients:read", "clients:approve")
    for action, status in (("approve", 400), ("reject", 403)):
        made = await hold(first, **PUBLIC)
        where = f"/clients/{made['client_id']}/{action}"

        async def decide(where: str = where) -> None:
            await admin.post(where, json={"reason": "no"} if "reject" in where else None)

        with monkeypatch.context() as patch:
            before_the_write(patch, first, decide)
            answer = await first.http.put(
                f"/register/{made['client_id']}", headers=bearer(made),
                json=update_of(made, client_name=new_client_id()),
            )  # fmt: skip
        assert answer.status_code == status, answer.text
        stored = await first.client(made["client_id"])
        assert stored.metadata["client_name"] == made["client_name"]
