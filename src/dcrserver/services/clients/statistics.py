"""Use case: administrators see how many clients there are, and when they came."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from dcrserver.errors import InvalidInput
from dcrserver.repositories.queries import Lists
from dcrserver.repositories.queries.clients import Count
from dcrserver.repositories.queries.clients.filters import Filter
from dcrserver.repositories.queries.clients.statistics import Kind, Registrations, Share
from dcrserver.services.access.actors import Actor
from dcrserver.tenants import Tenant

__all__ = ["ClientStatisticsService", "Kind", "Statistics", "Step", "Wanted"]

# A page that is looked at again and again asks the database this often.
_KEPT_SECONDS = 10.0
_MAX_KEPT = 64
# Times that are told at most.
_MAX_TIMES = 400
_DEFAULT_TIMES = 30


class Step(IntEnum):
    """Seconds of a time in which registrations are counted."""

    HOUR = 3600
    DAY = 86_400


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to count by; times in seconds since 1970. None: the last thirty times until now."""

    by: Kind = Kind.ORIGIN
    step: Step = Step.DAY
    since: int | None = None
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Statistics:
    """``clients``: of those that are there, the most frequent values. ``registrations``: of the
    same clients, when they were registered.
    """

    total: Count
    since: int
    until: int
    clients: Sequence[Share]
    registrations: Sequence[Registrations]


class ClientStatisticsService:
    """Use case: administrators see how many clients there are, and when they came."""

    def __init__(self, lists: Lists) -> None:
        self._lists = lists
        self._kept: dict[object, tuple[float, Statistics]] = {}

    async def statistics(self, tenant: Tenant, wanted: Wanted, actor: Actor) -> Statistics:
        """Of the clients that ``actor`` may see; up to ten seconds old.

        Raises:
            InvalidInput: the time between ``since`` and ``until`` is too long, or none.
            QueryTooLong: they are too many to be counted in time.
        """
        since, until = _between(wanted)
        key = (tenant.name, wanted, actor.owner)
        known = self._kept.get(key)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        lists, name, owner = self._lists, tenant.name, actor.owner
        made = Statistics(
            total=await lists.clients.count(name, Filter(), owner=owner),
            since=since,
            until=until,
            clients=await lists.statistics.shares(name, wanted.by, owner),
            registrations=await lists.statistics.registrations(
                name, wanted.by, owner, since=since, until=until, step=wanted.step
            ),
        )
        if len(self._kept) >= _MAX_KEPT:
            self._kept.clear()
        self._kept[key] = (time.monotonic() + _KEPT_SECONDS, made)
        return made


def _between(wanted: Wanted) -> tuple[int, int]:
    """Whole times, so that the first and the last are not cut."""
    until = int(time.time()) + 1 if wanted.until is None else wanted.until
    since = until - _DEFAULT_TIMES * wanted.step if wanted.since is None else wanted.since
    if since >= until:
        raise InvalidInput("since must be before until", parameter="since")
    since, until = max(0, since - since % wanted.step), until + -until % wanted.step
    if until - since > _MAX_TIMES * wanted.step:
        reason = f"there are more than {_MAX_TIMES} times between since and until"
        raise InvalidInput(f"{reason}: ask for fewer, or for days", parameter="since")
    return since, until
