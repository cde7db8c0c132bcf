"""Step: what a policy would make of a registration; nothing is stored, and nothing fetched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from dcrserver.errors import AlreadyExists, InvalidSoftwareStatement, RegistrationError
from dcrserver.metadata import VERIFIED, Terms, beyond, for_administrators, validate
from dcrserver.metadata.bounds import Bounds, narrowed
from dcrserver.metadata.statements import Ruling, ruling
from dcrserver.metadata.validation import STATEMENT
from dcrserver.names import ClientOrigin
from dcrserver.repositories.clients import ClientRecord
from dcrserver.services.access.stored_clients import metadata_of
from dcrserver.services.audit import Origin
from dcrserver.services.audit.actors import Actor, ActorKind
from dcrserver.services.policies.groups import grouped, outcome
from dcrserver.services.policies.views import PolicyView
from dcrserver.services.registration.policy import Asking, registered_by
from dcrserver.services.software_statements.reader import MISSING
from dcrserver.settings.groups.members import MemberSettings
from dcrserver.settings.stored import policy
from dcrserver.strict_json import JsonObject, JsonValue
from dcrserver.tenants import Tenant

_UPDATE = "update"
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
    trusts = bool(tenant.statement_issuers)
    made = policy(document, members).where(issuers=trusts, certificates=False)
    return replace(tenant.terms, policy=made)


def asked_of(found: PolicyView, *, draft: bool | None) -> JsonObject:
    """As ``terms_of_trial``, for a job: the name of the policy, and what it says now."""
    return {"policy": found.name, "document": document_of(found, draft=draft)}


def tried(tenant: Tenant, terms: Terms, trial: Trial) -> JsonObject:
    """``decision``, the names of the ``statements`` that decided, and the ``result``: what would be
    registered, or the error.
    """
    return _told(ruling_of(tenant, terms, trial))


def tried_all(tenant: Tenant, terms: Terms, trials: Sequence[Trial]) -> JsonObject:
    """What would become of each of ``trials``, by kinds; their examples are numbers from 1 on."""
    rulings = [(ruling_of(tenant, terms, each), each.request) for each in trials]
    found = [(str(number), outcome(*each)) for number, each in enumerate(rulings, 1)]
    counts: dict[str, JsonValue] = {**Counter(ruling.verdict for ruling, _ in rulings)}
    return {"counts": counts, "groups": [*grouped((), found)]}


def ruling_of(tenant: Tenant, terms: Terms, trial: Trial) -> Ruling:
    """What would become of the registration that is tried."""
    judged_by = for_administrators(terms) if trial.origin in _SETS_ALL else terms
    try:
        metadata = validate(trial.request, judged_by)
    except RegistrationError as error:
        return Ruling("reject", (), None, error=error)
    here = trial.asking(tenant).circumstances()
    return ruling(trial.request, metadata, judged_by, here)


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


def _told(found: Ruling) -> JsonObject:
    made: JsonObject = {"decision": found.verdict, "statements": [*found.statements]}
    if found.error is not None:
        told = {"error": found.error.code, "error_description": found.error.description}
        return made | {"result": {**told}}
    members = found.metadata.members if found.metadata else {}
    return made | {
        "result": dict(members), "tags": [*found.tags], "expires": dict(found.expiries),
    }  # fmt: skip
