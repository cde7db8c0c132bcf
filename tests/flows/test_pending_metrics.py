"""Metrics of clients that wait for an approval, on each database."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator

import pytest

from dcrserver.errors import Unavailable
from dcrserver.repositories.transaction import Database
from flows.test_approvals import HOLD
from harness.application import Application, application


@pytest.fixture
async def app(any_database: str) -> AsyncIterator[Application]:
    # A tenant of its own, as others wait in the one of all tests.
    policies, tenants = {"held": {"statements": HOLD}}, {"pending": {"policy": "held"}}
    async with application(any_database, policies=policies, tenants=tenants) as made:
        yield made


async def told(app: Application) -> tuple[float, float] | None:
    text = (await app.http.get("/metrics")).text
    found = [
        re.search(rf'^{name}{{tenant="pending"}} (\S+)$', text, re.MULTILINE)
        for name in ("dcrserver_pending_clients", "dcrserver_oldest_pending_client_age_seconds")
    ]
    numbers = [float(each[1]) for each in found if each]
    return (numbers[0], numbers[1]) if numbers else None


async def test_metrics_tell_how_many_wait_and_for_how_long(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    pending = app.runtime.pending_approvals
    await pending.count()
    assert await told(app) is None
    made = [
        (await app.http.post("/t/pending/register", json={"redirect_uris": [uri]})).json()
        for uri in ("https://one.example/cb", "https://two.example/cb")
    ]
    assert {each["client_status"] for each in made} == {"pending"}
    assert await told(app) is None  # nobody has counted
    await pending.count()
    number, age = await told(app) or (0, 0)
    assert number == 2
    assert 0 <= age < 60
    later = time.time() + 1000
    monkeypatch.setattr(time, "time", lambda: later)
    assert (await told(app) or (0, 0))[1] >= 1000
    monkeypatch.undo()

    def away(_: Database) -> None:
        raise Unavailable("away")

    with monkeypatch.context() as broken:
        broken.setattr(Database, "read", away)
        with pytest.raises(Unavailable):
            await pending.count()
    assert (await told(app) or (0, 0))[0] == 2
    for client in made:
        own = client["registration_client_uri"]
        headers = {"Authorization": f"Bearer {client['registration_access_token']}"}
        assert (await app.http.delete(own, headers=headers)).status_code == 204
    await pending.count()
    assert await told(app) == (0, 0)
