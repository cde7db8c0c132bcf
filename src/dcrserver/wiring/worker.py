"""What a worker runs, inside of a server or apart: the jobs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from dcrserver.repositories.leases import LONGEST_SECONDS
from dcrserver.services.authentication.last_uses import FLUSH_SECONDS
from dcrserver.services.clients.adoption import Adoption
from dcrserver.services.clients.imports import ClientImportService
from dcrserver.services.jobs.administration import BULK, POLICY_TEST, RECONCILE
from dcrserver.services.jobs.bulk import BulkChange
from dcrserver.services.jobs.client_import import ClientImport
from dcrserver.services.jobs.executor import JobExecutor, JobKind
from dcrserver.services.jobs.policy_test import PolicyTest
from dcrserver.services.jobs.reception import IMPORT
from dcrserver.services.jobs.reconciling import Reconciling, Rounds
from dcrserver.services.provisioning.administration import ConnectorService
from dcrserver.services.tenants.deletion import TenantDeletion
from dcrserver.services.upkeep.jobs import Upkeep
from dcrserver.services.upkeep.leases import Leases
from dcrserver.services.upkeep.runner import Job, JobRunner
from dcrserver.telemetry import Metrics
from dcrserver.wiring.foundation import Foundation
from dcrserver.wiring.shared import client_changes


def job_runner(base: Foundation, metrics: Metrics) -> JobRunner:
    """The jobs, on the leases of the database."""
    settings = base.configured.settings
    upkeep = Upkeep(
        base.configured.tenants,
        base.signing_keys,
        base.metadata_copies,
        _deletion(base),
        settings.clients.restore_window,
    )
    leases = Leases(base.database, settings.worker.lease_seconds)
    jobs = [*upkeep.jobs(), _of_administrators(base, metrics), *_rounds(base)]
    return JobRunner(leases, jobs, metrics)


def _rounds(base: Foundation) -> Iterator[Job]:
    """Each target is compared with what is here by time."""
    tenant = base.configured.tenants.now.default
    for name, connector in base.configured.settings.connectors.items():
        rounds = Rounds(tenant, name)
        pause = min(connector.drift_seconds, LONGEST_SECONDS)
        yield Job(f"compare_{name}", pause, rounds.begin)


def jobs_of_administrators(base: Foundation, metrics: Metrics) -> JobRunner:
    """Their jobs alone."""
    leases = Leases(base.database, base.configured.settings.worker.lease_seconds)
    return JobRunner(leases, [_of_administrators(base, metrics)], metrics)


def _deletion(base: Foundation) -> TenantDeletion:
    settings = base.configured.settings
    database = settings.database
    # So long may a request of before write what is deleted: it receives, fetches, and writes, and
    # that a client was used is written later still.
    settled = (
        settings.server.body_seconds
        + settings.outbound.timeout
        + database.pool_timeout
        + database.statement_timeout
        + FLUSH_SECONDS
    )
    return TenantDeletion(base.database, math.ceil(settled) + 2)


def _of_administrators(base: Foundation, metrics: Metrics) -> Job:
    settings = base.configured.settings
    tenants = base.configured.tenants
    kinds: Mapping[str, JobKind] = {
        BULK: BulkChange(base.lists, tenants),
        IMPORT: ClientImport(
            base.database, base.configured.box, base.provisioning.sealing, tenants
        ),
        RECONCILE: _reconciling(base),
        POLICY_TEST: PolicyTest(base.lists, tenants, settings.members),
    }
    executor = JobExecutor(base.database, kinds, settings.worker.keep_jobs_seconds, metrics)
    return Job("do_jobs", 60.0, executor.work, look_seconds=1.0, waits=executor.waits)


def _reconciling(base: Foundation) -> Reconciling:
    tenants = base.configured.tenants
    sealing = base.provisioning.sealing
    imports = ClientImportService(base.database, base.configured.box, sealing)
    adoption = Adoption(base.database, tenants, client_changes(base), imports)
    connectors = ConnectorService(base.database, base.provisioning.targets, tenants)
    return Reconciling(base.database, base.lists, connectors, adoption)
