"""What commands do: the use cases of operators, without anything that requests need.

Each is made, and loaded, when a command asks for it: most ask for one.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from dcrserver.wiring.foundation import Foundation

if TYPE_CHECKING:
    from dcrserver.services.access.token_administration import TokenAdministrationService
    from dcrserver.services.access.token_reading import TokenReadingService
    from dcrserver.services.audit.reading import EventReadingService
    from dcrserver.services.clients.approvals import ClientApprovalService
    from dcrserver.services.clients.changes import ClientChangeService
    from dcrserver.services.clients.credentials import ClientCredentialsService
    from dcrserver.services.clients.imports import ClientImportService
    from dcrserver.services.clients.lifecycle import ClientLifecycleService
    from dcrserver.services.clients.reading import ClientReadingService
    from dcrserver.services.clients.statistics import ClientStatisticsService
    from dcrserver.services.jobs.administration import JobService
    from dcrserver.services.policies.administration import PolicyAdministrationService
    from dcrserver.services.policies.trial import PolicyTrials
    from dcrserver.services.provisioning.administration import ConnectorService
    from dcrserver.services.tenants.administration import TenantAdministrationService
    from dcrserver.services.tenants.lifecycle import TenantLifecycleService
    from dcrserver.services.tokens.key_administration import KeyAdministrationService
    from dcrserver.services.upkeep.reencryption import ReencryptionService


class Operations:
    """The services of a command."""

    def __init__(self, base: Foundation) -> None:
        self.base = base
        self.settings = base.configured.settings
        self.tenants = base.configured.tenants
        self.database = base.database
        self.lists = base.lists
        self.metadata_copies = base.metadata_copies

    @cached_property
    def event_reading(self) -> EventReadingService:
        """Reads what happened."""
        from dcrserver.services.audit.reading import EventReadingService

        return EventReadingService(self.lists)

    @cached_property
    def client_reading(self) -> ClientReadingService:
        """Reads clients."""
        from dcrserver.services.clients.reading import ClientReadingService

        return ClientReadingService(self.database, self.lists)

    @cached_property
    def client_changes(self) -> ClientChangeService:
        """Makes clients, and changes what they have registered."""
        from dcrserver.wiring.shared import client_changes

        return client_changes(self.base)

    @cached_property
    def client_lifecycle(self) -> ClientLifecycleService:
        """Suspends, deletes and restores clients."""
        from dcrserver.services.clients.lifecycle import ClientLifecycleService

        return ClientLifecycleService(self.database)

    @cached_property
    def client_approvals(self) -> ClientApprovalService:
        """Lets in clients that are held, or not."""
        from dcrserver.services.clients.approvals import ClientApprovalService

        return ClientApprovalService(self.database)

    @cached_property
    def client_credentials(self) -> ClientCredentialsService:
        """Replaces and ends the credentials of clients."""
        from dcrserver.wiring.shared import client_credentials

        return client_credentials(self.base)

    @cached_property
    def client_statistics(self) -> ClientStatisticsService:
        """Counts clients."""
        from dcrserver.services.clients.statistics import ClientStatisticsService

        return ClientStatisticsService(self.lists)

    @cached_property
    def client_import(self) -> ClientImportService:
        """Takes in clients of other servers."""
        from dcrserver.services.clients.imports import ClientImportService

        sealing = self.base.provisioning.sealing
        return ClientImportService(self.database, self.base.configured.box, sealing)

    @cached_property
    def token_administration(self) -> TokenAdministrationService:
        """Issues and revokes initial access tokens and admin tokens."""
        from dcrserver.services.access.token_administration import TokenAdministrationService

        return TokenAdministrationService(self.database, self.base.requests)

    @cached_property
    def token_reading(self) -> TokenReadingService:
        """Reads initial access tokens and admin tokens."""
        from dcrserver.services.access.token_reading import TokenReadingService

        return TokenReadingService(self.lists)

    @cached_property
    def key_administration(self) -> KeyAdministrationService:
        """Shows, makes and discards signing keys."""
        from dcrserver.services.tokens.key_administration import KeyAdministrationService

        return KeyAdministrationService(self.base.signing_keys)

    @cached_property
    def connectors(self) -> ConnectorService:
        """Looks after connectors."""
        from dcrserver.services.provisioning.administration import ConnectorService

        return ConnectorService(self.database, self.base.provisioning.targets, self.tenants)

    @cached_property
    def job_administration(self) -> JobService:
        """Begins, shows and cancels jobs."""
        from dcrserver.wiring.shared import job_administration

        return job_administration(self.base)

    @cached_property
    def tenant_administration(self) -> TenantAdministrationService:
        """Finds tenants, and what is left of those that were configured once."""
        from dcrserver.services.tenants.administration import TenantAdministrationService

        return TenantAdministrationService(self.database, self.lists, self.tenants)

    @cached_property
    def tenant_lifecycle(self) -> TenantLifecycleService:
        """Makes, changes and ends tenants."""
        from dcrserver.wiring.shared import tenant_lifecycle

        return tenant_lifecycle(self.base)

    @cached_property
    def policy_administration(self) -> PolicyAdministrationService:
        """Writes and activates policies."""
        from dcrserver.wiring.shared import policy_administration

        return policy_administration(self.base)

    @cached_property
    def policy_trials(self) -> PolicyTrials:
        """Tries policies with requests that nobody makes."""
        from dcrserver.services.policies.trial import PolicyTrials

        return PolicyTrials(self.base.statements, self.base.surroundings)

    @cached_property
    def reencryption(self) -> ReencryptionService:
        """Encrypts everything under the first key."""
        from dcrserver.services.upkeep.reencryption import ReencryptionService

        return ReencryptionService(self.database, self.lists, self.base.configured.box)
