"""Use case: a client registers itself (RFC 7591 3, OpenID Connect Registration 3)."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Literal, TypeAlias

from dcrserver import security
from dcrserver.metadata import (
    SERVER_ASSIGNED,
    ClientMetadata,
    explain,
    refuse_server_members,
    validate,
)
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.services import audit, initial_access_tokens
from dcrserver.services.audit import EventType, Origin
from dcrserver.services.credentials import (
    REGISTRATION_TOKEN_PREFIX,
    Secret,
    SecretIssuer,
    client_information,
)
from dcrserver.services.remote_checks import RemoteChecks
from dcrserver.strict_json import JsonObject, dumps
from dcrserver.tenants import Tenant

ReadSubmission: TypeAlias = Callable[[], Awaitable[JsonObject]]


class RegistrationService:
    def __init__(
        self,
        database: Database,
        secrets: SecretIssuer,
        remote_checks: RemoteChecks,
        mode: Literal["open", "protected", "closed"],
        *,
        explains: bool,
    ) -> None:
        self._database = database
        self._secrets = secrets
        self._remote_checks = remote_checks
        self._mode = mode
        self._explains = explains

    @property
    def explains(self) -> bool:
        """Whether submissions are explained over HTTP."""
        return self._explains

    @property
    def is_open(self) -> bool:
        return self._mode == "open"

    async def explain(
        self, tenant: Tenant, read_submission: ReadSubmission, bearer: str | None
    ) -> JsonObject:
        """What ``register`` would do, as ``metadata.explain`` tells it; nothing is done or read.

        Raises:
            BearerError: as ``register``.
        """
        await initial_access_tokens.authorize(self._database, tenant, self._mode, bearer)
        return explain(await read_submission(), tenant.terms)

    async def register(
        self,
        tenant: Tenant,
        read_submission: ReadSubmission,
        bearer: str | None,
        origin: Origin,
    ) -> JsonObject:
        """The client information response.

        ``read_submission`` is called when the caller may register: a stranger's body is not read.

        Raises:
            BearerError: the mode needs an initial access token, or the one given is no good.
            RegistrationError: the submission is not acceptable.
        """
        ticket = await initial_access_tokens.authorize(self._database, tenant, self._mode, bearer)
        if ticket is not None:
            origin = replace(origin, actor=f"initial-token:{ticket.id}")
        submission = await read_submission()
        policy = tenant.terms.policy
        if policy.registration.client_supplied_credentials == "reject":
            refuse_server_members(submission, frozenset(SERVER_ASSIGNED))
        metadata = validate(submission, tenant.terms)
        await self._remote_checks.check(metadata, policy)

        client_id = security.new_client_id()
        token = security.new_token(REGISTRATION_TOKEN_PREFIX)
        secret = self._secrets.for_client(client_id, metadata)
        record = _record(tenant, client_id, metadata, secret, token)

        async def write(tx: Transaction) -> None:
            if ticket is not None:
                await initial_access_tokens.redeem(tx, ticket)
            tx.clients.add(record)
            audit.record(
                tx,
                EventType.CLIENT_REGISTERED,
                tenant=tenant.name,
                origin=origin,
                client_id=client_id,
                changes={
                    "metadata": dict(metadata.members),
                    "secret": secret is not None,
                },
            )

        await self._database.transact(write)
        return client_information(
            tenant,
            metadata,
            client_id=client_id,
            issued_at=record.issued_at,
            secret=secret,
            registration_access_token=token,
        )


def _record(
    tenant: Tenant,
    client_id: str,
    metadata: ClientMetadata,
    secret: Secret | None,
    token: str,
) -> ClientRecord:
    now = int(time.time())
    return ClientRecord(
        tenant=tenant.name,
        client_id=client_id,
        metadata=dumps(dict(metadata.members)),
        registration_access_token_digest=security.token_digest(token),
        client_secret_digest=secret.digest if secret else None,
        client_secret_ciphertext=secret.ciphertext if secret else None,
        client_secret_expires_at=secret.expires_at if secret else 0,
        issued_at=now,
        updated_at=now,
        version=1,
    )
