"""What a server runs: the use cases of requests, and what goes on beside them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from dcrserver.deadlines import Deadline
from dcrserver.fetch import CachingFetcher
from dcrserver.rate_limit import RateLimiter
from dcrserver.repositories.queries import Lists
from dcrserver.repositories.transaction import Database
from dcrserver.services.access.client_access import ClientAccess
from dcrserver.services.authentication.authenticator import ClientAuthenticator
from dcrserver.services.authentication.client_keys import ClientKeys
from dcrserver.services.authentication.guesses import Guesses
from dcrserver.services.authentication.last_uses import LastUses
from dcrserver.services.clients.directory import ClientDirectoryService
from dcrserver.services.registration.judgement import Judge
from dcrserver.services.registration.management import ManagementService
from dcrserver.services.registration.register import RegistrationService
from dcrserver.services.registration.remote_checks import RemoteChecks
from dcrserver.services.secrets.rotation import SecretRotationService
from dcrserver.services.secrets.verification import SecretVerifier
from dcrserver.services.tenants.discovery import DiscoveryService
from dcrserver.services.tenants.metadata_copies import MetadataCopies
from dcrserver.services.tokens.access_tokens import AccessTokens
from dcrserver.services.tokens.authorization import AuthorizationService
from dcrserver.services.tokens.grant import TokenGrantService
from dcrserver.services.tokens.signing_keys import SigningKeys
from dcrserver.services.tokens.status import TokenStatusService
from dcrserver.services.upkeep.readiness import Readiness
from dcrserver.services.upkeep.runner import JobRunner
from dcrserver.settings import Settings
from dcrserver.telemetry import Metrics
from dcrserver.tenants import Tenant, TenantRegistry
from dcrserver.wiring import measures
from dcrserver.wiring.foundation import Foundation, opened
from dcrserver.wiring.worker import job_runner


@dataclass(slots=True)
class Runtime:
    """The services of this process, and whether it is going down (``draining``)."""

    settings: Settings
    tenants: TenantRegistry
    database: Database
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
    metadata_copies: MetadataCopies
    jobs: JobRunner
    authorization: AuthorizationService
    discovery: DiscoveryService
    limiter: RateLimiter
    readiness: Readiness
    body_deadline: Deadline
    metrics: Metrics
    draining: bool = False

    @property
    def default_tenant(self) -> Tenant:
        return self.tenants.now.default


@contextlib.asynccontextmanager
async def build(settings: Settings, *, serves: bool = False) -> AsyncIterator[Runtime]:
    """The runtime; closes what it opened. It asks the database, and no server of others.

    ``serves``: what the first fetch needs is loaded now, so that it holds up nobody's request.

    Raises:
        ConfigurationError: something that is configured cannot be used.
    """
    async with opened(settings) as base, built_on(base) as runtime:
        if serves:
            base.configured.fetcher.prepare()
        yield runtime


@contextlib.asynccontextmanager
async def built_on(base: Foundation) -> AsyncIterator[Runtime]:
    """A context with all that serves requests; closed when it is left.

    Raises:
        ConfigurationError: a limit, or the URL of Redis, cannot be understood.
    """
    settings, fetcher = base.configured.settings, base.configured.fetcher
    limiter = RateLimiter(settings.rate_limits, settings.redis)
    documents = CachingFetcher(fetcher, settings.outbound)
    try:
        runtime = _runtime(base, settings, documents, limiter)
        measures.measure_fetches(runtime.metrics, fetcher, documents)
        yield runtime
    finally:
        await limiter.close()
        await documents.close()


def _runtime(
    base: Foundation, settings: Settings, documents: CachingFetcher, limiter: RateLimiter
) -> Runtime:
    database, tenants = base.database, base.configured.tenants
    secrets, signing_keys = base.secrets, base.signing_keys
    verifier, judge, remote_checks = SecretVerifier(), Judge(), RemoteChecks(documents)
    last_uses, guesses, metrics = LastUses(database), Guesses(settings.rate_limits), Metrics()
    authenticator = ClientAuthenticator(
        database,
        secrets,
        verifier,
        ClientKeys(documents),
        last_uses,
        guesses,
        metrics,
    )
    measures.measure_database(metrics, database, base.lists, settings.database)
    measures.measure_limits(metrics, limiter, guesses, verifier)
    measures.measure_background(metrics, signing_keys, base.metadata_copies, last_uses)
    access_tokens = AccessTokens(database, signing_keys)
    client_access = ClientAccess(database)
    return Runtime(
        settings=settings,
        tenants=tenants,
        database=database,
        client_access=client_access,
        lists=base.lists,
        registration=RegistrationService(database, secrets, judge, remote_checks),
        management=ManagementService(
            database, client_access, secrets, verifier, judge, remote_checks
        ),
        secret_rotation=SecretRotationService(database, client_access, base.secret_changes),
        client_directory=ClientDirectoryService(database, authenticator),
        token_grant=TokenGrantService(database, authenticator, access_tokens, settings.tokens),
        token_status=TokenStatusService(database, authenticator, access_tokens),
        signing_keys=signing_keys,
        last_uses=last_uses,
        metadata_copies=base.metadata_copies,
        jobs=job_runner(base, metrics),
        authorization=AuthorizationService(database),
        discovery=DiscoveryService(tenants),
        limiter=limiter,
        readiness=Readiness(database, signing_keys, tenants),
        body_deadline=Deadline(settings.server.body_seconds),
        metrics=metrics,
    )
