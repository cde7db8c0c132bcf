"""How safe, and how open, a server is as it is configured: rows that are looked for, one by one.

What the start warns of is the first half; how open registration is, which may well be meant so,
is told where somebody asks (``dcrserver policy posture``).
"""

from __future__ import annotations

from collections.abc import Mapping

from dcrserver.posture.findings import Finding, Severity, Subject, found
from dcrserver.posture.registration import CHECKS as OF_REGISTRATION
from dcrserver.posture.running import CHECKS as OF_RUNNING
from dcrserver.rate_limit import RateLimiter
from dcrserver.settings import Settings
from dcrserver.strict_json import JsonObject
from dcrserver.tenants import Tenant, TenantRegistry

__all__ = ["ALL", "NAMES", "Finding", "Severity", "findings", "posture"]

ALL = (*OF_RUNNING, *OF_REGISTRATION)
# What the start may warn of, and what it means; docs/telemetry.md lists them.
NAMES: Mapping[str, str] = {check.name: check.text for check in OF_RUNNING}


def findings(settings: Settings, tenants: TenantRegistry, limiter: RateLimiter) -> list[Finding]:
    """What the log at the start, and ``config check``, warn of."""
    return [*found(OF_RUNNING, Subject(settings, tenants, limiter))]


def posture(
    settings: Settings, tenant: Tenant, limiter: RateLimiter, *, of_server: bool
) -> JsonObject:
    """All that is found of ``tenant``, the worst first, each once, as administrators are told;
    ``of_server``: and of the server, which is not for administrators of one tenant.
    """
    checks = (check for check in ALL if of_server or not check.of_server)
    made = {each.name: each for each in found(checks, Subject(settings, (tenant,), limiter))}
    ordered = sorted(made.values(), key=lambda each: -each.severity)
    return {
        "tenant": tenant.name,
        "worst": ordered[0].severity.word if ordered else None,
        "findings": [each.told() for each in ordered],
    }
