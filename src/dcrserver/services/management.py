"""Use cases: a client reads, updates and deletes its own registration (RFC 7592)."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from dcrserver import security
from dcrserver.errors import (
    InvalidClientMetadata,
    InvalidToken,
    MissingToken,
    Unavailable,
)
from dcrserver.metadata import ClientMetadata, Policy, refuse_server_members, validate
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.services import audit
from dcrserver.services.audit import EventType, Origin
from dcrserver.services.credentials import (
    REGISTRATION_TOKEN_PREFIX,
    Secret,
    SecretIssuer,
    client_information,
    secret_of,
)
from dcrserver.services.remote_checks import RemoteChecks
from dcrserver.strict_json import JsonObject, dumps
from dcrserver.tenants import Tenant

# RFC 7592 2.2: an update must not hold them. client_id and client_secret have rules of their own.
_FORBIDDEN = frozenset(
    {
        "registration_access_token",
        "registration_client_uri",
        "client_secret_expires_at",
        "client_id_issued_at",
    }
)
_ATTEMPTS = 5


class ManagementService:
    def __init__(
        self, database: Database, secrets: SecretIssuer, remote_checks: RemoteChecks
    ) -> None:
        self._database = database
        self._secrets = secrets
        self._remote_checks = remote_checks

    async def read(self, tenant: Tenant, client_id: str, bearer: str | None) -> JsonObject:
        """The client information response; echoes the token that was presented.

        Raises:
            BearerError: no token, or not the token of this client.
        """
        token, record = await self._authenticate(tenant, client_id, bearer)
        return client_information(
            tenant,
            _metadata(record),
            client_id=client_id,
            issued_at=record.issued_at,
            secret=secret_of(record),
            registration_access_token=token,
        )

    async def update(
        self,
        tenant: Tenant,
        client_id: str,
        bearer: str | None,
        read_submission: Callable[[], Awaitable[JsonObject]],
        origin: Origin,
    ) -> JsonObject:
        """Replaces the whole registration; what is not sent is gone (RFC 7592 2.2).

        ``read_submission`` is called after the token was checked: a stranger's body is not read.

        Raises:
            BearerError: as ``read``.
            RegistrationError: the submission is not acceptable; nothing has changed.
        """
        policy = tenant.terms.policy
        token, record = await self._authenticate(tenant, client_id, bearer)
        submission = await read_submission()
        for _ in range(_ATTEMPTS):
            _check_envelope(record, submission, policy)
            metadata = validate(submission, tenant.terms)
            _check_method(record, metadata, policy)
            await self._remote_checks.check(metadata, policy)
            secret = self._secrets.for_client(client_id, metadata, record)
            if policy.mgmt.rat_rotation == "on_update":
                token = security.new_token(REGISTRATION_TOKEN_PREFIX)
            changed = _changed(record, metadata, secret, token)
            if await self._replace(record, changed, secret, origin):
                return client_information(
                    tenant,
                    metadata,
                    client_id=client_id,
                    issued_at=record.issued_at,
                    secret=secret,
                    registration_access_token=token,
                )
            # Another update came first: judge again, by the token as it is now.
            token, record = await self._authenticate(tenant, client_id, bearer)
        raise Unavailable("the registration is being changed by others; try again")

    async def delete(
        self, tenant: Tenant, client_id: str, bearer: str | None, origin: Origin
    ) -> None:
        """Ends the registration; identifier, secret and token are dead at once (RFC 7592 2.3).

        Raises:
            BearerError: as ``read``.
        """
        for _ in range(_ATTEMPTS):
            _, record = await self._authenticate(tenant, client_id, bearer)
            if await self._delete(record, origin):
                return
        raise Unavailable("the registration is being changed by others; try again")

    async def _authenticate(
        self, tenant: Tenant, client_id: str, bearer: str | None
    ) -> tuple[str, ClientRecord]:
        """An unknown client, a deleted one and a wrong token look the same (RFC 7592 2.1)."""
        if bearer is None:
            raise MissingToken("the registration access token is required")
        async with self._database.read() as tx:
            record = await tx.clients.find(tenant.name, client_id)
        digest = record.registration_access_token_digest if record else None
        if not security.same_token(bearer, digest) or record is None:
            raise InvalidToken("the registration access token is not valid for this client")
        return bearer, record

    async def _replace(
        self,
        old: ClientRecord,
        new: ClientRecord,
        secret: Secret | None,
        origin: Origin,
    ) -> bool:
        before, after = json.loads(old.metadata), json.loads(new.metadata)

        async def write(tx: Transaction) -> bool:
            if not await tx.clients.replace(old, new):
                return False
            audit.record(
                tx,
                EventType.CLIENT_UPDATED,
                tenant=old.tenant,
                origin=origin,
                client_id=old.client_id,
                changes={
                    "metadata": audit.difference(before, after),
                    "secret": secret is not None and secret.value is not None,
                },
            )
            return True

        return await self._database.transact(write)

    async def _delete(self, record: ClientRecord, origin: Origin) -> bool:
        async def write(tx: Transaction) -> bool:
            if not await tx.clients.delete(record):
                return False
            audit.record(
                tx,
                EventType.CLIENT_DELETED,
                tenant=record.tenant,
                origin=origin,
                client_id=record.client_id,
                changes={"metadata": json.loads(record.metadata)},
            )
            return True

        return await self._database.transact(write)


def _metadata(record: ClientRecord) -> ClientMetadata:
    return ClientMetadata(json.loads(record.metadata))


def _check_envelope(record: ClientRecord, submission: JsonObject, policy: Policy) -> None:
    """The members about the client itself (RFC 7592 2.2)."""
    if policy.mgmt.forbidden_fields == "reject":
        refuse_server_members(submission, _FORBIDDEN)
    if submission.get("client_id") != record.client_id:
        raise InvalidClientMetadata("client_id must be there and be that of this client")
    secret = submission.get("client_secret")
    if secret is not None and not (
        isinstance(secret, str) and security.same_secret(secret, record.client_secret_digest)
    ):
        raise InvalidClientMetadata("client_secret must be the current one or be left out")


def _check_method(record: ClientRecord, metadata: ClientMetadata, policy: Policy) -> None:
    """POL-55."""
    fixed = policy.mgmt.method_change == "reject"
    if fixed and metadata.auth_method != _metadata(record).auth_method:
        raise InvalidClientMetadata("token_endpoint_auth_method must not be changed")


def _changed(
    record: ClientRecord, metadata: ClientMetadata, secret: Secret | None, token: str
) -> ClientRecord:
    return replace(
        record,
        metadata=dumps(dict(metadata.members)),
        registration_access_token_digest=security.token_digest(token),
        client_secret_digest=secret.digest if secret else None,
        client_secret_ciphertext=secret.ciphertext if secret else None,
        client_secret_expires_at=secret.expires_at if secret else 0,
        updated_at=int(time.time()),
        version=record.version + 1,
    )
