"""What commands do: the use cases of operators, without anything that requests need."""

from __future__ import annotations

from dcrserver.fetch import CachingFetcher
from dcrserver.services.access.token_administration import TokenAdministrationService
from dcrserver.services.access.token_reading import TokenReadingService
from dcrserver.services.audit.reading import EventReadingService
from dcrserver.services.clients.approvals import ClientApprovalService
from dcrserver.services.clients.changes import ClientChangeService
from dcrserver.services.clients.imports import ClientImportService
from dcrserver.services.clients.lifecycle import ClientLifecycleService
from dcrserver.services.clients.reading import ClientReadingService
from dcrserver.services.clients.statistics import ClientStatisticsService
from dcrserver.services.policies.trial import PolicyTrials
from dcrserver.services.registration.administered import AdministeredClients
from dcrserver.services.registration.judgement import SubmissionValidator
from dcrserver.services.registration.remote_checks import RemoteChecks
from dcrserver.services.registration.templates import Templates
from dcrserver.services.tenants.administration import TenantAdministrationService
from dcrserver.services.tokens.key_administration import KeyAdministrationService
from dcrserver.services.upkeep.reencryption import ReencryptionService
from dcrserver.wiring.administration import (
    client_credentials,
    job_administration,
    policy_administration,
    tenant_lifecycle,
)
from dcrserver.wiring.foundation import Foundation


class Operations:
    """The services of a command."""

    def __init__(self, base: Foundation) -> None:
        self.base = base
        self.settings = base.configured.settings
        self.tenants = base.configured.tenants
        self.database = base.database
        self.lists = base.lists
        self.metadata_copies = base.metadata_copies
        self.providers = base.providers
        self.signing_keys = base.signing_keys
        self.event_reading = EventReadingService(base.lists)
        self.client_reading = ClientReadingService(base.database, base.lists)
        self._documents = CachingFetcher(base.configured.fetcher, base.configured.settings.outbound)
        self.client_changes = _client_changes(base, self._documents)
        self.client_lifecycle = ClientLifecycleService(base.database)
        self.client_approvals = ClientApprovalService(base.database)
        self.client_credentials = client_credentials(base)
        self.token_administration = TokenAdministrationService(base.database, base.requests)
        self.token_reading = TokenReadingService(base.lists)
        self.key_administration = KeyAdministrationService(base.signing_keys)
        self.client_statistics = ClientStatisticsService(base.lists)
        self.job_administration = job_administration(base)
        self.tenant_administration = TenantAdministrationService(
            base.database, base.lists, self.tenants
        )
        self.tenant_lifecycle = tenant_lifecycle(base)
        self.policy_administration = policy_administration(base)
        self.policy_trials = PolicyTrials(base.statements, base.surroundings)
        self.client_import = ClientImportService(
            base.database, base.configured.box, base.provisioning.sealing
        )
        self.reencryption = ReencryptionService(base.database, base.lists, base.configured.box)

    async def close(self) -> None:
        """Ends what is being fetched."""
        await self._documents.close()


def _client_changes(base: Foundation, documents: CachingFetcher) -> ClientChangeService:
    administered = AdministeredClients(
        base.database,
        base.secrets,
        SubmissionValidator(),
        RemoteChecks(documents),
        base.statements,
        Templates(base.database, base.lists),
        base.surroundings,
    )
    return ClientChangeService(base.database, administered, base.requests)
