"""Use cases of the operator: look at clients and end them, issue and revoke initial tokens."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from dcrserver.metadata import ClientMetadata
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.services import audit, initial_access_tokens
from dcrserver.services.audit import EventType, Origin
from dcrserver.strict_json import JsonObject
from dcrserver.tenants import Tenant


class AdministrationService:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def clients(self, tenant: Tenant, limit: int) -> list[JsonObject]:
        """Summaries, newest first."""
        async with self._database.read() as tx:
            records = await tx.clients.latest(tenant.name, limit)
        return [_summary(record) for record in records]

    async def client(self, tenant: Tenant, client_id: str) -> JsonObject | None:
        """A client with its metadata and events; None if there is none and never was."""
        async with self._database.read() as tx:
            record = await tx.clients.find(tenant.name, client_id)
            events = await tx.events.of_client(tenant.name, client_id)
        if record is None and not events:
            return None
        made: JsonObject = {"deleted": True, "client_id": client_id}
        if record is not None:
            made = _summary(record) | {"metadata": json.loads(record.metadata)}
        made["events"] = [
            {
                "type": event.type,
                "at_milliseconds": event.at_milliseconds,
                "actor": event.actor,
                "address": event.address,
                "request_id": event.request_id,
                "changes": json.loads(event.changes),
            }
            for event in events
        ]
        return made

    async def delete_client(self, tenant: Tenant, client_id: str, origin: Origin) -> bool:
        """False when there is no such client."""

        async def write(tx: Transaction) -> bool:
            record = await tx.clients.find(tenant.name, client_id)
            if record is None or not await tx.clients.delete(record):
                return False
            audit.record(
                tx,
                EventType.CLIENT_DELETED,
                tenant=tenant.name,
                origin=origin,
                client_id=client_id,
                changes={"metadata": json.loads(record.metadata)},
            )
            return True

        return await self._database.transact(write)

    async def issue_initial_access_token(
        self, tenant: Tenant, *, uses: int | None, lifetime: int, origin: Origin
    ) -> str:
        """The token, shown this once; ``lifetime`` in seconds, 0 for ever."""

        async def write(tx: Transaction) -> str:
            token, row = initial_access_tokens.issue(tx, tenant, uses=uses, lifetime=lifetime)
            audit.record(
                tx,
                EventType.INITIAL_ACCESS_TOKEN_ISSUED,
                tenant=tenant.name,
                origin=origin,
                changes={"id": row.id, "uses": uses, "expires_at": row.expires_at},
            )
            return token

        return await self._database.transact(write)

    async def initial_access_tokens(self, tenant: Tenant) -> list[JsonObject]:
        async with self._database.read() as tx:
            rows = await tx.initial_access_tokens.all(tenant.name)
        return [
            {
                "id": row.id,
                "uses_left": row.uses_left,
                "expires_at": row.expires_at,
                "issued_at": row.issued_at,
            }
            for row in rows
        ]

    async def revoke_initial_access_token(
        self, tenant: Tenant, token_id: str, origin: Origin
    ) -> bool:
        """False when there is no such token."""

        async def write(tx: Transaction) -> bool:
            if not await tx.initial_access_tokens.revoke(tenant.name, token_id):
                return False
            audit.record(
                tx,
                EventType.INITIAL_ACCESS_TOKEN_REVOKED,
                tenant=tenant.name,
                origin=origin,
                changes={"id": token_id},
            )
            return True

        return await self._database.transact(write)


def _summary(record: ClientRecord) -> JsonObject:
    metadata = ClientMetadata(json.loads(record.metadata))
    return {
        "client_id": record.client_id,
        "client_name": metadata.members.get("client_name"),
        "token_endpoint_auth_method": metadata.auth_method,
        "redirect_uri": next(iter(metadata.texts("redirect_uris")), None),
        "issued_at": _utc(record.issued_at),
        "updated_at": _utc(record.updated_at),
    }


def _utc(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
