"""Step: the clients of one import: all are judged first, then they are written in batches."""

from __future__ import annotations

import pickle
import zlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dcrserver.metadata.bounds import Bounds
from dcrserver.moving import Documents, Report
from dcrserver.services.clients.imports import ClientImportService, Hashes, Import
from dcrserver.tenants import Tenant

_BATCH = 200
_TWICE = "its client_id is that of one before"


class ImportBatch(NamedTuple):
    """Good clients, in the order of what was given; ``numbers``: of the line of each."""

    clients: Sequence[Import]
    numbers: Sequence[int]

    @property
    def last(self) -> int:
        return self.numbers[-1]

    def after(self, number: int) -> ImportBatch:
        """Those of them that stand after this line."""
        first = bisect_right(self.numbers, number)
        return ImportBatch(self.clients[first:], self.numbers[first:])


class ImportRun:
    """One import to ``tenant``.

    What was found good waits in memory until all of it was judged: compressed, since there may be
    millions, and never in a file, since there are secrets among it.
    """

    def __init__(
        self,
        service: ClientImportService,
        tenant: Tenant,
        bounds: Bounds,
        hashes: Hashes | None = None,
    ) -> None:
        self.report = Report()
        self._service = service
        self._tenant = tenant
        self._bounds = bounds
        self._hashes = hashes
        self._batch: list[Import] = []
        self._numbers: list[int] = []
        self._waiting: list[bytes] = []
        self._seen: set[str] = set()

    def judge(self, documents: Documents) -> Iterator[int]:
        """Fills the report, and keeps what can be imported; yields how much was looked at."""
        for number, value, size in documents:
            made, client = self._service.judge(self._tenant, self._bounds, value, self._hashes)
            if client is not None and client.record.client_id in self._seen:
                made.refused = _TWICE
            self.report.tell(made, f"{documents.unit} {number}")
            if client is not None and made.refused is None:
                self._keep(client, number)
            yield size
        self._put_away()

    def _keep(self, client: Import, number: int) -> None:
        self._seen.add(client.record.client_id)
        self._batch.append(client)
        self._numbers.append(number)
        if len(self._batch) == _BATCH:
            self._put_away()

    def _put_away(self) -> None:
        if self._batch:
            packed = pickle.dumps(ImportBatch(self._batch, self._numbers))
            self._waiting.append(zlib.compress(packed, 1))
            self._batch, self._numbers = [], []

    def batches(self) -> Iterator[ImportBatch]:
        """What is to be written, when all was judged."""
        for packed in self._waiting:
            made: ImportBatch = pickle.loads(zlib.decompress(packed))  # noqa: S301 - our own
            yield made

    def count(self, batch: ImportBatch, new: int) -> None:
        """Adds to the report that so many of ``batch`` were not there yet."""
        self.report.imported += new
        self.report.there += len(batch.clients) - new
