"""Use case: administrators look at the server: whether it is well, and how old what it knows is."""

from __future__ import annotations

from dataclasses import dataclass

from dcrserver.repositories.transaction import Database
from dcrserver.services.access.actors import Actor
from dcrserver.services.tenants.metadata_copies import MetadataCopies
from dcrserver.services.tenants.stored_configuration import StoredConfiguration
from dcrserver.services.upkeep.readiness import Readiness
from dcrserver.services.upkeep.runner import JobRunner, JobState


@dataclass(frozen=True, slots=True)
class CopyState:
    """How old the copy of a tenant's metadata is, and why it is not newer."""

    tenant: str
    age_seconds: int | None
    problem: str | None


@dataclass(frozen=True, slots=True)
class ServerState:
    """How this process is; ``reason``: why no requests should come to it."""

    reason: str | None
    schema_revision: str | None
    stored_configuration_age_seconds: int
    authorization_server_metadata: list[CopyState]
    jobs: list[JobState]


class ServerStateService:
    """Use case: what ``/readyz``, the log and the metrics say, for a person."""

    def __init__(
        self,
        database: Database,
        readiness: Readiness,
        stored: StoredConfiguration,
        copies: MetadataCopies,
        jobs: JobRunner,
    ) -> None:
        self._database = database
        self._readiness = readiness
        self._stored = stored
        self._copies = copies
        self._jobs = jobs

    async def state(self, actor: Actor) -> ServerState:
        """Of tenants only what ``actor`` has to do with.

        Raises:
            Unavailable: the database does not answer.
        """
        copies = [
            CopyState(tenant, age, self._copies.problems.get(tenant))
            for tenant, age in self._copies.ages().items()
            if actor.of_tenant(tenant)
        ]
        return ServerState(
            await self._readiness.not_ready_reason(),
            await self._database.revision(),
            int(self._stored.age()),
            copies,
            await self._jobs.states(),
        )
