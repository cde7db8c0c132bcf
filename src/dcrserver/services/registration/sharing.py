"""Step: a public client that is registered again is the client that is there (opt-in).

Nobody has a registration access token of a client that many share: whoever registered it first
could send the people of all the others elsewhere. What leads to it is a row beside it; whether it
still is what was registered is asked of the client itself, so that no other writer has to know.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import NamedTuple, TypeAlias

from dcrserver.errors import InvalidClientMetadata, Unavailable
from dcrserver.metadata.fingerprints import fingerprint
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.shared_clients import SharedClientRecord
from dcrserver.repositories.transaction import AlreadyThere, Database, Transaction
from dcrserver.strict_json import stored_exactly

# Who loses a race finds the other's client at the next look.
_ATTEMPTS = 20


class _Sharing(NamedTuple):
    """What leads to one client: the fingerprint of a registration.

    ``tags``: what its policy tags it with, as the column has them. ``ends_at``: when a new client
    would end; None: never.
    """

    tenant: str
    fingerprint: str
    tags: str | None
    ends_at: int | None


# Beside a client that was there.
Again: TypeAlias = Callable[[Transaction, ClientRecord], None]
# Writes a new client, and what it is given beside, in one transaction.
Add: TypeAlias = Callable[[Callable[[Transaction], Awaitable[None]]], Awaitable[None]]


class _Overtaken(Exception):
    """Somebody else's client is what the registration leads to."""


class SharedClients:
    """Step: leads the same registrations of public clients to one client."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # How often a client was told that was there.
        self.told_again = 0

    async def registered(self, new: ClientRecord, add: Add, again: Again) -> ClientRecord:
        """The client that was registered as ``new`` is, or else ``new``, which ``add`` writes.

        ``again`` writes what is to be written beside one that was there.

        Raises:
            InvalidClientMetadata: an administrator suspended it.
            Unavailable: whoever asked for the same was faster each time.
        """
        sharing = _Sharing(new.tenant, _fingerprint(new, new.tags), new.tags, new.expires_at)
        for _ in range(_ATTEMPTS):
            row, there = await self._there(sharing)
            if row is not None and there is not None:
                if await self._count(row, there, again):
                    self.told_again += 1
                    return there
                continue
            try:
                await add(partial(_lead, sharing, row, new.client_id))
            except (AlreadyThere, _Overtaken):
                continue
            return new
        raise Unavailable("others are registering the same client; try again")

    async def _there(
        self, sharing: _Sharing
    ) -> tuple[SharedClientRecord | None, ClientRecord | None]:
        """The row that leads somewhere, and the client if it is still what was registered.

        Raises:
            InvalidClientMetadata: an administrator suspended it.
        """
        async with self._database.read() as tx:
            row = await tx.shared_clients.find(sharing.tenant, sharing.fingerprint)
            client = row and await tx.clients.find(sharing.tenant, row.client_id)
        if client is not None and client.suspended_at:
            raise InvalidClientMetadata(
                "the client of this registration is suspended; an administrator can tell why"
            )
        return row, client if client is not None and _is_still(client, sharing) else None

    async def _count(self, row: SharedClientRecord, there: ClientRecord, again: Again) -> bool:
        async def write(tx: Transaction) -> bool:
            if not await tx.shared_clients.count(row, int(time.time())):
                return False
            again(tx, there)
            return True

        return await self._database.transact(write)


def _is_still(client: ClientRecord, sharing: _Sharing) -> bool:
    """Whether nobody has become its owner, or changed it: whoever may, may do it again."""
    is_nobodys = client.owner is None and not client.registration_access_token_digest
    is_same = is_nobodys and _fingerprint(client, sharing.tags) == sharing.fingerprint
    return is_same and _lasts(client, sharing.ends_at)


def _lasts(client: ClientRecord, ends_at: int | None) -> bool:
    """Whether it lives on for half as long as a new one would, at least."""
    if not client.expires_at:
        return True
    left = client.expires_at - time.time()
    return ends_at is not None and left > 0 and 2 * left >= ends_at - time.time()


def _fingerprint(client: ClientRecord, tags: str | None) -> str:
    members = stored_exactly(client.metadata)
    return fingerprint(members, client.bounds or "", client.origin, tags or "")


async def _lead(
    sharing: _Sharing, row: SharedClientRecord | None, client_id: str, tx: Transaction
) -> None:
    """
    Raises:
        _Overtaken: another registration led elsewhere meanwhile.
    """
    now = int(time.time())
    if row is None:
        tx.shared_clients.add(
            SharedClientRecord(sharing.tenant, sharing.fingerprint, client_id, 1, now)
        )
    elif not await tx.shared_clients.move(row, client_id, now):
        raise _Overtaken
