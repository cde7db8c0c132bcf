"""Use cases of administrators: the secrets and the registration access token of a client."""

from __future__ import annotations

from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.transaction import Database
from dcrserver.security import new_token, token_digest
from dcrserver.services.access.registration_access_tokens import (
    REGISTRATION_TOKEN_PREFIX,
    with_new_token,
)
from dcrserver.services.access.stored_clients import change_client, replace_client, terms_of
from dcrserver.services.access.surroundings import Surroundings
from dcrserver.services.access.versions import ANY, Expected
from dcrserver.services.audit import EventType, Origin
from dcrserver.services.secrets.changes import SecretChanges
from dcrserver.strict_json import JsonObject
from dcrserver.tenants import Tenant


class ClientCredentialsService:
    """Use case: administrators issue and end what a client proves itself with.

    Raises, from every method: NotFound (there is no such client, or it is another owner's) and
    PreconditionFailed (it is not what was expected).
    """

    def __init__(
        self, database: Database, secret_changes: SecretChanges, surroundings: Surroundings
    ) -> None:
        self._surroundings = surroundings
        self._database = database
        self._secret_changes = secret_changes

    async def rotate_secret(
        self, tenant: Tenant, client_id: str, origin: Origin, expected: Expected = ANY
    ) -> JsonObject:
        """As ``SecretChanges.rotate``.

        Raises:
            InvalidClientMetadata: it authenticates without a secret.
        """

        async def rotate(record: ClientRecord) -> JsonObject | None:
            return await self._secret_changes.rotate(tenant, record, origin)

        return await change_client(self._database, tenant, client_id, origin, expected, rotate)

    async def end_secret(
        self,
        tenant: Tenant,
        client_id: str,
        secret_id: str,
        origin: Origin,
        expected: Expected = ANY,
    ) -> None:
        """As ``SecretChanges.end``.

        Raises:
            InvalidClientMetadata: it is the only one.
        """

        async def end(record: ClientRecord) -> bool:
            return await self._secret_changes.end(record, secret_id, origin)

        await change_client(self._database, tenant, client_id, origin, expected, end)

    async def reissue_registration_token(
        self, tenant: Tenant, client_id: str, origin: Origin, expected: Expected = ANY
    ) -> str:
        """A new registration access token; every older one is dead at once."""
        event = EventType.REGISTRATION_TOKEN_REISSUED

        async def change(record: ClientRecord) -> str | None:
            policy = terms_of(tenant, record).policy
            policy = await self._surroundings.lasting_of(policy, record, origin)
            token, made = with_new_token(record, policy, None)
            is_written = await replace_client(self._database, record, made, event, origin)
            return token if is_written else None

        return await change_client(self._database, tenant, client_id, origin, expected, change)

    async def revoke_registration_tokens(
        self, tenant: Tenant, client_id: str, origin: Origin, expected: Expected = ANY
    ) -> None:
        """None works any more: from now on administrators alone manage the registration."""
        event = EventType.REGISTRATION_TOKEN_REVOKED

        async def change(record: ClientRecord) -> bool:
            nobody = token_digest(new_token(REGISTRATION_TOKEN_PREFIX))  # the digest is the lock
            made = record._replace(
                registration_access_token_digest=nobody,
                registration_access_token_expires_at=1,
                previous_registration_access_token_digest=None,
                previous_registration_access_token_expires_at=0,
            )
            return await replace_client(self._database, record, made, event, origin)

        await change_client(self._database, tenant, client_id, origin, expected, change)
