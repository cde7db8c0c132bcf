"""What is answered about how open registration is, by the configuration that a command has."""

from __future__ import annotations

from dcrserver.cli.administration.answers.here import Here, told
from dcrserver.posture import posture
from dcrserver.rate_limit import RateLimiter
from dcrserver.schemas.admin.posture import Posture
from dcrserver.settings import Settings
from dcrserver.strict_json import JsonObject
from dcrserver.tenants import Tenant


async def posture_of(settings: Settings, tenant: Tenant) -> JsonObject:
    """How open registration is at ``tenant``; no database is asked."""
    limiter = RateLimiter(settings.redis)
    try:
        await limiter.check()
        return told(Posture, posture(settings, tenant, limiter, of_server=True))
    finally:
        await limiter.close()


async def _show_posture(here: Here) -> JsonObject:
    return await posture_of(here.operations.settings, here.configured())


ANSWERS = (_show_posture,)
