"""Step: an event row for a change, in the transaction of the change."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from dcrserver.names import Word
from dcrserver.repositories.events import EventRecord
from dcrserver.repositories.transaction import Transaction
from dcrserver.security import new_id
from dcrserver.services.audit.actors import Actor
from dcrserver.strict_json import JsonObject, JsonValue, dumps


class EventType(Word):
    """The whole vocabulary of the audit trail."""

    CLIENT_REGISTERED = "client.registered"
    CLIENT_HELD = "client.held"
    CLIENT_APPROVED = "client.approved"
    CLIENT_REJECTED = "client.rejected"
    CLIENT_APPROVAL_EXPIRED = "client.approval_expired"
    CLIENT_SHARED = "client.shared"
    CLIENT_UPDATED = "client.updated"
    CLIENT_DELETED = "client.deleted"
    CLIENT_EXPIRED = "client.expired"
    CLIENT_IMPORTED = "client.imported"
    CLIENT_SUSPENDED = "client.suspended"
    CLIENT_RESUMED = "client.resumed"
    # Nothing writes it any more: events of earlier versions are found by it.
    CLIENT_CONFIGURED = "client.configured"
    CLIENT_RESTORED = "client.restored"
    CLIENT_PURGED = "client.purged"
    CLIENT_NOTE_WRITTEN = "client.note_written"
    CLIENT_NOTE_DELETED = "client.note_deleted"
    CLIENT_SECRET_ROTATED = "client_secret.rotated"  # noqa: S105 - a name
    CLIENT_SECRET_ENDED = "client_secret.ended"  # noqa: S105
    REGISTRATION_TOKEN_ROTATED = "registration_access_token.rotated"  # noqa: S105
    REGISTRATION_TOKEN_REISSUED = "registration_access_token.reissued"  # noqa: S105
    REGISTRATION_TOKEN_REVOKED = "registration_access_token.revoked"  # noqa: S105
    INITIAL_ACCESS_TOKEN_ISSUED = "initial_access_token.issued"  # noqa: S105
    INITIAL_ACCESS_TOKEN_REVOKED = "initial_access_token.revoked"  # noqa: S105
    ADMIN_TOKEN_ISSUED = "admin_token.issued"  # noqa: S105
    ADMIN_TOKEN_REVOKED = "admin_token.revoked"  # noqa: S105
    JOB_REQUESTED = "job.requested"
    JOB_CANCELLED = "job.cancelled"
    SIGNING_KEY_CREATED = "signing_key.created"
    SIGNING_KEY_RETIRED = "signing_key.retired"
    SIGNING_KEY_DISCARDED = "signing_key.discarded"
    TENANT_CREATED = "tenant.created"
    TENANT_CONFIGURED = "tenant.configured"
    TENANT_SUSPENDED = "tenant.suspended"
    TENANT_RESUMED = "tenant.resumed"
    TENANT_DELETION_BEGUN = "tenant.deletion_begun"
    TENANT_DELETED = "tenant.deleted"
    POLICY_DRAFTED = "policy.drafted"
    POLICY_ACTIVATED = "policy.activated"
    POLICY_ROLLED_BACK = "policy.rolled_back"
    POLICY_DELETED = "policy.deleted"
    DCR_CONFIGURED = "dcr_configuration.changed"


class SubjectKind(Word):
    """What a change is made to; the types of events begin with it, but for those of a client."""

    CLIENT = "client"
    INITIAL_ACCESS_TOKEN = "initial_access_token"  # noqa: S105 - a name
    ADMIN_TOKEN = "admin_token"  # noqa: S105
    SIGNING_KEY = "signing_key"
    TENANT = "tenant"
    POLICY = "policy"
    DCR_CONFIGURATION = "dcr_configuration"
    JOB = "job"


class Subject(NamedTuple):
    """What an event is about."""

    kind: SubjectKind
    id: str


class Origin(NamedTuple):
    """Who asks, and by which request."""

    actor: Actor
    address: str | None = None
    request_id: str | None = None


def record(
    tx: Transaction,
    event_type: EventType,
    *,
    tenant: str,
    origin: Origin,
    subject: Subject,
    changes: JsonObject | None = None,
    metadata: str | None = None,
) -> None:
    """Writes an event in the transaction of what it is about; see ``event``."""
    tx.events.add(
        event(
            event_type,
            tenant=tenant,
            origin=origin,
            subject=subject,
            changes=changes,
            metadata=metadata,
        )
    )


def event(
    event_type: EventType,
    *,
    tenant: str,
    origin: Origin,
    subject: Subject,
    changes: JsonObject | None = None,
    metadata: str | None = None,
) -> EventRecord:
    """``metadata``: JSON text that belongs to ``changes`` and need not be made again."""
    now = time.time_ns() // 1_000_000
    return EventRecord(
        id=f"{now:012x}-{new_id()}",
        tenant=tenant,
        type=event_type.word,
        at_milliseconds=now,
        actor_kind=origin.actor.kind.word,
        actor_id=origin.actor.id,
        subject_kind=subject.kind.word,
        subject_id=subject.id,
        address=origin.address,
        request_id=origin.request_id,
        changes=dumps(changes or {}) if metadata is None else _joined(changes, metadata),
    )


def _joined(changes: JsonObject | None, metadata: str) -> str:
    others = f",{dumps(changes)[1:]}" if changes else "}"
    return f'{{"metadata":{metadata}{others}'


def described(event: EventRecord) -> JsonObject:
    """As events are shown, to people and programs."""
    return {
        "type": event.type,
        "at": utc_milliseconds(event.at_milliseconds),
        "actor": {"kind": event.actor_kind, "id": event.actor_id},
        "subject": {"kind": event.subject_kind, "id": event.subject_id},
        "address": event.address,
        "request_id": event.request_id,
        "changes": json.loads(event.changes),
    }


def difference(
    before: Mapping[str, JsonValue], after: Mapping[str, JsonValue]
) -> dict[str, JsonValue]:
    """Member -> [old, new] for all that differ; null where there is none."""
    return {
        name: [before.get(name), after.get(name)]
        for name in dict.fromkeys((*before, *after))
        if before.get(name) != after.get(name)
    }


def utc(seconds: int) -> str | None:
    """A moment for people to read; None for one that never was or never comes."""
    if not seconds:
        return None
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def utc_milliseconds(milliseconds: int) -> str:
    """The same, as exact as events are."""
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
