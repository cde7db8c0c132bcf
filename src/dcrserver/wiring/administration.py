"""What administrators look at by their API."""

from __future__ import annotations

import asyncio

from dcrserver.services.audit.reading import EventReadingService
from dcrserver.services.clients.approvals import ClientApprovalService
from dcrserver.services.clients.notes import ClientNoteService
from dcrserver.services.clients.statistics import ClientStatisticsService
from dcrserver.services.policies.trial import PolicyTrials
from dcrserver.services.provisioning.administration import ConnectorService
from dcrserver.services.tenants.dcr_configuration import DcrConfigurationService
from dcrserver.services.tokens.key_administration import KeyAdministrationService
from dcrserver.wiring.foundation import Foundation

# That are written at once; each holds the slot of a request.
_EXPORTS = 4


class Administration:
    """What administrators look at beside single clients; ``exports``: how many more may begin."""

    def __init__(self, base: Foundation) -> None:
        self.events = EventReadingService(base.lists)
        self.keys = KeyAdministrationService(base.signing_keys)
        self.notes = ClientNoteService(base.database)
        self.approvals = ClientApprovalService(base.database)
        self.statistics = ClientStatisticsService(base.lists)
        self.policy_trials = PolicyTrials(base.statements, base.surroundings)
        self.connectors = ConnectorService(
            base.database, base.provisioning.targets, base.configured.tenants
        )
        self.exports = asyncio.Semaphore(_EXPORTS)


def dcr_configuration(base: Foundation) -> DcrConfigurationService:
    """What administrators configure for registration by Asgardeo's API."""
    return DcrConfigurationService(
        base.database, base.configured.tenants, base.stored_configuration
    )
