"""Step: what is kept beside a job, in parts: what was sent for it, until it has ended; then what
it could not tell in its own row, until the job is forgotten.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import AsyncIterable, AsyncIterator
from itertools import count

from dcrserver.repositories.jobs import JobInputRecord, JobRecord
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.security import SealedIn, SecretBox

_PART_BYTES = 262_144
_SEALED, _PLAIN = "sealed:", "plain:"


class JobInputs:
    """Keeps and reads what was sent: encrypted where there is a key, as is all that is secret."""

    def __init__(self, database: Database, box: SecretBox) -> None:
        self._database = database
        self._box = box

    async def keep(self, job: JobRecord, chunks: AsyncIterable[bytes]) -> int:
        """Writes ``chunks`` while they come; how many octets they were."""
        size = number = 0
        waiting = b""
        async for chunk in chunks:
            size += len(chunk)
            waiting += chunk
            while len(waiting) >= _PART_BYTES:
                await self._add(job, number, waiting[:_PART_BYTES])
                waiting, number = waiting[_PART_BYTES:], number + 1
        if waiting:
            await self._add(job, number, waiting)
        return size

    async def _add(self, job: JobRecord, number: int, octets: bytes) -> None:
        record = self._sealed(job, number, octets)
        await self._database.transact(lambda tx: _added(tx, record))

    def _sealed(self, job: JobRecord, number: int, octets: bytes) -> JobInputRecord:
        text = _packed(octets)
        if self._box.can_encrypt:
            content = _SEALED + self._box.encrypt(text, _place(job, number))
        else:
            content = _PLAIN + text
        return JobInputRecord(job.tenant, job.id, number, content)

    async def parts(self, job: JobRecord) -> AsyncIterator[bytes]:
        """One part after the other, each read when it is asked for; none any more when the job
        was ended meanwhile.

        Raises:
            UndecipherableError: it was encrypted under a key that is not configured here.
        """
        for number in count():
            async with self._database.read() as tx:
                content = await tx.job_inputs.content(job.tenant, job.id, number)
            if content is None:
                return
            yield self._opened(job, number, content)

    def _opened(self, job: JobRecord, number: int, content: str) -> bytes:
        text = content.removeprefix(_PLAIN)
        if content.startswith(_SEALED):
            text = self._box.decrypt(content.removeprefix(_SEALED), _place(job, number))
        return zlib.decompress(base64.b64decode(text))


def told(job: JobRecord, octets: bytes) -> list[JobInputRecord]:
    """``octets``, which are no secrets, for whoever asks after the end of ``job``: they are written
    in its last transaction.
    """
    starts = range(0, len(octets), _PART_BYTES)
    return [
        JobInputRecord(
            job.tenant, job.id, number, _PLAIN + _packed(octets[start : start + _PART_BYTES])
        )
        for number, start in enumerate(starts)
    ]


def _packed(octets: bytes) -> str:
    return base64.b64encode(zlib.compress(octets, 1)).decode()


async def _added(tx: Transaction, record: JobInputRecord) -> None:
    tx.job_inputs.add(record)


def _place(job: JobRecord, number: int) -> SealedIn:
    return SealedIn(job.tenant, "job_input", f"{job.id}.{number}")
