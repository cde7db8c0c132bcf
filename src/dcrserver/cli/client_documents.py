"""dcrserver client document: metadata documents of clients that name themselves by URL."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dcrserver.cli import client_files, policy_files
from dcrserver.cli.administration.options import grouped
from dcrserver.cli.output import Form
from dcrserver.cli.shared import ConfigOption, TenantOption, commands, examples, read
from dcrserver.names import DEFAULT_TENANT

if TYPE_CHECKING:
    from dcrserver.fetch import Document
    from dcrserver.settings import Settings
    from dcrserver.strict_json import JsonObject

app = commands("Documents of clients that name themselves by URL (CIMD).")
# What makes a document count that is on a machine of one's own, by words of the failure.
_HINTS = {
    "special-purpose address": "; [outbound] allowed_hosts excepts HOST:PORT",
    "CERTIFICATE_VERIFY_FAILED": "; [outbound] ca_file names further roots",
}


@app.command("check", epilog=examples("client document check document.json"))
@grouped
def check(
    source: Annotated[
        str, typer.Argument(metavar="URL|FILE", help="https URL of a document, or a file; -: stdin")
    ],
    config: ConfigOption = None,
    tenant: TenantOption = DEFAULT_TENANT,
    *,
    form: Form,
) -> None:
    """Explain what a metadata document would register; fail when it does not count."""
    from dcrserver.cli.loading import known_tenant, load

    settings = load(config)
    where = known_tenant(settings, tenant)
    read_ = _read(source, settings)
    if isinstance(read_, str):
        told: JsonObject = {"acceptable": False, "error": read_}
    else:
        told = policy_files.explained(settings, where, read_, "document", None)
    if form.is_json:
        print(json.dumps(told, indent=2, ensure_ascii=False))
    elif isinstance(read_, str):
        print(f"not acceptable: {read_}")
    else:
        print("\n".join(client_files.explained(told)))
    sys.exit(0 if told["acceptable"] else 1)


def _read(source: str, settings: Settings) -> JsonObject | str:
    """The members that the document registers, or why it does not count."""
    from dcrserver.metadata import documents

    if "://" in source:
        if problem := documents.url_problem(source):
            return problem
        found = _fetched(source, settings)
        if isinstance(found, str):
            return found
        body, media_type, url = found.body, found.media_type, source
    else:
        body, media_type = read(Path(source)), "application/json"
        url = _named_in(body)
        if not url:
            return "it must be a JSON object whose client_id is its URL"
        if problem := documents.url_problem(url):
            return problem
    try:
        members = documents.members_in(body, media_type, url)
        documents.check_locations(members, settings.outbound.allowed_hosts)
    except documents.BadDocument as error:
        return str(error)
    return members


def _fetched(url: str, settings: Settings) -> Document | str:
    from dcrserver.fetch import FetchError, HttpFetcher

    try:
        fetch = HttpFetcher(settings.outbound).fetch(url, max_bytes=settings.documents.max_bytes)
        return asyncio.run(fetch)
    except FetchError as error:
        hints = (hint for words, hint in _HINTS.items() if words in str(error))
        return f"it could not be read: {error}{next(hints, '')}"


def _named_in(body: bytes) -> str:
    try:
        document = json.loads(body)
    except ValueError:
        return ""
    named = document.get("client_id") if isinstance(document, dict) else None
    return named if isinstance(named, str) else ""
