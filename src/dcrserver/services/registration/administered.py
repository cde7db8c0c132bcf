"""Step: clients as administrators make and replace them: what they choose beside the metadata."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from dcrserver import security
from dcrserver.db.failures import AlreadyThere
from dcrserver.errors import IdentifierTaken, InvalidClientMetadata
from dcrserver.metadata import (
    ClientMetadata,
    Policy,
    Terms,
)
from dcrserver.metadata.bounds import UNBOUNDED, Bounds
from dcrserver.names import ClientOrigin
from dcrserver.repositories.client_approvals import ClientApprovalRecord
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.transaction import Database, Transaction, Writer
from dcrserver.services import audit
from dcrserver.services.access.asking import lasting_for
from dcrserver.services.access.registration_access_tokens import new_registration_token
from dcrserver.services.access.stored_clients import (
    metadata_of,
    next_version,
    terms_for,
)
from dcrserver.services.access.surroundings import Surroundings
from dcrserver.services.audit import EventType, Origin, Subject, SubjectKind
from dcrserver.services.audit.actors import Actor
from dcrserver.services.registration import quotas
from dcrserver.services.registration.chosen import (
    asking_of,
    chosen_secret,
    facts_changed,
    owner_of,
    tags_of,
)
from dcrserver.services.registration.chosen_policies import born_under, moved, writer_for
from dcrserver.services.registration.client_expiry import ends_at
from dcrserver.services.registration.client_information import new_record
from dcrserver.services.registration.facts import ClientFacts, Wrong
from dcrserver.services.registration.holding import check_room, held
from dcrserver.services.registration.judgement import (
    SubmissionValidator,
    ValidSubmission,
    check_method,
    parse_object,
)
from dcrserver.services.registration.policy import UNRULED, Asking, Ruled
from dcrserver.services.registration.remote_checks import RemoteChecks
from dcrserver.services.registration.templates import Templates
from dcrserver.services.secrets.client_secrets import SecretIssuer
from dcrserver.services.secrets.kept import ClientSecrets
from dcrserver.services.software_statements.reader import SoftwareStatements, Submitted
from dcrserver.strict_json import JsonObject, dumps
from dcrserver.tenants import Tenant

_TAKEN = Wrong("client_id", "is that of another client")


class Administered(NamedTuple):
    """A client as it is stored now; ``token`` where it was given a registration access token.

    ``ruled``: what the statements of its policy added; ``approval``: of one that waits for it.
    """

    record: ClientRecord
    secrets: ClientSecrets
    token: str = ""
    ruled: Ruled = UNRULED
    approval: ClientApprovalRecord | None = None

    def told(self) -> JsonObject:
        """Of a new client, for its event."""
        facts = facts_changed(None, self.record)
        return {"secret": self.secrets.is_new, **facts, **self.ruled.told()}


Beside: TypeAlias = Callable[[Transaction, Administered], None]


class AdministeredClients:
    """Step: makes clients for administrators, and replaces their registrations."""

    def __init__(
        self,
        database: Database,
        secrets: SecretIssuer,
        validator: SubmissionValidator,
        remote_checks: RemoteChecks,
        statements: SoftwareStatements,
        templates: Templates,
        surroundings: Surroundings,
    ) -> None:
        self._surroundings = surroundings
        self._templates = templates
        self._statements = statements
        self._database = database
        self._secrets = secrets
        self._validator = validator
        self._remote_checks = remote_checks

    async def make(
        self,
        tenant: Tenant,
        submission: JsonObject,
        facts: ClientFacts,
        origin: Origin,
        within: Bounds = UNBOUNDED,
        beside: Beside | None = None,
    ) -> Administered:
        """A new client with ``facts``, of the metadata that ``submission`` asks for.

        ``within``: what it is bound to for life, where ``facts`` do not say otherwise.
        ``beside``: writes more, in the same transaction.

        Raises:
            RegistrationError: one of both is not acceptable; nothing was made.
        """
        actor = origin.actor
        bounds, owner = born_under(within, tenant, facts, actor), owner_of(facts, actor)
        completed, terms = await self.asked(tenant, submission, facts, actor, bounds)
        asking = asking_of(tenant, origin, facts, ClientOrigin.ADMINISTRATOR.word)
        stated = await self._statements.read(tenant, completed, terms, excused=asking.overrides)
        asking = await self._surroundings.of(asking, terms.policy, stated.members, owner)
        judged = self._validator.validate_members(asking, *stated.judged())
        await self._remote_checks.check(judged.metadata, terms.policy)
        client_id = facts.client_id or security.new_client_id()
        chosen = chosen_secret(facts, judged.metadata)
        policy = lasting_for(terms.policy, asking, judged.metadata)
        secrets = self._secrets.first(tenant.name, client_id, judged.metadata, policy, chosen)
        token, kept = _new_token(policy)
        record = new_record(
            tenant, client_id, judged.text, secrets, bounds, kept,
            origin=ClientOrigin.ADMINISTRATOR,
            expires_at=ends_at(terms.policy, asking, judged.metadata, facts=facts),
        )._replace(owner=owner, tags=judged.ruled.tagged(tags_of(facts)))  # fmt: skip
        made = await self._waiting(Administered(record, secrets, token, judged.ruled), policy)
        writer = self._writer(tenant, bounds, made.ruled, record)
        await _add(writer, made, origin, beside, stated, is_chosen=facts.client_id is not None)
        return made

    async def _waiting(self, made: Administered, policy: Policy) -> Administered:
        """``made``, as it waits for an approval if it is held.

        Raises:
            Unavailable: as many wait as may.
        """
        if not made.ruled.is_held:
            return made
        await check_room(self._database, made.record.tenant, policy)
        waiting, approval = held(made.record, made.ruled, policy)
        return made._replace(record=waiting, approval=approval)

    async def asked(
        self,
        tenant: Tenant,
        submission: JsonObject,
        facts: ClientFacts,
        actor: Actor,
        bounds: Bounds,
    ) -> tuple[JsonObject, Terms]:
        """The metadata that are asked for, with those of the template, and what judges them.

        Raises:
            RegistrationError: there is no such template, or both together are too much.
            InsufficientScope: as of a template that the actor may not read.
        """
        terms = terms_for(actor, tenant.terms_within(bounds))
        completed = await self._completed(tenant, submission, facts, actor)
        _check_could_be_sent(completed, terms.policy)
        return completed, terms

    async def replace(
        self,
        tenant: Tenant,
        record: ClientRecord,
        submission: JsonObject,
        facts: ClientFacts,
        origin: Origin,
    ) -> Administered | None:
        """The whole registration, with its owner, is what ``submission`` and ``facts`` say.

        The client's registration access token stays, and its policy where ``facts`` name none.
        None when ``record`` is no longer what is stored.

        Raises:
            RegistrationError: one of both is not acceptable; nothing has changed.
        """
        actor = origin.actor
        bounds = moved(record, tenant, facts, actor)
        terms = terms_for(actor, tenant.terms_within(bounds))
        completed = await self._completed(tenant, submission, facts, actor)
        before = metadata_of(record)
        asking = asking_of(tenant, origin, facts, record.origin, before=record)
        stated = await self._statements.read(
            tenant, completed, terms, before, excused=asking.overrides
        )
        owner = owner_of(facts, actor)
        asking = await self._surroundings.of(asking, terms.policy, stated.members, owner)
        metadata, text, ruled = self._validated(completed, stated, before, asking)
        await self._remote_checks.check(metadata, terms.policy)
        given = lasting_for(terms.policy, asking, metadata)
        secrets = self._secrets.updated(record, before, metadata, given)
        changed = next_version(
            record, record, metadata=text, client_secrets=secrets.to_json(),
            bounds=bounds.to_json(), owner=owner, tags=ruled.tagged(tags_of(facts)),
            expires_at=ends_at(terms.policy, asking, metadata, record, facts),
        )  # fmt: skip
        told = {"secret": secrets.is_new, **facts_changed(record, changed), **ruled.told()}
        writer = self._writer(tenant, bounds, ruled, changed, record)
        is_written = await stated.replace(writer, record, changed, origin, told)
        return Administered(changed, secrets) if is_written else None

    def _writer(
        self,
        tenant: Tenant,
        bounds: Bounds,
        ruled: Ruled,
        record: ClientRecord,
        before: ClientRecord | None = None,
    ) -> Writer:
        """What ``record`` is written through, bound to ``bounds`` and within its quotas."""
        writer = writer_for(self._database, tenant, before.bounds if before else None, bounds)
        return quotas.within(writer, ruled.quotas, record, before)

    def _validated(
        self, completed: JsonObject, stated: Submitted, before: ClientMetadata, asking: Asking
    ) -> ValidSubmission:
        """
        Raises:
            RegistrationError: the client must not become what was sent.
        """
        members, terms, kept = stated.judged()
        if completed != before.members:
            _check_could_be_sent(completed, terms.policy)
        valid = self._validator.validate_update(asking, members, terms, before, kept)
        # An owner is to its clients what a client is to itself.
        if asking.origin.actor.owner is not None:
            check_method(before, valid.metadata, terms.policy)
        return valid

    async def _completed(
        self, tenant: Tenant, submission: JsonObject, facts: ClientFacts, actor: Actor
    ) -> JsonObject:
        """``submission`` over the metadata of the client that is its template.

        Raises:
            BadChoice, InsufficientScope: see ``Templates.members``.
        """
        if facts.template is None:
            return submission
        return await self._templates.members(tenant, facts.template, actor) | submission


def _new_token(policy: Policy) -> tuple[str, tuple[str, int]]:
    """A registration access token, and what is kept of it."""
    token, token_ends_at = new_registration_token(policy)
    return token, (security.token_digest(token), token_ends_at)


async def _add(
    writer: Writer,
    made: Administered,
    origin: Origin,
    beside: Beside | None,
    stated: Submitted,
    *,
    is_chosen: bool,
) -> None:
    """
    Raises:
        IdentifierTaken: another client is called so, or what stands beside it is there.
        Unavailable: its policy was deleted a moment ago.
        InvalidSoftwareStatement: another registration used the statement meanwhile.
    """
    record = made.record
    told = made.told() | stated.told()

    async def write(tx: Transaction) -> None:
        if is_chosen:
            await _free(tx, record.tenant, record.client_id)
        tx.clients.add(record)
        _record(tx, record, origin, told)
        if made.approval is not None:
            tx.client_approvals.add(made.approval)
        stated.spend(tx)
        if beside is not None:
            beside(tx, made)

    try:
        await writer.transact(write)
    except AlreadyThere:  # somebody was faster
        if not is_chosen:
            stated.check_spent()
        raise _taken() from None


def _record(tx: Transaction, made: ClientRecord, origin: Origin, told: JsonObject) -> None:
    audit.record(
        tx,
        EventType.CLIENT_REGISTERED if made.approval is None else EventType.CLIENT_HELD,
        tenant=made.tenant,
        origin=origin,
        subject=Subject(SubjectKind.CLIENT, made.client_id),
        changes=told,
        metadata=made.metadata,
    )


async def _free(tx: Transaction, tenant: str, client_id: str) -> None:
    """Nothing is left of whoever was called so before: its notes would be those of the new one.

    Raises:
        IdentifierTaken: a client is called so, or one was that can be restored.
    """
    if await tx.clients.find(tenant, client_id):
        raise _taken()
    deleted = await tx.deleted_clients.find(tenant, client_id)
    if deleted is None:
        return
    if deleted.purge_at > time.time():
        raise _taken()
    await tx.deleted_clients.purge(deleted)


def _taken() -> IdentifierTaken:
    return IdentifierTaken(_TAKEN.text, mistakes=[_TAKEN])


def _check_could_be_sent(members: JsonObject, policy: Policy) -> None:
    """What patches and templates add up to is no more than a registration may be.

    Raises:
        ProtocolError: a body of these ``members`` would be too large, or too deep.
    """
    octets, limit = dumps(members).encode(), policy.registration.max_body_bytes
    if len(octets) > limit:
        raise InvalidClientMetadata(f"the metadata must not be larger than {limit} octets")
    parse_object(octets, policy.json_)
