"""No sequence of writes by a client itself leaves the policy that it was born under."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from flows.test_admin_policies import active, writer
from harness.application import CALLBACK, Application, application, bearer, update_of
from harness.properties import examples

EVIL = "https://evil.example/cb"
POLICY = {
    "statements": [
        {"name": "no-evil", "when": {"redirect_uris.host": {"not": "client.example.org"}},
         "then": {"reject": {"error": "invalid_redirect_uri", "description": "not there"}}},
        {"name": "named", "then": {"force": {"client_name": "Bound", "skip_consent": False}}},
    ]
}  # fmt: skip
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "redirect_uris": st.sampled_from([[EVIL], [CALLBACK], [CALLBACK, EVIL]]),
        "client_name": st.sampled_from(["Free", None]),
        "policy": st.sampled_from(["other", None, ""]),
        "policy_version": st.sampled_from([1, 2, None]),
        "bounds": st.just({}),
        "policy_override": st.just(True),  # noqa: FBT003 - a value
        "skip_consent": st.booleans(),
        "owner": st.just("me"),
        "origin": st.just("administrator"),
        "software_statement": st.just("a.b.c"),
        "token_endpoint_auth_method": st.sampled_from(["none", "client_secret_post"]),
    },
)
WRITES = st.lists(st.tuples(st.sampled_from(["PUT", "GET"]), CHANGES), min_size=1, max_size=8)


async def _born(app: Application, policy: str = "birth") -> dict[str, Any]:
    token = await app.initial_token(policy=policy)
    headers = {"Authorization": f"Bearer {token}"}
    body = {"redirect_uris": [CALLBACK]}
    made: dict[str, Any] = (await app.http.post("/register", json=body, headers=headers)).json()
    return made


async def _written(app: Application, writes: list[tuple[str, dict[str, Any]]]) -> None:
    await _bound(app, await _born(app), writes, {"policy": "birth"})


async def _bound(
    app: Application,
    client: dict[str, Any],
    writes: list[tuple[str, dict[str, Any]]],
    bounds: dict[str, Any],
) -> None:
    own = f"/register/{client['client_id']}"
    for method, changes in writes:
        body = update_of(client, **changes) if method == "PUT" else None
        answer = await app.http.request(method, own, json=body, headers=bearer(client))
        if answer.is_success:
            client |= answer.json()
        else:
            assert answer.status_code == 400, answer.text
        async with app.runtime.database.read() as tx:
            record = await tx.clients.find("default", client["client_id"])
        assert record is not None
        assert json.loads(record.bounds or "{}") == bounds
        stored = json.loads(record.metadata)
        assert stored["redirect_uris"] == [CALLBACK]
        assert (stored["client_name"], stored["skip_consent"]) == ("Bound", False)
        assert (record.owner, record.origin) == (None, "initial_access_token")


def test_no_sequence_of_its_own_writes_leaves_a_policy_of_birth(sqlite_database: str) -> None:
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        app = runner.run(stack.enter_async_context(application(sqlite_database)))
        try:
            runner.run(_active(app))

            @examples(100)
            @given(writes=WRITES)
            def holds(writes: list[tuple[str, dict[str, Any]]]) -> None:
                runner.run(_written(app, writes))

            holds()
        finally:
            runner.run(stack.aclose())


async def _active(app: Application) -> None:
    admin = await writer(app)
    await active(admin, "birth", POLICY)
    await active(admin, "other", {})


def test_nor_the_version_of_it_that_binds_while_others_are_active(sqlite_database: str) -> None:
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        app = runner.run(stack.enter_async_context(application(sqlite_database)))
        bounds = {"policy": "versions", "policy_version": 1, "policy_tenant": "*"}
        try:
            admin = runner.run(writer(app))
            runner.run(active(admin, "versions", POLICY | {"binding": "version"}))
            runner.run(_active(app))
            born = [runner.run(_born(app, "versions")) for _ in range(3)]
            runner.run(active(admin, "versions", {}))

            @examples(30)
            @given(writes=WRITES, which=st.integers(0, 2))
            def holds(writes: list[tuple[str, dict[str, Any]]], which: int) -> None:
                runner.run(_bound(app, born[which], writes, bounds))

            holds()
        finally:
            runner.run(stack.aclose())
