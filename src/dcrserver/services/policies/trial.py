"""Step: what a policy would make of a registration; nothing is stored, and nothing fetched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from dcrserver.errors import AlreadyExists, RegistrationError
from dcrserver.metadata import Terms, for_administrators, validate
from dcrserver.metadata.statements import Ruling, ruling
from dcrserver.names import ClientOrigin
from dcrserver.services.audit import Origin
from dcrserver.services.audit.actors import Actor
from dcrserver.services.policies.views import PolicyView
from dcrserver.services.registration.policy import Asking, registered_by
from dcrserver.settings.groups.members import MemberSettings
from dcrserver.settings.stored import policy
from dcrserver.strict_json import JsonObject
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
    wants_draft = found.policy is None if draft is None else draft
    document = found.draft if wants_draft else found.policy
    if document is None:
        raise AlreadyExists("there is no draft" if wants_draft else "no version is active")
    trusts = bool(tenant.statement_issuers)
    made = policy(document, members).where(issuers=trusts, certificates=False)
    return replace(tenant.terms, policy=made)


def tried(tenant: Tenant, terms: Terms, trial: Trial) -> JsonObject:
    """``decision``, the names of the ``statements`` that decided, and the ``result``: what would be
    registered, or the error.
    """
    judged_by = for_administrators(terms) if trial.origin in _SETS_ALL else terms
    try:
        metadata = validate(trial.request, judged_by)
    except RegistrationError as error:
        return _told(Ruling("reject", (), None, error=error))
    here = trial.asking(tenant).circumstances()
    return _told(ruling(trial.request, metadata, judged_by, here))


def _told(found: Ruling) -> JsonObject:
    made: JsonObject = {"decision": found.verdict, "statements": [*found.statements]}
    if found.error is not None:
        told = {"error": found.error.code, "error_description": found.error.description}
        return made | {"result": {**told}}
    members = found.metadata.members if found.metadata else {}
    return made | {
        "result": dict(members), "tags": [*found.tags], "expires": dict(found.expiries),
    }  # fmt: skip
