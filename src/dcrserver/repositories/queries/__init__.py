"""Lists, searches, counts and pages: all that reads many rows, on the second lane."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from dcrserver.db.queries import Queries
from dcrserver.repositories.queries.configuration import ConfigurationLists

if TYPE_CHECKING:
    from dcrserver.repositories.queries.clients import ClientLists
    from dcrserver.repositories.queries.clients.statistics import ClientStatistics
    from dcrserver.repositories.queries.deleted_clients import DeletedClientLists
    from dcrserver.repositories.queries.events import EventLists
    from dcrserver.repositories.queries.jobs import JobLists
    from dcrserver.repositories.queries.tenants import TenantLists
    from dcrserver.repositories.queries.tokens import TokenLists

__all__ = ["Lists"]


class Lists:
    """The lists of each capability, by its noun. Raises, from every method: Unavailable.

    Each is loaded at its first need: a command needs one or two.
    """

    def __init__(self, queries: Queries) -> None:
        self._queries = queries
        self.configuration = ConfigurationLists(queries)
        # By state, for the metrics.
        self.connections = queries.connections

    @cached_property
    def clients(self) -> ClientLists:
        """Clients, by filters."""
        from dcrserver.repositories.queries.clients import ClientLists

        return ClientLists(self._queries)

    @cached_property
    def statistics(self) -> ClientStatistics:
        """How many clients there are of what kind."""
        from dcrserver.repositories.queries.clients.statistics import ClientStatistics

        return ClientStatistics(self._queries)

    @cached_property
    def deleted_clients(self) -> DeletedClientLists:
        """Clients that can be restored."""
        from dcrserver.repositories.queries.deleted_clients import DeletedClientLists

        return DeletedClientLists(self._queries)

    @cached_property
    def events(self) -> EventLists:
        """The audit trail."""
        from dcrserver.repositories.queries.events import EventLists

        return EventLists(self._queries)

    @cached_property
    def jobs(self) -> JobLists:
        """Jobs of administrators."""
        from dcrserver.repositories.queries.jobs import JobLists

        return JobLists(self._queries)

    @cached_property
    def tenants(self) -> TenantLists:
        """Tenants that have left rows."""
        from dcrserver.repositories.queries.tenants import TenantLists

        return TenantLists(self._queries)

    @cached_property
    def tokens(self) -> TokenLists:
        """Initial access tokens and admin tokens."""
        from dcrserver.repositories.queries.tokens import TokenLists

        return TokenLists(self._queries)
