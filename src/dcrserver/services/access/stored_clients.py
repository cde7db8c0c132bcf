"""Step: a client as it is stored: found, changed, ended. Of two that change it at once one wins."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Any, TypeVar

from dcrserver.db.protocol.statements import Inserts
from dcrserver.errors import NotFound, Unavailable
from dcrserver.metadata import ClientMetadata, Terms, for_administrators
from dcrserver.metadata.bounds import Bounds
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.deleted_clients import DeletedClientRecord
from dcrserver.repositories.events import EventRecord
from dcrserver.repositories.transaction import Database, Writer
from dcrserver.services import audit
from dcrserver.services.access.versions import Expected
from dcrserver.services.audit import EventType, Origin, Subject, SubjectKind
from dcrserver.services.audit.actors import Actor, ActorKind
from dcrserver.strict_json import JsonObject, stored, stored_exactly
from dcrserver.tenants import Tenant

T = TypeVar("T")

_ADMINISTRATORS = frozenset({ActorKind.ADMINISTRATOR, ActorKind.OPERATOR, ActorKind.SYSTEM})

_UPDATED, _CLIENT = EventType.CLIENT_UPDATED, SubjectKind.CLIENT
# Characters of metadata that are remembered.
_LONGEST = 4096

# Each lost attempt means that another writer succeeded, so this is how many may change one client
# at the same time.
_ATTEMPTS = 20


async def find_client(database: Database, tenant: str, client_id: str) -> ClientRecord:
    """The client as it is stored now.

    Raises:
        NotFound: there is no such client.
    """
    async with database.read() as tx:
        record = await tx.clients.find(tenant, client_id)
    if record is None:
        raise NotFound(f"no such client: {client_id}")
    return record


def seen_by(actor: Actor, record: ClientRecord | None) -> ClientRecord:
    """``record``, for those who may know of it.

    Raises:
        NotFound: there is none, or it is another owner's.
    """
    if record is None or (actor.owner is not None and record.owner != actor.owner):
        raise NotFound("there is no such client")
    return record


def etag_of(record: ClientRecord) -> str:
    """The entity tag of a client: another with each change, and for another client of its id."""
    return f'"{record.issued_at:x}-{record.version}"'


async def changing(
    record: ClientRecord,
    again: Callable[[], Awaitable[ClientRecord]],
    change: Callable[[ClientRecord], Awaitable[T | None]],
) -> T:
    """What ``change`` makes of the client: of ``record``, or as ``again`` reads it.

    ``change`` makes nothing (None, False) when its record is no longer what is stored: somebody
    else was faster.

    Raises:
        Unavailable: somebody else always was.
    """
    for _ in range(_ATTEMPTS):
        made = await change(record)
        if made:
            return made
        record = await again()
    raise Unavailable("the registration is being changed by others; try again")


async def change_client(
    database: Database,
    tenant: Tenant,
    client_id: str,
    origin: Origin,
    expected: Expected,
    change: Callable[[ClientRecord], Awaitable[T | None]],
) -> T:
    """What ``change`` makes of the client, as ``changing``, by who may see it.

    Raises:
        NotFound: there is no such client, or it is another owner's.
        PreconditionFailed: it is not what was ``expected``, or is so no longer.
    """

    async def find() -> ClientRecord:
        record = seen_by(origin.actor, await find_client(database, tenant.name, client_id))
        expected.check(etag_of(record))
        return record

    return await changing(await find(), find, change)


def next_version(old: ClientRecord, new: ClientRecord, **changes: Any) -> ClientRecord:  # noqa: ANN401 - fields of it
    """``new``, with ``changes``, as it is when it is written over ``old``."""
    return new._replace(updated_at=int(time.time()), version=old.version + 1, **changes)


def replacement(
    old: ClientRecord,
    new: ClientRecord,
    event: EventType,
    origin: Origin,
    changes: JsonObject | None = None,
) -> tuple[ClientRecord, EventRecord]:
    """What is written for ``new`` over ``old``, and the event beside it.

    ``changes``: with the ``difference`` of the metadata, by who has both; else it is made here.
    """
    written = new if new.version > old.version else next_version(old, new)
    told: JsonObject = dict(changes or {})
    if "metadata" not in told and (old.metadata != new.metadata or event is _UPDATED):
        told["metadata"] = difference(old, metadata_before(old), metadata_before(new), new.metadata)
    subject = Subject(_CLIENT, old.client_id)
    made = audit.event(event, tenant=old.tenant, origin=origin, subject=subject, changes=told)
    return written, made


def difference(
    old: ClientRecord, before: ClientMetadata, after: ClientMetadata, text: str
) -> JsonObject:
    """Member -> [old, new] of what an update changes of the metadata ``before``, for its event.

    ``text``: ``after``, as it is stored.
    """
    if text == old.metadata:
        return {}
    return audit.difference(before.members, after.members)


async def replace_client(
    writer: Writer,
    old: ClientRecord,
    new: ClientRecord,
    event: EventType,
    origin: Origin,
    changes: JsonObject | None = None,
    beside: Inserts = (),
) -> bool:
    """Writes ``new`` with its event, and what is to be ``beside`` it; False when ``old`` is no
    longer what is stored.
    """
    written, made = replacement(old, new, event, origin, changes)
    return await writer.transact(lambda tx: tx.clients.replace(old, written, made, beside))


def deletion(
    record: ClientRecord,
    origin: Origin,
    restore_window: int,
    event: EventType = EventType.CLIENT_DELETED,
) -> tuple[DeletedClientRecord, EventRecord]:
    """What is written beside the deletion of a client; see ``delete_client``."""
    told = audit.event(
        event,
        tenant=record.tenant,
        origin=origin,
        subject=Subject(_CLIENT, record.client_id),
        metadata=record.metadata,
    )
    now = time.time_ns() // 1_000_000
    return DeletedClientRecord.of(record, now, now // 1000 + restore_window), told


async def delete_client(
    database: Database, record: ClientRecord, origin: Origin, restore_window: int
) -> bool:
    """Ends the client; False when ``record`` is no longer what is stored.

    ``restore_window``: for so many seconds it can be restored; then a job purges what is left.
    """
    kept, event = deletion(record, origin, restore_window)
    return await database.transact(lambda tx: tx.clients.delete(record, event, [kept.insertion]))


def metadata_of(record: ClientRecord) -> ClientMetadata:
    """What the client registered, as values."""
    return ClientMetadata(stored(record.metadata))


def metadata_before(record: ClientRecord) -> ClientMetadata:
    """As ``metadata_of``, for an update: what is kept of it is written again, and told.

    Copies of one program have the same, which is read once.
    """
    made = _remembered if len(record.metadata) <= _LONGEST else _exactly
    return made(record.metadata)


def _exactly(metadata: str) -> ClientMetadata:
    return ClientMetadata(stored_exactly(metadata))


_remembered = lru_cache(maxsize=256)(_exactly)


def terms_for(actor: Actor, terms: Terms) -> Terms:
    """``terms`` as they are for ``actor``: who administers all clients may set all members.

    An owner is to its clients what a client is to itself.
    """
    administers = actor.kind in _ADMINISTRATORS and actor.owner is None
    return for_administrators(terms) if administers else terms


def terms_of(tenant: Tenant, record: ClientRecord) -> Terms:
    """What the client is judged by for life.

    Raises:
        Unavailable: the policy of its birth is no longer configured.
    """
    if record.bounds is None:  # most clients are bound to nothing, and each request asks often
        return tenant.terms
    return tenant.terms_within(Bounds.from_json(record.bounds))
