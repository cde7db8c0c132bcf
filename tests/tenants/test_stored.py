"""Tenants and policies that are stored: every process sees them, whatever becomes of the others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from dcrserver.background import running
from dcrserver.errors import Unavailable
from dcrserver.repositories.stored_policies import StoredPolicyRecord
from dcrserver.repositories.stored_tenants import StoredTenantRecord
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.security import new_client_id
from dcrserver.services.tenants.stored_configuration import StoredConfiguration
from dcrserver.strict_json import dumps
from harness.application import CALLBACK, Application, application
from harness.long_run import FIRST_EVERYDAY

_SEEN_SECONDS = 2.0


@pytest.fixture
async def two(any_database: str) -> AsyncIterator[tuple[Application, Application]]:
    """As two instances are, on one database."""
    async with AsyncExitStack() as stack:
        yield (
            await stack.enter_async_context(application(any_database)),
            await stack.enter_async_context(application(any_database)),
        )


def configuration(app: Application) -> StoredConfiguration:
    return app.runtime.stored_configuration


async def store(
    app: Application, name: str, status: str = "active", *, raw: str | None = None, **settings: Any
) -> None:
    """Writes the row of a tenant, whatever it says."""
    text = dumps(settings) if raw is None else raw

    async def write(tx: Transaction, number: int) -> None:
        record = StoredTenantRecord(name, text, status, None, number, 1, 1)
        if not await tx.stored_tenants.write(record):
            await tx.stored_tenants.add(record)

    await configuration(app).changing(lambda: configuration(app).change(write))


async def activate(
    app: Application, tenant: str, name: str, version: int, raw: str | None = None, **policy: Any
) -> None:
    text = dumps(policy) if raw is None else raw

    async def write(tx: Transaction, number: int) -> None:
        for each in await tx.stored_policies.versions(tenant, name):
            await tx.stored_policies.write(each._replace(state="retired"))
        await tx.stored_policies.add(
            StoredPolicyRecord(tenant, name, version, text, "active", number, 1, "test")
        )

    await configuration(app).changing(lambda: configuration(app).change(write))


async def register(app: Application, tenant: str, **metadata: Any) -> int:
    body = {"redirect_uris": [CALLBACK]} | metadata
    status: int = (await app.http.post(f"/t/{tenant}/register", json=body)).status_code
    return status


async def until(app: Application, tenant: str, status: int) -> float:
    """Seconds until a registration there is answered so."""
    started_at = time.monotonic()
    while await register(app, tenant) != status:
        assert time.monotonic() - started_at < 10
        await asyncio.sleep(0.02)
    return time.monotonic() - started_at


@pytest.mark.parametrize("any_database", FIRST_EVERYDAY, indirect=True)
async def test_every_instance_sees_a_tenant_come_pause_and_go_within_two_seconds(
    two: tuple[Application, Application],
) -> None:
    here, there = two
    name = new_client_id()
    async with running("looking", configuration(there).run):
        for state, answer in (
            ("active", 201), ("suspended", 503), ("active", 201), ("deleting", 404),
        ):  # fmt: skip
            await store(here, name, state)
            assert await register(here, name) == answer, state
            assert await until(there, name, answer) < _SEEN_SECONDS, state


async def test_a_suspended_tenant_answers_nothing(app: Application) -> None:
    name = new_client_id()
    await store(app, name, webfinger=[f"{name}.example".lower()])
    client = (
        await app.http.post(
            f"/t/{name}/register",
            json={"redirect_uris": [CALLBACK], "grant_types": ["client_credentials"]},
        )
    ).json()
    bearer = {"Authorization": f"Bearer {client['registration_access_token']}"}
    own = f"/t/{name}/register/{client['client_id']}"
    finger = f"/.well-known/webfinger?resource=https://{name}.example".lower()
    asked = [
        (f"/t/{name}/.well-known/oauth-authorization-server", {}),
        (f"/.well-known/oauth-authorization-server/t/{name}", {}),
        (own, bearer), (f"/t/{name}/jwks", {}), (f"/t/{name}/docs", {}), (finger, {}),
    ]  # fmt: skip
    for status in (200, 503, 200):
        await store(
            app,
            name,
            "active" if status == 200 else "suspended",
            webfinger=[f"{name}.example".lower()],
        )
        found = {path: await app.http.get(path, headers=headers) for path, headers in asked}
        assert {path: each.status_code for path, each in found.items()} == dict.fromkeys(
            found, status
        )
        if status == 503:
            assert all(int(each.headers["Retry-After"]) > 0 for each in found.values())
            assert all(name not in each.text or "suspended" in each.text for each in found.values())


async def test_what_is_stored_and_cannot_be_used_stops_nobody(any_database: str) -> None:
    """As after a step back to an older version, or with a file that came to say something else."""
    good, bad, away, held = (new_client_id() for _ in range(4))
    async with application(any_database) as app:
        await store(app, good)
        await store(app, bad, raw='{"colour": "blue"}')
        await store(app, away, policy="nobody-has-it")
        await store(app, held, path="/docs/below")
        assert await register(app, good) == 201
    async with application(any_database) as app:
        assert await register(app, good) == 201
        for name in (bad, away, held):
            assert await register(app, name) == 404
        text = (await app.http.get("/metrics")).text
        assert "dcrserver_stored_tenants_broken 0" not in text
        await store(app, bad)
        await activate(app, "*", "nobody-has-it", 1)
        assert [await register(app, name) for name in (bad, away)] == [201, 201]
        await activate(app, "*", "nobody-has-it", 2, registration={"required": ["contacts"]})
        assert await register(app, away) == 400
        assert await register(app, away, contacts=["a@example.org"]) == 201


async def test_a_process_keeps_what_it_cannot_read_anew_but_not_awake(app: Application) -> None:
    """Whoever wrote it may be a later version; that it was suspended counts all the same."""
    name = new_client_id()
    await store(app, name)
    await store(app, name, raw='{"colour": "blue"}')
    assert await register(app, name) == 201
    await store(app, name, "suspended", raw='{"colour": "blue"}')
    assert await register(app, name) == 503
    await activate(app, "*", name, 1, registration={"required": ["contacts"]})
    await store(app, name, policy=name)
    assert await register(app, name) == 400
    await activate(app, "*", name, 2, raw='{"colour": {}}')
    assert await register(app, name) == 400


async def test_of_two_changes_made_on_one_state_one_is_made_again(
    two: tuple[Application, Application],
) -> None:
    here, there = two
    names = [new_client_id() for _ in range(6)]
    await asyncio.gather(*(store(two[number % 2], name) for number, name in enumerate(names)))
    await configuration(here).look()
    await configuration(there).look()
    for app in two:
        assert [await register(app, name) for name in names] == [201] * len(names)


async def test_while_the_database_is_away_what_is_known_serves_and_says_its_age(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = new_client_id()
    await store(app, name)

    def away(*_: object) -> None:
        raise Unavailable("away")

    with monkeypatch.context() as broken:
        broken.setattr(Database, "read", away)
        async with running("looking", configuration(app).run):
            before = configuration(app).age()
            await asyncio.sleep(0.3)
            found = await app.http.get(f"/t/{name}/.well-known/oauth-authorization-server")
        assert found.status_code == 200
        assert configuration(app).age() >= before + 0.3
    await configuration(app).look()
    assert configuration(app).age() < 0.3


async def test_a_policy_that_is_activated_makes_only_those_anew_that_name_it(
    two: tuple[Application, Application],
) -> None:
    """With thousands of tenants all the others are where they were, and find it all the same."""
    first, second = two
    policy, naming, other = (new_client_id() for _ in range(3))
    await activate(first, "*", policy, 1)
    await store(first, naming, policy=policy)
    await store(first, other)
    await configuration(second).look()
    for version, fields in enumerate((["contacts"], ["client_name"]), 2):
        for app in two:
            await configuration(app).look()
        before = [dict(app.runtime.tenants.now.by_name) for app in two]
        await activate(first, "*", policy, version, registration={"required": fields})
        await configuration(second).look()
        for app, was in zip(two, before, strict=True):
            now = app.runtime.tenants.now.by_name
            assert now[naming].terms.policy.registration.required == {*fields}
            assert now[other].policies[policy].policy.registration.required == {*fields}
            assert now[other] is was[other]
    # That of the tenant itself counts before that of all, and is another's no more than before.
    await activate(first, other, policy, 1, registration={"required": ["logo_uri"]})
    now = first.runtime.tenants.now.by_name
    assert now[other].policies[policy].policy.registration.required == {"logo_uri"}
    assert now[naming].policies[policy].policy.registration.required == {"client_name"}
    assert policy in now[other].policies
    assert list(now[other].policies).count(policy) == 1
    assert "nobody" not in now[other].policies
