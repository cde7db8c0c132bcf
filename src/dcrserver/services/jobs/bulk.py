"""Use case: a job that does one thing to all clients that a filter means.

It goes through them from the newest to the oldest, as lists do: a batch costs what is in it, and
what is registered meanwhile is newer than all, so the job comes to its end. A client that is no
longer meant when it is its turn is left alone; one that was changed after it was read is read
again.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

from dcrserver.errors import InvalidClientMetadata
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.jobs import JobRecord
from dcrserver.repositories.queries import Lists
from dcrserver.repositories.queries.clients import Found
from dcrserver.repositories.queries.clients.filters import Filter
from dcrserver.repositories.queries.keyset import Place
from dcrserver.repositories.transaction import Transaction
from dcrserver.services.access.stored_clients import deletion, replacement
from dcrserver.services.jobs.actions import ACTIONS, Action
from dcrserver.services.jobs.ongoing import PLACE, JobFailed, OngoingJob, got_on
from dcrserver.services.jobs.refusals import Pair as _Pair
from dcrserver.services.registration.decisions import decide, forgotten_at
from dcrserver.strict_json import JsonObject, JsonValue, dumps
from dcrserver.tenants import Tenant, TenantRegistry

# Some milliseconds of a transaction, for which nobody else waits long.
_BATCH = 100
# Nothing is written of a dry run but the counts.
_DRY_BATCH = 200
_EXAMPLES = 10
# How often one client is read again that others change all the time.
_ATTEMPTS = 20
_BUSY = "it was being changed by others; try again"


class ChangedMeanwhile(Exception):
    """A client of the batch is no longer what was read; nothing of the batch was written."""


class BulkChange:
    """The kind of job that changes many clients."""

    # Each holds a batch.
    at_once = 20

    def __init__(self, lists: Lists, tenants: TenantRegistry) -> None:
        self._lists = lists
        self._tenants = tenants

    async def work(self, job: OngoingJob) -> AsyncGenerator[None, None]:
        """Does one batch after the other; see ``executor.JobKind``."""
        tenant = self._tenants.now.by_name.get(job.record.tenant)
        if tenant is None:
            raise JobFailed("its tenant is not served here")
        wanted = Filter.parse((str(pair[0]), str(pair[1])) for pair in _pairs(job))
        wanted = wanted.of_owner(job.origin.actor.owner)
        if job.record.total is None:
            total = await self._lists.clients.count(tenant.name, wanted)
            await job.advance(lambda it: it._replace(total=total.value))
            yield
        is_dry = bool(job.parameters.get("dry_run"))
        longest = size = _DRY_BATCH if is_dry else _BATCH
        attempts = 0
        is_over = False
        while not is_over:
            found = await self._lists.clients.part(
                tenant.name, wanted, after=_place_in(job.record), limit=size
            )
            batch = _Batch(job, tenant, found)
            try:
                await (batch.count() if is_dry else batch.write())
                size, attempts, is_over = longest, 0, found.next is None
            except ChangedMeanwhile:
                size, attempts = max(1, size // 2), attempts + 1
                if attempts > _ATTEMPTS:
                    await batch.give_up()
                    size, attempts = longest, 0
            yield
        await job.finish()


def _pairs(job: OngoingJob) -> list[tuple[JsonValue, JsonValue]]:
    made = job.parameters["filter"]
    return list(made.items()) if isinstance(made, dict) else []


def _place_in(job: JobRecord) -> Place | None:
    """Behind which it goes on: too long, at times, for the job's position."""
    found = json.loads(job.report).get(PLACE)
    return None if found is None else tuple(found)


class _Batch:
    """Clients that come one after the other, and what becomes of them."""

    def __init__(self, job: OngoingJob, tenant: Tenant, found: Found) -> None:
        self._job = job
        self._page = [match.record for match in found.matches]
        self._places = [match.place for match in found.matches]
        self._next = found.next
        self._tenant = tenant
        self._action: Action = ACTIONS[str(job.parameters["action"])]
        value = job.parameters.get("value")
        self._value = value if isinstance(value, str) else None
        self._errors: list[JsonObject] = []

    async def write(self) -> None:
        """Changes the clients that are not yet as they shall be.

        Raises:
            ChangedMeanwhile: nothing was written.
        """
        changed: list[_Pair] = []

        async def change(tx: Transaction) -> None:
            changed[:] = await self._meant(tx)
            if changed and not await self._writing(tx, changed):
                raise ChangedMeanwhile

        await self._job.advance(
            lambda it: self._got_on(it, len(self._page), len(changed), self._errors), change
        )

    async def count(self) -> None:
        """As ``write``, without writing."""
        meant: list[ClientRecord] = []

        async def look(tx: Transaction) -> None:
            meant[:] = [record for record, _ in await self._meant(tx)]

        def counted(it: JobRecord) -> JobRecord:
            made = self._got_on(it, len(self._page), len(meant), self._errors)
            report = json.loads(made.report)
            examples = [*report.get("examples", []), *(_example(each) for each in meant)]
            return made._replace(report=dumps(report | {"examples": examples[:_EXAMPLES]}))

        await self._job.advance(counted, look)

    async def give_up(self) -> None:
        """The first of them is left as it is."""
        first = self._page[0].client_id
        errors: list[JsonObject] = [{"client_id": first, "reason": _BUSY}]
        await self._job.advance(lambda it: self._got_on(it, 1, 0, errors))

    def _got_on(
        self, job: JobRecord, handled: int, changed: int, errors: Sequence[JsonObject]
    ) -> JobRecord:
        made = got_on(job, str(job.handled + handled), handled, changed, errors)
        # Where all were handled, it may go on behind others that nobody means.
        is_all = handled == len(self._page)
        place = (is_all and self._next) or (
            self._places[handled - 1] if handled else _place_in(job)
        )
        return made._replace(report=dumps(json.loads(job.report) | {PLACE: place}))

    async def _meant(self, tx: Transaction) -> list[_Pair]:
        """To whom it is done; the others, of whom it cannot be, are errors."""
        self._errors = []  # it may be a further attempt
        made = [(record, self._made_of(record)) for record in self._page]
        pairs = [(old, new) for old, new in made if new is not None]
        refused = await self._action.refusals(tx, self._tenant, pairs, self._job.origin)
        self._errors += [{"client_id": each, "reason": why} for each, why in refused.items()]
        return [pair for pair in pairs if pair[0].client_id not in refused]

    def _made_of(self, record: ClientRecord) -> ClientRecord | None:
        """What shall become of the client, for a deletion itself; None: nothing."""
        if self._action.change is None:
            return record
        try:
            return self._action.change(record, self._value)
        except InvalidClientMetadata as error:
            self._errors.append({"client_id": record.client_id, "reason": error.description})
            return None

    @property
    def _writing(self) -> Callable[[Transaction, Sequence[_Pair]], Awaitable[bool]]:
        if self._action.decision is not None:
            return self._decide
        return self._delete if self._action.change is None else self._replace

    async def _decide(self, tx: Transaction, pairs: Sequence[_Pair]) -> bool:
        assert self._action.decision is not None  # noqa: S101 - as ``_writing`` asked
        decision, job = self._action.decision(self._value), self._job
        for record, _ in pairs:
            known = await tx.client_approvals.find(record.tenant, record.client_id)
            ends_at = forgotten_at(self._tenant, record, decision)
            if not await decide(tx, record, known, decision, job.origin, ends_at, job.record.id):
                return False
        return True

    async def _delete(self, tx: Transaction, pairs: Sequence[_Pair]) -> bool:
        for record, _ in pairs:
            deleted, event = deletion(record, self._job.origin, self._tenant.restore_window)
            tx.deleted_clients.add(deleted)
            tx.events.add(event)
        return await tx.clients.delete_all([record for record, _ in pairs])

    async def _replace(self, tx: Transaction, pairs: Sequence[_Pair]) -> bool:
        written: list[_Pair] = []
        for old, new in pairs:
            told: JsonObject = {"job": self._job.record.id}
            if self._action.value is not None:
                told[self._action.value] = _difference(self._action.value, old, new)
            made, event = replacement(old, new, self._action.event, self._job.origin, told)
            written.append((old, made))
            tx.events.add(event)
        return await tx.clients.replace_all(written)


def _difference(member: str, old: ClientRecord, new: ClientRecord) -> JsonValue:
    name = "tags" if member == "tag" else "owner"
    return [getattr(old, name), getattr(new, name)]


def _example(record: ClientRecord) -> JsonObject:
    name = json.loads(record.metadata).get("client_name")
    return {"client_id": record.client_id, "client_name": name}
