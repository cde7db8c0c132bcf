"""Use case: a client registers itself (RFC 7591 3, OpenID Connect Registration 3)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeAlias

from dcrserver import security
from dcrserver.metadata import SERVER_ASSIGNED, explain, refuse_server_members
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.services import audit
from dcrserver.services.access import initial_access_tokens
from dcrserver.services.access.registration_access_tokens import new_registration_token
from dcrserver.services.audit import EventType, Origin
from dcrserver.services.registration.client_information import client_information, new_record
from dcrserver.services.registration.judgement import Judge, Submission
from dcrserver.services.registration.remote_checks import RemoteChecks
from dcrserver.services.secrets.client_secrets import SecretIssuer
from dcrserver.strict_json import JsonObject
from dcrserver.tenants import Tenant

ReadSubmission: TypeAlias = Callable[[], Awaitable[Submission]]


class Registered(NamedTuple):
    """Where the registration is, and the client information response as JSON text."""

    uri: str
    information: str


class RegistrationService:
    """Use case: a client registers, or asks what registering would do (RFC 7591 3)."""

    def __init__(
        self, database: Database, secrets: SecretIssuer, judge: Judge, remote_checks: RemoteChecks
    ) -> None:
        self._database = database
        self._secrets = secrets
        self._judge = judge
        self._remote_checks = remote_checks

    async def explain(
        self, tenant: Tenant, read_submission: ReadSubmission, bearer: str | None
    ) -> JsonObject:
        """What ``register`` would do, as ``metadata.explain`` tells it; nothing is done or read.

        Raises:
            BearerError: as ``register``.
        """
        ticket = await initial_access_tokens.authorize(self._database, tenant, bearer)
        return explain((await read_submission()).read(), tenant.terms_within(ticket.bounds))

    async def register(
        self,
        tenant: Tenant,
        read_submission: ReadSubmission,
        bearer: str | None,
        origin: Origin,
    ) -> Registered:
        """Makes the client and tells its credentials, which nobody is told again.

        ``read_submission`` is called when the caller may register: a stranger's body is not read.

        Raises:
            BearerError: the mode needs an initial access token, or the one given is no good.
            RegistrationError: the submission is not acceptable.
        """
        ticket = await initial_access_tokens.authorize(self._database, tenant, bearer)
        origin = origin._replace(actor=ticket.actor)
        submission = await read_submission()
        terms = tenant.terms_within(ticket.bounds)
        policy = terms.policy
        if policy.registration.client_supplied_credentials == "reject":
            refuse_server_members(submission.read(), frozenset(SERVER_ASSIGNED))
        judged = self._judge.judge(submission, terms)
        await self._remote_checks.check(judged.metadata, policy)

        client_id = security.new_client_id()
        token, ends_at = new_registration_token(policy)
        secrets = self._secrets.first(tenant.name, client_id, judged.metadata, policy)
        kept = (security.token_digest(token), ends_at)
        record = new_record(tenant, client_id, judged.text, secrets, ticket.bounds, kept)

        async def write(tx: Transaction) -> None:
            await initial_access_tokens.redeem(tx, ticket, client_id, origin)
            tx.clients.add(record)
            audit.record(
                tx,
                EventType.CLIENT_REGISTERED,
                tenant=tenant.name,
                origin=origin,
                client_id=client_id,
                changes={"secret": secrets.is_new},
                metadata=record.metadata,
            )

        await self._database.transact(write)
        return Registered(
            tenant.registration_client_uri(client_id),
            client_information(tenant, record, secrets, token),
        )
