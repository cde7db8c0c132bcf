"""Use cases: a client lists, rotates and ends its secrets (our extension to RFC 7592)."""

from __future__ import annotations

from dcrserver.errors import NotFound, Unavailable
from dcrserver.metadata.bounds import Bounds
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.transaction import Database
from dcrserver.services.access.registration_access_tokens import (
    ATTEMPTS,
    authenticate,
)
from dcrserver.services.audit import Origin
from dcrserver.services.secrets.changes import SecretChanges, secret_summaries
from dcrserver.services.secrets.client_secrets import secrets_of
from dcrserver.strict_json import JsonObject
from dcrserver.tenants import Tenant


class SecretRotationService:
    """Use case: a client lists, rotates and ends its secrets."""

    def __init__(self, database: Database, changes: SecretChanges) -> None:
        self._database = database
        self._changes = changes

    async def list(
        self, tenant: Tenant, client_id: str, bearer: str | None, *, writes: bool = True
    ) -> JsonObject:
        """All secrets that still work, newest first, by id; never a secret itself.

        ``writes`` False: changes nothing, not even by the first use of a token.

        Raises:
            BearerError: no registration access token, or not that of this client.
            NotFound: its policy leaves rotation to administrators.
        """
        record = await self._client(tenant, client_id, bearer, is_use=writes)
        async with self._database.read() as tx:
            uses = await tx.last_uses.of_client(tenant.name, client_id)
        return {"client_secrets": secret_summaries(secrets_of(record), uses)}

    async def rotate(
        self, tenant: Tenant, client_id: str, bearer: str | None, origin: Origin
    ) -> JsonObject:
        """As ``SecretChanges.rotate``.

        Raises:
            BearerError: as ``list``.
            InvalidClientMetadata: the client authenticates without a secret.
        """
        for _ in range(ATTEMPTS):
            record = await self._client(tenant, client_id, bearer)
            rotated = await self._changes.rotate(tenant, record, origin)
            if rotated is not None:
                return rotated
        raise Unavailable("the registration is being changed by others; try again")

    async def end(
        self, tenant: Tenant, client_id: str, secret_id: str, bearer: str | None, origin: Origin
    ) -> None:
        """As ``SecretChanges.end``.

        Raises:
            BearerError: as ``list``.
            NotFound: no such secret.
            InvalidClientMetadata: it is the only one.
        """
        for _ in range(ATTEMPTS):
            record = await self._client(tenant, client_id, bearer)
            if await self._changes.end(record, secret_id, origin):
                return
        raise Unavailable("the registration is being changed by others; try again")

    async def _client(
        self, tenant: Tenant, client_id: str, bearer: str | None, *, is_use: bool = True
    ) -> ClientRecord:
        _, record = await authenticate(self._database, tenant, client_id, bearer, is_use=is_use)
        policy = tenant.terms_within(Bounds.from_json(record.bounds)).policy
        if not policy.secrets.self_rotation:
            raise NotFound("secrets are rotated by administrators")
        return record
