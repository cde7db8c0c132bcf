"""Step: a client that an administrator makes is written."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from dcrserver.db.failures import AlreadyThere
from dcrserver.errors import IdentifierTaken
from dcrserver.repositories.client_approvals import ClientApprovalRecord
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.transaction import Transaction, Writer
from dcrserver.services import audit
from dcrserver.services.audit import EventType, Origin, Subject, SubjectKind
from dcrserver.services.registration.chosen import facts_changed
from dcrserver.services.registration.facts import Wrong
from dcrserver.services.registration.policy import UNRULED, Ruled
from dcrserver.services.secrets.kept import ClientSecrets
from dcrserver.services.software_statements.reader import Submitted
from dcrserver.strict_json import JsonObject

_TAKEN = Wrong("client_id", "is that of another client")


class Administered(NamedTuple):
    """A client as it is stored now; ``token`` where it was given a registration access token.

    ``ruled``: what the statements of its policy added; ``approval``: of one that waits for it.
    """

    record: ClientRecord
    secrets: ClientSecrets
    token: str = ""
    ruled: Ruled = UNRULED
    approval: ClientApprovalRecord | None = None

    def told(self) -> JsonObject:
        """Of a new client, for its event."""
        facts = facts_changed(None, self.record)
        return {"secret": self.secrets.is_new, **facts, **self.ruled.told()}


Beside: TypeAlias = Callable[[Transaction, Administered], None]


async def add_administered(
    writer: Writer,
    made: Administered,
    origin: Origin,
    beside: Beside | None,
    stated: Submitted,
    chosen: str | None,
) -> None:
    """Writes it with its event, and what is to be ``beside`` it.

    ``chosen``: the client_id that somebody chose; None: nobody did.

    Raises:
        IdentifierTaken: another client is called so, or what stands beside it is there.
        Unavailable: its policy was deleted a moment ago.
        InvalidSoftwareStatement: another registration used the statement meanwhile.
    """
    record = made.record
    told = made.told() | stated.told()

    async def write(tx: Transaction) -> None:
        if chosen is not None:
            await _free(tx, record.tenant, record.client_id)
        tx.clients.add(record)
        _record(tx, record, origin, told)
        if made.approval is not None:
            tx.client_approvals.add(made.approval)
        stated.spend(tx)
        if beside is not None:
            beside(tx, made)

    try:
        await writer.transact(write)
    except AlreadyThere:  # somebody was faster
        if chosen is None:
            stated.check_spent()
        raise _taken() from None


def _record(tx: Transaction, made: ClientRecord, origin: Origin, told: JsonObject) -> None:
    audit.record(
        tx,
        EventType.CLIENT_REGISTERED if made.approval is None else EventType.CLIENT_HELD,
        tenant=made.tenant,
        origin=origin,
        subject=Subject(SubjectKind.CLIENT, made.client_id),
        changes=told,
        metadata=made.metadata,
    )


async def _free(tx: Transaction, tenant: str, client_id: str) -> None:
    """Nothing is left of whoever was called so before: its notes would be those of the new one.

    Raises:
        IdentifierTaken: a client is called so, or one was that can be restored.
    """
    if await tx.clients.find(tenant, client_id):
        raise _taken()
    deleted = await tx.deleted_clients.find(tenant, client_id)
    if deleted is None:
        return
    if deleted.purge_at > time.time():
        raise _taken()
    await tx.deleted_clients.purge(deleted)


def _taken() -> IdentifierTaken:
    return IdentifierTaken(_TAKEN.text, mistakes=[_TAKEN])
