"""Use cases: a client or an administrator reads, updates and deletes a registration (RFC 7592)."""

from __future__ import annotations

import time
from collections.abc import Awaitable
from functools import partial
from typing import NamedTuple

from dcrserver import jose
from dcrserver.errors import InvalidClientMetadata, InvalidToken
from dcrserver.metadata import ClientMetadata, Policy, refuse_server_members
from dcrserver.policies.statements.effects import Quota
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.transaction import Database
from dcrserver.security import UndecipherableError
from dcrserver.services.access.asking import lasting_for
from dcrserver.services.access.client_access import ClientAccess, ClientPermit
from dcrserver.services.access.client_certificates import check_subject
from dcrserver.services.access.registration_access_tokens import is_token_of, with_new_token
from dcrserver.services.access.stored_clients import (
    changing,
    delete_client,
    difference,
    metadata_before,
    next_version,
    replace_client,
)
from dcrserver.services.access.surroundings import Surroundings
from dcrserver.services.audit import EventType, Origin
from dcrserver.services.provisioning.before import BeforeAnswer
from dcrserver.services.registration import quotas
from dcrserver.services.registration.administered import AdministeredClients
from dcrserver.services.registration.client_expiry import ends_at
from dcrserver.services.registration.client_information import (
    administered_information,
    client_information,
)
from dcrserver.services.registration.facts import facts_in_update
from dcrserver.services.registration.holding import status_told
from dcrserver.services.registration.judgement import (
    SubmissionValidator,
    check_method,
    parse_object,
)
from dcrserver.services.registration.policy import Asking
from dcrserver.services.registration.remote_checks import RemoteChecks
from dcrserver.services.secrets.client_secrets import SecretIssuer
from dcrserver.services.secrets.kept import ClientSecrets, secrets_of
from dcrserver.services.secrets.verification import SecretVerifier
from dcrserver.services.software_statements.reader import SoftwareStatements, Submitted
from dcrserver.services.software_statements.signed_requests import is_signed, members_of, parsed
from dcrserver.strict_json import JsonObject
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


class ManagementService:
    """Use case: a client, or an administrator, reads, updates and deletes it (RFC 7592)."""

    def __init__(  # noqa: PLR0913, PLR0917 - a step each
        self,
        database: Database,
        access: ClientAccess,
        secrets: SecretIssuer,
        verifier: SecretVerifier,
        validator: SubmissionValidator,
        remote_checks: RemoteChecks,
        administered: AdministeredClients,
        statements: SoftwareStatements,
        surroundings: Surroundings,
        before: BeforeAnswer | None = None,
    ) -> None:
        self._before = before
        self._surroundings = surroundings
        self._statements = statements
        self._database = database
        self._access = access
        self._secrets = secrets
        self._verifier = verifier
        self._validator = validator
        self._remote_checks = remote_checks
        self._administered = administered

    async def read(self, permit: ClientPermit, origin: Origin) -> str:
        """The client information response as JSON text.

        Echoes the token that was presented, unless the policy issues a new one with each read.
        """
        if not permit.is_own:
            return await self.describe(permit)
        permit = await self._access.first_use(permit)
        policy, token = permit.terms.policy, permit.token
        if policy.management.rotates_on_read:
            given = await self._surroundings.lasting_of(policy, permit.record, origin)
            renewed, changed = with_new_token(permit.record, given, permit.digest)
            event = EventType.REGISTRATION_TOKEN_ROTATED
            # Whoever comes second reads with the token it came with, which works on for a while.
            if await replace_client(self._database, permit.record, changed, event, origin):
                token = renewed
        return await self._information(permit.tenant, permit.record, policy, token)

    async def describe(self, permit: ClientPermit) -> str:
        """As ``read``, and changes nothing, as HEAD must not: its caller sees no new token.

        An administrator sees no token and no secret, and what is known beside the registration.
        """
        if not permit.is_own:
            return administered_information(permit.tenant, permit.record, secrets_of(permit.record))
        return await self._information(
            permit.tenant, permit.record, permit.terms.policy, permit.token
        )

    async def update(self, permit: ClientPermit, octets: bytes, origin: Origin) -> str:
        """Replaces the whole registration; what is not sent is gone (RFC 7592 2.2).

        The token before the current one repeats the update whose answer was lost, and no other.

        Raises:
            BearerError: the token was replaced meanwhile.
            RegistrationError: the submission is not acceptable; nothing has changed.
        """
        sent = _sent(permit, octets)

        def change(record: ClientRecord) -> Awaitable[str | None]:
            update = self._updated if permit.is_own else self._replaced
            here = permit if record is permit.record else permit._replace(record=record)
            return update(here, sent, origin)

        # Was the change that came first an update by the same token, then its answer holds the
        # token that is good now, and this one must not make that useless.
        return await changing(permit.record, partial(self._access.again, permit), change)

    async def _updated(self, permit: ClientPermit, sent: _Sent, origin: Origin) -> str | None:
        """None when the permit's record is no longer what is stored."""
        tenant, record, terms = permit.tenant, permit.record, permit.terms
        policy = terms.policy
        await self._check_envelope(record, sent.members, policy)
        before = metadata_before(record)
        # One that waits for an approval waits on, whatever it becomes.
        waits = record.approval is not None
        asking = Asking(tenant.name, origin, record.origin, updates=True, may_wait=waits)
        stated = Submitted(sent.members, terms)
        if not tenant.judges_by_body(policy):
            stated, asking = await self._surrounded(permit, sent, before, asking)
        metadata, text, ruled = self._validator.validate_update(
            asking, stated.members, stated.terms, before, stated.kept
        )
        is_current = is_token_of(record, permit.digest)[0]
        if not is_current and text != record.metadata:
            raise InvalidToken("the registration access token was replaced by an update")
        check_method(before, metadata, policy)
        await self._remote_checks.check(metadata, policy)
        ends = ends_at(policy, asking, metadata, record)
        policy = lasting_for(policy, asking, metadata)
        secrets = (
            self._secrets.updated(record, before, metadata, policy)
            if is_current
            else secrets_of(record)
        )
        answered, changed = _tokens(record, policy, permit, is_current=is_current)
        tags = ruled.tagged(record.tags)
        changed = next_version(
            record, changed, metadata=text, client_secrets=secrets.to_json(), tags=tags,
            expires_at=ends,
        )  # fmt: skip
        told: JsonObject = {"secret": secrets.is_new, **ruled.told()}
        told["metadata"] = difference(record, before, metadata, text)
        change = _Change(record, changed, origin, told, ruled.quotas, (policy, asking))
        if (written := await self._written(stated, change, secrets)) is None:
            return None
        record, secrets = written
        return await self._information(tenant, record, policy, answered, secrets)

    async def _written(
        self, stated: Submitted, change: _Change, secrets: ClientSecrets
    ) -> tuple[ClientRecord, ClientSecrets] | None:
        """The client as it is, at its targets too; None: it was changed meanwhile."""
        old, new, origin, told, counted, judged_by = change
        if self._before is None:
            writer = quotas.within(self._database, counted, new, old, judged_by)
            is_written = await stated.replace(writer, old, new, origin, told)
            return (new, secrets) if is_written else None
        async with self._before.replacing(old, new, secrets) as sent:
            if sent.record.metadata != new.metadata:  # it is told by what it has become
                del told["metadata"]
            writer = sent.within(self._database)
            writer = quotas.within(writer, counted, sent.record, old, judged_by)
            is_written = await stated.replace(writer, old, sent.record, origin, told)
        return (sent.record, sent.secrets) if is_written else None

    async def _surrounded(
        self, permit: ClientPermit, sent: _Sent, before: ClientMetadata, asking: Asking
    ) -> tuple[Submitted, Asking]:
        """What is to be judged, with what the client's software statement says, and by whom."""
        tenant, terms = permit.tenant, permit.terms
        if sent.jws is None:
            stated = await self._statements.read(tenant, sent.members, terms, before)
        else:
            stated = await self._statements.read_signed(tenant, sent.jws, terms, before)
        check_subject(permit.certificate, stated.claims, terms.policy)
        owner = permit.record.owner
        return stated, await self._surroundings.of(asking, terms.policy, stated.members, owner)

    async def _replaced(self, permit: ClientPermit, sent: _Sent, origin: Origin) -> str | None:
        """As ``_updated``, by an administrator."""
        tenant, record = permit.tenant, permit.record
        await self._check_envelope(record, sent.members, permit.terms.policy)
        metadata, facts = facts_in_update(sent.members)
        made = await self._administered.replace(tenant, record, metadata, facts, origin)
        return made and administered_information(tenant, made.record, made.secrets)

    async def delete(self, permit: ClientPermit, origin: Origin) -> None:
        """Ends the registration; identifier, secret and token are dead at once (RFC 7592 2.3).

        Raises:
            BearerError: the token was replaced meanwhile.
        """

        async def change(record: ClientRecord) -> bool:
            return await delete_client(self._database, record, origin, permit.tenant.restore_window)

        await changing(permit.record, partial(self._access.again, permit), change)

    async def _check_envelope(
        self, record: ClientRecord, submission: JsonObject, policy: Policy
    ) -> None:
        """The members about the client itself (RFC 7592 2.2)."""
        if policy.management.forbidden_fields == "reject":
            refuse_server_members(submission, _FORBIDDEN)
        if submission.get("client_id") != record.client_id:
            raise InvalidClientMetadata("client_id must be there and be that of this client")
        given = submission.get("client_secret")
        if given is None:
            return
        # One that has expired is still what the client was given; the update replaces it.
        held = secrets_of(record).held
        if not isinstance(given, str) or not await self._verifier.matching(given, held):
            raise InvalidClientMetadata("client_secret must be the current one or be left out")

    async def _information(
        self,
        tenant: Tenant,
        record: ClientRecord,
        policy: Policy,
        token: str,
        secrets: ClientSecrets | None = None,
    ) -> str:
        told = secrets or secrets_of(record)
        if policy.secrets.returned and told.held and not told.is_new:
            told = told._replace(value=self._readable(record, told))
        status = await status_told(self._database, record) if record.approval else None
        return client_information(tenant, record, told, token, status)

    def _readable(self, record: ClientRecord, secrets: ClientSecrets) -> str | None:
        try:
            return self._secrets.readable(record, secrets.held[0])
        except UndecipherableError:
            return None


class _Change(NamedTuple):
    """What is written: ``new`` over ``old``, and what its event tells of it."""

    old: ClientRecord
    new: ClientRecord
    origin: Origin
    told: JsonObject
    quotas: tuple[Quota, ...]
    judged_by: tuple[Policy, Asking]


class _Sent(NamedTuple):
    """An update as it was sent: ``members``, of a JSON object or of a JWT."""

    members: JsonObject
    jws: jose.Jws | None = None


def _sent(permit: ClientPermit, octets: bytes) -> _Sent:
    """
    Raises:
        InvalidClientMetadata: it is neither.
    """
    policy = permit.terms.policy
    if permit.is_own and is_signed(octets, permit.tenant, policy):
        jws = parsed(octets, permit.tenant, policy, time.time())
        return _Sent(members_of(jws), jws)
    return _Sent(parse_object(octets, policy.json_))


def _tokens(
    record: ClientRecord, policy: Policy, permit: ClientPermit, *, is_current: bool
) -> tuple[str, ClientRecord]:
    """The token that the answer to an update tells, and the client with it."""
    if policy.management.rotates_on_update:
        return with_new_token(record, policy, permit.digest)
    if not is_current:  # it is the one before that works on
        return permit.token, record
    return permit.token, record._replace(previous_registration_access_token_digest=None)
