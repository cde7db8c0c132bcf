"""What every connector can do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import ClassVar, Protocol

from dcrserver.connectors.client import (
    Applied,
    Carriage,
    Discovered,
    Held,
    NewSecret,
    RemoteClient,
    Verdict,
    WantedClient,
)


class Connector(Protocol):
    """Tells one target of clients.

    It is asked by one task at a time for one client, by many for many. Every call that goes out
    raises ``failures.TargetError`` and nothing else, ends within the time of its settings, and can
    be made again: an operation whose answer was lost is repeated word for word.
    """

    kind: ClassVar[str]
    mints: ClassVar[bool]  # the target makes client_id and client_secret itself
    overlaps: bool  # a new secret can leave the one before at work for a while
    overlaps_by_own: ClassVar[bool]  # and only if it is of the target's making
    lists: ClassVar[bool]  # the target shows all its clients

    @property
    def name(self) -> str: ...

    def carriage(self) -> Mapping[str, Carriage]:
        """What becomes of each member; one that is not named is dropped."""
        ...

    def judge(self, client: WantedClient) -> Verdict:
        """What the target would choke on, without asking it."""
        ...

    def fingerprint(self, client: WantedClient) -> str:
        """The same for two clients that would be sent the same, secrets apart."""
        ...

    async def discover(self, tenants: Sequence[str]) -> Discovered:
        """Whether the target answers, lets us in, and can do what we need for ``tenants``, which
        may have places of their own there (a realm each).
        """
        ...

    async def create(self, client: WantedClient, secret: NewSecret | None) -> Applied:
        """Makes the client; one that is there with our mark for this client is brought to this.

        ``secret`` None: it has none, or nobody knows it any more but as a digest.

        Raises:
            TargetTaken: one that is not ours has the identifier.
        """
        ...

    async def read(self, tenant: str, client_id: str, held: Held | None) -> RemoteClient | None:
        """The client as it is there; without ``held`` it is looked for by its identifier."""
        ...

    async def update(self, client: WantedClient, held: Held, secret: NewSecret | None) -> Applied:
        """Brings it to what is wanted, also suspended or resumed; ``secret`` None: as it was.

        Raises:
            TargetMissing: it is not there.
        """
        ...

    async def delete(self, tenant: str, client_id: str, held: Held | None) -> None:
        """Removes it; one that is not there is removed, and one that is not ours is left.

        Without ``held`` it is looked for by its identifier, as after a crash in between.
        """
        ...

    def list_all(self, tenants: Sequence[str]) -> AsyncIterator[RemoteClient]:
        """Every client in the places of ``tenants``, each once, ours and others'."""
        ...

    def differences(self, client: WantedClient, remote: RemoteClient) -> tuple[str, ...]:
        """The members in which the target differs from what ``update`` would make of it."""
        ...

    async def close(self) -> None:
        """Ends its connections."""
        ...
