"""A policy of birth cannot be left by any sequence of self-service writes, whatever comes between
them: registrations, repeats, deletions, and other versions of the policy.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from contextlib import AsyncExitStack
from typing import Any, ClassVar

import httpx
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from flows.test_admin_policies import active, writer
from flows.test_policy_of_birth import CHANGES, EVIL
from harness.application import CALLBACK, Application, application, bearer, update_of
from harness.properties import examples

_DAY = 86_400
_POLICIES = ("moving", "pinned")
_SOFTWARE = st.sampled_from([{}, {"software_id": "short"}, {"software_id": "long"}])
_CHANGES = st.tuples(CHANGES, _SOFTWARE).map(lambda two: two[0] | two[1])
_VERSIONS = st.integers(1, 3)


def _policy(number: int, binding: str) -> dict[str, Any]:
    """Each version forces a name of its own, and ends clients after as many days."""
    statements = [
        {"name": "no-evil", "when": {"redirect_uris.host": {"not": "client.example.org"}},
         "then": {"reject": {"error": "invalid_redirect_uri", "description": "not there"}}},
        {"name": "named", "then": {"force": {"client_name": f"v{number}", "skip_consent": False}}},
        {"name": "ends", "then": {"expire": {"client": number * _DAY}}},
        {"name": "short", "when": {"software_id": "short"}, "then": {"expire": {"client": 3600}}},
        {"name": "few", "when": {"redirect_uris.host": "evil.example"},
         "then": {"limit": {"by": "tenant", "clients": 0}}},
    ]  # fmt: skip
    return {"statements": statements, "binding": binding}


class _Born:
    """A client, and what it may be: its name is that of a version, its end never moves away."""

    def __init__(self, policy: str, number: int, told: dict[str, Any]) -> None:
        self.policy, self.number, self.told = policy, number, told
        self.ends_at: int = told["client_expires_at"]
        self.is_gone = False

    @property
    def path(self) -> str:
        return f"/register/{self.told['client_id']}"


class _Machine(RuleBasedStateMachine):
    app: ClassVar[Application]
    runner: ClassVar[asyncio.Runner]
    born = Bundle("born")

    def __init__(self) -> None:
        super().__init__()
        self.clients: list[_Born] = []
        self.numbers = {policy: self._activated(policy, 1) for policy in _POLICIES}

    def _activated(self, policy: str, number: int) -> int:
        async def activate() -> None:
            binding = "version" if policy == "pinned" else "active"
            await active(await writer(self.app), policy, _policy(number, binding))

        self.runner.run(activate())
        return number

    def _asked(self, method: str, path: str, **sent: Any) -> httpx.Response:
        return self.runner.run(self.app.http.request(method, path, **sent))

    @rule(policy=st.sampled_from(_POLICIES), number=_VERSIONS)
    def another_version_is_active(self, policy: str, number: int) -> None:
        self.numbers[policy] = self._activated(policy, number)

    @rule(target=born, policy=st.sampled_from(_POLICIES), sent=_CHANGES, repeats=st.booleans())
    def registers(self, policy: str, sent: dict[str, Any], *, repeats: bool) -> Any:
        token = self.runner.run(self.app.initial_token(policy=policy))
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": str(uuid.uuid4())}
        body = {"redirect_uris": [CALLBACK]} | sent
        answer = self._asked("POST", "/register", json=body, headers=headers)
        is_good = EVIL not in (body["redirect_uris"] or [])
        assert answer.status_code == (201 if is_good else 400), answer.text
        if not is_good:
            return None
        if repeats:
            again = self._asked("POST", "/register", json=body, headers=headers)
            assert again.json() == answer.json()
        self.clients.append(_Born(policy, self.numbers[policy], answer.json()))
        return self.clients[-1]

    @initialize(target=born, policy=st.sampled_from(_POLICIES))
    def one_is_there(self, policy: str) -> Any:
        return self.registers(policy, {}, repeats=False)

    @rule(client=born, software=st.sampled_from(["short", "long"]))
    def is_of_other_software(self, client: _Born | None, software: str) -> None:
        self.updates(client, {"software_id": software})

    @rule(client=born, changes=_CHANGES)
    def updates(self, client: _Born | None, changes: dict[str, Any]) -> None:
        if client is None:
            return
        body = update_of(client.told, **changes)
        answer = self._asked("PUT", client.path, json=body, headers=bearer(client.told))
        if client.is_gone:
            assert answer.status_code == 401
        elif answer.is_success:
            client.told |= answer.json()
            if client.policy == "moving":
                client.number = self.numbers["moving"]
        else:
            assert answer.status_code == 400, answer.text

    @rule(client=consumes(born))
    def leaves(self, client: _Born | None) -> None:
        if client is None or client.is_gone:
            return
        answer = self._asked("DELETE", client.path, headers=bearer(client.told))
        assert answer.status_code == 204
        client.is_gone = True

    @invariant()
    def each_is_what_its_policy_lets_it_be(self) -> None:
        for client in self.clients:
            record = self.runner.run(self._stored(client))
            assert (record is None) is client.is_gone
            if record is None:
                continue
            bounds, stored = json.loads(record.bounds or "{}"), json.loads(record.metadata)
            assert bounds["policy"] == client.policy
            assert ("policy_version" in bounds) is (client.policy == "pinned")
            assert stored["redirect_uris"] == [CALLBACK]
            assert (stored["client_name"], stored["skip_consent"]) == (f"v{client.number}", False)
            assert (record.owner, record.origin) == (None, "initial_access_token")
            assert record.expires_at is not None
            assert record.expires_at <= client.ends_at
            client.ends_at = record.expires_at

    async def _stored(self, client: _Born) -> Any:
        async with self.app.runtime.database.read() as tx:
            return await tx.clients.find("default", client.told["client_id"])


def test_a_policy_of_birth_is_left_by_no_sequence_of_writes(sqlite_database: str) -> None:
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        app = runner.run(stack.enter_async_context(application(sqlite_database)))
        try:
            _Machine.app, _Machine.runner = app, runner
            run_state_machine_as_test(_Machine, settings=examples(40, stateful_step_count=12))
        finally:
            runner.run(stack.aclose())
