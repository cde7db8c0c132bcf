"""Use case: the clients of a tenant leave for another server, or for a copy to keep."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.queries import Lists
from dcrserver.repositories.queries.clients.filters import ALL, Filter
from dcrserver.services.clients.foreign_credentials import credentials_of
from dcrserver.strict_json import JsonObject, JsonValue, joined
from dcrserver.tenants import Tenant

# By operators, or by the server that a client came from.
_SET = ("owner", "suspended_at", "tokens_ended_at")


async def exported_pages(
    lists: Lists,
    tenant: Tenant,
    wanted: Filter = ALL,
    after: str = "",
    *,
    credentials: bool = False,
) -> AsyncIterator[str]:
    """The clients of a tenant that ``wanted`` means as ``client import`` reads them: some lines at
    a time, by client_id. Whoever was interrupted goes on ``after`` that of the last line.

    ``credentials``: with the hashes of secrets and tokens, and what encrypted copies there are.
    """
    async for page in lists.clients.every(tenant.name, wanted, after):
        yield "".join(f"{_line(record, credentials=credentials)}\n" for record in page)


def _line(record: ClientRecord, *, credentials: bool) -> str:
    """What it registered, as it is stored, and what its operators set."""
    made: JsonObject = {"client_id": record.client_id, "client_id_issued_at": record.issued_at}
    made |= {name: value for name in _SET if (value := getattr(record, name))}
    if record.bounds:
        made["bounds"] = json.loads(record.bounds)
    if record.tags:
        made["tags"] = list[JsonValue](record.tags.split())
    if credentials:
        made |= credentials_of(record)
    return joined(made, record.metadata)
