"""Step: a job that is being done, and how far it is."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

from dcrserver.repositories.jobs import DONE, FAILED, RUNNING, JobInputRecord, JobRecord
from dcrserver.repositories.transaction import Transaction, Writer
from dcrserver.services.audit import Origin
from dcrserver.services.audit.actors import Actor, ActorKind
from dcrserver.strict_json import JsonObject, dumps

# Those that are told of; how many there are is counted.
MAX_ERRORS = 100
# A member of the report that nobody is told of.
PLACE = "place"


class JobGone(Exception):
    """Somebody cancelled it, or its tenant is gone with it; nothing was written."""


class JobFailed(Exception):
    """It cannot be done, however often it is tried; the message says why."""


class OngoingJob:
    """A job between two of its batches; ``record`` is what is stored."""

    def __init__(self, record: JobRecord, writer: Writer) -> None:
        self.record = record
        self._writer = writer
        self.parameters: JsonObject = json.loads(record.parameters)
        self.origin = origin_in(record.origin)

    async def advance(
        self,
        moved: Callable[[JobRecord], JobRecord],
        changes: Callable[[Transaction], Awaitable[None]] | None = None,
    ) -> None:
        """Writes ``changes``, and in the same transaction how far the job is with them.

        ``moved`` is asked after ``changes`` were made.

        Raises:
            JobGone: nothing was written.
            LeaseLost: the same; another worker does it.
        """

        async def write(tx: Transaction) -> JobRecord:
            if changes is not None:
                await changes(tx)
            made = moved(self.record)._replace(updated_at=int(time.time()))
            if not await tx.jobs.move(self.record, made):
                raise JobGone
            return made

        self.record = await self._writer.transact(write)

    async def begin(self) -> None:
        """Counts one more attempt."""
        started = self.record.started_at or int(time.time())
        await self.advance(
            lambda it: it._replace(state=RUNNING, started_at=started, attempts=it.attempts + 1)
        )

    async def finish(
        self, report: Mapping[str, object] | None = None, kept: Sequence[JobInputRecord] = ()
    ) -> None:
        """All is done that was to be done; ``report`` is what else came of it, and ``kept`` what
        takes the place of what was sent for it (``inputs.told``).
        """
        done = partial(_reported, report=report, state=DONE)
        await self._end(lambda it: done(it)._replace(total=it.handled), kept)

    async def fail(
        self,
        reason: str,
        report: Mapping[str, object] | None = None,
        kept: Sequence[JobInputRecord] = (),
    ) -> None:
        """What was done stays done; the rest is not. See ``finish``."""
        told = {"reason": reason} | dict(report or {})
        await self._end(partial(_reported, report=told, state=FAILED), kept)

    async def _end(
        self, moved: Callable[[JobRecord], JobRecord], kept: Sequence[JobInputRecord]
    ) -> None:
        async def forget(tx: Transaction) -> None:
            await tx.job_inputs.delete(self.record.tenant, self.record.id)
            for each in kept:
                tx.job_inputs.add(each)

        await self.advance(lambda it: moved(it)._replace(finished_at=int(time.time())), forget)


def got_on(
    record: JobRecord, position: str, handled: int, changed: int, errors: Sequence[JsonObject] = ()
) -> JobRecord:
    """``record`` with so many more that were handled, changed, and failed for these reasons."""
    told: list[JsonObject] = json.loads(record.errors)
    return record._replace(
        position=position,
        handled=record.handled + handled,
        changed=record.changed + changed,
        failed=record.failed + len(errors),
        errors=dumps([*told, *errors][:MAX_ERRORS]),
        attempts=0,
    )


def _reported(record: JobRecord, report: Mapping[str, object] | None, state: str) -> JobRecord:
    told = json.loads(record.report) | dict(report or {})
    return record._replace(report=dumps(told), state=state)


def origin_out(origin: Origin) -> str:
    """``origin`` as a job keeps it."""
    actor = origin.actor
    return dumps(
        {
            "kind": actor.kind.word,
            "id": actor.id,
            "tenant": actor.tenant,
            "name": actor.name,
            "owner": actor.owner,
            "address": origin.address,
            "request_id": origin.request_id,
        }
    )


def origin_in(text: str) -> Origin:
    """Who had a job begun: what it does is done in their name.

    Their scopes were looked at when they asked, and are not needed again.
    """
    kept = json.loads(text)
    kind = ActorKind(kept["kind"])
    actor = Actor(kind, kept["id"], kept["tenant"], name=kept["name"], owner=kept["owner"])
    return Origin(actor, kept["address"], kept["request_id"])
