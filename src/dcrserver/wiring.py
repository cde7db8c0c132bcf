"""Builds everything once per process."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from dcrserver.db.engine import create_engines
from dcrserver.fetch import CachingFetcher, HttpFetcher
from dcrserver.metadata import Policy, Terms
from dcrserver.metadata.capabilities import capabilities_of
from dcrserver.rate_limit import RateLimiter
from dcrserver.repositories.transaction import Database
from dcrserver.security import SecretBox
from dcrserver.services import authorization_server
from dcrserver.services.access_tokens import AccessTokens
from dcrserver.services.administration import AdministrationService
from dcrserver.services.authentication import ClientAuthenticator
from dcrserver.services.authorization import AuthorizationService
from dcrserver.services.client_directory import ClientDirectoryService
from dcrserver.services.client_import import ClientImportService
from dcrserver.services.client_keys import ClientKeys
from dcrserver.services.client_secrets import SecretIssuer
from dcrserver.services.discovery import DiscoveryService
from dcrserver.services.last_uses import LastUses
from dcrserver.services.management import ManagementService
from dcrserver.services.reencryption import ReencryptionService
from dcrserver.services.registration import RegistrationService
from dcrserver.services.remote_checks import RemoteChecks
from dcrserver.services.secret_changes import SecretChanges
from dcrserver.services.secret_rotation import SecretRotationService
from dcrserver.services.secret_verification import SecretVerifier
from dcrserver.services.signing_keys import SigningKeys
from dcrserver.services.token_administration import TokenAdministrationService
from dcrserver.services.token_grant import TokenGrantService
from dcrserver.services.token_status import TokenStatusService
from dcrserver.services.upkeep import Upkeep
from dcrserver.settings import (
    AuthorizationServerSettings,
    ConfigurationError,
    OutboundSettings,
    Settings,
    TenantSettings,
    checked_issuer,
)
from dcrserver.strict_json import JsonObject
from dcrserver.telemetry import Metrics
from dcrserver.tenants import DEFAULT_TENANT, Tenant

# First segments of the paths that are answered here.
_OWN_PATHS = frozenset(
    {
        ".well-known", "authorization-server", "authorize", "docs", "healthz", "introspect", "jwks",
        "metrics", "openapi.json", "readyz", "register", "revoke", "static", "token",
    }
)  # fmt: skip


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
    client_import: ClientImportService
    reencryption: ReencryptionService
    client_directory: ClientDirectoryService
    token_grant: TokenGrantService
    token_status: TokenStatusService
    signing_keys: SigningKeys
    last_uses: LastUses
    upkeep: Upkeep
    authorization: AuthorizationService
    discovery: DiscoveryService
    limiter: RateLimiter
    metrics: Metrics
    draining: bool = False

    @property
    def default_tenant(self) -> Tenant:
        return self.tenants[0]


@contextlib.asynccontextmanager
async def build(settings: Settings) -> AsyncIterator[Runtime]:
    """The runtime; closes what it opened.

    Raises:
        ConfigurationError: something that is configured cannot be used.
    """
    box = secret_box(settings)
    fetcher = _fetcher(settings.outbound)
    tenants = await build_tenants(settings, fetcher, box)
    limiter = RateLimiter(settings.rate_limits, settings.redis)
    database = Database(create_engines(settings.database))
    documents = CachingFetcher(fetcher, settings.outbound)
    try:
        yield _runtime(settings, tenants, database, documents, box, limiter)
    finally:
        await database.close()
        await limiter.close()
        await documents.close()


def _runtime(
    settings: Settings,
    tenants: Sequence[Tenant],
    database: Database,
    documents: CachingFetcher,
    box: SecretBox,
    limiter: RateLimiter,
) -> Runtime:
    secrets, verifier = SecretIssuer(box), SecretVerifier()
    remote_checks = RemoteChecks(documents)
    last_uses = LastUses(database)
    authenticator = ClientAuthenticator(
        database, secrets, verifier, ClientKeys(documents), last_uses, limiter
    )
    signing_keys = SigningKeys(database, box, settings.tokens)
    access_tokens = AccessTokens(database, signing_keys)
    secret_changes = SecretChanges(database, secrets)
    return Runtime(
        settings=settings,
        tenants=tenants,
        database=database,
        registration=RegistrationService(database, secrets, remote_checks),
        management=ManagementService(database, secrets, verifier, remote_checks),
        secret_rotation=SecretRotationService(database, secret_changes),
        administration=AdministrationService(database, secret_changes),
        token_administration=TokenAdministrationService(database),
        client_import=ClientImportService(database, secrets),
        reencryption=ReencryptionService(database, box),
        client_directory=ClientDirectoryService(database, authenticator),
        token_grant=TokenGrantService(database, authenticator, access_tokens, settings.tokens),
        token_status=TokenStatusService(database, authenticator, access_tokens),
        signing_keys=signing_keys,
        last_uses=last_uses,
        upkeep=Upkeep(database, tenants, last_uses, signing_keys),
        authorization=AuthorizationService(database),
        discovery=DiscoveryService(tenants),
        limiter=limiter,
        metrics=Metrics(),
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
        ConfigurationError: a key is not what it must be, or the file cannot be read.
    """
    keys = [key.get_secret_value() for key in settings.secrets.encryption_keys]
    file = settings.secrets.encryption_keys_file
    if file is not None and keys:
        raise ConfigurationError("secrets: encryption_keys and encryption_keys_file are exclusive")
    if file is not None:
        try:
            keys = file.read_text("ascii").split()
        except OSError as error:
            reason = f"{file}: {error.strerror}"
            raise ConfigurationError(f"secrets.encryption_keys_file: {reason}") from None
        except UnicodeDecodeError:
            raise ConfigurationError("secrets.encryption_keys_file: is not base64") from None
    try:
        return SecretBox(keys)
    except ValueError as error:
        raise ConfigurationError(str(error)) from None


async def build_tenants(
    settings: Settings, fetcher: HttpFetcher, box: SecretBox
) -> Sequence[Tenant]:
    """The default tenant first, then the configured ones.

    Raises:
        ConfigurationError: a metadata document cannot be read, two issuers are the same, or a
            policy that is named does not exist.
    """
    base = settings.server.base_url
    host = urlsplit(base)
    own = TenantSettings(
        webfinger=(*settings.webfinger, host.netloc.lower(), host.hostname or ""),
        authorization_server=settings.authorization_server,
    )
    made = [await _tenant(settings, DEFAULT_TENANT, base, own, fetcher, box)]
    for name, tenant in settings.tenants.items():
        issuer = _issuer(name, tenant, base)
        made.append(await _tenant(settings, name, issuer, tenant, fetcher, box))
    if len({tenant.path for tenant in made}) != len(made):
        raise ConfigurationError("tenants: the issuers of two tenants have the same path")
    return made


def _issuer(name: str, tenant: TenantSettings, base: str) -> str:
    """Tenants are told apart by the path of their issuer, whatever its host.

    Raises:
        ConfigurationError: it is no issuer, or its path cannot be told from our own paths.
    """
    key = f"tenants.{name}"
    try:
        issuer = checked_issuer(
            tenant.base_url or f"{base}{(tenant.path or f'/t/{name}').rstrip('/')}"
        )
    except ValueError as error:
        raise ConfigurationError(f"{key}: {error}") from None
    path = urlsplit(issuer).path
    if not path:
        raise ConfigurationError(f"{key}: the issuer needs a path; its host alone finds nobody")
    if "%" in path or path.split("/")[1] in _OWN_PATHS:
        raise ConfigurationError(f"{key}: the path {path} cannot be that of a tenant")
    return issuer


def _capabilities_only(settings: AuthorizationServerSettings) -> dict[str, object]:
    """What a tenant takes over from the default one: what is supported, not where it is."""
    return {name: value for name, value in settings.members.items() if name.endswith("_supported")}


async def _tenant(
    settings: Settings,
    name: str,
    issuer: str,
    chosen: TenantSettings,
    fetcher: HttpFetcher,
    box: SecretBox,
) -> Tenant:
    server = chosen.authorization_server or AuthorizationServerSettings(
        **_capabilities_only(settings.authorization_server)
    )
    document = None
    if server.metadata is not None:
        document = await authorization_server.read_document(server.metadata, fetcher)
    issues_tokens = settings.tokens.enabled
    if issues_tokens is None:
        issues_tokens = not authorization_server.has_token_endpoint(server, document)
    mode = chosen.mode or settings.registration.mode

    def members(policy: Policy) -> JsonObject:
        return authorization_server.server_metadata(
            issuer,
            server,
            document,
            policy,
            issues_tokens=issues_tokens,
            registers=mode != "closed",
            reads_certificates=settings.mutual_tls.header is not None,
        )

    def terms(policy: Policy) -> Terms:
        return Terms(
            policy=policy,
            server=capabilities_of(members(policy)),
            allowed_hosts=settings.outbound.allowed_hosts,
            readable_secrets=box.is_open,
        )

    policy = _policy(settings, name, chosen.policy)
    explains = settings.registration.validate_endpoint
    return Tenant(
        name=name,
        issuer=issuer,
        members=members(policy),
        terms=terms(policy),
        webfinger=frozenset(chosen.webfinger),
        issues_tokens=issues_tokens,
        mode=mode,
        policies={named: terms(each) for named, each in settings.policies.items()},
        # Off in open mode unless configured: an explanation costs more than a refusal.
        explains=mode != "open" if explains is None else explains,
    )


def _policy(settings: Settings, tenant: str, name: str | None) -> Policy:
    if name is None:
        return settings.policy
    if name not in settings.policies:
        raise ConfigurationError(f"tenants.{tenant}.policy: there is no policies.{name}")
    return settings.policies[name]
