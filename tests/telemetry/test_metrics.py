"""What a process tells of itself at /metrics, as Prometheus reads it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from conftest import MakeApplication
from dcrserver.limits import ROWS
from harness.application import Application

pytestmark = pytest.mark.finding("B5")


async def scraped(app: Application) -> dict[str, Metric]:
    text = (await app.http.get("/metrics")).text
    return {family.name: family for family in text_string_to_metric_families(text)}


async def numbers(app: Application, name: str) -> dict[tuple[str, ...], float]:
    """By label values."""
    family = (await scraped(app))[name]
    return {tuple(sample.labels.values()): sample.value for sample in family.samples}


async def test_every_metric_says_what_it_is(any_app: Application) -> None:
    families = await scraped(any_app)
    assert len(families) > 20
    for family in families.values():
        assert family.name.startswith(("dcrserver_", "process_")), family.name
        assert len(family.documentation) > 3, family.name
        assert family.type in {"counter", "gauge", "histogram"}, family.name


async def test_the_database_tells_its_queue_its_batches_and_its_connections(
    any_app: Application,
) -> None:
    before = await numbers(any_app, "dcrserver_database_batched_work")
    for _ in range(3):
        await any_app.register()
    after = await numbers(any_app, "dcrserver_database_batched_work")
    assert after[()] >= before[()] + 3
    assert 0 < (await numbers(any_app, "dcrserver_database_batches"))[()] <= after[()]
    assert await numbers(any_app, "dcrserver_database_queue") == {(): 0}
    turned_away = await numbers(any_app, "dcrserver_database_turned_away")
    assert turned_away == {("full",): 0, ("late",): 0}
    if not any_app.runtime.database.is_server:
        assert "dcrserver_database_connections" not in await scraped(any_app)
        return
    for _ in range(500):  # a connection is given back a moment after the answer
        connections = await numbers(any_app, "dcrserver_database_connections")
        if not connections[("used",)]:
            break
        await asyncio.sleep(0.01)
    assert connections[("used",)] == 0
    assert connections[("idle",)] > 0
    most = await numbers(any_app, "dcrserver_database_connections_max")
    assert most == {(): any_app.runtime.settings.database.pool_size}


async def test_what_a_limit_refused_is_counted(make_app: MakeApplication) -> None:
    limits = {"enabled": True, "open_registration": "2/hour", "failed_authentication": "1/hour"}
    app = await make_app(rate_limits=limits)
    client = await app.register(grant_types=["client_credentials"])
    await app.register()
    body: dict[str, Any] = {"redirect_uris": ["https://client.example.org/cb"]}
    for _ in range(3):
        assert (await app.http.post("/register", json=body)).status_code == 429
    guess = (client["client_id"], "wrong")
    form = {"grant_type": "client_credentials"}
    for status in (401, 429):
        assert (await app.http.post("/token", data=form, auth=guess)).status_code == status
    assert await numbers(app, "dcrserver_rate_limited") == {
        **{(name,): 0 for name in ROWS},
        ("open_registration",): 3,
        ("failed_authentication",): 1,
    }


async def test_what_is_fetched_and_remembered_is_counted(make_app: MakeApplication) -> None:
    app = await make_app(
        authorization_server={"subject_types_supported": ["public", "pairwise"]},
        outbound={"nameservers": ["127.0.0.1:9"], "timeout": 0.5},  # where nobody is
    )
    body = {
        "redirect_uris": ["https://client.example.org/cb"],
        "sector_identifier_uri": "https://sector.example/uris.json",
        "subject_type": "pairwise",
    }
    for _ in range(2):
        answer = await app.http.post("/register", json=body)
        assert answer.status_code == 400, answer.text
    fetches = await numbers(app, "dcrserver_fetches")
    assert fetches[("ok",)] == 0
    assert fetches[("failed",)] >= 1
    needed = await numbers(app, "dcrserver_documents_needed")
    assert sum(needed.values()) > fetches[("failed",)]
    assert needed[("remembered",)] >= 1
    assert (await numbers(app, "dcrserver_fetch_seconds"))[()] > 0
    assert await numbers(app, "dcrserver_documents_remembered") == {(): 1}
    assert await numbers(app, "dcrserver_fetches_running") == {(): 0}
    assert await numbers(app, "dcrserver_fetches_awaited") == {(): 0}


async def test_how_old_a_signing_key_is(make_app: MakeApplication) -> None:
    app = await make_app()
    assert await numbers(app, "dcrserver_signing_key_age_seconds") == {}
    await app.runtime.signing_keys.current("default")
    ages = await numbers(app, "dcrserver_signing_key_age_seconds")
    assert 0 <= ages[("default",)] < 60
