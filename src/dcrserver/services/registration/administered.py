"""Step: clients as administrators make and replace them: what they choose beside the metadata."""

from __future__ import annotations

from dcrserver import security
from dcrserver.errors import InvalidClientMetadata
from dcrserver.metadata import (
    ClientMetadata,
    Policy,
    Terms,
)
from dcrserver.metadata.bounds import UNBOUNDED, Bounds
from dcrserver.names import ClientOrigin
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.transaction import Database, Writer
from dcrserver.services.access.asking import lasting_for
from dcrserver.services.access.registration_access_tokens import new_registration_token
from dcrserver.services.access.stored_clients import (
    metadata_of,
    next_version,
    terms_for,
)
from dcrserver.services.access.surroundings import Surroundings
from dcrserver.services.audit import Origin
from dcrserver.services.audit.actors import Actor
from dcrserver.services.provisioning.before import BeforeAnswer, creating, replacing
from dcrserver.services.registration import quotas
from dcrserver.services.registration.administered_adding import (
    Administered,
    Beside,
    add_administered,
)
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
from dcrserver.services.registration.facts import ClientFacts
from dcrserver.services.registration.holding import check_room, held
from dcrserver.services.registration.judgement import (
    SubmissionValidator,
    ValidSubmission,
    check_method,
    parse_object,
)
from dcrserver.services.registration.policy import Asking, Ruled
from dcrserver.services.registration.remote_checks import RemoteChecks
from dcrserver.services.registration.templates import Templates
from dcrserver.services.secrets.client_secrets import SecretIssuer
from dcrserver.services.software_statements.reader import SoftwareStatements, Submitted
from dcrserver.strict_json import JsonObject, dumps
from dcrserver.tenants import Tenant


class AdministeredClients:
    """Step: makes clients for administrators, and replaces their registrations."""

    def __init__(  # noqa: PLR0913, PLR0917 - a step each
        self,
        database: Database,
        secrets: SecretIssuer,
        validator: SubmissionValidator,
        remote_checks: RemoteChecks,
        statements: SoftwareStatements,
        templates: Templates,
        surroundings: Surroundings,
        before: BeforeAnswer | None = None,
    ) -> None:
        self._before = before
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
        bounds = born_under(within, tenant, facts, origin.actor)
        owner = owner_of(facts, origin.actor)
        completed, terms = await self.asked(tenant, submission, facts, origin.actor, bounds)
        asking = asking_of(tenant, origin, facts, ClientOrigin.ADMINISTRATOR.word)
        stated = await self._statements.read(tenant, completed, terms, excused=asking.overrides)
        asking = await self._surroundings.of(asking, terms.policy, stated.members, owner)
        judged = await self._judged(asking, stated, terms.policy)
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
        async with creating(self._before, made.record, secrets) as sent:
            made = made._replace(record=sent.record, secrets=sent.secrets)
            writer = sent.within(self._writer(tenant, bounds, made.ruled, made.record))
            await add_administered(writer, made, origin, beside, stated, facts.client_id)
        return made

    async def _judged(self, asking: Asking, stated: Submitted, policy: Policy) -> ValidSubmission:
        judged = self._validator.validate_members(asking, *stated.judged())
        await self._remote_checks.check(judged.metadata, policy)
        return judged

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
        bounds = moved(record, tenant, facts, origin.actor)
        terms = terms_for(origin.actor, tenant.terms_within(bounds))
        completed = await self._completed(tenant, submission, facts, origin.actor)
        before = metadata_of(record)
        asking = asking_of(tenant, origin, facts, record.origin, before=record)
        excused = asking.overrides
        stated = await self._statements.read(tenant, completed, terms, before, excused=excused)
        owner = owner_of(facts, origin.actor)
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
        async with replacing(self._before, record, changed, secrets) as sent:
            by, new = (terms.policy, asking), sent.record
            writer = sent.within(self._writer(tenant, bounds, ruled, new, record, by))
            is_written = await stated.replace(writer, record, new, origin, told)
        return Administered(sent.record, sent.secrets) if is_written else None

    def _writer(
        self,
        tenant: Tenant,
        bounds: Bounds,
        ruled: Ruled,
        record: ClientRecord,
        before: ClientRecord | None = None,
        judged_by: tuple[Policy, Asking] | None = None,
    ) -> Writer:
        """What ``record`` is written through, bound to ``bounds`` and within its quotas."""
        writer = writer_for(self._database, tenant, before.bounds if before else None, bounds)
        return quotas.within(writer, ruled.quotas, record, before, judged_by)

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


def _check_could_be_sent(members: JsonObject, policy: Policy) -> None:
    """What patches and templates add up to is no more than a registration may be.

    Raises:
        ProtocolError: a body of these ``members`` would be too large, or too deep.
    """
    octets, limit = dumps(members).encode(), policy.registration.max_body_bytes
    if len(octets) > limit:
        raise InvalidClientMetadata(f"the metadata must not be larger than {limit} octets")
    parse_object(octets, policy.json_)
