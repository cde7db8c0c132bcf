"""What a server runs: the use cases of requests, and what goes on beside them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from dcrserver.deadlines import Deadline
from dcrserver.rate_limit import RateLimiter
from dcrserver.repositories.queries import Lists
from dcrserver.repositories.transaction import Database
from dcrserver.services.access.administrators import Administrators
from dcrserver.services.access.client_access import ClientAccess
from dcrserver.services.access.token_administration import TokenAdministrationService
from dcrserver.services.access.token_reading import TokenReadingService
from dcrserver.services.authentication.guesses import Guesses
from dcrserver.services.authentication.last_uses import LastUses
from dcrserver.services.clients.changes import ClientChangeService
from dcrserver.services.clients.credentials import ClientCredentialsService
from dcrserver.services.clients.directory import ClientDirectoryService
from dcrserver.services.clients.documents import ClientDocumentService
from dcrserver.services.clients.lifecycle import ClientLifecycleService
from dcrserver.services.clients.pending_approvals import PendingApprovals
from dcrserver.services.clients.reading import ClientReadingService
from dcrserver.services.documents.publishing import PublishedDocuments
from dcrserver.services.jobs.administration import JobService
from dcrserver.services.policies.administration import PolicyAdministrationService
from dcrserver.services.registration.client_names import ClientNames
from dcrserver.services.registration.lookup import RegistrationLookupService
from dcrserver.services.registration.management import ManagementService
from dcrserver.services.registration.register import RegistrationService
from dcrserver.services.secrets.rotation import SecretRotationService
from dcrserver.services.tenants.dcr_configuration import DcrConfigurationService
from dcrserver.services.tenants.discovery import DiscoveryService
from dcrserver.services.tenants.lifecycle import TenantLifecycleService
from dcrserver.services.tenants.metadata_copies import MetadataCopies
from dcrserver.services.tenants.stored_configuration import StoredConfiguration
from dcrserver.services.tokens.authorization import AuthorizationService
from dcrserver.services.tokens.grant import TokenGrantService
from dcrserver.services.tokens.signing_keys import SigningKeys
from dcrserver.services.tokens.status import TokenStatusService
from dcrserver.services.upkeep.readiness import Readiness
from dcrserver.services.upkeep.runner import JobRunner
from dcrserver.services.upkeep.state import ServerStateService
from dcrserver.settings import Settings
from dcrserver.telemetry import Metrics
from dcrserver.tenants import Tenant, TenantRegistry
from dcrserver.wiring import measures
from dcrserver.wiring.administration import Administration, dcr_configuration
from dcrserver.wiring.configured import Configured
from dcrserver.wiring.connectors import Provisioning
from dcrserver.wiring.foundation import Foundation, opened
from dcrserver.wiring.shared import (
    client_credentials,
    job_administration,
    policy_administration,
    tenant_lifecycle,
)
from dcrserver.wiring.steps import Steps, steps_on
from dcrserver.wiring.worker import job_runner


@dataclass(slots=True)
class Runtime:
    """The services of this process, and whether it is going down (``draining``)."""

    settings: Settings
    tenants: TenantRegistry
    database: Database
    administrators: Administrators
    client_access: ClientAccess
    lists: Lists
    registration: RegistrationService
    management: ManagementService
    secret_rotation: SecretRotationService
    client_directory: ClientDirectoryService
    token_grant: TokenGrantService
    token_status: TokenStatusService
    signing_keys: SigningKeys
    last_uses: LastUses
    pending_approvals: PendingApprovals
    stored_configuration: StoredConfiguration
    metadata_copies: MetadataCopies
    jobs: JobRunner
    provisioning: Provisioning
    authorization: AuthorizationService
    discovery: DiscoveryService
    limiter: RateLimiter
    guesses: Guesses
    readiness: Readiness
    body_deadline: Deadline
    metrics: Metrics
    client_changes: ClientChangeService
    client_documents: ClientDocumentService
    token_administration: TokenAdministrationService
    client_credentials: ClientCredentialsService
    tenant_lifecycle: TenantLifecycleService
    policy_administration: PolicyAdministrationService
    client_names: ClientNames
    dcr_configuration: DcrConfigurationService
    job_administration: JobService
    administration: Administration
    draining: bool = False

    @property
    def default_tenant(self) -> Tenant:
        return self.tenants.now.default

    # What keeps nothing is made when somebody asks.
    @property
    def token_reading(self) -> TokenReadingService:
        return TokenReadingService(self.lists)

    @property
    def client_reading(self) -> ClientReadingService:
        return ClientReadingService(self.database, self.lists)

    @property
    def registration_lookup(self) -> RegistrationLookupService:
        return RegistrationLookupService(self.administrators, self.lists)

    @property
    def client_lifecycle(self) -> ClientLifecycleService:
        return ClientLifecycleService(self.database)

    @property
    def published_documents(self) -> PublishedDocuments:
        return PublishedDocuments(self.database)

    @property
    def server_state(self) -> ServerStateService:
        return ServerStateService(
            self.database,
            self.readiness,
            self.stored_configuration,
            self.metadata_copies,
            self.jobs,
        )


@contextlib.asynccontextmanager
async def build(configured: Configured, *, serves: bool = False) -> AsyncIterator[Runtime]:
    """The runtime; closes what it opened. It asks the database, and no server of others.

    ``serves``: what the first fetch needs is loaded now, so that it holds up nobody's request.

    Raises:
        ConfigurationError: something that is configured cannot be used.
    """
    async with opened(configured) as base, built_on(base) as runtime:
        if serves:
            configured.fetcher.prepare()
        yield runtime


@contextlib.asynccontextmanager
async def built_on(base: Foundation) -> AsyncIterator[Runtime]:
    """A context with all that serves requests; closed when it is left.

    Raises:
        ConfigurationError: a limit, or the URL of Redis, cannot be understood.
    """
    limiter = RateLimiter(base.configured.settings.redis)
    steps: Steps | None = None
    try:
        metrics = Metrics()
        steps = steps_on(base, metrics, limiter)
        _measure(metrics, base, steps, limiter)
        measures.measure_fetches(metrics, base.configured.fetcher, base.documents)
        runtime = _runtime(base, steps, limiter, metrics)
        yield runtime
    finally:
        if steps is not None and steps.documents is not None:
            await steps.documents.close()
        await limiter.close()


def _runtime(base: Foundation, steps: Steps, limiter: RateLimiter, metrics: Metrics) -> Runtime:
    configured, database = base.configured, base.database
    return Runtime(
        settings=configured.settings,
        tenants=configured.tenants,
        database=database,
        administrators=steps.administrators,
        client_access=steps.client_access,
        lists=base.lists,
        registration=_registration(base, steps),
        management=_management(base, steps),
        secret_rotation=SecretRotationService(database, steps.client_access, base.secret_changes),
        client_directory=ClientDirectoryService(steps.clients, steps.authenticator),
        token_grant=_token_grant(base, steps),
        token_status=TokenStatusService(database, steps.authenticator, steps.access_tokens),
        signing_keys=base.signing_keys,
        last_uses=steps.last_uses,
        pending_approvals=steps.pending,
        stored_configuration=base.stored_configuration,
        metadata_copies=base.metadata_copies,
        jobs=job_runner(base, metrics),
        provisioning=base.provisioning,
        authorization=AuthorizationService(steps.clients, base.presence),
        discovery=DiscoveryService(configured.tenants),
        limiter=limiter,
        guesses=steps.guesses,
        readiness=_readiness(base),
        body_deadline=Deadline(configured.settings.server.body_seconds),
        metrics=metrics,
        client_changes=ClientChangeService(database, steps.administered, base.requests),
        client_documents=ClientDocumentService(database, steps.documents),
        token_administration=TokenAdministrationService(database, base.requests),
        client_credentials=client_credentials(base),
        tenant_lifecycle=tenant_lifecycle(base),
        policy_administration=policy_administration(base),
        client_names=ClientNames(database, base.lists),
        dcr_configuration=dcr_configuration(base),
        job_administration=job_administration(base),
        administration=Administration(base),
    )


def _readiness(base: Foundation) -> Readiness:
    tenants = base.configured.tenants
    return Readiness(base.database, base.signing_keys, tenants, base.stored_configuration)


def _token_grant(base: Foundation, steps: Steps) -> TokenGrantService:
    return TokenGrantService(
        base.database,
        steps.authenticator,
        steps.access_tokens,
        base.configured.settings.tokens,
    )


def _registration(base: Foundation, steps: Steps) -> RegistrationService:
    return RegistrationService(
        base.database,
        steps.administrators,
        base.secrets,
        steps.validator,
        steps.remote_checks,
        steps.administered,
        base.statements,
        base.requests,
        steps.shared,
        base.surroundings,
        base.before,
    )


def _management(base: Foundation, steps: Steps) -> ManagementService:
    return ManagementService(
        base.database,
        steps.client_access,
        base.secrets,
        steps.verifier,
        steps.validator,
        steps.remote_checks,
        steps.administered,
        base.statements,
        base.surroundings,
        base.before,
    )


def _measure(metrics: Metrics, base: Foundation, steps: Steps, limiter: RateLimiter) -> None:
    measures.measure_database(metrics, base.database, base.lists, base.configured.settings.database)
    measures.measure_administrators(metrics, base.providers)
    measures.measure_limits(metrics, limiter, steps.guesses, steps.verifier)
    measures.measure_background(metrics, base.signing_keys, base.metadata_copies, steps.last_uses)
    measures.measure_registrations(metrics, steps.shared)
    measures.measure_approvals(metrics, steps.pending)
    measures.measure_provisioning(metrics, base.provisioning)
    measures.measure_stored(metrics, base.stored_configuration, base.stored)
