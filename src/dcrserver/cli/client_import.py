"""dcrserver client import: everything is judged first, then written in batches."""

from __future__ import annotations

import json
import pickle
import sys
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dcrserver.cli.import_report import in_words
from dcrserver.cli.progress import bar
from dcrserver.cli.shared import counted, fail, opened, print_message
from dcrserver.cli.work import OPERATOR, Operations, Tenant, load, tenant_of, with_operations
from dcrserver.metadata.bounds import Bounds
from dcrserver.moving import Documents, Report
from dcrserver.services.clients.imports import ClientImportService, Import
from dcrserver.settings import ConfigurationError
from dcrserver.strict_json import BadJson, JsonObject

_BATCH = 500
_TWICE = "its client_id is that of one before"


@dataclass
class _Importer:
    """One run; ``where`` the clients go to.

    What was found good waits in memory until all of it was judged: compressed, since there may be
    millions, and never in a file, since there are secrets among it.
    """

    service: ClientImportService
    tenant: Tenant
    bounds: Bounds
    hashes: Mapping[str, JsonObject]
    report: Report = field(default_factory=Report)
    _batch: list[Import] = field(default_factory=list)
    _waiting: list[bytes] = field(default_factory=list)
    _seen: set[str] = field(default_factory=set)

    def judge(self, documents: Documents) -> None:
        """Fills the report, and keeps what can be imported."""
        with bar("judging", documents.size) as move:
            for number, value, size in documents:
                made, client = self.service.judge(self.tenant, self.bounds, value, self.hashes)
                if client is not None and client.record.client_id in self._seen:
                    made.refused = _TWICE
                self.report.tell(made, f"{documents.unit} {number}")
                if client is not None and made.refused is None:
                    self._keep(client)
                move(size)
        self._put_away()

    def _keep(self, client: Import) -> None:
        self._seen.add(client.record.client_id)
        self._batch.append(client)
        if len(self._batch) == _BATCH:
            self._put_away()

    def _put_away(self) -> None:
        if self._batch:
            self._waiting.append(zlib.compress(pickle.dumps(self._batch), 1))
            self._batch = []

    def _batches(self) -> Iterator[list[Import]]:
        for packed in self._waiting:
            made: list[Import] = pickle.loads(zlib.decompress(packed))  # noqa: S301 - our own
            yield made

    async def count(self) -> None:
        """As ``write``, without writing."""
        for batch in self._batches():
            self._add(batch, len(batch) - len(await self.service.known(self.tenant, batch)))

    async def write(self) -> None:
        """Imports what is not there yet."""
        with bar("importing", self.report.good) as move:
            for batch in self._batches():
                self._add(batch, await self.service.write(self.tenant, batch, OPERATOR))
                move(len(batch))

    def _add(self, batch: list[Import], new: int) -> None:
        self.report.imported += new
        self.report.there += len(batch) - new


def import_clients(  # noqa: PLR0913 - what can be given
    file: Path,
    config: Path | None,
    tenant: str,
    policy: str | None,
    hashes: Path | None,
    *,
    dry_run: bool,
    skip_refused: bool,
    as_json: bool,
) -> None:
    """The command; see its options."""
    if str(file) == str(hashes) == "-":
        fail("only one of FILE and --hashes can be stdin")
    settings = load(config)
    if policy is not None and policy not in settings.policies:
        raise ConfigurationError(f"policies.{policy}: no such policy")

    async def work(operations: Operations) -> Report:
        rows = _rows(hashes) if hashes is not None else {}
        where, bounds = tenant_of(operations.tenants, tenant).known(), Bounds(policy=policy)
        importer = _Importer(operations.client_import, where, bounds, rows)
        with opened(file) as source:
            importer.judge(Documents(source))
        if dry_run:
            await importer.count()
        elif skip_refused or not importer.report.refusals:
            await importer.write()
        return importer.report

    try:
        report = with_operations(settings, work, progress=False)
    except OSError as error:
        fail(f"{error.filename or file}: {error.strerror or error}")
    except KeyboardInterrupt:
        fail("interrupted; start the same command again to go on")
    _print(report, dry_run=dry_run, skip_refused=skip_refused, as_json=as_json)
    sys.exit(1 if report.refusals else 0)


def _print(report: Report, *, dry_run: bool, skip_refused: bool, as_json: bool) -> None:
    if as_json:
        print(json.dumps(report.to_json(), indent=2, ensure_ascii=False))
        return
    for line in in_words(report):
        print(line, file=sys.stderr)
    imported = counted(report.imported, "client")
    rest = f"{report.there} already there, {report.refusals} refused"
    if dry_run:
        print_message(f"{imported} would be imported, {rest}; nothing was written")
    elif report.refusals and not skip_refused:
        refused = counted(report.refusals, "client")
        print_message(
            f"{refused} refused, {report.good} good; nothing was imported (see --skip-refused)"
        )
    else:
        print_message(f"{imported} imported, {rest}")


def _rows(file: Path) -> dict[str, JsonObject]:
    """The rows of another server's table, by client_id."""
    rows: dict[str, JsonObject] = {}
    with opened(file) as source:
        for _, row, _ in Documents(source):
            if isinstance(row, BadJson):
                fail(f"{file}: {str(row).replace('the body', 'it')}")
            if isinstance(row, dict) and (name := row.get("client_id", row.get("id"))):
                rows[str(name)] = row
    return rows
