"""Builds everything once per process."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from dcrserver.db.engine import create_engines
from dcrserver.fetch import CachingFetcher, HttpFetcher
from dcrserver.metadata import Terms
from dcrserver.metadata.capabilities import capabilities_of
from dcrserver.rate_limit import RateLimiter
from dcrserver.repositories.transaction import Database
from dcrserver.security import SecretBox
from dcrserver.services import authorization_server
from dcrserver.services.administration import AdministrationService
from dcrserver.services.authorization import AuthorizationService
from dcrserver.services.credentials import SecretIssuer
from dcrserver.services.discovery import DiscoveryService
from dcrserver.services.management import ManagementService
from dcrserver.services.registration import RegistrationService
from dcrserver.services.remote_checks import RemoteChecks
from dcrserver.services.signing_keys import SigningKeys
from dcrserver.services.token_grant import TokenGrantService
from dcrserver.settings import (
    AuthorizationServerSettings,
    ConfigurationError,
    OutboundSettings,
    RegistrationSettings,
    Settings,
    TenantSettings,
    checked_issuer,
)
from dcrserver.telemetry import Metrics
from dcrserver.tenants import DEFAULT_TENANT, Tenant

# First segments of the paths that are answered here.
_OWN_PATHS = frozenset(
    {
        ".well-known", "authorize", "docs", "healthz", "jwks", "metrics", "openapi.json",
        "readyz", "register", "static", "token",
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
    administration: AdministrationService
    token_grant: TokenGrantService
    signing_keys: SigningKeys
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
    secrets = SecretIssuer(box, settings.registration.client_secret_lifetime)
    documents = CachingFetcher(fetcher, settings.outbound)
    remote_checks = RemoteChecks(documents)
    signing_keys = SigningKeys(database, box)
    try:
        yield Runtime(
            settings=settings,
            tenants=tenants,
            database=database,
            registration=RegistrationService(
                database,
                secrets,
                remote_checks,
                settings.registration.mode,
                explains=_explains(settings.registration),
            ),
            management=ManagementService(database, secrets, remote_checks),
            administration=AdministrationService(database),
            token_grant=TokenGrantService(
                database,
                signing_keys,
                lifetime=settings.tokens.lifetime,
                audience=settings.tokens.audience,
            ),
            signing_keys=signing_keys,
            authorization=AuthorizationService(database),
            discovery=DiscoveryService(tenants),
            limiter=limiter,
            metrics=Metrics(),
        )
    finally:
        await database.close()
        await limiter.close()
        await documents.close()


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


def _explains(settings: RegistrationSettings) -> bool:
    """Off in open mode unless configured: an explanation costs more than a refusal."""
    given = settings.validate_endpoint
    return settings.mode != "open" if given is None else given


def secret_box(settings: Settings) -> SecretBox:
    """
    Raises:
        ConfigurationError: a key is not what it must be.
    """
    try:
        return SecretBox([key.get_secret_value() for key in settings.secrets.encryption_keys])
    except ValueError as error:
        raise ConfigurationError(str(error)) from None


async def build_tenants(
    settings: Settings, fetcher: HttpFetcher, box: SecretBox
) -> Sequence[Tenant]:
    """The default tenant first, then the configured ones.

    Raises:
        ConfigurationError: a metadata document cannot be read, or two issuers are the same.
    """
    base = settings.server.base_url
    host = urlsplit(base)
    own_names = (host.netloc.lower(), host.hostname or "")
    made = [
        await _tenant(
            settings, DEFAULT_TENANT, base, settings.authorization_server,
            (*settings.webfinger, *own_names), fetcher, box,
        )
    ]  # fmt: skip
    for name, tenant in settings.tenants.items():
        issuer = _issuer(name, tenant, base)
        server = tenant.authorization_server or AuthorizationServerSettings(
            **_capabilities_only(settings.authorization_server)
        )
        made.append(await _tenant(settings, name, issuer, server, tenant.webfinger, fetcher, box))
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
    server: AuthorizationServerSettings,
    webfinger: Sequence[str],
    fetcher: HttpFetcher,
    box: SecretBox,
) -> Tenant:
    document = None
    if server.metadata is not None:
        document = await authorization_server.read_document(server.metadata, fetcher)
    issues_tokens = settings.tokens.enabled
    if issues_tokens is None:
        issues_tokens = not authorization_server.has_token_endpoint(server, document)
    members = authorization_server.server_metadata(
        issuer,
        server,
        document,
        settings.policy,
        issues_tokens=issues_tokens,
        registers=settings.registration.mode != "closed",
    )
    terms = Terms(
        policy=settings.policy,
        server=capabilities_of(members),
        allowed_hosts=settings.outbound.allowed_hosts,
        readable_secrets=box.is_open,
    )
    return Tenant(name, issuer, members, terms, frozenset(webfinger), issues_tokens)
