"""Use cases of the operator: look at clients, configure their tokens."""

from __future__ import annotations

import json
from typing import Literal

from dcrserver.metadata.catalogue.extensions import (
    ACCESS_TOKEN_FORMAT,
    CLIENT_CREDENTIALS_LIFETIME,
)
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.queries import Lists
from dcrserver.repositories.transaction import Database
from dcrserver.services.access.stored_clients import change_client, metadata_of, replace_client
from dcrserver.services.access.versions import ANY
from dcrserver.services.audit import EventType, Origin, SubjectKind, described, utc
from dcrserver.services.secrets.changes import secret_summaries
from dcrserver.services.secrets.client_secrets import secrets_of
from dcrserver.services.tokens.access_tokens import TokenFormat
from dcrserver.strict_json import JsonObject, dumps
from dcrserver.tenants import Tenant

# Takes back what was set for a client.
_DEFAULT = "default"


class AdministrationService:
    """Use case: operators look at clients, and configure their tokens."""

    def __init__(self, database: Database, lists: Lists) -> None:
        self._database = database
        self._lists = lists

    async def clients(self, tenant: Tenant, limit: int) -> list[JsonObject]:
        """Summaries, newest first."""
        records = await self._lists.clients.page(tenant.name, limit=limit)
        return [_summary(record) for record in records]

    async def client(self, tenant: Tenant, client_id: str) -> JsonObject | None:
        """A client with its metadata and events; None if there is none and never was."""
        async with self._database.read() as tx:
            record = await tx.clients.find(tenant.name, client_id)
            uses = await tx.last_uses.of_client(tenant.name, client_id)
        events = await self._lists.events.of_subject(
            tenant.name, SubjectKind.CLIENT.value, client_id
        )
        if record is None and not events:
            return None
        made: JsonObject = {"deleted": True, "client_id": client_id}
        if record is not None:
            made = _summary(record) | {
                "suspended_at": utc(record.suspended_at),
                "last_used_at": utc(max(uses.values(), default=0)),
                "bounds": json.loads(record.bounds) if record.bounds else None,
                "client_secrets": secret_summaries(secrets_of(record), uses),
                "metadata": json.loads(record.metadata),
            }
        made["events"] = [described(event) for event in events]
        return made

    async def configure_client(
        self,
        tenant: Tenant,
        client_id: str,
        origin: Origin,
        *,
        access_token_lifetime: int | Literal["default"] | None,
        access_token_format: TokenFormat | Literal["default"] | None,
    ) -> None:
        """The client's own access token lifetime (seconds) and format, members of its metadata.

        "default": as configured for all; None: as it is.

        Raises:
            NotFound: there is no such client.
        """
        given: JsonObject = {
            CLIENT_CREDENTIALS_LIFETIME: access_token_lifetime,
            ACCESS_TOKEN_FORMAT: access_token_format,
        }
        given = {name: value for name, value in given.items() if value is not None}

        async def change(record: ClientRecord) -> bool:
            made: JsonObject = json.loads(record.metadata) | given
            taken_back = {name for name, value in given.items() if value == _DEFAULT}
            left = {name: value for name, value in made.items() if name not in taken_back}
            new = record._replace(metadata=dumps(left))
            event = EventType.CLIENT_CONFIGURED
            return await replace_client(self._database, record, new, event, origin)

        await change_client(self._database, tenant, client_id, origin, ANY, change)


def _summary(record: ClientRecord) -> JsonObject:
    metadata = metadata_of(record)
    return {
        "client_id": record.client_id,
        "suspended": bool(record.suspended_at),
        "client_name": metadata.members.get("client_name"),
        "owner": record.owner,
        "token_endpoint_auth_method": metadata.auth_method,
        "redirect_uri": next(iter(metadata.texts("redirect_uris")), None),
        "issued_at": utc(record.issued_at),
        "updated_at": utc(record.updated_at),
    }
