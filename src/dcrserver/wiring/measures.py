"""The rows of the metrics about what is built here: see ``telemetry.metrics``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from dcrserver.fetch import CachingFetcher, HttpFetcher
from dcrserver.rate_limit import RateLimiter
from dcrserver.repositories.queries import Lists
from dcrserver.repositories.transaction import Database
from dcrserver.services.access.providers import Providers
from dcrserver.services.authentication.guesses import Guesses
from dcrserver.services.authentication.last_uses import LastUses
from dcrserver.services.clients.pending_approvals import PendingApprovals
from dcrserver.services.registration.sharing import SharedClients
from dcrserver.services.secrets.verification import SecretVerifier
from dcrserver.services.tenants.metadata_copies import MetadataCopies
from dcrserver.services.tenants.stored_configuration import StoredConfiguration
from dcrserver.services.tokens.signing_keys import SigningKeys
from dcrserver.settings import DatabaseSettings
from dcrserver.telemetry import Metrics
from dcrserver.wiring.connectors import Provisioning
from dcrserver.wiring.stored import StoredTenants

Number = TypeVar("Number", int, float)


def measure_database(
    metrics: Metrics, database: Database, lists: Lists, settings: DatabaseSettings
) -> None:
    """Its queue, its batches, and its connections if it is a server."""
    metrics.gauge(
        "dcrserver_database_queue",
        "Pieces of work that wait for a batch of the database",
        lambda: database.load().waiting,
    )
    metrics.counter(
        "dcrserver_database_batches_total",
        "Batches that were sent to the database, each one commit",
        lambda: database.load().batches,
    )
    metrics.counter(
        "dcrserver_database_batched_work_total",
        "Pieces of work in the batches sent to the database; divided by the batches: their size",
        lambda: database.load().work,
    )
    metrics.counter(
        "dcrserver_database_turned_away_total",
        "Work for the database that was refused: the queue was full, or it waited too long",
        lambda: _labelled(database.load().turned_away),
        ("reason",),
    )
    metrics.gauge(
        "dcrserver_database_list_connections",
        "Connections to the database for lists, searches and exports, beside those of requests",
        lambda: _labelled(lists.connections()),
        ("state",),
    )
    if database.is_server:
        _measure_pool(metrics, database, settings)


def _measure_pool(metrics: Metrics, database: Database, settings: DatabaseSettings) -> None:
    metrics.gauge(
        "dcrserver_database_connections",
        "Connections to the database",
        lambda: _labelled(database.load().connections),
        ("state",),
    )
    metrics.gauge(
        "dcrserver_database_connections_max",
        "Connections to the database that there may be (database.pool_size)",
        lambda: settings.pool_size,
    )


def measure_fetches(metrics: Metrics, fetcher: HttpFetcher, documents: CachingFetcher) -> None:
    """Documents of clients and of authorization servers, and those that are remembered."""
    metrics.counter(
        "dcrserver_fetches_total",
        "Documents fetched from other servers (jwks_uri, metadata and so on)",
        lambda: _labelled(fetcher.done),
        ("outcome",),
    )
    metrics.counter(
        "dcrserver_fetch_seconds_total",
        "Seconds that all fetches of documents took together",
        lambda: fetcher.seconds,
    )
    metrics.gauge(
        "dcrserver_fetches_running",
        "Fetches of documents that run, or wait for a place",
        lambda: fetcher.running,
    )
    metrics.gauge(
        "dcrserver_fetches_awaited",
        "Requests that wait for a document of another server",
        lambda: documents.waiting,
    )
    metrics.counter(
        "dcrserver_documents_needed_total",
        "Documents that requests needed: from memory, or fetched",
        lambda: _labelled(documents.asked),
        ("from",),
    )
    metrics.gauge(
        "dcrserver_documents_remembered",
        "Documents, and failures to get one, that are remembered",
        lambda: documents.entries,
    )
    metrics.gauge(
        "dcrserver_documents_remembered_bytes",
        "Octets of the documents that are remembered",
        lambda: documents.octets,
    )


def measure_limits(
    metrics: Metrics, limiter: RateLimiter, guesses: Guesses, verifier: SecretVerifier
) -> None:
    """Who was told to come later, and what attackers keep busy."""
    metrics.gauge(
        "dcrserver_rate_limit_store_up",
        "1 while limits are counted where they are meant to be, 0 while Redis is away",
        lambda: float(limiter.store_up),
        of_all=min,
    )
    metrics.counter(
        "dcrserver_rate_limited_total",
        "Requests that a limit refused",
        lambda: _labelled(limiter.refused() | {"failed_authentication": guesses.refused}),
        ("limit",),
    )
    metrics.gauge(
        "dcrserver_slow_hashes",
        "Slow hashes of secrets (bcrypt, argon2, PBKDF2) that are computed, or wait",
        lambda: verifier.waiting,
    )


def measure_registrations(metrics: Metrics, shared: SharedClients) -> None:
    """What registering led to."""
    metrics.counter(
        "dcrserver_registrations_reused_total",
        "Registrations that were answered with a client that was there",
        lambda: shared.told_again,
    )


def measure_approvals(metrics: Metrics, pending: PendingApprovals) -> None:
    """Who waits until an administrator decides."""
    metrics.gauge(
        "dcrserver_pending_clients",
        "Clients that wait for an approval, as counted half a minute ago at most",
        pending.numbers,
        ("tenant",),
        of_all=max,
    )
    metrics.gauge(
        "dcrserver_oldest_pending_client_age_seconds",
        "Seconds for which the first of the clients that wait for an approval has waited",
        pending.ages,
        ("tenant",),
        of_all=max,
    )


def measure_administrators(metrics: Metrics, providers: Providers) -> None:
    """Who came with an access token of an OpenID provider."""
    metrics.counter(
        "dcrserver_admin_provider_tokens_total",
        "Access tokens of OpenID providers that administrators brought: accepted, or why not",
        lambda: {labels: float(count) for labels, count in providers.looked_at.items()},
        ("provider", "outcome"),
    )


def measure_background(
    metrics: Metrics, keys: SigningKeys, copies: MetadataCopies, last_uses: LastUses
) -> None:
    """What is made anew, and written, beside the requests."""
    metrics.gauge(
        "dcrserver_signing_key_age_seconds",
        "Seconds since the key that signs tokens was made",
        lambda: _labelled(keys.ages()),
        ("tenant",),
        of_all=max,
    )
    metrics.gauge(
        "dcrserver_authorization_server_metadata_age_seconds",
        "Seconds since the metadata of the authorization server behind were read; +Inf: never",
        copies.measured,
        ("tenant",),
        of_all=max,
    )
    metrics.gauge(
        "dcrserver_last_uses_waiting",
        "Last uses of clients and secrets that are not written yet",
        lambda: last_uses.waiting,
    )


def measure_stored(
    metrics: Metrics, configuration: StoredConfiguration, stored: StoredTenants
) -> None:
    """Tenants and policies that were made at run time."""
    metrics.gauge(
        "dcrserver_stored_configuration_age_seconds",
        "Seconds since this server knew all tenants and policies that are stored",
        configuration.age,
        of_all=max,
    )
    metrics.gauge(
        "dcrserver_stored_tenants_broken",
        "Stored tenants and policies that are not served as they are stored; the log says why",
        lambda: len(stored.broken) + len(stored.broken_policies),
        of_all=max,
    )


def measure_provisioning(metrics: Metrics, provisioning: Provisioning) -> None:
    """What authorization servers were told, and what they are still to be told."""
    metrics.counter(
        "dcrserver_connector_deliveries_total",
        "Times that a client was worked on for an authorization server, by what came of it",
        lambda: dict(provisioning.outcomes),
        ("connector", "outcome"),
    )
    metrics.gauge(
        "dcrserver_connector_links",
        "Clients that an authorization server does not have as they are here, by state; counted by"
        " workers, now and then",
        provisioning.worker.differing,
        ("connector", "state"),
        of_all=max,
    )
    metrics.gauge(
        "dcrserver_connector_oldest_difference_seconds",
        "Since when an authorization server differs from what it is to have, for the client that"
        " waits longest",
        provisioning.worker.lags,
        ("connector",),
        of_all=max,
    )
    metrics.gauge(
        "dcrserver_connector_up",
        "1 while an authorization server answers this process, 0 while it is left alone",
        lambda: {(each.name,): float(not each.breaker.is_open) for each in provisioning.targets},
        ("connector",),
        of_all=min,
    )


def _labelled(numbers: Mapping[str, Number]) -> dict[tuple[str, ...], Number]:
    return {(label,): number for label, number in numbers.items()}
