"""Use case: a job that tries a policy with all clients that a filter means, and changes none.

Each is judged as if it sent back what it has registered: who would be refused, who would become
another, and by which statement. Clients that registered the same are judged once.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from functools import partial

from dcrserver.metadata import Terms
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.jobs import JobRecord
from dcrserver.repositories.queries import Lists
from dcrserver.repositories.queries.clients import Found
from dcrserver.repositories.queries.clients.filters import Filter
from dcrserver.services.access.stored_clients import metadata_before
from dcrserver.services.jobs.ongoing import PLACE, JobFailed, OngoingJob, got_on
from dcrserver.services.policies.groups import Outcome, grouped, outcome
from dcrserver.services.policies.trial import ruling_of_stored, terms_by
from dcrserver.settings.groups.members import MemberSettings
from dcrserver.settings.stored import BadDocument
from dcrserver.strict_json import JsonObject, dumps
from dcrserver.tenants import Tenant, TenantRegistry

# A tenth of a second, in which nobody else is served by a worker within a server.
_BATCH = 200
# What others registered, word for word: so many texts of so many characters.
_MOST_KNOWN, _LONGEST_KNOWN = 256, 8192


class PolicyTest:
    """The kind of job that tries a policy."""

    at_once = 4

    def __init__(
        self, lists: Lists, tenants: TenantRegistry, members: Mapping[str, MemberSettings]
    ) -> None:
        self._lists = lists
        self._tenants = tenants
        self._members = members

    async def work(self, job: OngoingJob) -> AsyncGenerator[None, None]:
        """Judges one batch after the other; see ``executor.JobKind``."""
        tenant = self._tenants.now.by_name.get(job.record.tenant)
        if tenant is None:
            raise JobFailed("its tenant is not served here")
        judge = _Judge(tenant, self._terms(job, tenant))
        wanted = _wanted(job)
        if job.record.total is None:
            total = await self._lists.clients.count(tenant.name, wanted)
            await job.advance(lambda it: it._replace(total=total.value))
        is_over = False
        while not is_over:
            place = json.loads(job.record.report).get(PLACE)
            found = await self._lists.clients.part(
                tenant.name, wanted, after=place and tuple(place), limit=_BATCH
            )
            outcomes = [(each.record.client_id, judge.of(each.record)) for each in found.matches]
            await job.advance(partial(_got_on, found=found, outcomes=outcomes))
            is_over = found.next is None
            yield
        await job.finish()

    def _terms(self, job: OngoingJob, tenant: Tenant) -> Terms:
        document = job.parameters["document"]
        assert isinstance(document, dict)  # noqa: S101 - as the job was made
        try:
            return terms_by(tenant, document, self._members)
        except BadDocument as error:
            raise JobFailed(str(error)) from None


class _Judge:
    """Tells what would become of clients, of the same words once."""

    def __init__(self, tenant: Tenant, terms: Terms) -> None:
        self._tenant = tenant
        self._terms = terms
        self._known: dict[tuple[str, str | None, str], Outcome] = {}

    def of(self, record: ClientRecord) -> Outcome:
        """Of this client."""
        key = (record.metadata, record.bounds, record.origin)
        if (known := self._known.get(key)) is not None:
            return known
        made = outcome(
            ruling_of_stored(self._tenant, self._terms, record), metadata_before(record).members
        )
        if len(record.metadata) <= _LONGEST_KNOWN:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[key] = made
        return made


def _wanted(job: OngoingJob) -> Filter:
    given = job.parameters.get("filter")
    pairs = given.items() if isinstance(given, dict) else ()
    return Filter.parse((name, str(value)) for name, value in pairs).of_owner(
        job.origin.actor.owner
    )


def _got_on(job: JobRecord, found: Found, outcomes: list[tuple[str, Outcome]]) -> JobRecord:
    report = json.loads(job.report)
    counts: dict[str, int] = report.get("counts", {})
    errors: list[JsonObject] = []
    for client_id, each in outcomes:
        decision = str(each.kind["decision"])
        counts[decision] = counts.get(decision, 0) + 1
        if each.reason is not None:
            errors.append({"client_id": client_id, "reason": each.reason})
    changed = sum(1 for _, each in outcomes if each.changes)
    made = got_on(job, str(job.handled + len(outcomes)), len(outcomes), changed, errors)
    groups = grouped(report.get("groups", ()), outcomes)
    told = {"counts": counts, "groups": groups, PLACE: found.next}
    return made._replace(report=dumps(report | told))
