"""Use case: what a policy would make of a registration. Nothing is stored, and nothing fetched but
the keys of a software statement's issuer.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from dcrserver.errors import AlreadyExists, InvalidSoftwareStatement, RegistrationError
from dcrserver.metadata import VERIFIED, Policy, Terms, beyond, for_administrators, validate
from dcrserver.metadata.bounds import Bounds, narrowed
from dcrserver.metadata.preview import explain, with_refusal, with_statement
from dcrserver.metadata.statements import Ruling, ruling
from dcrserver.metadata.validation import STATEMENT
from dcrserver.names import ClientOrigin
from dcrserver.repositories.clients import ClientRecord
from dcrserver.services.access.stored_clients import metadata_of
from dcrserver.services.access.surroundings import Surroundings
from dcrserver.services.audit import Origin
from dcrserver.services.audit.actors import Actor, ActorKind
from dcrserver.services.policies.groups import grouped, outcome
from dcrserver.services.policies.views import PolicyView
from dcrserver.services.registration.policy import Asking, registered_by
from dcrserver.services.software_statements.reader import (
    MISSING,
    SoftwareStatements,
    Submitted,
    of_elsewhere,
)
from dcrserver.settings.groups.members import MemberSettings
from dcrserver.settings.stored import policy
from dcrserver.strict_json import JsonObject, JsonValue
from dcrserver.tenants import Tenant

_UPDATE = "update"
_NONE: frozenset[str] = frozenset()
_SELF = frozenset({ClientOrigin.OPEN.word, ClientOrigin.INITIAL_ACCESS_TOKEN.word})
_SETS_ALL = frozenset({ClientOrigin.ADMINISTRATOR.word, ClientOrigin.IMPORT.word})


class Trial(NamedTuple):
    """What is tried: a registration of ``request`` by ``origin``, from ``address``."""

    request: JsonObject
    origin: str = ClientOrigin.OPEN.word
    address: str | None = None

    def asking(self, tenant: Tenant) -> Asking:
        """Who would have sent it; an update is of a client that came to be openly."""
        updates = self.origin == _UPDATE
        born = ClientOrigin.OPEN.word if updates else self.origin
        actor = Actor(registered_by(born), None, tenant.name)
        return Asking(tenant.name, Origin(actor, self.address), born, updates)

    def terms(self, terms: Terms) -> Terms:
        """``terms`` for who would have sent it."""
        return for_administrators(terms) if self.origin in _SETS_ALL else terms

    def stated(self, asking: Asking, stated: Submitted) -> Asking:
        """``asking``, by what the software statement says of a client that registers itself."""
        if self.origin not in _SELF:
            return asking
        return asking._replace(born=stated.born(ClientOrigin(asking.born)).word)


def terms_of_trial(
    tenant: Tenant, found: PolicyView, members: Mapping[str, MemberSettings], *, draft: bool | None
) -> Terms:
    """What is judged by: the active version, or the ``draft``; None: the draft where there is no
    other.

    Raises:
        AlreadyExists: there is no such version.
        InvalidInput: this program does not take it any more; the member is named.
    """
    return terms_by(tenant, document_of(found, draft=draft), members)


def document_of(found: PolicyView, *, draft: bool | None) -> JsonObject:
    """As ``terms_of_trial``, what the version says."""
    wants_draft = found.policy is None if draft is None else draft
    document = found.draft if wants_draft else found.policy
    if document is None:
        raise AlreadyExists("there is no draft" if wants_draft else "no version is active")
    return document


def terms_by(tenant: Tenant, document: JsonObject, members: Mapping[str, MemberSettings]) -> Terms:
    """What is judged by where a policy says what is in ``document``.

    Raises:
        InvalidInput: this program does not take it any more; the member is named.
    """
    return terms_of(tenant, policy(document, members))


def terms_of(tenant: Tenant, policy: Policy) -> Terms:
    """What is judged by where ``policy`` is the tenant's."""
    trusts = bool(tenant.statement_issuers)
    return replace(tenant.terms, policy=policy.where(issuers=trusts, certificates=False))


def asked_of(found: PolicyView, *, draft: bool | None) -> JsonObject:
    """As ``terms_of_trial``, for a job: the name of the policy, and what it says now."""
    return {"policy": found.name, "document": document_of(found, draft=draft)}


class PolicyTrials:
    """Use case: a policy is tried with registrations, as if each were sent now."""

    def __init__(self, statements: SoftwareStatements, surroundings: Surroundings) -> None:
        self._statements = statements
        self._surroundings = surroundings

    async def one(self, tenant: Tenant, terms: Terms, trial: Trial) -> JsonObject:
        """``decision``, the names of the ``statements`` that decided, and the ``result``: what
        would be registered, or the error. And what was looked up for it: how many ``clients`` there
        are that are alike, and the ``address_names``.

        Raises:
            Unavailable: the keys of its software statement's issuer cannot be read.
        """
        asking, judged_by = trial.asking(tenant), trial.terms(terms)
        try:
            stated = await self._statements.read(
                tenant, trial.request, judged_by, excused=asking.updates
            )
        except RegistrationError as error:
            return _told(Ruling("reject", (), None, error=error), asking)
        asking = trial.stated(asking, stated)
        asking = await self._surroundings.of(asking, terms.policy, stated.members, limits=True)
        return _told(_ruling(stated, asking), asking)

    async def many(self, tenant: Tenant, terms: Terms, trials: Sequence[Trial]) -> JsonObject:
        """What would become of each, by kinds; their examples are numbers from 1 on.

        They were recorded: their software statements are not read, as most have expired.
        """
        rulings = []
        for each in trials:
            asking = await self._surroundings.of(
                each.asking(tenant), terms.policy, each.request, limits=True
            )
            stated = Submitted(each.request, each.terms(terms))
            rulings.append((_ruling(stated, asking), each.request))
        return _by_kinds(rulings)


def tried_here(
    tenant: Tenant, terms: Terms, trial: Trial, names: frozenset[str] = _NONE
) -> JsonObject:
    """As ``PolicyTrials.one`` where there is no database: no clients are counted, and of software
    statements those are read whose keys are in a file.

    ``names``: of the address.
    """
    asking = trial.asking(tenant)._replace(names=names)
    try:
        stated = of_elsewhere(tenant, trial.request, trial.terms(terms), time.time())
    except RegistrationError as error:
        return _told(Ruling("reject", (), None, error=error), asking)
    asking = trial.stated(asking, stated)
    return _told(_ruling(stated, asking), asking)


def explained_here(tenant: Tenant, trial: Trial, names: frozenset[str] = _NONE) -> JsonObject:
    """What the registration would do under the tenant's own policy, as ``metadata.explain`` tells
    it; the rest as ``tried_here``. Of a software statement whose keys are in no file, that it could
    not be verified.
    """
    asking, terms = trial.asking(tenant)._replace(names=names), trial.terms(tenant.terms)
    try:
        stated = of_elsewhere(tenant, trial.request, terms, time.time())
    except RegistrationError as error:
        return with_refusal(explain(trial.request, terms, here=asking.circumstances()), error)
    here = trial.stated(asking, stated).circumstances()
    return with_statement(explain(*stated.judged(), here=here), trial.request, stated.overruled)


def _by_kinds(rulings: Sequence[tuple[Ruling, JsonObject]]) -> JsonObject:
    found = [(str(number), outcome(*each)) for number, each in enumerate(rulings, 1)]
    counts: dict[str, JsonValue] = {**Counter(ruling.verdict for ruling, _ in rulings)}
    return {"counts": counts, "groups": [*grouped((), found)]}


def _ruling(stated: Submitted, asking: Asking) -> Ruling:
    """What would become of the registration that is tried."""
    members, terms, kept = stated.judged()
    try:
        metadata = validate(members, terms, kept)
    except RegistrationError as error:
        return Ruling("reject", (), None, error=error)
    return ruling(members, metadata, terms, asking.circumstances(), kept)


def ruling_of_stored(tenant: Tenant, terms: Terms, record: ClientRecord) -> Ruling:
    """What would become of a client that sends back what it has registered."""
    judged_by = narrowed(terms, Bounds.from_json(record.bounds))
    stored = dict(metadata_of(record).members)
    if judged_by.policy.statements_mode == "required" and STATEMENT not in stored:
        return Ruling("reject", (), None, error=InvalidSoftwareStatement(MISSING))
    kept = beyond(stored, judged_by) | {name: stored[name] for name in VERIFIED if name in stored}
    sent = {name: value for name, value in stored.items() if name not in kept}
    try:
        metadata = validate(sent, judged_by, kept)
    except RegistrationError as error:
        return Ruling("reject", (), None, error=error)
    origin = Origin(Actor(ActorKind.CLIENT, record.client_id, tenant.name))
    here = Asking(tenant.name, origin, record.origin, updates=True).circumstances()
    return ruling(sent, metadata, judged_by, here, kept)


def _told(found: Ruling, asking: Asking) -> JsonObject:
    made: JsonObject = {
        "decision": found.verdict,
        "statements": [*found.statements],
        "clients": {**asking.counts},
        "address_names": [*sorted(asking.names)],
    }
    if found.error is not None:
        told = {"error": found.error.code, "error_description": found.error.description}
        return made | {"result": {**told}}
    members = found.metadata.members if found.metadata else {}
    return made | {
        "result": dict(members), "tags": [*found.tags], "expires": dict(found.expiries),
    }  # fmt: skip
