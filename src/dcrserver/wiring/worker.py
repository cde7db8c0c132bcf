"""What a worker runs, inside of a server or apart: the jobs."""

from __future__ import annotations

import math

from dcrserver.services.tenants.deletion import TenantDeletion
from dcrserver.services.upkeep.jobs import Upkeep
from dcrserver.services.upkeep.leases import Leases
from dcrserver.services.upkeep.runner import JobRunner
from dcrserver.telemetry import Metrics
from dcrserver.wiring.foundation import Foundation


def job_runner(base: Foundation, metrics: Metrics) -> JobRunner:
    """The jobs, on the leases of the database."""
    settings = base.configured.settings
    # So long may a request of before write what is deleted.
    settled = math.ceil(settings.server.body_seconds + settings.database.statement_timeout) + 2
    deletion = TenantDeletion(base.database, settled)
    upkeep = Upkeep(base.configured.tenants, base.signing_keys, base.metadata_copies, deletion)
    leases = Leases(base.database, settings.worker.lease_seconds)
    return JobRunner(leases, upkeep.jobs(), metrics)
