"""All connections of a process: how many there may be, and which have waited long enough."""

from __future__ import annotations

import asyncio
import resource
from asyncio import TimerHandle
from dataclasses import dataclass
from typing import Protocol

from dcrserver.telemetry import Metrics, Tally

# One look at all of them is cheaper than a timer for each, which every request would set anew.
_LOOK_SECONDS = 0.5
# Of the descriptors, the rest is for the database, for fetches, and for who is told to come later.
_SHARE = 0.75


@dataclass(frozen=True)
class Limits:
    """What one connection, and all together, may take."""

    connections: int = 1000
    head_seconds: float = 10.0
    body_seconds: float = 20.0
    write_seconds: float = 20.0
    look_seconds: float = _LOOK_SECONDS


class Connection(Protocol):
    """What is asked of a connection here."""

    @property
    def waiting_since(self) -> float | None:
        """Since when nothing is being answered; None while something is."""

    def look(self, now: float) -> None:
        """Ends what has taken too long."""

    def give_way(self) -> None:
        """Closes the connection for the sake of a newer one."""


class Connections:
    """The connections of one process, looked at by one timer, and counted."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._open: dict[Connection, None] = {}
        self._ended = Tally(("reason",))
        self._timer: TimerHandle | None = None

    def add(self, connection: Connection) -> bool:
        """Whether there is a place; who has waited longest for its peer gives way."""
        full = len(self._open) >= self._bound()
        if full:
            waiting = [
                (each.waiting_since, number, each)
                for number, each in enumerate(self._open)
                if each.waiting_since is not None
            ]
            if waiting:
                _, _, oldest = min(waiting, key=lambda entry: entry[:2])
                self.remove(oldest)
                self.ended("gave_way")
                oldest.give_way()
                full = False
        if not full:
            self._open[connection] = None
            if self._timer is None:
                self._wait()
        return not full

    def remove(self, connection: Connection) -> None:
        self._open.pop(connection, None)

    def ended(self, reason: str) -> None:
        """Counts a connection that was ended by us."""
        self._ended.inc(reason)

    def measure(self, metrics: Metrics) -> None:
        """Adds what is counted here to ``metrics``."""
        metrics.gauge(
            "dcrserver_open_connections", "Connections that are open", lambda: len(self._open)
        )
        self._ended = metrics.tally(
            "dcrserver_ended_connections_total",
            "Connections that the server ended because of what their peer did or did not do",
            ("reason",),
        )

    def _bound(self) -> int:
        descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if descriptors == resource.RLIM_INFINITY:
            return self.limits.connections
        return max(1, min(self.limits.connections, int(descriptors * _SHARE)))

    def _wait(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self.limits.look_seconds, self._look)

    def _look(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        for connection in list(self._open):
            connection.look(now)
        if self._open:
            self._wait()
