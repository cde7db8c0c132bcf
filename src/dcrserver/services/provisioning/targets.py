"""The targets of this server: which of them are told of whose clients."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from dcrserver.connectors.connector import Connector
from dcrserver.services.provisioning.breaker import Breaker
from dcrserver.settings import ConnectorSettings

# One piece of work is some calls: a token, a look, a change, and its parts.
_CALLS = 4
# From when on a claim is anybody's, beyond the longest work: the clocks, and a busy process.
_MARGIN_SECONDS = 30.0


@dataclass(eq=False)
class Target:
    """An authorization server, by its connector."""

    name: str
    connector: Connector
    settings: ConnectorSettings
    breaker: Breaker = field(default_factory=Breaker)
    # Set when there may be something to do.
    nudged: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_before(self) -> bool:
        """Whether a client is answered when the target has it."""
        return self.settings.provision == "before"

    @property
    def work_seconds(self) -> float:
        """What all calls for one client may take together."""
        return self.settings.timeout * _CALLS

    @property
    def claim_ms(self) -> int:
        """For how long a link is whose claim it is."""
        return round((self.work_seconds + _MARGIN_SECONDS) * 1000)

    @property
    def reservation_ms(self) -> int:
        """The same for who waits for one call, and then writes what came of it."""
        return round((self.settings.timeout + _MARGIN_SECONDS) * 1000)


class Targets:
    """All of them."""

    def __init__(self, targets: Iterable[Target] = ()) -> None:
        self._all = {target.name: target for target in targets}

    def __iter__(self) -> Iterator[Target]:
        return iter(self._all.values())

    def __bool__(self) -> bool:
        return bool(self._all)

    def find(self, name: str) -> Target | None:
        """The target of this name; None: it is no longer configured."""
        return self._all.get(name)

    def of(self, tenant: str) -> list[Target]:
        """Those that are told of the tenant's clients."""
        return [
            each for each in self if not each.settings.tenants or tenant in each.settings.tenants
        ]

    def names(self, tenant: str) -> list[str]:
        """Of those, by name."""
        return [each.name for each in self.of(tenant)]

    def before(self, tenant: str) -> list[Target]:
        """Those that a client of the tenant waits for."""
        return [each for each in self.of(tenant) if each.is_before]

    def are_wanted(self, tenant: str) -> bool:
        """Whether there is any for the tenant."""
        return bool(self.of(tenant))

    def nudge(self) -> None:
        """There may be something to do."""
        for target in self:
            target.nudged.set()

    async def close(self) -> None:
        """Ends their connections."""
        for target in self:
            await target.connector.close()
