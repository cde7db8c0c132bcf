"""What a server and a command stand on alike: the configuration, and the database."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial

from dcrserver.db.protocol.drivers import open_driver
from dcrserver.db.queries import Queries
from dcrserver.repositories.queries import Lists
from dcrserver.repositories.transaction import Database
from dcrserver.services.access.idempotency import IdempotentRequests
from dcrserver.services.access.providers import Providers
from dcrserver.services.access.surroundings import Surroundings
from dcrserver.services.secrets.changes import SecretChanges
from dcrserver.services.secrets.client_secrets import SecretIssuer
from dcrserver.services.software_statements.keys import StatementKeys
from dcrserver.services.software_statements.reader import SoftwareStatements
from dcrserver.services.tenants.metadata_copies import MetadataCopies
from dcrserver.services.tenants.stored_configuration import StoredChanges, StoredConfiguration
from dcrserver.services.tokens.signing_keys import SigningKeys
from dcrserver.wiring.configured import Configured
from dcrserver.wiring.connectors import Provisioning, targets_of
from dcrserver.wiring.stored import StoredTenants


@dataclass(frozen=True, slots=True)
class Foundation:
    """The database, and the steps on it that both kinds of use cases take."""

    configured: Configured
    database: Database
    lists: Lists
    stored: StoredTenants
    stored_configuration: StoredConfiguration
    metadata_copies: MetadataCopies
    signing_keys: SigningKeys
    secrets: SecretIssuer
    provisioning: Provisioning
    secret_changes: SecretChanges
    providers: Providers
    surroundings: Surroundings
    statements: SoftwareStatements
    requests: IdempotentRequests


@contextlib.asynccontextmanager
async def opened(configured: Configured) -> AsyncIterator[Foundation]:
    """Opens what use cases stand on, and closes it. It asks the database, and nobody else.

    Raises:
        ConfigurationError: something that is configured cannot be used.
    """
    settings = configured.settings
    targets = targets_of(settings)
    database = Database(open_driver(settings.database), targets.names if targets else None)
    provisioning = Provisioning(database, targets, configured.box)
    queries = Queries(settings.database)
    lists, stored = Lists(queries), StoredTenants(configured)
    copies = _copies(configured, database)
    secrets = SecretIssuer(configured.box, provisioning.sealing if targets else None)
    providers = Providers(settings.admin.providers, configured.fetcher, settings.outbound)
    keys = StatementKeys(configured.fetcher, settings.outbound)
    surroundings = Surroundings(database, configured.address_names)
    take = partial(_take, configured, stored, copies)
    stored_configuration = StoredConfiguration(database, lists, take)
    async with contextlib.AsyncExitStack() as stack:
        for each in (targets, database, queries, configured.address_names, keys, providers):
            stack.push_async_callback(each.close)
        await stored_configuration.load()
        await copies.load()
        yield Foundation(
            configured,
            database,
            lists,
            stored,
            stored_configuration,
            copies,
            SigningKeys(database, configured.box, settings.tokens),
            secrets,
            provisioning,
            SecretChanges(database, secrets, surroundings),
            providers,
            surroundings,
            SoftwareStatements(database, keys),
            IdempotentRequests(database, configured.box),
        )


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
