"""Use case: the clients of a tenant leave for another server, or for a copy to keep."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.queries import Lists
from dcrserver.services.clients.foreign_credentials import credentials_of
from dcrserver.strict_json import JsonObject
from dcrserver.tenants import Tenant

# By operators, or by the server that a client came from.
_SET = ("owner", "suspended_at", "tokens_ended_at")


async def exported_clients(
    lists: Lists, tenant: Tenant, *, credentials: bool = False
) -> AsyncIterator[JsonObject]:
    """The clients of a tenant as ``client import`` reads them.

    ``credentials``: with the hashes of secrets and tokens, and what encrypted copies there are.
    """
    async for page in lists.clients.every(tenant.name):
        for record in page:
            yield _exported(record) | (credentials_of(record) if credentials else {})


def _exported(record: ClientRecord) -> JsonObject:
    """What it registered, and what its operators set."""
    made: JsonObject = {"client_id": record.client_id, "client_id_issued_at": record.issued_at}
    made |= {name: value for name in _SET if (value := getattr(record, name))}
    if record.bounds:
        made["bounds"] = json.loads(record.bounds)
    metadata: JsonObject = json.loads(record.metadata)
    return made | metadata
