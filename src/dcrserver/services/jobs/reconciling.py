"""Use case: a job that compares a target with what is here, and puts right what it is asked to."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import asdict
from functools import partial

from dcrserver.connectors.failures import TargetError
from dcrserver.errors import ProtocolError
from dcrserver.logger import Logger
from dcrserver.repositories.jobs import JobRecord
from dcrserver.repositories.queries import Lists
from dcrserver.repositories.transaction import Database, Transaction, Writer
from dcrserver.services.audit import Origin
from dcrserver.services.audit.actors import SYSTEM
from dcrserver.services.clients.adoption import Adoption
from dcrserver.services.jobs.administration import RECONCILE
from dcrserver.services.jobs.ongoing import JobFailed, OngoingJob, got_on
from dcrserver.services.jobs.views import new_job
from dcrserver.services.provisioning.administration import ConnectorService
from dcrserver.services.provisioning.reconciling import Comparison, Difference, Findings, Repair
from dcrserver.services.provisioning.targets import Target
from dcrserver.strict_json import JsonObject
from dcrserver.tenants import Tenant

_log = Logger(__name__)


class Reconciling:
    """The kind of job that reconciles."""

    at_once = 2

    def __init__(
        self, database: Database, lists: Lists, connectors: ConnectorService, adoption: Adoption
    ) -> None:
        self._database = database
        self._lists = lists
        self._connectors = connectors
        self._adoption = adoption

    async def work(self, job: OngoingJob) -> AsyncGenerator[None, None]:
        """Compares some clients after the others; see ``executor.JobKind``.

        Whoever takes over begins anew: what is level by then is found to be.
        """
        actor = job.origin.actor
        try:
            target = self._connectors.target(str(job.parameters["connector"]), actor)
        except ProtocolError as error:
            raise JobFailed(error.description) from None
        tenants = self._connectors.tenants_of(target, actor)
        is_whole = actor.tenant is None or not self._connectors.is_shared(target, tenants)
        look = Comparison(self._database, self._lists, target, tenants, is_whole=is_whole)
        drift = str(job.parameters.get("drift") or target.settings.drift)
        found: list[Difference] = []
        try:
            async for some in look.run():
                # What nothing will be done about is not remembered, whatever a target lists.
                found += [each for each in some if self._way(each, target, drift, job)]
                count = look.findings.compared - job.record.handled
                await job.advance(partial(_counted, handled=count))
                yield
            if _may_change(job, look.findings):
                for each in found:
                    if (put_right := self._way(each, target, drift, job)) is not None:
                        await job.advance(await _outcome(each, put_right))
                        yield
        except TargetError as error:
            await job.fail(str(error), asdict(look.findings))
            return
        _tell(target, look.findings)
        await job.finish(asdict(look.findings))

    def _way(
        self, each: Difference, target: Target, drift: str, job: OngoingJob
    ) -> Callable[[], Awaitable[None]] | None:
        """What is done about a difference; None: nothing."""
        if drift == "adopt" and each.remote is not None and (each.client or not each.is_ours):
            return partial(self._adoption.adopt, each, target, job.origin)
        if drift == "report" or not each.is_ours:
            return None
        return partial(Repair(self._database, target).repair, each)


class Rounds:
    """Begins a job by time: the target of one connector is compared with what is here."""

    def __init__(self, tenant: Tenant, connector: str) -> None:
        """``tenant``: among whose jobs it is shown."""
        self._tenant = tenant
        self._connector = connector

    async def begin(self, writer: Writer) -> None:
        """A job, unless one goes on."""
        job = new_job(self._tenant, RECONCILE, {"connector": self._connector}, Origin(SYSTEM))

        async def write(tx: Transaction) -> None:
            alive = [each for each in await tx.jobs.alive() if each.kind == RECONCILE]
            if self._connector not in [json.loads(each.parameters)["connector"] for each in alive]:
                tx.jobs.add(job)

        await writer.transact(write)


def _tell(target: Target, found: Findings) -> None:
    counts = {kind: found.count(kind) for kind in ("missing", "changed", "orphaned")}
    if any(counts.values()):
        _log.warning("target_differs", connector=target.name, **counts)


def _may_change(job: OngoingJob, findings: Findings) -> bool:
    """The first look at a server that was there before changes nothing, unless somebody says so."""
    is_told = findings.is_first and not job.parameters.get("first")
    return not job.parameters.get("dry_run") and not is_told


def _counted(job: JobRecord, handled: int) -> JobRecord:
    return got_on(job, "", handled, 0)


async def _outcome(
    each: Difference, put_right: Callable[[], Awaitable[None]]
) -> Callable[[JobRecord], JobRecord]:
    """Does it; how the job moves on by that."""
    try:
        await put_right()
    except (TargetError, ProtocolError) as error:
        told = error.description if isinstance(error, ProtocolError) else str(error)
        reason: JsonObject = {"client_id": each.client_id, "reason": told}
        return lambda it: got_on(it, "", 0, 0, [reason])
    return lambda it: got_on(it, "", 0, 1)
