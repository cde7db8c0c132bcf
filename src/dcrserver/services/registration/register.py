"""Use case: a client registers itself (RFC 7591 3, OpenID Connect Registration 3)."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeAlias

from dcrserver import security
from dcrserver.metadata.fingerprints import is_shareable
from dcrserver.rate_limit import UNCOUNTED, Registrant
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.transaction import AlreadyThere, Database, Transaction
from dcrserver.services.access import initial_access_tokens
from dcrserver.services.access.administrators import Administrators
from dcrserver.services.access.asking import lasting_for
from dcrserver.services.access.client_certificates import check_subject
from dcrserver.services.access.idempotency import IdempotencyKey, IdempotentRequests, Keep, forget
from dcrserver.services.access.initial_access_tokens import RegistrationPermit
from dcrserver.services.access.registration_access_tokens import new_registration_token
from dcrserver.services.access.surroundings import Surroundings
from dcrserver.services.audit import Origin
from dcrserver.services.provisioning.before import BeforeAnswer
from dcrserver.services.registration.adding import NewClient, NewClients
from dcrserver.services.registration.administered import AdministeredClients
from dcrserver.services.registration.administered_adding import Administered
from dcrserver.services.registration.client_expiry import ends_at
from dcrserver.services.registration.client_information import (
    Registered,
    administered_information,
    client_information,
    new_record,
)
from dcrserver.services.registration.explanation import explained
from dcrserver.services.registration.facts import facts_in
from dcrserver.services.registration.holding import Holding, told_again
from dcrserver.services.registration.judgement import (
    SubmissionValidator,
    ValidSubmission,
    parse_object,
    registration_in,
)
from dcrserver.services.registration.policy import UNRULED, Asking
from dcrserver.services.registration.remote_checks import RemoteChecks
from dcrserver.services.registration.sharing import SharedClients
from dcrserver.services.secrets.client_secrets import SecretIssuer
from dcrserver.services.secrets.kept import ClientSecrets
from dcrserver.services.software_statements import signed_requests
from dcrserver.services.software_statements.reader import (
    UNSTATED,
    SoftwareStatements,
    Submitted,
)
from dcrserver.strict_json import JsonObject
from dcrserver.tenants import Tenant

# Of a client that many share.
_NO_TOKEN = ("", 0)
_NO_SECRETS = ClientSecrets()

_Make: TypeAlias = Callable[[Keep], Awaitable[Registered]]


class RegistrationService:
    """Use case: a client registers, or asks what registering would do (RFC 7591 3)."""

    def __init__(  # noqa: PLR0913, PLR0917 - a step each
        self,
        database: Database,
        administrators: Administrators,
        secrets: SecretIssuer,
        validator: SubmissionValidator,
        remote_checks: RemoteChecks,
        administered: AdministeredClients,
        statements: SoftwareStatements,
        requests: IdempotentRequests,
        shared: SharedClients,
        surroundings: Surroundings,
        before: BeforeAnswer | None = None,
    ) -> None:
        self._adding = NewClients(database, before)
        self._surroundings = surroundings
        self._shared = shared
        self._holding = Holding(database)
        self._statements = statements
        self._requests = requests
        self._database = database
        self._administrators = administrators
        self._administered = administered
        self._secrets = secrets
        self._validator = validator
        self._remote_checks = remote_checks

    def authorize(
        self, tenant: Tenant, bearer: str | None, *, again: bool = False
    ) -> Awaitable[RegistrationPermit]:
        """Permission to register, which takes no use of a token yet.

        ``again``: who asks may have asked before, and is let through to what it was answered then.

        Raises:
            BearerError: the mode needs an initial access token, or the one given is no good.
        """
        return initial_access_tokens.authorize(
            self._database, self._administrators, tenant, bearer, spent_too=again
        )

    async def explain(
        self, permit: RegistrationPermit, octets: bytes, origin: Origin
    ) -> JsonObject:
        """What ``register`` would do; see ``explanation.explained``."""
        told = await explained(
            self._surroundings, self._statements, self._administered, permit, octets, origin
        )
        return self._adding.preview(permit.tenant.name, told)

    async def register(
        self,
        permit: RegistrationPermit,
        octets: bytes,
        origin: Origin,
        key: IdempotencyKey | None = None,
        by: Registrant = UNCOUNTED,
    ) -> Registered:
        """Makes the client and tells its credentials, which nobody is told again but who asks
        with the same ``key`` for the same.

        ``by``: counted by what software it is.

        Raises:
            TooManyRequests: enough of this software were made for now.
            BearerError: another registration took the last use of the token.
            RegistrationError: the submission is not acceptable.
            KeyReused, AlreadyExists: as ``IdempotentRequests.once``.
        """
        try:
            return await self._made_once(permit, octets, origin, key, by)
        except AlreadyThere:  # somebody else had the same held meanwhile, and is found now
            return await self._made_once(permit, octets, origin, key, by)

    def _made_once(
        self,
        permit: RegistrationPermit,
        octets: bytes,
        origin: Origin,
        key: IdempotencyKey | None,
        by: Registrant,
    ) -> Awaitable[Registered]:
        if key is None:
            return self._register(permit, octets, origin, by, forget)
        make = partial(self._register, permit, octets, origin, by)
        return self._kept(permit, octets, key, make)

    async def _kept(
        self, permit: RegistrationPermit, octets: bytes, key: IdempotencyKey, make: _Make
    ) -> Registered:
        async def work(keep: Keep) -> JsonObject:
            permit.check_unspent()
            return (await make(keep)).told()

        by = permit.certificate.thumbprint if permit.certificate else ""
        whole = key.with_body(f"{hashlib.sha256(octets).hexdigest()}{by}")
        told = await self._requests.once(permit.tenant.name, permit.actor, whole, work)
        uri = told["uri"]
        return Registered(None if uri is None else str(uri), str(told["information"]))

    async def _register(
        self, permit: RegistrationPermit, octets: bytes, origin: Origin, by: Registrant, keep: Keep
    ) -> Registered:
        if permit.is_administrator_s:
            return await self._register_for(permit, octets, origin, keep)
        tenant, policy = permit.tenant, permit.terms.policy
        asking = Asking(tenant.name, origin, permit.origin.word, may_wait=True)
        # Word for word the same is judged once.
        if tenant.judges_by_body(policy):
            judged, submitted = self._validator.validate(asking, octets, permit.terms), UNSTATED
        else:
            judged, submitted, asking = await self._judged(permit, octets, asking)
        if by is not UNCOUNTED:
            await by.charge_software(judged.metadata.text("software_id"))
        await self._remote_checks.check(judged.metadata, policy)
        new, secrets, token = self._made(permit, judged, submitted, asking)
        if judged.ruled.is_held:
            return await self._hold(new, judged, secrets, token, keep)
        if not token:
            return await self._share(new, keep)

        def answer(record: ClientRecord, secrets: ClientSecrets) -> Registered:
            uri = tenant.registration_client_uri(record.client_id)
            return Registered(uri, client_information(tenant, record, secrets, token))

        return await self._adding.add(new, secrets, answer, keep)

    def _made(
        self,
        permit: RegistrationPermit,
        judged: ValidSubmission,
        submitted: Submitted,
        asking: Asking,
    ) -> tuple[NewClient, ClientSecrets, str]:
        """A client with its secrets and its registration access token: none where all who register
        the same are to share it.
        """
        tenant, client_id = permit.tenant, security.new_client_id()
        ends = ends_at(permit.terms.policy, asking, judged.metadata)
        policy = lasting_for(permit.terms.policy, asking, judged.metadata)
        token, kept = "", _NO_TOKEN
        # One that is held is read by its token until somebody decides.
        shares = policy.registration.reuse_public_clients and not judged.ruled.is_held
        shares = shares and self._adding.chooses_ids(tenant.name)
        if not shares or not is_shareable(judged.metadata, policy):
            token, token_ends_at = new_registration_token(policy)
            kept = (security.token_digest(token), token_ends_at)
        secrets = self._secrets.first(tenant.name, client_id, judged.metadata, policy)
        record = new_record(
            tenant, client_id, judged.text, secrets, permit.bounds, kept,
            origin=submitted.born(permit.origin), expires_at=ends,
        )  # fmt: skip
        told: JsonObject = {"secret": secrets.is_new}
        if submitted is not UNSTATED or judged.ruled is not UNRULED:
            told |= submitted.told() | judged.ruled.told()
            record = record._replace(tags=judged.ruled.tagged(None))
        new = NewClient(permit, record, submitted, asking.origin, told, judged.ruled.quotas)
        return new, secrets, token

    async def _hold(
        self,
        new: NewClient,
        judged: ValidSubmission,
        secrets: ClientSecrets,
        token: str,
        keep: Keep,
    ) -> Registered:
        """``new``, which waits for an approval; or the client that waits, or was approved, since
        the same was asked for: without any credential for it.
        """
        tenant, policy = new.permit.tenant, new.permit.terms.policy
        attempt = await self._holding.attempt(new.permit, judged.metadata, new.origin)
        if (client := attempt.client) is not None:
            return await told_again(self._database, tenant, client, keep)
        record, attempt = attempt.held(new.record, judged.ruled, policy)

        def answer(record: ClientRecord, secrets: ClientSecrets) -> Registered:
            uri = tenant.registration_client_uri(record.client_id)
            told = client_information(tenant, record, secrets, token, attempt.told())
            return Registered(uri, told)

        new = new._replace(record=record)
        lead = partial(attempt.write, record=record)
        return await self._adding.add(new, secrets, answer, keep, lead)

    async def _share(self, new: NewClient, keep: Keep) -> Registered:
        """A client that nobody manages but administrators: that of whoever registered the same, or
        else ``new``, for all who will.

        It takes no use of a token where it makes nothing.

        Raises:
            RegistrationError: the client is suspended, or the statement was used meanwhile.
        """
        made: list[Registered] = []

        def registered(client: ClientRecord, _: ClientSecrets = _NO_SECRETS) -> Registered:
            return Registered(None, client_information(new.permit.tenant, client, _NO_SECRETS, ""))

        async def add(lead: Callable[[Transaction], Awaitable[None]]) -> None:
            made[:] = [await self._adding.add(new, _NO_SECRETS, registered, keep, lead)]

        def again(tx: Transaction, there: ClientRecord) -> None:
            new.submitted.spend(tx)
            keep(tx, registered(there).told())

        try:
            client = await self._shared.registered(new.record, add, again)
            return made[0] if made else registered(client)
        except AlreadyThere:
            new.submitted.check_spent()
            raise

    async def _judged(
        self, permit: RegistrationPermit, octets: bytes, asking: Asking
    ) -> tuple[ValidSubmission, Submitted, Asking]:
        """What is registered, what its software statement says, and who asks by that.

        Raises:
            ProtocolError: it is not acceptable.
        """
        tenant, terms = permit.tenant, permit.terms
        if signed_requests.is_signed(octets, tenant, terms.policy):
            jws = signed_requests.parsed(octets, tenant, terms.policy, time.time())
            submitted = await self._statements.read_signed(tenant, jws, terms)
        else:
            sent = registration_in(octets, terms)
            submitted = await self._statements.read(tenant, sent, terms)
        check_subject(permit.certificate, submitted.claims, terms.policy)
        asking = asking._replace(born=submitted.born(permit.origin).word)
        asking = await self._surroundings.of(asking, terms.policy, submitted.members)
        judged = self._validator.validate_members(asking, *submitted.judged())
        return judged, submitted, asking

    async def _register_for(
        self, permit: RegistrationPermit, octets: bytes, origin: Origin, keep: Keep
    ) -> Registered:
        """Also what an administrator chooses: identifier, secret, owner, policy."""
        submission, facts = facts_in(parse_object(octets, permit.terms.policy.json_))

        def registered(made: Administered) -> Registered:
            return Registered(
                permit.tenant.registration_client_uri(made.record.client_id),
                administered_information(permit.tenant, made.record, made.secrets, made.token),
            )

        return registered(
            await self._administered.make(
                permit.tenant, submission, facts, origin, permit.bounds,
                lambda tx, made: keep(tx, registered(made).told()),
            )
        )  # fmt: skip
