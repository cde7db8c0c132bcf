"""Step: whose client it is: the registration access token, and what is written under it."""

from __future__ import annotations

import json
import time
from dataclasses import replace

from dcrserver.errors import InvalidToken, MissingToken
from dcrserver.metadata import ClientMetadata
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.services import audit
from dcrserver.services.audit import EventType, Origin
from dcrserver.services.credentials import is_token_of
from dcrserver.strict_json import JsonObject
from dcrserver.tenants import Tenant

# Of writers that meet at one client, each loses to one that got its change done: so many may meet.
ATTEMPTS = 20


async def authenticate(
    database: Database,
    tenant: Tenant,
    client_id: str,
    bearer: str | None,
    *,
    grace: bool = True,
) -> tuple[str, ClientRecord]:
    """The presented token and the client; the first use of a new token ends the one before.

    An unknown client, a deleted one, a suspended one and a wrong token look the same (RFC 7592
    2.1). ``grace``: the token before the current one is good as well.

    Raises:
        BearerError: no token, or not the token of this client.
    """
    if bearer is None:
        raise MissingToken("the registration access token is required")
    async with database.read() as tx:
        record = await tx.clients.find(tenant.name, client_id)
    current, previous = is_token_of(record, bearer)
    if record is None or not (current or (grace and previous)):
        raise InvalidToken("the registration access token is not valid for this client")
    if current and record.previous_registration_access_token_digest:
        record = await _end_grace(database, record)
    return bearer, record


async def _end_grace(database: Database, record: ClientRecord) -> ClientRecord:
    async def write(tx: Transaction) -> None:
        await tx.clients.end_grace(record)

    await database.transact(write)
    return replace(record, previous_registration_access_token_digest=None)


async def replace_client(
    database: Database,
    old: ClientRecord,
    new: ClientRecord,
    event: EventType,
    origin: Origin,
    changes: JsonObject | None = None,
) -> bool:
    """Writes ``new`` with its event; False when ``old`` is no longer what is stored."""
    written = replace(new, updated_at=int(time.time()), version=old.version + 1)
    before, after = json.loads(old.metadata), json.loads(new.metadata)
    told: JsonObject = dict(changes or {})
    if before != after or event is EventType.CLIENT_UPDATED:
        told["metadata"] = audit.difference(before, after)

    made = audit.event(
        event, tenant=old.tenant, origin=origin, client_id=old.client_id, changes=told
    )
    return await database.transact(lambda tx: tx.clients.replace(old, written, made))


async def delete_client(database: Database, record: ClientRecord, origin: Origin) -> bool:
    """Ends the client; False when ``record`` is no longer what is stored."""
    event = audit.event(
        EventType.CLIENT_DELETED,
        tenant=record.tenant,
        origin=origin,
        client_id=record.client_id,
        metadata=record.metadata,
    )
    return await database.transact(lambda tx: tx.clients.delete(record, event))


def metadata_of(record: ClientRecord) -> ClientMetadata:
    return ClientMetadata(json.loads(record.metadata))
