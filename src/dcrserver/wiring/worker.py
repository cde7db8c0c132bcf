"""What a worker runs, inside of a server or apart: the jobs."""

from __future__ import annotations

from dcrserver.services.upkeep.jobs import Upkeep
from dcrserver.services.upkeep.leases import Leases
from dcrserver.services.upkeep.runner import JobRunner
from dcrserver.telemetry import Metrics
from dcrserver.wiring.foundation import Foundation


def job_runner(base: Foundation, metrics: Metrics) -> JobRunner:
    """The jobs, on the leases of the database."""
    upkeep = Upkeep(base.configured.tenants, base.signing_keys, base.metadata_copies)
    leases = Leases(base.database, base.configured.settings.worker.lease_seconds)
    return JobRunner(leases, upkeep.jobs(), metrics)
