"""Liveness, readiness, metrics."""

from __future__ import annotations

from math import isfinite

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response

from dcrserver.api.openapi import discovery as described
from dcrserver.edge.dependencies import runtime
from dcrserver.edge.responses import NO_STORE, json_response
from dcrserver.edge.routers import Router
from dcrserver.edge.routing import ProtocolRoute
from dcrserver.strict_json import JsonObject
from dcrserver.wiring.runtime import Runtime

router = Router(ProtocolRoute, tag="operations")


@router.get("/healthz", access="operations", **described.ALIVE)
async def healthz(_: Request) -> Response:
    """The process answers; nothing else is asked."""
    return json_response({"status": "alive"}, headers=NO_STORE)


@router.get("/readyz", access="operations", **described.READY)
async def readyz(request: Request) -> Response:
    """Whether requests should come here, and if not, why."""
    reason = await _not_ready_reason(runtime(request))
    told = _age(runtime(request))
    if reason:
        return json_response({"status": "not ready", "reason": reason, **told}, 503, NO_STORE)
    return json_response({"status": "ready", **told}, headers=NO_STORE)


@router.get("/metrics", access="operations", include_in_schema=False)
async def metrics(request: Request) -> Response:
    """Prometheus text format."""
    body = await runtime(request).metrics.exposition()
    return Response(body, headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _not_ready_reason(here: Runtime) -> str | None:
    if here.draining:
        return "shutting down"
    return await here.readiness.not_ready_reason()


def _age(here: Runtime) -> JsonObject:
    """Of the oldest copy, null where one is missing; without names, as anybody may ask."""
    ages = here.metadata_copies.measured().values()
    if not ages:
        return {}
    oldest = max(ages)
    return {"authorization_server_metadata_age_seconds": int(oldest) if isfinite(oldest) else None}
