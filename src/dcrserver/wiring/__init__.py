"""Builds everything once per process."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from dcrserver.db.protocol.drivers import open_driver
from dcrserver.deadlines import Deadline
from dcrserver.fetch import CachingFetcher, HttpFetcher
from dcrserver.rate_limit import RateLimiter
from dcrserver.repositories.transaction import Database
from dcrserver.security import SecretBox
from dcrserver.services.access.token_administration import TokenAdministrationService
from dcrserver.services.authentication import ClientAuthenticator
from dcrserver.services.authentication.client_keys import ClientKeys
from dcrserver.services.authentication.guesses import Guesses
from dcrserver.services.authentication.last_uses import LastUses
from dcrserver.services.clients.administration import AdministrationService
from dcrserver.services.clients.directory import ClientDirectoryService
from dcrserver.services.clients.imports import ClientImportService
from dcrserver.services.registration.judgement import Judge
from dcrserver.services.registration.management import ManagementService
from dcrserver.services.registration.register import RegistrationService
from dcrserver.services.registration.remote_checks import RemoteChecks
from dcrserver.services.secrets.changes import SecretChanges
from dcrserver.services.secrets.client_secrets import SecretIssuer
from dcrserver.services.secrets.rotation import SecretRotationService
from dcrserver.services.secrets.verification import SecretVerifier
from dcrserver.services.tenants import server_metadata
from dcrserver.services.tenants.administration import TenantAdministrationService
from dcrserver.services.tenants.discovery import DiscoveryService
from dcrserver.services.tenants.metadata_copies import MetadataCopies
from dcrserver.services.tokens.access_tokens import AccessTokens
from dcrserver.services.tokens.authorization import AuthorizationService
from dcrserver.services.tokens.grant import TokenGrantService
from dcrserver.services.tokens.signing_keys import SigningKeys
from dcrserver.services.tokens.status import TokenStatusService
from dcrserver.services.upkeep.readiness import Readiness
from dcrserver.services.upkeep.reencryption import ReencryptionService
from dcrserver.services.upkeep.rounds import Upkeep
from dcrserver.settings import (
    ConfigurationError,
    OutboundSettings,
    Settings,
)
from dcrserver.strict_json import JsonObject
from dcrserver.telemetry import Metrics
from dcrserver.tenants import Tenant, Tenants
from dcrserver.wiring import measures
from dcrserver.wiring.tenants import build_tenants, metadata_locations


@dataclass(slots=True)
class Runtime:
    """The services of this process, and whether it is going down (``draining``)."""

    settings: Settings
    tenants: Sequence[Tenant]
    database: Database
    registration: RegistrationService
    management: ManagementService
    secret_rotation: SecretRotationService
    administration: AdministrationService
    token_administration: TokenAdministrationService
    tenant_administration: TenantAdministrationService
    client_import: ClientImportService
    reencryption: ReencryptionService
    client_directory: ClientDirectoryService
    token_grant: TokenGrantService
    token_status: TokenStatusService
    signing_keys: SigningKeys
    last_uses: LastUses
    metadata_copies: MetadataCopies
    upkeep: Upkeep
    authorization: AuthorizationService
    discovery: DiscoveryService
    limiter: RateLimiter
    readiness: Readiness
    body_deadline: Deadline
    metrics: Metrics
    draining: bool = False

    @property
    def default_tenant(self) -> Tenant:
        return self.tenants[0]


@contextlib.asynccontextmanager
async def build(settings: Settings, *, serves: bool = False) -> AsyncIterator[Runtime]:
    """The runtime; closes what it opened. It asks the database, and no server of others.

    ``serves``: what the first fetch needs is loaded now, so that it holds up nobody's request.

    Raises:
        ConfigurationError: something that is configured cannot be used.
    """
    box = secret_box(settings)
    fetcher = _fetcher(settings.outbound)
    if serves:
        fetcher.prepare()
    locations = metadata_locations(settings)
    files = {
        name: server_metadata.read_file(location)
        for name, location in locations.items()
        if not server_metadata.is_remote(location)
    }
    tenants = Tenants(build_tenants(settings, files, box))

    def publish(documents: Mapping[str, JsonObject]) -> None:
        tenants.replace(build_tenants(settings, files | dict(documents), box))

    limiter = RateLimiter(settings.rate_limits, settings.redis)
    database = Database(open_driver(settings.database))
    documents = CachingFetcher(fetcher, settings.outbound)
    copies = MetadataCopies(
        database,
        fetcher,
        {name: location for name, location in locations.items() if name not in files},
        publish,
        settings.outbound.metadata_seconds,
    )
    try:
        await copies.load()
        runtime = _runtime(settings, tenants, database, documents, copies, box, limiter)
        measures.measure_fetches(runtime.metrics, fetcher, documents)
        yield runtime
    finally:
        await database.close()
        await limiter.close()
        await documents.close()


def _runtime(
    settings: Settings,
    tenants: Sequence[Tenant],
    database: Database,
    documents: CachingFetcher,
    copies: MetadataCopies,
    box: SecretBox,
    limiter: RateLimiter,
) -> Runtime:
    secrets, verifier, judge = SecretIssuer(box), SecretVerifier(), Judge()
    remote_checks = RemoteChecks(documents)
    last_uses = LastUses(database)
    guesses, metrics = Guesses(settings.rate_limits), Metrics()
    authenticator = ClientAuthenticator(
        database,
        secrets,
        verifier,
        ClientKeys(documents),
        last_uses,
        guesses,
        metrics,
    )
    signing_keys = SigningKeys(database, box, settings.tokens)
    measures.measure_database(metrics, database, settings.database)
    measures.measure_limits(metrics, limiter, guesses, verifier)
    measures.measure_background(metrics, signing_keys, copies, last_uses)
    access_tokens = AccessTokens(database, signing_keys)
    secret_changes = SecretChanges(database, secrets)
    return Runtime(
        settings=settings,
        tenants=tenants,
        database=database,
        registration=RegistrationService(database, secrets, judge, remote_checks),
        management=ManagementService(database, secrets, verifier, judge, remote_checks),
        secret_rotation=SecretRotationService(database, secret_changes),
        administration=AdministrationService(database, secret_changes),
        token_administration=TokenAdministrationService(database),
        tenant_administration=TenantAdministrationService(database, tenants),
        client_import=ClientImportService(database, box),
        reencryption=ReencryptionService(database, box),
        client_directory=ClientDirectoryService(database, authenticator),
        token_grant=TokenGrantService(database, authenticator, access_tokens, settings.tokens),
        token_status=TokenStatusService(database, authenticator, access_tokens),
        signing_keys=signing_keys,
        last_uses=last_uses,
        metadata_copies=copies,
        upkeep=Upkeep(database, tenants, last_uses, signing_keys),
        authorization=AuthorizationService(database),
        discovery=DiscoveryService(tenants),
        limiter=limiter,
        readiness=Readiness(database, signing_keys, tenants),
        body_deadline=Deadline(settings.server.body_seconds),
        metrics=metrics,
    )


def _fetcher(settings: OutboundSettings) -> HttpFetcher:
    """
    Raises:
        ConfigurationError: the one file that it reads cannot be read, or is no PEM.
    """
    try:
        return HttpFetcher(settings)
    except OSError as error:
        reason = "no PEM certificates" if isinstance(error, ssl.SSLError) else error.strerror
        raise ConfigurationError(f"outbound.ca_file: {settings.ca_file}: {reason}") from None


def secret_box(settings: Settings) -> SecretBox:
    """
    Raises:
        ConfigurationError: a key is not what it must be.
    """
    keys = [key.get_secret_value() for key in settings.secrets.encryption_keys]
    try:
        return SecretBox(keys)
    except ValueError as error:
        raise ConfigurationError(str(error)) from None
