"""Lists, searches, counts and pages: all that reads many rows, on the second lane."""

from __future__ import annotations

from dcrserver.db.queries import Queries
from dcrserver.repositories.queries.clients import ClientLists
from dcrserver.repositories.queries.clients.statistics import ClientStatistics
from dcrserver.repositories.queries.configuration import ConfigurationLists
from dcrserver.repositories.queries.deleted_clients import DeletedClientLists
from dcrserver.repositories.queries.events import EventLists
from dcrserver.repositories.queries.jobs import JobLists
from dcrserver.repositories.queries.tenants import TenantLists
from dcrserver.repositories.queries.tokens import TokenLists

__all__ = ["Lists"]


class Lists:
    """The lists of each capability, by its noun. Raises, from every method: Unavailable."""

    def __init__(self, queries: Queries) -> None:
        self.clients = ClientLists(queries)
        self.statistics = ClientStatistics(queries)
        self.configuration = ConfigurationLists(queries)
        self.deleted_clients = DeletedClientLists(queries)
        self.events = EventLists(queries)
        self.jobs = JobLists(queries)
        self.tenants = TenantLists(queries)
        self.tokens = TokenLists(queries)
        # By state, for the metrics.
        self.connections = queries.connections
