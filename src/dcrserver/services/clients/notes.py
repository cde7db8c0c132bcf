"""Use case: administrators write down what they know about clients."""

from __future__ import annotations

import time
from typing import NamedTuple

from dcrserver.errors import AlreadyExists, NotFound
from dcrserver.repositories.client_notes import ClientNoteRecord
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.security import new_id
from dcrserver.services import audit
from dcrserver.services.access.actors import Actor
from dcrserver.services.access.stored_clients import seen_by
from dcrserver.services.audit import EventType, Origin, Subject, SubjectKind
from dcrserver.tenants import Tenant

# Of one client: they are shown all at once.
MAX_NOTES = 100
_AUTHOR_LENGTH = 128


class NoteView(NamedTuple):
    """A note; ``written_at`` in seconds since 1970."""

    id: str
    written_at: int
    author: str
    text: str


class ClientNoteService:
    """Use case: notes about clients, for all who see the client, its owner too.

    Raises, from every method: NotFound (there is no such client, or it is another owner's).
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def notes(self, tenant: Tenant, client_id: str, actor: Actor) -> list[NoteView]:
        """All notes about a client, oldest first."""
        async with self._database.read() as tx:
            seen_by(actor, await tx.clients.find(tenant.name, client_id))
            found = await tx.client_notes.of_client(tenant.name, client_id)
        return [_view(each) for each in found]

    async def write(self, tenant: Tenant, client_id: str, text: str, origin: Origin) -> NoteView:
        """A new note.

        Raises:
            AlreadyExists: there are ``MAX_NOTES`` already.
        """
        now = time.time_ns() // 1_000_000
        author = str(origin.actor)[:_AUTHOR_LENGTH]
        note_id = f"{now:012x}-{new_id()}"
        note = ClientNoteRecord(tenant.name, client_id, note_id, now // 1000, author, text)

        async def write(tx: Transaction) -> None:
            seen_by(origin.actor, await tx.clients.find(tenant.name, client_id))
            if len(await tx.client_notes.of_client(tenant.name, client_id)) >= MAX_NOTES:
                raise AlreadyExists(f"there are {MAX_NOTES} notes already; delete one")
            tx.client_notes.add(note)
            _record(tx, EventType.CLIENT_NOTE_WRITTEN, note, origin)

        await self._database.transact(write)
        return _view(note)

    async def delete(self, tenant: Tenant, client_id: str, note_id: str, origin: Origin) -> None:
        """Ends a note; NotFound also when there is none of that id."""

        async def delete(tx: Transaction) -> None:
            seen_by(origin.actor, await tx.clients.find(tenant.name, client_id))
            found = await tx.client_notes.of_client(tenant.name, client_id)
            note = next((each for each in found if each.id == note_id), None)
            if note is None or not await tx.client_notes.remove(tenant.name, client_id, note.id):
                raise NotFound("there is no such note")
            _record(tx, EventType.CLIENT_NOTE_DELETED, note, origin)

        await self._database.transact(delete)


def _view(record: ClientNoteRecord) -> NoteView:
    return NoteView(record.id, record.written_at, record.author, record.text)


def _record(tx: Transaction, event: EventType, note: ClientNoteRecord, origin: Origin) -> None:
    """Without the text: what was deleted is to be gone."""
    audit.record(
        tx,
        event,
        tenant=note.tenant,
        origin=origin,
        subject=Subject(SubjectKind.CLIENT, note.client_id),
        changes={"note": note.id, "author": note.author},
    )
