"""Step: the clients of one import: all are judged first, then they are written in batches."""

from __future__ import annotations

import pickle
import zlib
from bisect import bisect_right
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from dcrserver.metadata.bounds import Bounds
from dcrserver.moving import Found, Moved, Report
from dcrserver.moving.report import Changes
from dcrserver.services.audit import Origin
from dcrserver.services.clients.imports import ClientImportService, Hashes, Import
from dcrserver.strict_json import BadJson, JsonValue
from dcrserver.tenants import Tenant

_BATCH = 200
_DELETED = "it was deleted and can be restored"
_TWICE = "its client_id is that of one before"


class ImportBatch(NamedTuple):
    """Good clients, in the order of what was given; of each, the number of its line, and what was
    told of it.
    """

    clients: Sequence[Import]
    numbers: Sequence[int]
    changes: Sequence[Changes]

    @property
    def last(self) -> int:
        return self.numbers[-1]

    def after(self, number: int) -> ImportBatch:
        """Those of them that stand after this line."""
        first = bisect_right(self.numbers, number)
        return self.of(range(first, len(self.clients)))

    def of(self, places: Sequence[int]) -> ImportBatch:
        """Those of them at these places."""
        return ImportBatch(
            [self.clients[place] for place in places],
            [self.numbers[place] for place in places],
            [self.changes[place] for place in places],
        )


class ImportRun:
    """One import to ``tenant``.

    What was found good waits in memory until all of it was judged: compressed, since there may be
    millions, and never in a file, since there are secrets among it. ``origin``: who imports.
    """

    def __init__(
        self,
        service: ClientImportService,
        tenant: Tenant,
        bounds: Bounds,
        origin: Origin,
        hashes: Hashes | None = None,
    ) -> None:
        self.report = Report()
        self._origin = origin
        self._service = service
        self._tenant = tenant
        self._bounds = bounds
        self._hashes = hashes
        self._batch: list[Import] = []
        self._numbers: list[int] = []
        self._changes: list[Changes] = []
        self._waiting: list[bytes] = []
        self._seen: set[str] = set()
        self._unit = ""

    def judge(self, found: Iterable[Found], unit: str) -> Iterator[int]:
        """Fills the report, and keeps what can be imported; yields how much was looked at.

        To be asked for each part of what is imported; ``unit``: what it is counted by.
        """
        self._unit = unit
        for number, value, size in found:
            made, client = self._judged(value)
            if client is not None and client.record.client_id in self._seen:
                made.refused = _TWICE
            self.report.tell(made, f"{unit} {number}")
            if client is not None and made.refused is None:
                self._keep(client, number, Changes(made.mapped, made.dropped))
            yield size
        self._put_away()

    def _judged(self, value: JsonValue | BadJson) -> tuple[Moved, Import | None]:
        return self._service.judge(self._tenant, self._bounds, self._origin, value, self._hashes)

    def _keep(self, client: Import, number: int, changes: Changes) -> None:
        self._seen.add(client.record.client_id)
        self._batch.append(client)
        self._numbers.append(number)
        self._changes.append(changes)
        if len(self._batch) == _BATCH:
            self._put_away()

    async def refuse_deleted(self, after: int = 0) -> AsyncIterator[None]:
        """Refuses those whose name a deleted client gets back when it is restored, a batch at a
        time. Up to the line ``after`` all were imported, and what was deleted since is left alone.

        Raises:
            Unavailable: the database does not answer.
        """
        for place, batch in enumerate(self.batches()):
            ahead = batch.after(after).clients
            taken = await self._service.restorable(self._tenant, ahead) if ahead else ()
            yield
            if not taken:
                continue
            self._waiting[place] = _packed(self._without(batch, taken))

    def _without(self, batch: ImportBatch, taken: Collection[str]) -> ImportBatch:
        """``batch`` without those whose names are ``taken``, which are refused."""
        left = []
        for place, client in enumerate(batch.clients):
            if (client_id := client.record.client_id) in taken:
                where = f"{self._unit} {batch.numbers[place]}"
                self.report.refuse(client_id, where, _DELETED, batch.changes[place])
            else:
                left.append(place)
        return batch.of(left)

    def _put_away(self) -> None:
        if self._batch:
            self._waiting.append(_packed(ImportBatch(self._batch, self._numbers, self._changes)))
            self._batch, self._numbers, self._changes = [], [], []

    def batches(self) -> Iterator[ImportBatch]:
        """What is to be written, when all was judged."""
        for packed in self._waiting:
            made: ImportBatch = pickle.loads(zlib.decompress(packed))  # noqa: S301 - our own
            if made.clients:
                yield made

    def count(self, batch: ImportBatch, new: int) -> None:
        """Adds to the report that so many of ``batch`` were not there yet."""
        self.report.imported += new
        self.report.there += len(batch.clients) - new


def _packed(batch: ImportBatch) -> bytes:
    return zlib.compress(pickle.dumps(batch), 1)
