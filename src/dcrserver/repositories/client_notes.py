"""Notes that administrators write about clients."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import bindparam, delete, insert, select

from dcrserver.db.protocol.session import Session
from dcrserver.db.tables import client_notes as notes
from dcrserver.repositories.rows import row_of

_INSERT = insert(notes)
_OF_CLIENT = (notes.c.tenant == bindparam("b_tenant")) & (
    notes.c.client_id == bindparam("b_client_id")
)
_SELECT = select(notes).where(_OF_CLIENT).order_by(notes.c.id)
_DELETE = delete(notes).where(_OF_CLIENT, notes.c.id == bindparam("b_id"))


@row_of(notes)
class ClientNoteRecord(NamedTuple):
    """A row of ``client_notes``."""

    tenant: str
    client_id: str
    id: str
    written_at: int
    author: str
    text: str


class ClientNoteRepository:
    """Notes by client, oldest first."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, record: ClientNoteRecord) -> None:
        self._session.insert(_INSERT, record._asdict())

    async def of_client(self, tenant: str, client_id: str) -> list[ClientNoteRecord]:
        """All notes about a client."""
        values = {"b_tenant": tenant, "b_client_id": client_id}
        rows = (await self._session.execute(_SELECT, values)).all()
        return [ClientNoteRecord(**row) for row in rows]

    async def remove(self, tenant: str, client_id: str, note_id: str) -> bool:
        """Deletes a note; False when there is none."""
        values = {"b_tenant": tenant, "b_client_id": client_id, "b_id": note_id}
        return (await self._session.execute(_DELETE, values)).rowcount == 1
