"""dcrserver client import: everything is checked first, then written in batches."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from dcrserver.cli.shared import (
    OPERATOR,
    ConfigOption,
    TenantOption,
    fail,
    tell,
    tenant_of,
    with_runtime,
)
from dcrserver.metadata.bounds import Bounds
from dcrserver.moving.documents import clients_of
from dcrserver.services.client_import import ClientImportService, Import, NotImportable
from dcrserver.settings import ConfigurationError, load
from dcrserver.strict_json import BadJson, JsonObject, JsonValue, dumps, loads
from dcrserver.tenants import DEFAULT_TENANT, Tenant
from dcrserver.wiring import Runtime

_BATCH = 500
_MAX_LINE = 1_048_576
# Of a document of one value; a realm of Keycloak's is deeper than any client.
_MAX_DEPTH, _MAX_MEMBERS = 64, 10_000
# Warnings that are told; what a whole file has in common need not fill the screen.
_MAX_REMARKS = 100


@dataclass
class _Importer:
    """One run over the file; ``where`` the clients go to."""

    service: ClientImportService
    tenant: Tenant
    bounds: Bounds
    hashes: Mapping[str, JsonObject]
    unit: str
    refusals: int = 0
    good: int = 0
    remarks: int = 0
    seen: set[str] = field(default_factory=set)

    def check(self, file: BinaryIO, size: int) -> None:
        """Tells every line that cannot be imported."""
        for number, line in _lines(file, size, "checking"):
            try:
                client = self.service.read(self.tenant, self.bounds, line, self.hashes)
                if client.client_id in self.seen:
                    raise NotImportable("its client_id is that of a line before")  # noqa: TRY301
            except NotImportable as error:
                self.refusals += 1
                tell(f"{self.unit} {number}: {error}")
            else:
                self.good += 1
                self.seen.add(client.client_id)
                self._remark(number, line)

    def _remark(self, number: int, line: bytes) -> None:
        for remark in self.service.remarks(self.tenant, self.bounds, line, self.hashes):
            self.remarks += 1
            if self.remarks <= _MAX_REMARKS:
                tell(f"{self.unit} {number}: warning: {remark}")

    async def write(self, file: BinaryIO, size: int) -> int:
        """Imports what is not there yet; how many that were."""
        written = 0
        self.seen.clear()
        batch: list[Import] = []
        for _, line in _lines(file, size, "importing"):
            try:
                client = self.service.read(self.tenant, self.bounds, line, self.hashes)
            except NotImportable:
                continue  # told before
            if client.client_id in self.seen:
                continue
            self.seen.add(client.client_id)
            batch.append(client)
            if len(batch) == _BATCH:
                written += await self._flush(batch)
        return written + await self._flush(batch)

    async def _flush(self, batch: list[Import]) -> int:
        written = await self.service.write(self.tenant, self.bounds, batch, OPERATOR)
        batch.clear()
        return written


def import_clients(
    file: Annotated[
        Path, typer.Argument(help="clients of Ory Hydra, Keycloak or of dcrserver's JSON lines")
    ],
    config: ConfigOption = None,
    tenant: TenantOption = DEFAULT_TENANT,
    policy: Annotated[
        str | None, typer.Option(help="named policy that the clients are judged by, for ever")
    ] = None,
    hashes: Annotated[
        Path | None, typer.Option(help="rows of Ory Hydra's table: client_id, client_secret")
    ] = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="check only")] = False,
    skip_refused: Annotated[
        bool, typer.Option("--skip-refused", help="import the good lines all the same")
    ] = False,
) -> None:
    """Take over clients of another server, with their ids, and secrets or hashes of these.

    Nothing is written while a line is refused. Clients that are there already are left as they
    are, so an import that was interrupted goes on when it is started again.
    """
    settings = load(config)
    if policy is not None and policy not in settings.policies:
        raise ConfigurationError(f"policies.{policy}: no such policy")

    async def work(runtime: Runtime) -> None:
        rows = _rows(hashes) if hashes is not None else {}
        with file.open("rb") as opened:
            whole = _whole(opened)
            lines = opened if whole is None else whole
            size = lines.seek(0, io.SEEK_END)
            lines.seek(0)
            importer = _Importer(
                runtime.client_import,
                tenant_of(runtime, tenant).known(),
                Bounds(policy=policy),
                rows,
                "line" if whole is None else "client",
            )
            importer.check(lines, size)
            if importer.remarks > _MAX_REMARKS:
                tell(f"and {importer.remarks - _MAX_REMARKS} more warnings")
            if importer.refusals and not (skip_refused or dry_run):
                fail(
                    f"{importer.refusals} lines are refused, {importer.good} are good;"
                    " nothing was imported (see --skip-refused)"
                )
            if dry_run:
                tell(
                    f"{importer.good} lines are good, {importer.refusals} are refused;"
                    " nothing was imported"
                )
                sys.exit(1 if importer.refusals else 0)
            lines.seek(0)
            written = await importer.write(lines, size)
        tell(
            f"{written} clients imported, {importer.good - written} were there already,"
            f" {importer.refusals} lines refused"
        )
        sys.exit(1 if importer.refusals else 0)

    try:
        with_runtime(settings, work)
    except OSError as error:
        fail(f"{file}: {error.strerror}")
    except KeyboardInterrupt:
        fail("interrupted; start the same command again to go on")


def _whole(file: BinaryIO) -> BinaryIO | None:
    """JSON lines of the clients in a document of one value; none where there are lines already."""
    first = file.readline(_MAX_LINE)
    file.seek(0)
    try:
        if _is_client(_parsed(first)):
            return None
    except BadJson:
        pass
    try:
        document = _parsed(file.read())
    except BadJson:
        file.seek(0)
        return None
    return io.BytesIO(b"".join(dumps(client).encode() + b"\n" for client in clients_of(document)))


def _is_client(document: JsonValue) -> bool:
    return isinstance(document, dict) and clients_of(document) == [document]


def _parsed(text: bytes) -> JsonValue:
    return loads(text, max_depth=_MAX_DEPTH, max_members=_MAX_MEMBERS)


def _rows(file: Path) -> dict[str, JsonObject]:
    """The rows of another server's table, by client_id."""
    with file.open("rb") as opened:
        whole = _whole(opened)
        try:
            rows = [_parsed(line) for line in (opened if whole is None else whole) if line.strip()]
        except BadJson as error:
            fail(f"{file}: {str(error).replace('the body', 'it')}")
    return {
        str(row["client_id"]): row for row in rows if isinstance(row, dict) and "client_id" in row
    }


def _lines(file: BinaryIO, size: int, what: str) -> Iterator[tuple[int, bytes]]:
    """(number, line) of all that are not blank, with a bar on stderr while it is a terminal."""
    with typer.progressbar(length=size, label=what, file=sys.stderr) as bar:
        for number, line in enumerate(iter(lambda: file.readline(_MAX_LINE), b""), 1):
            bar.update(len(line))
            if line.strip():
                yield number, line.strip()
