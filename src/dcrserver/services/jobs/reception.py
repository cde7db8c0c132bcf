"""Step: administrators send clients that are to be imported."""

from __future__ import annotations

import hashlib
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable

from dcrserver.errors import Forbidden, InvalidInput, Unavailable
from dcrserver.metadata.bounds import Bounds
from dcrserver.moving import ReadableSecrets
from dcrserver.repositories.jobs import QUEUED, RECEIVING, JobRecord
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.security import SecretBox
from dcrserver.services.access.idempotency import IdempotencyKey, IdempotentRequests
from dcrserver.services.audit import Origin
from dcrserver.services.jobs.inputs import JobInputs
from dcrserver.services.jobs.views import JobView, begin, new_job
from dcrserver.strict_json import JsonObject
from dcrserver.tenants import Tenant

IMPORT = "import"


class ImportReception:
    """Takes what is sent, and begins a job when all of it is there."""

    def __init__(self, database: Database, box: SecretBox, requests: IdempotentRequests) -> None:
        self._database = database
        self._requests = requests
        self._inputs = JobInputs(database, box)
        self._is_encrypted = box.can_encrypt

    async def receive(
        self,
        tenant: Tenant,
        asked: JsonObject,
        chunks: AsyncIterable[bytes],
        origin: Origin,
        key: IdempotencyKey | None = None,
    ) -> JobView:
        """A job that imports what comes in ``chunks``; ``asked``: policy, dry_run, skip_refused.

        Raises:
            Forbidden: whoever asks is bound to one owner.
            InsufficientScope: whoever asks may not make clients.
            KeyReused: ``key`` belongs to another request.
            InvalidInput: there is no such policy, or nothing was sent, or what was sent holds
                secrets that can be read and would be kept as they are.
            ProtocolError: whatever reading ``chunks`` raises.
        """
        origin.actor.require("clients:create")
        if origin.actor.owner is not None:
            raise Forbidden("an owner imports no clients")
        checked_bounds(tenant, asked)
        job = new_job(tenant, IMPORT, asked, origin, RECEIVING)
        await self._database.transact(lambda tx: _added(tx, job))
        made = None
        try:
            made = await self._begun(job, chunks, origin, key)
        finally:
            if made is None or made.id != job.id:  # or it was sent, and begun, before
                await self._database.transact(lambda tx: tx.jobs.delete(job.tenant, job.id))
        return made

    async def _begun(
        self,
        job: JobRecord,
        chunks: AsyncIterable[bytes],
        origin: Origin,
        key: IdempotencyKey | None,
    ) -> JobView:
        digest = hashlib.sha256()
        kept = chunks if self._is_encrypted else _without_secrets(chunks)
        if not await self._inputs.keep(job, _counted(kept, digest.update)):
            raise InvalidInput(_NOTHING, pointer="#")
        queued = job._replace(state=QUEUED, updated_at=int(time.time()))

        async def write(tx: Transaction) -> None:
            if not await tx.jobs.move(job, queued):
                raise InvalidInput("it took too long to be sent", pointer="#")

        whole = key and key.with_body(digest.hexdigest())
        return await begin(self._database, self._requests, whole, queued, origin, write)


_NOTHING = "the body is empty: it must hold clients, a JSON object a line"


async def _without_secrets(chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """``chunks``, which are kept as they are: refused before the first secret is."""
    looked = ReadableSecrets()
    async for chunk in chunks:
        if (name := looked.name_in(chunk)) is not None:
            raise InvalidInput(
                f"it holds secrets that can be read ({name[:64]!r}), and would be kept as it is"
                " until it is imported: set secrets.encryption_keys; dcrserver client import,"
                " at the database, keeps nothing",
                pointer="#",
            )
        yield chunk


async def _counted(
    chunks: AsyncIterable[bytes], count: Callable[[bytes], object]
) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        count(chunk)
        yield chunk


async def _added(tx: Transaction, job: JobRecord) -> None:
    tx.jobs.add(job)


def checked_bounds(tenant: Tenant, asked: JsonObject) -> Bounds:
    """As ``bounds_in``, when somebody asks.

    Raises:
        InvalidInput: there is no such policy.
    """
    bounds = bounds_in(asked)
    try:
        tenant.terms_within(bounds)
    except Unavailable:
        raise InvalidInput("there is no such policy", parameter="policy") from None
    return bounds


def bounds_in(asked: JsonObject) -> Bounds:
    """What imported clients are judged by, as it was ``asked``."""
    policy = asked.get("policy")
    return Bounds(policy=policy if isinstance(policy, str) else None)
