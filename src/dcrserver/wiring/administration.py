"""Use cases that the administrators' API and the commands share."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping

from pydantic import BaseModel

from dcrserver.names import DEFAULT_TENANT
from dcrserver.services.audit.reading import EventReadingService
from dcrserver.services.clients.approvals import ClientApprovalService
from dcrserver.services.clients.credentials import ClientCredentialsService
from dcrserver.services.clients.notes import ClientNoteService
from dcrserver.services.clients.statistics import ClientStatisticsService
from dcrserver.services.jobs.administration import JobService
from dcrserver.services.policies.administration import PolicyAdministrationService
from dcrserver.services.policies.trial import PolicyTrials
from dcrserver.services.tenants.dcr_configuration import DcrConfigurationService
from dcrserver.services.tenants.lifecycle import TenantLifecycleService, TenantMaking
from dcrserver.services.tokens.key_administration import KeyAdministrationService
from dcrserver.settings import Settings, TenantSettings
from dcrserver.strict_json import JsonObject
from dcrserver.tenants import Tenant
from dcrserver.wiring.foundation import Foundation
from dcrserver.wiring.tenants import StoredTenant

# That are written at once; each holds the slot of a request.
_EXPORTS = 4


class Administration:
    """What administrators look at beside single clients; ``exports``: how many more may begin."""

    def __init__(self, base: Foundation) -> None:
        self.events = EventReadingService(base.lists)
        self.keys = KeyAdministrationService(base.signing_keys)
        self.notes = ClientNoteService(base.database)
        self.approvals = ClientApprovalService(base.database)
        self.statistics = ClientStatisticsService(base.lists)
        self.policy_trials = PolicyTrials(base.statements, base.surroundings)
        self.exports = asyncio.Semaphore(_EXPORTS)


def tenant_lifecycle(base: Foundation) -> TenantLifecycleService:
    """On what is stored, and what this process makes of it."""
    configured = base.configured

    def candidate(name: str, settings: TenantSettings) -> Tenant:
        return configured.factory.candidate(name, StoredTenant(settings, suspended=False))

    making = TenantMaking(
        _Documents(_declared(configured.settings)), candidate, lambda: base.stored.broken
    )
    return TenantLifecycleService(
        base.database, base.lists, configured.tenants, base.stored_configuration, making
    )


def policy_administration(base: Foundation) -> PolicyAdministrationService:
    """On what is stored, beside the policies of the file."""
    return PolicyAdministrationService(
        base.database,
        base.lists,
        base.stored_configuration,
        _Documents(base.configured.settings.policies),
        base.configured.settings.members,
        lambda: base.stored.broken_policies,
    )


def client_credentials(base: Foundation) -> ClientCredentialsService:
    """What administrators issue and end."""
    return ClientCredentialsService(base.database, base.secret_changes, base.surroundings)


def dcr_configuration(base: Foundation) -> DcrConfigurationService:
    """What administrators configure for registration by Asgardeo's API."""
    return DcrConfigurationService(
        base.database, base.configured.tenants, base.stored_configuration
    )


def job_administration(base: Foundation) -> JobService:
    """Jobs of administrators, and the filters that they ask by."""
    configured = base.configured
    return JobService(
        base.database, base.lists, configured.box, base.requests, configured.settings.members
    )


def _declared(settings: Settings) -> Mapping[str, TenantSettings]:
    default = TenantSettings(
        mode=settings.registration.mode,
        webfinger=settings.webfinger,
        authorization_server=settings.authorization_server,
    )
    return {DEFAULT_TENANT: default, **settings.tenants}


class _Documents(Mapping[str, JsonObject]):
    """What is declared, as it could have been written as JSON; made when somebody looks."""

    def __init__(self, models: Mapping[str, BaseModel]) -> None:
        self._models = models

    def __getitem__(self, name: str) -> JsonObject:
        model = self._models[name]
        made: JsonObject = model.model_dump(mode="json", by_alias=True, exclude_unset=True)
        return made

    def __iter__(self) -> Iterator[str]:
        return iter(self._models)

    def __len__(self) -> int:
        return len(self._models)
