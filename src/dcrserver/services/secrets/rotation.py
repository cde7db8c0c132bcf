"""Use cases: a client, or an administrator, lists, rotates and ends its secrets (our extension to
RFC 7592).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from dcrserver.errors import NotFound
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.transaction import Database
from dcrserver.services.access.client_access import ClientAccess, ClientPermit
from dcrserver.services.access.stored_clients import changing
from dcrserver.services.audit import Origin
from dcrserver.services.secrets.changes import SecretChanges, secret_summaries
from dcrserver.services.secrets.kept import secrets_of
from dcrserver.strict_json import JsonObject

T = TypeVar("T")


class SecretRotationService:
    """Use case: a client lists, rotates and ends its secrets."""

    def __init__(self, database: Database, access: ClientAccess, changes: SecretChanges) -> None:
        self._database = database
        self._access = access
        self._changes = changes

    async def list(self, permit: ClientPermit) -> JsonObject:
        """All secrets that still work, newest first, by id; never a secret itself.

        Raises:
            NotFound: its policy leaves rotation to administrators.
        """
        return await self.describe(await self._access.first_use(permit))

    async def describe(self, permit: ClientPermit) -> JsonObject:
        """As ``list``, and changes nothing, not even by the first use of a token."""
        _must_rotate_itself(permit)
        record = permit.record
        async with self._database.read() as tx:
            uses = await tx.last_uses.of_client(record.tenant, record.client_id)
        return {"client_secrets": secret_summaries(secrets_of(record), uses)}

    async def rotate(self, permit: ClientPermit, origin: Origin) -> JsonObject:
        """Issues a new secret, shown this once; the one before works on for a while.

        Raises:
            BearerError: the token was replaced meanwhile.
            NotFound: its policy leaves rotation to administrators.
            InvalidClientMetadata: the client authenticates without a secret.
        """

        async def rotate(record: ClientRecord) -> JsonObject | None:
            return await self._changes.rotate(permit.tenant, record, origin)

        return await self._changing(permit, rotate)

    async def end(self, permit: ClientPermit, secret_id: str, origin: Origin) -> None:
        """Ends one of two secrets before its time.

        Raises:
            BearerError: the token was replaced meanwhile.
            NotFound: no such secret, or its policy leaves rotation to administrators.
            InvalidClientMetadata: it is the only one.
        """

        async def end(record: ClientRecord) -> bool:
            return await self._changes.end(record, secret_id, origin)

        await self._changing(permit, end)

    async def _changing(
        self, permit: ClientPermit, change: Callable[[ClientRecord], Awaitable[T | None]]
    ) -> T:
        permit = await self._access.first_use(permit)
        _must_rotate_itself(permit)
        return await changing(permit.record, partial(self._access.again, permit), change)


def _must_rotate_itself(permit: ClientPermit) -> None:
    if permit.is_own and not permit.terms.policy.secrets.self_rotation:
        raise NotFound("secrets are rotated by administrators")
