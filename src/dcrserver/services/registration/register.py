"""Use case: a client registers itself (RFC 7591 3, OpenID Connect Registration 3)."""

from __future__ import annotations

from typing import NamedTuple

from dcrserver import security
from dcrserver.metadata import explain
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.services import audit
from dcrserver.services.access import initial_access_tokens
from dcrserver.services.access.administrators import Administrators
from dcrserver.services.access.initial_access_tokens import RegistrationPermit
from dcrserver.services.access.registration_access_tokens import new_registration_token
from dcrserver.services.audit import EventType, Origin, Subject, SubjectKind
from dcrserver.services.registration.administered import AdministeredClients
from dcrserver.services.registration.client_information import (
    administered_information,
    client_information,
    new_record,
)
from dcrserver.services.registration.facts import facts_in
from dcrserver.services.registration.judgement import SubmissionValidator, parse_object
from dcrserver.services.registration.remote_checks import RemoteChecks
from dcrserver.services.secrets.client_secrets import SecretIssuer
from dcrserver.strict_json import JsonObject
from dcrserver.tenants import Tenant


class Registered(NamedTuple):
    """Where the registration is, and the client information response as JSON text."""

    uri: str
    information: str


class RegistrationService:
    """Use case: a client registers, or asks what registering would do (RFC 7591 3)."""

    def __init__(
        self,
        database: Database,
        administrators: Administrators,
        secrets: SecretIssuer,
        validator: SubmissionValidator,
        remote_checks: RemoteChecks,
        administered: AdministeredClients,
    ) -> None:
        self._database = database
        self._administrators = administrators
        self._administered = administered
        self._secrets = secrets
        self._validator = validator
        self._remote_checks = remote_checks

    async def authorize(self, tenant: Tenant, bearer: str | None) -> RegistrationPermit:
        """Permission to register, which takes no use of a token yet.

        Raises:
            BearerError: the mode needs an initial access token, or the one given is no good.
        """
        return await initial_access_tokens.authorize(
            self._database, self._administrators, tenant, bearer
        )

    def explain(self, permit: RegistrationPermit, octets: bytes) -> JsonObject:
        """What ``register`` would do, as ``metadata.explain`` tells it; nothing is done or fetched.

        Raises:
            ProtocolError: ``octets`` are no JSON object.
        """
        submission = parse_object(octets, permit.terms.policy.json_)
        if permit.is_administrator_s:
            submission, _ = facts_in(submission)
        return explain(submission, permit.terms)

    async def register(
        self, permit: RegistrationPermit, octets: bytes, origin: Origin
    ) -> Registered:
        """Makes the client and tells its credentials, which nobody is told again.

        Raises:
            BearerError: another registration took the last use of the token.
            RegistrationError: the submission is not acceptable.
        """
        if permit.is_administrator_s:
            return await self._register_for(permit, octets, origin)
        tenant, terms = permit.tenant, permit.terms
        policy = terms.policy
        judged = self._validator.validate(octets, terms)
        await self._remote_checks.check(judged.metadata, policy)

        client_id = security.new_client_id()
        token, ends_at = new_registration_token(policy)
        secrets = self._secrets.first(tenant.name, client_id, judged.metadata, policy)
        kept = (security.token_digest(token), ends_at)
        record = new_record(
            tenant, client_id, judged.text, secrets, permit.bounds, kept, origin=permit.origin
        )

        async def write(tx: Transaction) -> None:
            await initial_access_tokens.redeem(tx, permit, client_id, origin)
            _add(tx, record, origin, has_secret=secrets.is_new)

        await self._database.transact(write)
        return Registered(
            tenant.registration_client_uri(client_id),
            client_information(tenant, record, secrets, token),
        )

    async def _register_for(
        self, permit: RegistrationPermit, octets: bytes, origin: Origin
    ) -> Registered:
        """Also what an administrator chooses: identifier, secret, owner, policy."""
        submission, facts = facts_in(parse_object(octets, permit.terms.policy.json_))
        made = await self._administered.make(
            permit.tenant, submission, facts, origin, permit.bounds
        )
        return Registered(
            permit.tenant.registration_client_uri(made.record.client_id),
            administered_information(permit.tenant, made.record, made.secrets, made.token),
        )


def _add(tx: Transaction, record: ClientRecord, origin: Origin, *, has_secret: bool) -> None:
    tx.clients.add(record)
    audit.record(
        tx,
        EventType.CLIENT_REGISTERED,
        tenant=record.tenant,
        origin=origin,
        subject=Subject(SubjectKind.CLIENT, record.client_id),
        changes={"secret": has_secret},
        metadata=record.metadata,
    )
