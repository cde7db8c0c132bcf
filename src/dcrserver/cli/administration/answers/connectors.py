"""What the database answers about connectors; what is asked of their servers is asked from here."""

from __future__ import annotations

from dcrserver.cli.administration.answers.here import Here, told, validated
from dcrserver.schemas.admin.connectors import (
    ConnectorDescription,
    ConnectorRetry,
    Connectors,
    ConnectorTest,
    Reconciliation,
)
from dcrserver.schemas.admin.jobs import Job
from dcrserver.strict_json import JsonObject


async def _list_connectors(here: Here) -> JsonObject:
    found = await here.operations.connectors.connectors(here.actor)
    return told(Connectors, {"items": found})


async def _describe_connector(here: Here, *, name: str) -> JsonObject:
    return told(ConnectorDescription, await here.operations.connectors.connector(name, here.actor))


async def _test_connector(here: Here, *, name: str) -> JsonObject:
    return told(ConnectorTest, await here.operations.connectors.test(name, here.actor))


async def _retry_connector(here: Here, *, name: str) -> JsonObject:
    return told(
        ConnectorRetry, {"retried": await here.operations.connectors.retry(name, here.actor)}
    )


async def _reconcile_connector(here: Here, *, name: str, body: JsonObject) -> JsonObject:
    drift = here.operations.connectors.target(name, here.actor).settings.drift
    asked = {"connector": name} | validated(Reconciliation, body).model_dump(exclude_none=True)
    service = here.operations.job_administration
    made = await service.reconcile(here.configured(), asked, here.origin, drift)
    return told(Job, made)


ANSWERS = (
    _list_connectors,
    _describe_connector,
    _test_connector,
    _retry_connector,
    _reconcile_connector,
)
