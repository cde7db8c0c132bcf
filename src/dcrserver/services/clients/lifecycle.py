"""Use cases of administrators: suspend and resume clients, delete, restore and purge them."""

from __future__ import annotations

import time
from collections.abc import Callable

from dcrserver.errors import AlreadyExists, Forbidden, NotFound
from dcrserver.metadata.bounds import Bounds
from dcrserver.names import UNAPPROVED
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.deleted_clients import DeletedClientRecord
from dcrserver.repositories.transaction import AlreadyThere, Database, Transaction
from dcrserver.services import audit
from dcrserver.services.access.policy_bindings import may_bind
from dcrserver.services.access.stored_clients import (
    change_client,
    delete_client,
    replace_client,
    seen_by,
)
from dcrserver.services.access.versions import ANY, Expected
from dcrserver.services.audit import EventType, Origin, Subject, SubjectKind
from dcrserver.services.audit.actors import Actor
from dcrserver.tenants import Tenant


class ClientLifecycleService:
    """Use case: administrators suspend, resume, delete, restore and purge clients.

    Raises, from every method: NotFound (there is no such client, or it is another owner's) and
    PreconditionFailed (it is not what was expected).
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def suspend(
        self, tenant: Tenant, client_id: str, origin: Origin, expected: Expected = ANY
    ) -> None:
        """No credential of the client works any more, until it is resumed.

        Its access tokens are dead for good: a leak may be why it is suspended.

        Raises:
            AlreadyExists: as ``resume``.
        """
        now = int(time.time())

        def suspended(record: ClientRecord) -> ClientRecord:
            _check_approved(record)
            return record._replace(suspended_at=record.suspended_at or now, tokens_ended_at=now)

        event = EventType.CLIENT_SUSPENDED
        await self._change(tenant, client_id, origin, expected, suspended, event)

    async def resume(
        self, tenant: Tenant, client_id: str, origin: Origin, expected: Expected = ANY
    ) -> None:
        """Lets a suspended client work again.

        Raises:
            Forbidden: an owner asks, who would undo what an administrator did.
            AlreadyExists: it waits for an approval, or did in vain.
        """
        if origin.actor.owner is not None:
            raise Forbidden("an owner resumes no clients; ask an administrator")

        def resumed(record: ClientRecord) -> ClientRecord:
            _check_approved(record)
            return record._replace(suspended_at=0)

        event = EventType.CLIENT_RESUMED
        await self._change(tenant, client_id, origin, expected, resumed, event)

    async def delete(
        self, tenant: Tenant, client_id: str, origin: Origin, expected: Expected = ANY
    ) -> None:
        """Nothing of the client works any more; it can be restored for a while."""

        async def delete(record: ClientRecord) -> bool:
            return await delete_client(self._database, record, origin, tenant.restore_window)

        await change_client(self._database, tenant, client_id, origin, expected, delete)

    async def restore(self, tenant: Tenant, client_id: str, origin: Origin) -> None:
        """A deleted client is as it was, with its credentials; its access tokens stay dead. One
        whose time is over has no end any more: else it would be gone again at once.

        Raises:
            AlreadyExists: there is another client of this client_id by now, or its policy is gone,
                or it was never approved.
        """
        deleted = await self._deleted(tenant, client_id, origin.actor)
        now = int(time.time())
        if deleted.purge_at <= now:
            raise NotFound("there is no such deleted client")
        was = deleted.client
        _check_approved(was)
        restored = was._replace(
            updated_at=now, tokens_ended_at=now, version=was.version + 1,
            bounds=_bounds_left(tenant, was), expires_at=0 if was.has_ended else was.expires_at,
        )  # fmt: skip

        async def write(tx: Transaction) -> None:
            if not await tx.deleted_clients.take(deleted):
                raise NotFound("there is no such deleted client")
            if await tx.clients.find(tenant.name, client_id) is not None:
                raise AlreadyExists("there is another client of this client_id")
            await _bind(tx, tenant, restored)
            tx.clients.add(restored, is_secret_known=False)
            _record(tx, EventType.CLIENT_RESTORED, tenant, client_id, origin)

        try:
            await self._database.transact(write)
        except AlreadyThere:
            raise AlreadyExists("there is another client of this client_id") from None

    async def purge(self, tenant: Tenant, client_id: str, origin: Origin) -> None:
        """Nothing is left of a deleted client but its events."""
        deleted = await self._deleted(tenant, client_id, origin.actor)

        async def write(tx: Transaction) -> None:
            if not await tx.deleted_clients.purge(deleted):
                raise NotFound("there is no such deleted client")
            _record(tx, EventType.CLIENT_PURGED, tenant, client_id, origin)

        await self._database.transact(write)

    async def _deleted(self, tenant: Tenant, client_id: str, actor: Actor) -> DeletedClientRecord:
        async with self._database.read() as tx:
            found = await tx.deleted_clients.find(tenant.name, client_id)
        if found is None:
            raise NotFound("there is no such deleted client")
        seen_by(actor, found.client)
        return found

    async def _change(
        self,
        tenant: Tenant,
        client_id: str,
        origin: Origin,
        expected: Expected,
        changed: Callable[[ClientRecord], ClientRecord],
        event: EventType,
    ) -> None:
        async def change(record: ClientRecord) -> bool:
            return await replace_client(self._database, record, changed(record), event, origin)

        await change_client(self._database, tenant, client_id, origin, expected, change)


def _check_approved(record: ClientRecord) -> None:
    """
    Raises:
        AlreadyExists: it was held, and nobody approved it: that takes another scope.
    """
    if record.approval in UNAPPROVED:
        raise AlreadyExists(f"the client is {record.approval}: it was not approved")


def _bounds_left(tenant: Tenant, was: ClientRecord) -> str | None:
    """Its version may be gone with its policy: then it is that of the name that is active now."""
    bounds = Bounds.from_json(was.bounds)
    if bounds.policy_version is None or bounds.judged_by in tenant.policies:
        return was.bounds
    bounds = bounds.of(bounds.policy)
    if bounds.policy in tenant.policies:
        bounds = tenant.bound_for_life(bounds)
    return bounds.to_json()


async def _bind(tx: Transaction, tenant: Tenant, restored: ClientRecord) -> None:
    """
    Raises:
        AlreadyExists: the policy that it was bound to is gone.
    """
    bounds = Bounds.from_json(restored.bounds)
    if not await may_bind(tx, tenant, bounds):
        raise AlreadyExists(
            f"the policy of the client, {bounds.policy}, is gone; make one of this name first"
        )


def _record(
    tx: Transaction, event: EventType, tenant: Tenant, client_id: str, origin: Origin
) -> None:
    subject = Subject(SubjectKind.CLIENT, client_id)
    audit.record(tx, event, tenant=tenant.name, origin=origin, subject=subject)
