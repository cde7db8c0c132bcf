"""What several use cases of requests do alike, and remember together."""

from __future__ import annotations

from dataclasses import dataclass

from dcrserver.limits import Limits
from dcrserver.rate_limit import RateLimiter
from dcrserver.services.access.administrators import Administrators
from dcrserver.services.access.client_access import ClientAccess
from dcrserver.services.access.finding import ClientFinder, StoredClients
from dcrserver.services.authentication.authenticator import ClientAuthenticator
from dcrserver.services.authentication.client_keys import ClientKeys
from dcrserver.services.authentication.guesses import Guesses
from dcrserver.services.authentication.last_uses import LastUses
from dcrserver.services.clients.pending_approvals import PendingApprovals
from dcrserver.services.documents.resolver import DocumentClients
from dcrserver.services.registration.administered import AdministeredClients
from dcrserver.services.registration.judgement import SubmissionValidator
from dcrserver.services.registration.remote_checks import RemoteChecks
from dcrserver.services.registration.sharing import SharedClients
from dcrserver.services.registration.templates import Templates
from dcrserver.services.secrets.verification import SecretVerifier
from dcrserver.services.tokens.access_tokens import AccessTokens
from dcrserver.telemetry import Metrics
from dcrserver.wiring.documents import document_clients
from dcrserver.wiring.foundation import Foundation


@dataclass(frozen=True, slots=True)
class Steps:
    """What several use cases do alike, and remember together."""

    administrators: Administrators
    client_access: ClientAccess
    verifier: SecretVerifier
    validator: SubmissionValidator
    remote_checks: RemoteChecks
    last_uses: LastUses
    guesses: Guesses
    clients: ClientFinder
    # None: documents of clients do not count.
    documents: DocumentClients | None
    authenticator: ClientAuthenticator
    access_tokens: AccessTokens
    administered: AdministeredClients
    shared: SharedClients
    pending: PendingApprovals


def steps_on(base: Foundation, metrics: Metrics, limiter: RateLimiter) -> Steps:
    """The steps on what is shared by all processes; the caller closes ``documents``."""
    database, limits = base.database, base.configured.settings.rate_limits
    verifier, last_uses = SecretVerifier(), LastUses(database)
    guesses, keys = Guesses(limits.rate("failed_authentication")), ClientKeys(base.documents)
    validator, remote_checks = SubmissionValidator(), RemoteChecks(base.documents)
    administrators = Administrators(database, base.providers, limiter, Limits(limits.rates()))
    documents = document_clients(base, validator, remote_checks, limiter)
    clients = documents or StoredClients(database)
    return Steps(
        administrators,
        ClientAccess(database, administrators),
        verifier,
        validator,
        remote_checks,
        last_uses,
        guesses,
        clients,
        documents,
        ClientAuthenticator(
            database, clients, base.secrets, verifier, keys, last_uses, guesses, metrics
        ),
        AccessTokens(database, base.signing_keys),
        AdministeredClients(
            database,
            base.secrets,
            validator,
            remote_checks,
            base.statements,
            Templates(database, base.lists),
            base.surroundings,
            base.before,
        ),
        SharedClients(database),
        PendingApprovals(database),
    )
