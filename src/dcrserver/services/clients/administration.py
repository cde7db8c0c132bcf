"""Use cases of the operator: look at clients, change and end them."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable
from typing import Literal, TypeVar

from dcrserver.errors import NotFound
from dcrserver.metadata.catalogue.extensions import (
    ACCESS_TOKEN_FORMAT,
    CLIENT_CREDENTIALS_LIFETIME,
)
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.queries import Lists
from dcrserver.repositories.transaction import Database
from dcrserver.services.access.registration_access_tokens import with_new_token
from dcrserver.services.access.stored_clients import (
    changing,
    delete_client,
    find_client,
    metadata_of,
    replace_client,
    terms_of,
)
from dcrserver.services.audit import EventType, Origin, SubjectKind, described, utc
from dcrserver.services.secrets.changes import SecretChanges, secret_summaries
from dcrserver.services.secrets.client_secrets import secrets_of
from dcrserver.services.tokens.access_tokens import TokenFormat
from dcrserver.strict_json import JsonObject, dumps
from dcrserver.tenants import Tenant

T = TypeVar("T")

# Takes back what was set for a client.
_DEFAULT = "default"


class AdministrationService:
    """Use case: administrators look at clients, suspend, resume, delete and configure them."""

    def __init__(self, database: Database, lists: Lists, secret_changes: SecretChanges) -> None:
        self._database = database
        self._lists = lists
        self._secret_changes = secret_changes

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

    async def delete_client(self, tenant: Tenant, client_id: str, origin: Origin) -> None:
        """Deletes a client with all that it has.

        Raises:
            NotFound: there is no such client.
        """

        async def delete(record: ClientRecord) -> bool:
            return await delete_client(self._database, record, origin)

        await self._changing(tenant, client_id, delete)

    async def suspend_client(self, tenant: Tenant, client_id: str, origin: Origin) -> None:
        """No credential of the client works any more, until it is resumed.

        Its access tokens are dead for good: a leak may be why it is suspended.

        Raises:
            NotFound: there is no such client.
        """
        now = int(time.time())
        await self._change(
            tenant,
            client_id,
            lambda record: record._replace(
                suspended_at=record.suspended_at or now, tokens_ended_at=now
            ),
            EventType.CLIENT_SUSPENDED,
            origin,
        )

    async def resume_client(self, tenant: Tenant, client_id: str, origin: Origin) -> None:
        """Lets a suspended client work again.

        Raises:
            NotFound: there is no such client.
        """
        await self._change(
            tenant,
            client_id,
            lambda record: record._replace(suspended_at=0),
            EventType.CLIENT_RESUMED,
            origin,
        )

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

        def changed(record: ClientRecord) -> ClientRecord:
            made: JsonObject = json.loads(record.metadata) | given
            taken_back = {name for name, value in given.items() if value == _DEFAULT}
            left = {name: value for name, value in made.items() if name not in taken_back}
            return record._replace(metadata=dumps(left))

        await self._change(tenant, client_id, changed, EventType.CLIENT_CONFIGURED, origin)

    async def reissue_registration_token(
        self, tenant: Tenant, client_id: str, origin: Origin
    ) -> str:
        """A new registration access token; every older one is dead at once.

        Raises:
            NotFound: there is no such client.
        """
        issued = ""

        def changed(record: ClientRecord) -> ClientRecord:
            nonlocal issued
            policy = terms_of(tenant, record).policy
            issued, made = with_new_token(record, policy, None)
            return made

        event = EventType.REGISTRATION_TOKEN_REISSUED
        await self._change(tenant, client_id, changed, event, origin)
        return issued

    async def rotate_secret(self, tenant: Tenant, client_id: str, origin: Origin) -> JsonObject:
        """As ``SecretChanges.rotate``.

        Raises:
            NotFound: there is no such client.
            InvalidClientMetadata: it authenticates without a secret.
        """

        async def rotate(record: ClientRecord) -> JsonObject | None:
            return await self._secret_changes.rotate(tenant, record, origin)

        return await self._changing(tenant, client_id, rotate)

    async def end_overlap(self, tenant: Tenant, client_id: str, origin: Origin) -> None:
        """Only the newest secret works on.

        Raises:
            NotFound: there is no such client, or it has one secret only.
        """

        async def end(record: ClientRecord) -> bool:
            older = secrets_of(record).held[1:]
            if not older:
                raise NotFound("the client has no second secret")
            is_last = len(older) == 1  # more may have come from another server
            return await self._secret_changes.end(record, older[0].id, origin) and is_last

        await self._changing(tenant, client_id, end)

    async def _change(
        self,
        tenant: Tenant,
        client_id: str,
        changed: Callable[[ClientRecord], ClientRecord],
        event: EventType,
        origin: Origin,
        changes: JsonObject | None = None,
    ) -> None:
        async def change(record: ClientRecord) -> bool:
            return await replace_client(
                self._database, record, changed(record), event, origin, changes
            )

        await self._changing(tenant, client_id, change)

    async def _changing(
        self, tenant: Tenant, client_id: str, change: Callable[[ClientRecord], Awaitable[T | None]]
    ) -> T:
        """
        Raises:
            NotFound: there is no such client.
        """

        async def find() -> ClientRecord:
            return await find_client(self._database, tenant.name, client_id)

        return await changing(await find(), find, change)


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
