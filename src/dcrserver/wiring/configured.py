"""What the configuration alone makes: nothing is opened, and nobody is asked."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Iterable, Mapping

from dcrserver.fetch import HttpFetcher
from dcrserver.fetch.address_names import AddressNames
from dcrserver.fetch.resolver import NameResolver
from dcrserver.security import SecretBox
from dcrserver.services.tenants import server_metadata
from dcrserver.services.tenants.server_metadata import Location
from dcrserver.settings import ConfigurationError, OutboundSettings, Settings
from dcrserver.settings.groups.tls import TlsSettings
from dcrserver.strict_json import JsonObject
from dcrserver.tenants import Tenant, TenantConflict, TenantRegistry
from dcrserver.wiring.providers import check_providers
from dcrserver.wiring.tenants import TenantFactory, metadata_locations


class Configured:
    """The tenants, what opens secrets, what fetches documents, and what knows names.

    ``remote``: by tenant, where metadata documents are that have to be fetched. Until they are told
    by ``know``, those tenants wait. ``documents``: those that are known.
    """

    def __init__(self, settings: Settings) -> None:
        """
        Raises:
            ConfigurationError: something that is configured cannot be used.
        """
        check_providers(settings)
        self.settings = settings
        self.box = secret_box(settings)
        resolver = NameResolver(settings.outbound)
        self.fetcher = _fetcher(settings.outbound, resolver)
        self.address_names = AddressNames(resolver, settings.outbound)
        locations = metadata_locations(settings)
        self.documents: dict[str, JsonObject] = {
            name: server_metadata.read_file(location)
            for name, location in locations.items()
            if not server_metadata.is_remote(location)
        }
        self.remote = {
            name: Location(url) for name, url in locations.items() if name not in self.documents
        }
        self.factory = TenantFactory(settings, self.box)
        self.tenants = _registry(self.factory.all(self.documents))

    def know(self, documents: Mapping[str, JsonObject]) -> None:
        """Makes the tenants of these metadata documents anew; the others stay."""
        self.documents |= documents
        known = self.tenants.names() & documents.keys()
        self.tenants.update(self.factory.tenant(name, documents[name]) for name in known)


def _registry(tenants: Iterable[Tenant]) -> TenantRegistry:
    """The tenants, none in another's way.

    Raises:
        ConfigurationError: two are.
    """
    try:
        return TenantRegistry(tenants)
    except TenantConflict as error:
        raise ConfigurationError(str(error)) from None


def _fetcher(settings: OutboundSettings, resolver: NameResolver) -> HttpFetcher:
    """
    Raises:
        ConfigurationError: the one file that it reads cannot be read, or is no PEM.
    """
    try:
        return HttpFetcher(settings, resolver)
    except OSError as error:
        reason = "no PEM certificates" if isinstance(error, ssl.SSLError) else error.strerror
        raise ConfigurationError(f"outbound.ca_file: {settings.ca_file}: {reason}") from None


def secret_box(settings: Settings) -> SecretBox:
    """The box that encrypts secrets and keys at rest, with the configured keys.

    Raises:
        ConfigurationError: a key is not what it must be.
    """
    keys = [key.get_secret_value() for key in settings.secrets.encryption_keys]
    try:
        return SecretBox(keys)
    except ValueError as error:
        raise ConfigurationError(str(error)) from None


def tls_context(settings: TlsSettings) -> ssl.SSLContext | None:
    """What https is served by; None: without TLS. Not for every command: few may read the key.

    Raises:
        ConfigurationError: a file cannot be read, or is not what it should be.
    """
    files = [
        file
        for file in (settings.certificate_file, settings.key_file, settings.client_ca_file)
        if file is not None
    ]
    try:
        for file in files:
            file.open("rb").close()  # OpenSSL does not tell which it could not read
        return settings.context()
    except ssl.SSLError:
        told = ", ".join(map(str, files))
        raise ConfigurationError(f"tls: {told}: no PEM, or a key of another certificate") from None
    except ValueError as error:
        raise ConfigurationError(f"tls: {error}") from None
    except OSError as error:
        raise ConfigurationError(f"tls: {error.filename}: {error.strerror}") from None


def cursor_keys(settings: Settings) -> list[bytes]:
    """What cursors of pages are sealed with, the first; all instances have the same.

    Without a key for secrets anybody can make one, who gains nothing by it: a cursor tells where a
    list goes on that its holder may read anyway.
    """
    keys = [key.get_secret_value() for key in settings.secrets.encryption_keys]
    return [
        hashlib.sha256(f"cursor {text}".encode()).digest()
        for text in keys or [settings.server.base_url]
    ]
