"""Step: registration access tokens (RFC 7592): made, checked, and what is written under one."""

from __future__ import annotations

import json
import time

from dcrserver import security
from dcrserver.errors import InvalidToken, MissingToken
from dcrserver.metadata import ClientMetadata, Policy
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.services import audit
from dcrserver.services.audit import EventType, Origin
from dcrserver.strict_json import JsonObject
from dcrserver.tenants import Tenant

# Attempts of an optimistic update. Each lost one means that another writer succeeded, so this is
# how many may change one client at the same time.
ATTEMPTS = 20


REGISTRATION_TOKEN_PREFIX = "rat"  # noqa: S105 - a prefix


async def authenticate(
    database: Database,
    tenant: Tenant,
    client_id: str,
    bearer: str | None,
    *,
    grace: bool = False,
    is_use: bool = True,
) -> tuple[str, ClientRecord]:
    """The presented token and the client; the first use of a new token ends the one before.

    An unknown client, a deleted one, a suspended one and a wrong token look the same (RFC 7592
    2.1). ``grace``: the token before the current one is good as well, for a while. ``is_use``
    False does not end the token before: the caller's own write ends it, or the caller calls
    ``first_use``, or the request must write nothing.

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
    return bearer, await first_use(database, record, bearer) if is_use else record


async def first_use(database: Database, record: ClientRecord, token: str) -> ClientRecord:
    """Ends the previous token if ``token`` is the current one and is used for the first time."""
    if not record.previous_registration_access_token_digest or not is_token_of(record, token)[0]:
        return record

    async def write(tx: Transaction) -> None:
        await tx.clients.end_grace(record)

    await database.transact(write)
    return record._replace(previous_registration_access_token_digest=None)


async def replace_client(
    database: Database,
    old: ClientRecord,
    new: ClientRecord,
    event: EventType,
    origin: Origin,
    changes: JsonObject | None = None,
) -> bool:
    """Writes ``new`` with its event; False when ``old`` is no longer what is stored."""
    written = new._replace(updated_at=int(time.time()), version=old.version + 1)
    told: JsonObject = dict(changes or {})
    if old.metadata != new.metadata:
        told["metadata"] = audit.difference(json.loads(old.metadata), json.loads(new.metadata))
    elif event is EventType.CLIENT_UPDATED:
        told["metadata"] = {}

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


def new_registration_token(policy: Policy) -> tuple[str, int]:
    """A token, and when it expires (0: never)."""
    lifetime = policy.management.registration_access_token_lifetime
    expires_at = int(time.time()) + lifetime if lifetime else 0
    return security.new_token(REGISTRATION_TOKEN_PREFIX), expires_at


def with_new_token(
    record: ClientRecord, policy: Policy, presented: str | None
) -> tuple[str, ClientRecord]:
    """A new registration access token, and ``record`` with it.

    The ``presented`` one works on for the policy's grace: its holder may never get our answer. A
    grace that runs already is not made longer.
    """
    token, expires_at = new_registration_token(policy)
    kept = presented if policy.management.registration_access_token_grace_seconds else None
    return token, record._replace(
        registration_access_token_digest=security.token_digest(token),
        registration_access_token_expires_at=expires_at,
        previous_registration_access_token_digest=kept and security.token_digest(kept),
        previous_registration_access_token_expires_at=(
            _grace_end(record, kept, policy.management.registration_access_token_grace_seconds)
            if kept
            else 0
        ),
    )


def is_token_of(record: ClientRecord | None, token: str) -> tuple[bool, bool]:
    """Whether ``token`` is the current one of the client, and whether it is the one before.

    Takes as long for an unknown client. A suspended client has none (attack: it could otherwise
    bring itself back).
    """
    digest = security.token_digest(token)
    current = security.same_digest(
        digest, record.registration_access_token_digest if record else None
    )
    previous = security.same_digest(
        digest, record.previous_registration_access_token_digest if record else None
    )
    if record is None or record.suspended_at:
        return False, False
    return (
        current and _is_ahead(record.registration_access_token_expires_at),
        previous and record.previous_registration_access_token_expires_at > time.time(),
    )


def _grace_end(record: ClientRecord, presented: str, grace: int) -> int:
    """When the presented token ends at the latest: never later than it would have."""
    is_current = is_token_of(record, presented)[0]
    ends_at = (
        record.registration_access_token_expires_at
        if is_current
        else record.previous_registration_access_token_expires_at
    )
    latest = int(time.time()) + grace
    return min(ends_at or latest, latest)


def _is_ahead(moment: int) -> bool:
    return moment == 0 or moment > time.time()
