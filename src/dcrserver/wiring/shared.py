"""Use cases that the administrators' API and the commands share; a command loads what it uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pydantic import BaseModel

from dcrserver.names import DEFAULT_TENANT
from dcrserver.settings import Settings, TenantSettings
from dcrserver.strict_json import JsonObject
from dcrserver.tenants import Tenant
from dcrserver.wiring.foundation import Foundation
from dcrserver.wiring.tenants import StoredTenant

if TYPE_CHECKING:
    from dcrserver.services.clients.changes import ClientChangeService
    from dcrserver.services.clients.credentials import ClientCredentialsService
    from dcrserver.services.jobs.administration import JobService
    from dcrserver.services.policies.administration import PolicyAdministrationService
    from dcrserver.services.tenants.lifecycle import TenantLifecycleService


def tenant_lifecycle(base: Foundation) -> TenantLifecycleService:
    """On what is stored, and what this process makes of it."""
    from dcrserver.services.tenants.lifecycle import TenantLifecycleService, TenantMaking

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
    from dcrserver.services.policies.administration import PolicyAdministrationService

    return PolicyAdministrationService(
        base.database,
        base.lists,
        base.stored_configuration,
        _Documents(base.configured.settings.policies),
        base.configured.settings.members,
        lambda: base.stored.broken_policies,
    )


def client_changes(base: Foundation) -> ClientChangeService:
    """Judged as they come, by nothing that is remembered of others."""
    from dcrserver.services.clients.changes import ClientChangeService
    from dcrserver.services.registration.administered import AdministeredClients
    from dcrserver.services.registration.judgement import SubmissionValidator
    from dcrserver.services.registration.remote_checks import RemoteChecks
    from dcrserver.services.registration.templates import Templates

    administered = AdministeredClients(
        base.database,
        base.secrets,
        SubmissionValidator(),
        RemoteChecks(base.documents),
        base.statements,
        Templates(base.database, base.lists),
        base.surroundings,
        base.before,
    )
    return ClientChangeService(base.database, administered, base.requests)


def client_credentials(base: Foundation) -> ClientCredentialsService:
    """What administrators issue and end."""
    from dcrserver.services.clients.credentials import ClientCredentialsService

    return ClientCredentialsService(base.database, base.secret_changes, base.surroundings)


def job_administration(base: Foundation) -> JobService:
    """Jobs of administrators, and the filters that they ask by."""
    from dcrserver.services.jobs.administration import JobService

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
