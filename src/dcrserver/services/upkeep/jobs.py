"""The jobs: work on what all processes share, a row for each.

Not here is what each process does for itself: writing the last uses that it noted, reading signing
keys and copies of metadata that others wrote, and whatever it cannot serve without.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from dcrserver.db.failures import DatabaseAway
from dcrserver.logger import Logger
from dcrserver.repositories.leases import LONGEST_SECONDS
from dcrserver.repositories.retired_facets import Place
from dcrserver.repositories.transaction import Transaction, Writer
from dcrserver.services.access.stored_clients import deletion
from dcrserver.services.audit import EventType, Origin
from dcrserver.services.audit.actors import SYSTEM
from dcrserver.services.registration import decisions
from dcrserver.services.tenants.deletion import TenantDeletion
from dcrserver.services.tenants.lifecycle import DELETION
from dcrserver.services.tenants.metadata_copies import MetadataCopies
from dcrserver.services.tokens.signing_keys import SigningKeys, UnreadableKey
from dcrserver.services.upkeep.certain_time import CertainTime
from dcrserver.services.upkeep.leases import LeaseLost
from dcrserver.services.upkeep.runner import Job
from dcrserver.tenants import TenantRegistry

_log = Logger(__name__)
_MINUTE = 60.0
# What somebody waits for begins within a second or two.
_SOON = 1.0
# Facets are retired for so long before they are removed: some hundred times as long as any process
# believes them to be there, and less than a day, so that the next time does it.
_RETIRED_SECONDS = 43_200
_NOBODY = Origin(SYSTEM)


class Upkeep:
    """What the jobs do."""

    def __init__(
        self,
        tenants: TenantRegistry,
        keys: SigningKeys,
        copies: MetadataCopies,
        deletion: TenantDeletion,
        restore_window: int,
    ) -> None:
        """``restore_window``: for so many seconds a client whose time is over can be restored."""
        self._window = restore_window
        self._tenants = tenants
        self._deletion = deletion
        self._keys = keys
        self._copies = copies
        self._time = CertainTime()

    def jobs(self) -> Sequence[Job]:
        """All of them; one for which there is nothing to do is soon done."""
        pause = min(self._copies.pause, LONGEST_SECONDS)
        return (
            Job("forget_expired", _MINUTE, self.forget_expired),
            Job("purge_deleted_clients", _MINUTE, self.purge_deleted_clients),
            Job("end_approvals", _MINUTE, self.end_approvals),
            Job("remove_ended_clients", _MINUTE, self.remove_ended_clients),
            Job("remove_unused_facets", LONGEST_SECONDS, self.remove_unused_facets),
            Job("rotate_signing_keys", _MINUTE, self.rotate_signing_keys),
            Job(DELETION, _MINUTE, self._deletion.work, look_seconds=_SOON),
            Job("refresh_metadata", pause, self._copies.renew),
        )

    async def forget_expired(self, writer: Writer) -> None:
        """Removes tokens, identifiers and answers that have expired, a part at a time."""
        now = self._time.now()
        while await writer.transact(lambda tx: tx.access_tokens.purge(now)):
            pass
        while await writer.transact(lambda tx: tx.spent_identifiers.purge(now)):
            pass
        while await writer.transact(lambda tx: tx.idempotency_keys.purge(now)):
            pass

    async def purge_deleted_clients(self, writer: Writer) -> None:
        """Removes what is left of clients that can no longer be restored."""
        now = self._time.now()

        async def purge(tx: Transaction) -> bool:
            due = await tx.deleted_clients.due(now)
            for deleted in due:
                await tx.deleted_clients.purge(deleted)
            return bool(due)

        while await writer.transact(purge):
            pass

    async def end_approvals(self, writer: Writer) -> None:
        """Who waited for an approval too long waits no longer; old decisions are forgotten."""
        now, tenants = int(time.time()), self._tenants.now.by_name

        async def end_some(tx: Transaction) -> bool:
            due = await tx.client_approvals.due(now)
            for each in due:
                await decisions.end(tx, each, tenants.get(each.tenant), now)
            return bool(due)

        while await writer.transact(end_some):
            pass

    async def remove_ended_clients(self, writer: Writer) -> None:
        """Deletes clients whose time is over; administrators can restore them for a while."""
        now = int(time.time())

        async def remove_some(tx: Transaction) -> bool:
            ended = await tx.clients.ended(now)
            for each in ended:
                kept, event = deletion(each, _NOBODY, self._window, EventType.CLIENT_EXPIRED)
                if await tx.clients.delete(each):
                    tx.deleted_clients.add(kept)
                    tx.events.add(event)
            return bool(ended)

        while await writer.transact(remove_some):
            pass

    async def remove_unused_facets(self, writer: Writer) -> None:
        """Removes what clients are searched by where no client has it, a day after it is seen."""
        now, before = int(time.time()), self._time.now() - _RETIRED_SECONDS
        place: Place | None = Place()
        while place is not None:

            async def tidy(tx: Transaction, after: Place = place) -> Place | None:
                return await tx.retired_facets.tidy(after, now, before)

            place = await writer.transact(tidy)

    async def rotate_signing_keys(self, writer: Writer) -> None:
        """Makes and retires keys by schedule; one tenant's fault holds up those of no other."""
        due = await self._keys.due()
        for tenant in self._tenants:
            if not tenant.issues_tokens or tenant.name not in due:
                continue
            try:
                await self._keys.rotate(tenant.name, writer)
            except UnreadableKey as error:
                _log.error("signing_keys_not_rotated", tenant=tenant.name, detail=error.detail)
            except (LeaseLost, DatabaseAway):  # the next would fare no better
                raise
            except Exception:  # noqa: BLE001 - told, and tried again
                _log.exception("signing_keys_not_rotated", tenant=tenant.name)
