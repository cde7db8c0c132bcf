"""dcrserver client import: everything is judged first, then written in batches."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from dcrserver.cli.administration.answers.here import Here
from dcrserver.cli.administration.where import Where
from dcrserver.cli.import_report import in_words
from dcrserver.cli.progress import bar
from dcrserver.cli.shared import counted, fail, opened, print_message
from dcrserver.cli.work import OPERATOR, Operations, Tenant, load, with_operations
from dcrserver.moving import Documents, Report
from dcrserver.services.clients.import_runs import ImportRun
from dcrserver.services.clients.imports import ClientImportService
from dcrserver.services.jobs.reception import checked_bounds
from dcrserver.settings import Settings
from dcrserver.strict_json import BadJson, JsonObject


async def _judge(run: ImportRun, documents: Documents) -> None:
    with bar("judging", documents.size) as move:
        for size in run.judge(documents, documents.unit):
            move(size)
    async for _ in run.refuse_deleted():
        pass


async def _count(run: ImportRun, service: ClientImportService, where: Tenant) -> None:
    for batch in run.batches():
        run.count(batch, len(batch.clients) - len(await service.known(where, batch.clients)))


async def _write(run: ImportRun, service: ClientImportService, where: Tenant) -> None:
    """Imports what is not there yet."""
    with bar("importing", run.report.good) as move:
        for batch in run.batches():
            run.count(batch, await service.write(where, batch.clients, OPERATOR))
            move(len(batch.clients))


def import_clients(
    file: Path,
    where: Where,
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
    settings = load(where.config, cli=where.flags)
    try:
        if settings.cli.server is None:
            report = _imported(settings, where, file, policy, hashes, dry_run, skip_refused)
        elif hashes is not None:
            fail("--hashes is for the database: a server takes clients, and no rows beside them")
        else:
            from dcrserver.cli.sent_import import report_of

            asked = {"dry_run": dry_run, "skip_refused": skip_refused}
            chosen = {name: "true" for name, is_so in asked.items() if is_so}
            report = report_of(where, settings.cli, file, policy=policy, **chosen)
    except OSError as error:
        fail(f"{error.filename or file}: {error.strerror or error}")
    except KeyboardInterrupt:
        fail("interrupted; start the same command again to go on")
    _print(report, dry_run=dry_run, skip_refused=skip_refused, as_json=as_json)
    sys.exit(1 if report.refusals else 0)


def _imported(
    settings: Settings,
    where: Where,
    file: Path,
    policy: str | None,
    hashes: Path | None,
    dry_run: bool,  # noqa: FBT001
    skip_refused: bool,  # noqa: FBT001
) -> Report:
    """What came of it in the database."""

    async def work(operations: Operations) -> Report:
        rows = _rows(hashes) if hashes is not None else {}
        tenant = Here(operations, where.tenant, OPERATOR).configured().known()
        bounds = checked_bounds(tenant, {"policy": policy})
        service = operations.client_import
        run = ImportRun(service, tenant, bounds, OPERATOR, rows)
        with opened(file) as source:
            await _judge(run, Documents(source))
        if dry_run:
            await _count(run, service, tenant)
        elif skip_refused or not run.report.refusals:
            await _write(run, service, tenant)
        return run.report

    return with_operations(settings, work, progress=False)


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
