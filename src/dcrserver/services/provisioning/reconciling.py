"""Use case: what a target has is compared with what it should have, and put right where asked.

Only what bears our mark is ever changed or removed there; a client of others is counted and told.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from dcrserver.connectors.client import Held, RemoteClient
from dcrserver.connectors.failures import TargetAway
from dcrserver.names import LinkState
from dcrserver.repositories.client_links import ClientLinkRecord
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.queries import Lists
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.services.provisioning.targets import Target
from dcrserver.services.provisioning.wanted import is_to_be_known, wanted_of

# As many as Keycloak lists at a time.
_AT_ONCE = 100
# Of each kind, so many are named in a report; a list beyond the other bound has no end.
_MAX_NAMED = 1000
_MAX_LISTED = 5_000_000
_LONGEST_NAME = 512
# What is on its way is no difference: it will be done, or is told as a failure.
_ON_ITS_WAY = frozenset({LinkState.PENDING.word, LinkState.GONE.word, LinkState.RESERVED.word})


@dataclass(slots=True)
class Findings:
    """What was found, by client_id; ``differences``: of each that has changed, its members.

    ``compared``: how many clients the target showed. ``is_first``: it has clients, and none of them
    is known to be ours: the first look at a server that was there before. ``more``: of each kind,
    how many there are beside those that are named.
    """

    missing: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    orphaned: list[str] = field(default_factory=list)
    differences: dict[str, list[str]] = field(default_factory=dict)
    compared: int = 0
    is_first: bool = False
    more: dict[str, int] = field(default_factory=dict)

    def note(self, kind: str, client_id: str) -> bool:
        """Whether there is room to say more of it."""
        named: list[str] = getattr(self, kind)
        if len(named) == _MAX_NAMED:
            self.more[kind] = self.more.get(kind, 0) + 1
            return False
        named.append(client_id[:_LONGEST_NAME])
        return True

    def count(self, kind: str) -> int:
        return len(getattr(self, kind)) + self.more.get(kind, 0)


@dataclass(frozen=True, slots=True)
class Difference:
    """A client that is not as it should be: ``client`` here, ``remote`` there, and its ``link``."""

    tenant: str
    client_id: str
    client: ClientRecord | None = None
    remote: RemoteClient | None = None
    link: ClientLinkRecord | None = None
    members: tuple[str, ...] = ()
    is_ours: bool = True


class Comparison:
    """One look at one target, for the clients of ``tenants``.

    ``is_whole``: the target is told of no others' clients, or whoever looks may know of those, too.
    Else what does not say that it belongs to one of them is not looked at.
    """

    def __init__(
        self,
        database: Database,
        lists: Lists,
        target: Target,
        tenants: Sequence[str],
        *,
        is_whole: bool = True,
    ) -> None:
        self._database = database
        self._lists = lists
        self._target = target
        self._tenants = tenants
        self._is_whole = is_whole
        self._seen: set[tuple[str, str]] = set()
        self._began_at = time.time_ns() // 1_000_000
        self._has_ours = False
        self.findings = Findings()

    async def run(self) -> AsyncIterator[list[Difference]]:
        """What differs, some at a time; ``findings`` tells all when it is over. Nothing of a target
        that shows no list: what it does not show is not missing.

        Raises:
            TargetError: the target cannot be listed.
        """
        if not (self._tenants and self._target.connector.lists):
            return
        batch: list[RemoteClient] = []
        listed = 0
        async for remote in self._target.connector.list_all(self._tenants):
            if (listed := listed + 1) > _MAX_LISTED:
                raise TargetAway(f"{self._target.name}: its list of clients has no end")
            if self._concerns(remote):
                batch.append(remote)
            if len(batch) == _AT_ONCE:
                yield await self._judged(batch)
                batch = []
        yield await self._judged(batch)
        for tenant in self._tenants:
            async for page in self._lists.clients.every(tenant):
                yield await self._missing(page)
        self.findings.is_first = bool(self.findings.foreign) and not self._has_ours

    def _concerns(self, remote: RemoteClient) -> bool:
        """Whether it is the affair of ``tenants``: not what bears our mark for another tenant.

        This server looks after that elsewhere, or another one of the same mark does.
        """
        if remote.tenant in self._tenants:
            return True
        is_anothers = remote.tenant is not None and remote.mark == self._target.settings.mark
        return self._is_whole and not is_anothers

    def _tenant_of(self, remote: RemoteClient) -> str:
        is_named = remote.tenant is not None and remote.tenant in self._tenants
        return str(remote.tenant) if is_named else self._tenants[0]

    async def _judged(self, batch: Sequence[RemoteClient]) -> list[Difference]:
        found = []
        self.findings.compared += len(batch)
        async with self._database.read() as tx:
            for remote in batch:
                if remote.mark != self._target.settings.mark:
                    self.findings.note("foreign", remote.client_id)
                    tenant = self._tenant_of(remote)
                    found.append(Difference(tenant, remote.client_id, remote=remote, is_ours=False))
                elif (each := await self._ours(tx, remote)) is not None:
                    found.append(each)
        return found

    async def _ours(self, tx: Transaction, remote: RemoteClient) -> Difference | None:
        tenant = self._tenant_of(remote)
        self._has_ours = True
        self._seen.add((tenant, remote.client_id))
        client = await tx.clients.find(tenant, remote.client_id)
        link = await tx.client_links.find(tenant, remote.client_id, self._target.name)
        if link is not None and link.state in _ON_ITS_WAY:
            return None
        each = Difference(tenant, remote.client_id, client, remote, link)
        if client is None or not is_to_be_known(client):
            self.findings.note("orphaned", remote.client_id)
            return each
        members = self._target.connector.differences(wanted_of(client), remote)
        if not members:
            return None
        if self.findings.note("changed", remote.client_id):
            self.findings.differences[remote.client_id] = [*members]
        return Difference(tenant, remote.client_id, client, remote, link, members)

    async def _missing(self, page: Sequence[ClientRecord]) -> list[Difference]:
        found = []
        async with self._database.read() as tx:
            for client in page:
                key = (client.tenant, client.client_id)
                if key in self._seen or not is_to_be_known(client):
                    continue
                link = await tx.client_links.find(*key, self._target.name)
                self._has_ours = self._has_ours or bool(link and link.applied)
                if link is None or not self._is_told(link):
                    found.append(Difference(*key, client=client, link=link))
        for each in found:
            self.findings.note("missing", each.client_id)
        return found

    def _is_told(self, link: ClientLinkRecord) -> bool:
        """It is on its way there, or came while the target was listed: it may be missing from that
        list alone.
        """
        return link.state in _ON_ITS_WAY or link.updated_at >= self._began_at


class Repair:
    """Puts right what differs: by raising links, which the worker brings level."""

    def __init__(self, database: Database, target: Target) -> None:
        self._database = database
        self._target = target

    async def repair(self, each: Difference) -> None:
        """The target is to have what is here; what is ours and has no client is removed there.

        Raises:
            TargetError: it cannot be removed.
        """
        if each.client is None or not is_to_be_known(each.client):
            held = None if each.remote is None else Held(each.remote.remote_id)
            await self._target.connector.delete(each.tenant, each.client_id, held)
            if each.link is not None:
                await self._forget(each.link)
            return
        await self.raise_link(each.tenant, each.client_id)

    async def raise_link(self, tenant: str, client_id: str) -> None:
        """The client is sent anew, or for the first time."""

        async def write(tx: Transaction) -> None:
            link = await tx.client_links.find(tenant, client_id, self._target.name)
            if link is not None:
                await tx.client_links.hurry(link)
            else:
                tx.client_links.begin(tenant, client_id, self._target.name)

        await self._database.transact(write)
        self._target.nudged.set()

    async def _forget(self, link: ClientLinkRecord) -> None:
        async def write(tx: Transaction) -> None:
            mine = await tx.client_links.claim(link, "reconcile", self._target.claim_ms)
            if mine is not None:
                await tx.client_links.remove(mine)

        await self._database.transact(write)
