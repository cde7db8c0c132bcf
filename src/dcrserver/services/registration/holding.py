"""Step: registrations that wait for an approval. Nothing of such a client works, and whoever asks
for the same again is told of it instead of leaving another one.

A client_id is told to others of public clients alone: there is no secret to it. From then on it is
nobody's own: whoever registered it first could otherwise send the users of the others elsewhere,
and whoever comes second never gets its registration access token.
"""

from __future__ import annotations

import time
from typing import NamedTuple

from dcrserver.errors import InvalidClientMetadata, Unavailable
from dcrserver.metadata import ClientMetadata, Policy
from dcrserver.metadata.fingerprints import fingerprint
from dcrserver.names import ClientStatus
from dcrserver.repositories.client_approvals import ClientApprovalRecord
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.shared_clients import SharedClientRecord
from dcrserver.repositories.transaction import AlreadyThere, Database, Transaction
from dcrserver.services.access.idempotency import Keep
from dcrserver.services.access.initial_access_tokens import RegistrationPermit
from dcrserver.services.access.stored_clients import metadata_of, next_version, replacement
from dcrserver.services.audit import EventType, Origin
from dcrserver.services.registration.client_information import Registered, client_information
from dcrserver.services.registration.decisions import digest_of
from dcrserver.services.registration.policy import Ruled
from dcrserver.services.secrets.kept import ClientSecrets
from dcrserver.strict_json import JsonObject, dumps
from dcrserver.tenants import Tenant

# How often the client is read again that others change just then.
_ATTEMPTS = 5
_BUSY_SECONDS = 600


class Attempt(NamedTuple):
    """A registration that is held. ``client``: who was registered when the same was asked for.

    ``fingerprint`` is what is the same, None where nobody else is told; ``before`` leads to the
    client, also to one that is gone. ``approval``: of the one that is new.
    """

    fingerprint: str | None = None
    before: SharedClientRecord | None = None
    client: ClientRecord | None = None
    approval: ClientApprovalRecord | None = None

    def held(
        self, record: ClientRecord, ruled: Ruled, policy: Policy
    ) -> tuple[ClientRecord, Attempt]:
        """The new client as it waits."""
        waiting, approval = held(record, ruled, policy)
        return waiting, self._replace(approval=approval)

    def told(self) -> JsonObject | None:
        """Of the new client, beside what it registered."""
        if self.approval is None:
            return None
        return _told(ClientStatus.PENDING.word, self.approval)

    async def write(self, tx: Transaction, record: ClientRecord) -> None:
        """Beside ``record``, which is new: who asks for the same is told of it.

        Raises:
            AlreadyThere: somebody else asked for the same meanwhile, now or when it is committed.
        """
        if self.approval is not None:
            tx.client_approvals.add(self.approval)
        if self.fingerprint is None:
            return
        if self.before is None:
            tx.shared_clients.add(
                SharedClientRecord(
                    record.tenant, self.fingerprint, record.client_id, 1, record.issued_at
                )
            )
        elif not await tx.shared_clients.move(self.before, record.client_id, record.issued_at):
            raise AlreadyThere


class Holding:
    """Step: finds what is asked for again, and lets no more wait than may."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def attempt(
        self, permit: RegistrationPermit, metadata: ClientMetadata, origin: Origin
    ) -> Attempt:
        """A registration of ``metadata`` that is held; its client, if there is one, is shared.

        Raises:
            InvalidClientMetadata: an administrator refused the same.
            Unavailable: too many wait already, or the client is being changed by others.
        """
        same = _fingerprint(permit, metadata)
        if same is None:
            await check_room(self._database, permit.tenant.name, permit.terms.policy)
            return Attempt(None)
        for _ in range(_ATTEMPTS):
            found = await self._found(permit, same)
            if found.client is None:
                await check_room(self._database, permit.tenant.name, permit.terms.policy)
                return found
            if (shared := await self._shared(found, origin)) is not None:
                return found._replace(client=shared)
        raise Unavailable("the registration is being changed by others; try again")

    async def _found(self, permit: RegistrationPermit, same: str) -> Attempt:
        """
        Raises:
            InvalidClientMetadata: an administrator refused the same.
        """
        tenant = permit.tenant.name
        async with self._database.read() as tx:
            before = await tx.shared_clients.find(tenant, same)
            client = before and await tx.clients.find(tenant, before.client_id)
        if client is None or client.status == ClientStatus.EXPIRED:
            return Attempt(same, before)
        if _fingerprint(permit, metadata_of(client)) != same:  # it has changed since
            return Attempt(same, before)
        if client.status in {ClientStatus.REJECTED, ClientStatus.SUSPENDED}:
            raise InvalidClientMetadata("an administrator refused this registration")
        return Attempt(same, before, client)

    async def _shared(self, found: Attempt, origin: Origin) -> ClientRecord | None:
        """The client, told to one more; None where it is no longer what was found."""
        before, old, now = found.before, found.client, int(time.time())
        assert before is not None and old is not None  # noqa: S101, PT018 - both were found
        new = old if old.shared_at else next_version(old, old, shared_at=now)
        told: JsonObject = {"shared": True}
        _, event = replacement(old, new, EventType.CLIENT_SHARED, origin, told)

        async def write(tx: Transaction) -> bool:
            if new is not old:
                if not await tx.clients.replace(old, new):
                    return False
                tx.events.add(event)
            return await tx.shared_clients.count(before, now)

        return new if await self._database.transact(write) else None


def _fingerprint(permit: RegistrationPermit, metadata: ClientMetadata) -> str | None:
    """Of what is asked for, under which bounds, and by which credential; None of a client that
    others must not be told.
    """
    if metadata.auth_method != "none":
        return None
    bounds = permit.bounds.to_json() or ""
    return fingerprint(metadata.members, "held", bounds, str(permit.actor))


def held(
    record: ClientRecord, ruled: Ruled, policy: Policy
) -> tuple[ClientRecord, ClientApprovalRecord]:
    """A new client as it waits, and what is known of that."""
    waiting = record._replace(suspended_at=record.issued_at, approval=ClientStatus.PENDING.word)
    return waiting, ClientApprovalRecord(
        tenant=record.tenant,
        client_id=record.client_id,
        held_digest=digest_of(record),
        statements=dumps([*ruled.statements]),
        ends_at=record.issued_at + policy.approval.pending_lifetime,
    )


async def check_room(database: Database, tenant: str, policy: Policy) -> None:
    """Whether one more may wait.

    Raises:
        Unavailable: as many wait for an approval as may.
    """
    async with database.read() as tx:
        waiting = await tx.client_approvals.waiting(tenant)
    if waiting >= policy.approval.max_pending:
        told = "too many registrations wait for an approval; try again later"
        raise Unavailable(told, detail="policy.approval.max_pending", retry_after=_BUSY_SECONDS)


async def status_told(database: Database, record: ClientRecord) -> JsonObject:
    """Members beside a registration (RFC 7591 2: extensions) that tell whether the client may be
    used; none of one that is active.
    """
    if record.approval is None or record.status == ClientStatus.ACTIVE:
        return {}
    async with database.read() as tx:
        found = await tx.client_approvals.find(record.tenant, record.client_id)
    return _told(record.status, found)


def _told(status: str, known: ClientApprovalRecord | None) -> JsonObject:
    made: JsonObject = {"client_status": status}
    if known is not None and status == ClientStatus.PENDING:
        made["client_status_expires_at"] = known.ends_at
    if known is not None and known.reason:
        made["client_status_reason"] = known.reason
    return made


async def told_again(
    database: Database, tenant: Tenant, client: ClientRecord, keep: Keep
) -> Registered:
    """What is told of ``client`` to whoever asks for the same: no token, and no secret."""
    status = await status_told(database, client)
    made = Registered(None, client_information(tenant, client, ClientSecrets(), "", status))

    async def write(tx: Transaction) -> None:
        keep(tx, made.told())

    await database.transact(write)
    return made
