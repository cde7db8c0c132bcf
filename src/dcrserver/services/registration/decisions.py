"""Step: what becomes of clients that wait for an approval: of two who decide at once one does."""

from __future__ import annotations

import hashlib
import json
import time
from typing import NamedTuple

from dcrserver.errors import Unavailable
from dcrserver.metadata.text import hostile_character
from dcrserver.names import ClientStatus
from dcrserver.policies.switches.endpoints import ApprovalPolicy
from dcrserver.repositories.client_approvals import ClientApprovalRecord
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.events import EventRecord
from dcrserver.repositories.transaction import Transaction
from dcrserver.services import audit
from dcrserver.services.access.stored_clients import next_version, terms_of
from dcrserver.services.audit import EventType, Origin, Subject, SubjectKind
from dcrserver.services.audit.actors import SYSTEM
from dcrserver.strict_json import JsonObject
from dcrserver.tenants import Tenant


def digest_of(record: ClientRecord) -> str:
    """Of what it registered, to tell whether it is that still."""
    return hashlib.sha256(record.metadata.encode()).hexdigest()


class Decision(NamedTuple):
    """What becomes of a client that waits; ``status`` active: it was approved."""

    event: EventType
    status: ClientStatus
    reason: str | None = None

    def made_of(self, record: ClientRecord) -> ClientRecord:
        """The client as it is decided."""
        if self.status is ClientStatus.ACTIVE:
            return next_version(record, record, approval=None, suspended_at=0)
        return next_version(record, record, approval=self.status.word)

    def event_of(
        self,
        record: ClientRecord,
        known: ClientApprovalRecord | None,
        origin: Origin,
        job: str | None = None,
    ) -> EventRecord:
        """What is told of it: with the metadata, which nobody was told of an active client yet."""
        told: JsonObject = {"statements": json.loads(known.statements) if known else []}
        if self.reason is not None:
            told["reason"] = self.reason
        if job is not None:
            told["job"] = job
        return audit.event(
            self.event,
            tenant=record.tenant,
            origin=origin,
            subject=Subject(SubjectKind.CLIENT, record.client_id),
            changes=told,
            metadata=record.metadata,
        )


_MAX_REASON = 500


def rejected(reason: str | None) -> Decision:
    """The client is told the ``reason``, of which ``reason_problem`` tells nothing."""
    return Decision(EventType.CLIENT_REJECTED, ClientStatus.REJECTED, reason)


def reason_problem(reason: str) -> str | None:
    """Why a client cannot be told this; None: it can."""
    if not reason.strip() or len(reason) > _MAX_REASON:
        return f"must be a text of 1 to {_MAX_REASON} characters"
    if hostile_character(reason) is not None:
        return "must hold printable characters only"
    return None


APPROVED = Decision(EventType.CLIENT_APPROVED, ClientStatus.ACTIVE)
EXPIRED = Decision(EventType.CLIENT_APPROVAL_EXPIRED, ClientStatus.EXPIRED)
_NOBODY = Origin(SYSTEM)


async def decide(
    tx: Transaction,
    record: ClientRecord,
    known: ClientApprovalRecord | None,
    decision: Decision,
    origin: Origin,
    ends_at: int,
    job: str | None = None,
) -> bool:
    """Writes the ``decision``, with its event; ``ends_at``: when it is forgotten, 0 for never.
    ``job``: that it is a part of.

    False, and nothing is written, when ``record`` is no longer what is stored.
    """
    if not await tx.clients.replace(record, decision.made_of(record)):
        return False
    tx.events.add(decision.event_of(record, known, origin, job))
    await tx.client_approvals.decide(record.tenant, record.client_id, ends_at, decision.reason)
    return True


def forgotten_at(tenant: Tenant, record: ClientRecord, decision: Decision) -> int:
    """When it is forgotten what was decided now; 0: never, as the client is let in."""
    if decision.status is ClientStatus.ACTIVE:
        return 0
    return int(time.time()) + approval_policy(tenant, record).decision_lifetime


def approval_policy(tenant: Tenant, record: ClientRecord) -> ApprovalPolicy:
    """Of the policy that the client is judged by; of the tenant's where that one is gone."""
    try:
        return terms_of(tenant, record).policy.approval
    except Unavailable:
        return tenant.terms.policy.approval


def brought(tenant: Tenant, record: ClientRecord) -> ClientApprovalRecord:
    """What is known of a client that comes from elsewhere, and has no approval there: what it is
    now is what is to be approved, and its time begins anew.
    """
    policy = approval_policy(tenant, record)
    is_pending = record.approval == ClientStatus.PENDING
    lifetime = policy.pending_lifetime if is_pending else policy.decision_lifetime
    return ClientApprovalRecord(
        tenant=record.tenant,
        client_id=record.client_id,
        held_digest=digest_of(record),
        statements="[]",
        ends_at=int(time.time()) + lifetime,
    )


async def end(tx: Transaction, due: ClientApprovalRecord, tenant: Tenant | None, now: int) -> None:
    """What is due: who waits expires, and what was decided is forgotten, with its client."""
    record = await tx.clients.find(due.tenant, due.client_id)
    if record is None:
        await tx.client_approvals.delete(due.tenant, due.client_id)
        return
    # Somebody may have decided since ``due`` was read: that is told for a while, and not forgotten.
    known = await tx.client_approvals.find(due.tenant, due.client_id)
    if known is None or not 0 < known.ends_at <= now:
        return
    if record.status == ClientStatus.PENDING:
        policy = approval_policy(tenant, record) if tenant else ApprovalPolicy()
        await decide(tx, record, due, EXPIRED, _NOBODY, now + policy.decision_lifetime)
    elif record.status in {ClientStatus.REJECTED, ClientStatus.EXPIRED}:
        event = audit.event(
            EventType.CLIENT_DELETED,
            tenant=due.tenant,
            origin=_NOBODY,
            subject=Subject(SubjectKind.CLIENT, due.client_id),
            changes={"was": record.status},
        )
        if await tx.clients.delete(record):
            tx.events.add(event)
            await tx.deleted_clients.forget(due.tenant, due.client_id)
    else:
        await tx.client_approvals.decide(due.tenant, due.client_id, 0)
