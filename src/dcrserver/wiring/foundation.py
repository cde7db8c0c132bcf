"""What a server and a command stand on alike: the configuration, and the database."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from functools import cached_property, partial
from typing import TYPE_CHECKING

from dcrserver.db.protocol.drivers import open_driver
from dcrserver.db.queries import Queries
from dcrserver.repositories.queries import Lists
from dcrserver.repositories.transaction import Database
from dcrserver.services.tenants.metadata_copies import MetadataCopies
from dcrserver.services.tenants.stored_configuration import StoredChanges, StoredConfiguration
from dcrserver.wiring.configured import Configured
from dcrserver.wiring.stored import StoredTenants

if TYPE_CHECKING:
    from dcrserver.fetch import CachingFetcher
    from dcrserver.services.access.idempotency import IdempotentRequests
    from dcrserver.services.access.providers import Providers
    from dcrserver.services.access.surroundings import Surroundings
    from dcrserver.services.provisioning.before import BeforeAnswer
    from dcrserver.services.provisioning.presence import Presence
    from dcrserver.services.provisioning.targets import Targets
    from dcrserver.services.secrets.changes import SecretChanges
    from dcrserver.services.secrets.client_secrets import SecretIssuer
    from dcrserver.services.software_statements.reader import SoftwareStatements
    from dcrserver.services.tokens.signing_keys import SigningKeys
    from dcrserver.wiring.connectors import Provisioning


class Foundation:
    """The database, and the steps on it that both kinds of use cases take.

    A step is made, and loaded, at its first need: a server needs all of them, a command a few.
    """

    def __init__(
        self, configured: Configured, queries: Queries, closing: contextlib.AsyncExitStack
    ) -> None:
        """``closing``: it closes what is made later, before all that it is made of."""
        self.configured = configured
        self._closing = closing
        settings = configured.settings
        told = self.targets.names if settings.connectors else None
        self.database = Database(open_driver(settings.database), told)
        closing.push_async_callback(self.database.close)
        self.lists = Lists(queries)
        self.stored = StoredTenants(configured)
        self.metadata_copies = _copies(configured, self.database)
        take = partial(_take, configured, self.stored, self.metadata_copies)
        self.stored_configuration = StoredConfiguration(self.database, self.lists, take)

    @cached_property
    def targets(self) -> Targets:
        """The authorization servers that are told of clients."""
        from dcrserver.wiring.connectors import targets_of

        made = targets_of(self.configured.settings)
        self._closing.push_async_callback(made.close)
        return made

    @cached_property
    def provisioning(self) -> Provisioning:
        """Tells them."""
        from dcrserver.wiring.connectors import Provisioning

        return Provisioning(self.database, self.targets, self.configured.box)

    @property
    def before(self) -> BeforeAnswer | None:
        """Tells those that clients wait for; None: there are no targets."""
        return self.provisioning.before if self.configured.settings.connectors else None

    @property
    def presence(self) -> Presence | None:
        """Tells targets of clients that they never had; None: there are no targets."""
        return self.provisioning.presence if self.configured.settings.connectors else None

    @cached_property
    def documents(self) -> CachingFetcher:
        """Documents of others, as they were read lately."""
        from dcrserver.fetch import CachingFetcher

        made = CachingFetcher(self.configured.fetcher, self.configured.settings.outbound)
        self._closing.push_async_callback(made.close)
        return made

    @cached_property
    def signing_keys(self) -> SigningKeys:
        """The keys that sign access tokens."""
        from dcrserver.services.tokens.signing_keys import SigningKeys

        return SigningKeys(self.database, self.configured.box, self.configured.settings.tokens)

    @cached_property
    def secrets(self) -> SecretIssuer:
        """Makes client secrets."""
        from dcrserver.services.secrets.client_secrets import SecretIssuer

        told = self.provisioning.sealing if self.configured.settings.connectors else None
        return SecretIssuer(self.configured.box, told)

    @cached_property
    def secret_changes(self) -> SecretChanges:
        """Replaces and ends client secrets."""
        from dcrserver.services.secrets.changes import SecretChanges

        rotating = self.before.rotating if self.before else None
        return SecretChanges(self.database, self.secrets, self.surroundings, rotating)

    @cached_property
    def providers(self) -> Providers:
        """The OpenID providers of administrators."""
        from dcrserver.services.access.providers import Providers

        settings, fetcher = self.configured.settings, self.configured.fetcher
        made = Providers(settings.admin.providers, fetcher, settings.outbound)
        self._closing.push_async_callback(made.close)
        return made

    @cached_property
    def surroundings(self) -> Surroundings:
        """What statements of policies may ask for beside a registration."""
        from dcrserver.services.access.surroundings import Surroundings

        return Surroundings(self.database, self.configured.address_names)

    @cached_property
    def statements(self) -> SoftwareStatements:
        """Reads software statements."""
        from dcrserver.services.software_statements.keys import StatementKeys
        from dcrserver.services.software_statements.reader import SoftwareStatements

        keys = StatementKeys(self.configured.fetcher, self.configured.settings.outbound)
        self._closing.push_async_callback(keys.close)
        return SoftwareStatements(self.database, keys)

    @cached_property
    def requests(self) -> IdempotentRequests:
        """Requests that are answered once, however often they are sent."""
        from dcrserver.services.access.idempotency import IdempotentRequests

        return IdempotentRequests(self.database, self.configured.box)


@contextlib.asynccontextmanager
async def opened(configured: Configured) -> AsyncIterator[Foundation]:
    """Opens what use cases stand on, and closes it. It asks the database, and nobody else.

    Raises:
        ConfigurationError: something that is configured cannot be used.
    """
    async with contextlib.AsyncExitStack() as closing:
        queries = Queries(configured.settings.database)
        for each in (queries, configured.address_names):
            closing.push_async_callback(each.close)
        base = Foundation(configured, queries, closing)
        if configured.settings.connectors:
            base.provisioning.listen()
        await base.stored_configuration.load()
        await base.metadata_copies.load()
        yield base


def _copies(configured: Configured, database: Database) -> MetadataCopies:
    return MetadataCopies(
        database,
        configured.fetcher,
        configured.remote,
        configured.know,
        configured.settings.outbound.metadata_seconds,
    )


async def _take(
    configured: Configured, stored: StoredTenants, copies: MetadataCopies, changes: StoredChanges
) -> None:
    """Makes changes count; metadata at a place that is new are wanted at once."""
    before = dict(configured.remote)
    await stored.take(changes)
    if configured.remote != before:
        copies.wake()
